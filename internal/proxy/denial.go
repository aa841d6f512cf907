package proxy

import (
	"slices"
	"strings"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/authorizer/howto"
	"github.com/sallyport-dev/sallyport/internal/mask"
)

// denial says why not, and what to do now. Where the authorizer offers to request a grant for any command, or says
// nothing, the narrower request for this one command is offered too, unless there is a secret in it, or it is one of
// several that kubectl cp sends.
func denial(a authorizer.Attributes, d authorizer.Decision, rules *mask.Rules) string {
	what := "let you into container " + a.Container
	if a.Container == "" {
		what = "forward ports"
	}
	lines := []string{"sallyport does not " + what + " of pod " + a.Namespace + "/" + a.Pod + ":"}
	for _, reason := range d.Reasons {
		lines = append(lines, "  "+reason)
	}
	if !d.OffersRequest && len(d.Reasons) > 0 {
		return strings.Join(lines, "\n")
	}
	if len(d.Reasons) == 0 {
		anything := a
		anything.Command = nil
		lines = append(lines, "  request a grant: "+howto.Request(anything))
	}
	if a.Action != string(accessv1alpha1.ActionCopy) && len(a.Command) > 0 && slices.Equal(rules.Strings(a.Command), a.Command) {
		lines = append(lines, "  or for this command alone: "+howto.Request(a))
	}
	return strings.Join(lines, "\n")
}
