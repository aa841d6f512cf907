package proxy

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/mask"
)

func TestDenialOffersWhatTheDecisionOffers(t *testing.T) {
	const (
		intro    = "sallyport does not let you into container app of pod shop/web:\n"
		anything = "kubectl sallyport request -n shop --pod web -c app --reason WHY"
		narrower = "\n  or for this command alone: " + anything + " -- print hello"
	)
	offered := authorizer.Decision{Reasons: []string{"g has expired", "request one"}, OffersRequest: true}
	tests := map[string]struct {
		decision authorizer.Decision
		command  []string
		want     string
	}{
		"if a request is offered, then the narrower one stands below it": {
			offered, []string{"print", "hello"}, "  g has expired\n  request one" + narrower,
		},
		"if there is a secret in the command, then the narrower one is left out": {
			offered, []string{"print", secret}, "  g has expired\n  request one",
		},
		"if there is no command, then there is no narrower one": {offered, nil, "  g has expired\n  request one"},
		"if none is offered, then nothing is added": {
			authorizer.Decision{Reasons: []string{"g begins soon"}}, []string{"print", "hello"}, "  g begins soon",
		},
		"if a reason only reads like an offer, then nothing is added": {
			authorizer.Decision{Reasons: []string{"request one: " + anything}}, []string{"print", "hello"}, "  request one: " + anything,
		},
		"if nothing is said, then both are offered": {
			authorizer.Decision{}, []string{"print", "hello"}, "  request a grant: " + anything + narrower,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			a := authorizer.Attributes{Action: "Exec", Namespace: "shop", Pod: "web", Container: "app", Command: tc.command}
			if diff := cmp.Diff(intro+tc.want, denial(a, tc.decision, mask.Default())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
