package approval

import (
	"errors"
	"strings"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

// MayApprove says whether somebody whom the API server authenticated may agree to the grant; the error says why not, to
// that person. It knows nothing of RBAC. Groups are known at admission only: without them, a member of a group that is
// the subject is not told from anybody else.
func MayApprove(grant *accessv1alpha1.ExecutionGrant, username string, groups []string) error {
	if grant == nil || grant.Spec.Requester == nil || grant.Spec.Requester.Username == "" {
		return errors.New("nobody knows who requested this grant: it did not pass admission")
	}
	subject := grant.Spec.SubjectOrRequester()
	switch {
	case username == "":
		return errors.New("an approval needs the name of a person")
	case strings.HasPrefix(username, "system:serviceaccount:"), strings.HasPrefix(username, "system:node:"):
		return errors.New("only people approve, programs do not")
	case username == grant.Spec.Requester.Username:
		return errors.New("you requested this grant: somebody else has to approve it")
	case subject.Matches(username, groups) && subject.Kind == accessv1alpha1.SubjectGroup:
		return errors.New("this grant is for a group that you are in: somebody else has to approve it")
	case subject.Matches(username, groups):
		return errors.New("this grant is for you: somebody else has to approve it")
	default:
		return nil
	}
}
