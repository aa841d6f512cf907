// Package accessreview puts questions to the API server's own authorizer (RBAC, in most clusters) about a user, and reads
// its answers. The webhooks and the proxy both use it, each with its own client, so that they ask about the same user in
// the same way.
//
// Whatever is no plain yes is a no: an answer that never came, one without an opinion, and one that contradicts itself.
package accessreview

import (
	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
)

// New asks whether the user may do something.
func New(user authorizer.User, what authorizationv1.ResourceAttributes) *authorizationv1.SubjectAccessReview {
	extra := make(map[string]authorizationv1.ExtraValue, len(user.Extra))
	for key, values := range user.Extra {
		extra[key] = values
	}
	return &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user.Name, UID: user.UID, Groups: user.Groups, Extra: extra, ResourceAttributes: &what,
	}}
}

// Allows says whether the answer is yes.
func Allows(review *authorizationv1.SubjectAccessReview) bool {
	return review.Status.Allowed && !review.Status.Denied
}
