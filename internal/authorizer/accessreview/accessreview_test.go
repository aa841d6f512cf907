package accessreview

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
)

func TestAllOfTheUserIsAskedAbout(t *testing.T) {
	what := authorizationv1.ResourceAttributes{Namespace: "shop", Verb: "get", Version: "v1", Resource: "pods", Subresource: "exec", Name: "web"}
	got := New(authorizer.User{
		Name: "dev", UID: "dev-uid", Groups: []string{"developers"}, Extra: map[string][]string{"scopes": {"a", "b"}, "none": nil},
	}, what)
	want := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: "dev", UID: "dev-uid", Groups: []string{"developers"},
		Extra:              map[string]authorizationv1.ExtraValue{"scopes": {"a", "b"}, "none": nil},
		ResourceAttributes: &what,
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOnlyAPlainYesAllows(t *testing.T) {
	tests := map[string]struct {
		status authorizationv1.SubjectAccessReviewStatus
		want   bool
	}{
		"if it was never answered, then no":           {authorizationv1.SubjectAccessReviewStatus{}, false},
		"if the answer is yes, then yes":              {authorizationv1.SubjectAccessReviewStatus{Allowed: true}, true},
		"if the answer is no, then no":                {authorizationv1.SubjectAccessReviewStatus{Denied: true}, false},
		"if there is a reason and no answer, then no": {authorizationv1.SubjectAccessReviewStatus{Reason: "yes"}, false},
		"if the answer is yes and no, then no":        {authorizationv1.SubjectAccessReviewStatus{Allowed: true, Denied: true}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Allows(&authorizationv1.SubjectAccessReview{Status: tc.status}); got != tc.want {
				t.Errorf("got %t, want %t", got, tc.want)
			}
		})
	}
}
