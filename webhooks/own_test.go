package webhooks

import (
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
)

func TestOnlySallyportWritesWhatIsItsOwn(t *testing.T) {
	const gc = "system:serviceaccount:kube-system:generic-garbage-collector"
	tests := map[string]struct {
		user, subresource, own string
		operation              admissionv1.Operation
		want                   string
	}{
		"if Sallyport writes a status, then it is allowed":            {user: sallyport, own: sallyport, subresource: "status", operation: admissionv1.Update},
		"if Sallyport makes a session, then it is allowed":            {user: sallyport, own: sallyport, operation: admissionv1.Create},
		"if a person writes a status, then it is denied":              {user: "developer", own: sallyport, subresource: "status", operation: admissionv1.Update, want: "the status of things is written by Sallyport only"},
		"if a person makes a session, then it is denied":              {user: "developer", own: sallyport, operation: admissionv1.Create, want: "are written by Sallyport only"},
		"if a person changes a session, then it is denied":            {user: "developer", own: sallyport, operation: admissionv1.Update, want: "are written by Sallyport only"},
		"if a namesake of another namespace writes, then denied":      {user: "system:serviceaccount:shop:sallyport", own: sallyport, subresource: "status", operation: admissionv1.Update, want: "Sallyport only"},
		"if the garbage collector changes metadata, then it may":      {user: gc, own: sallyport, operation: admissionv1.Update},
		"if the garbage collector writes a status, then it may not":   {user: gc, own: sallyport, subresource: "status", operation: admissionv1.Update, want: "Sallyport only"},
		"if the garbage collector makes a session, then it may not":   {user: gc, own: sallyport, operation: admissionv1.Create, want: "Sallyport only"},
		"if nobody is known and the handler has no name, then denied": {subresource: "status", operation: admissionv1.Update, want: "Sallyport only"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			req := request(t, tc.operation, tc.user, nil, nil)
			req.SubResource, req.Resource.Resource = tc.subresource, "things"
			wantAnswer(t, (&OwnHandler{Username: tc.own}).Handle(t.Context(), *req), tc.want)
		})
	}
}
