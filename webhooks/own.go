package webhooks

import (
	"context"
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// OwnHandler keeps what only Sallyport writes for Sallyport: the status of every kind, and ExecutionSessions. Deleting a
// session, which ends its stream, is for whom RBAC lets.
type OwnHandler struct {
	// Username is Sallyport's own; nobody has the empty one.
	Username string
}

// Handle allows Sallyport, by exact name. What clears up after deletions may change metadata: the spec of a session is
// immutable by its schema, and a status is not changed by an update of the object itself.
func (h *OwnHandler) Handle(ctx context.Context, req admission.Request) admission.Response {
	username := req.UserInfo.Username
	switch {
	case h.Username != "" && username == h.Username:
		return admission.Allowed("")
	case req.Operation == admissionv1.Update && req.SubResource == "" && slices.Contains(caretakers(), username):
		return admission.Allowed("")
	case req.SubResource != "":
		return answer(ctx, refuse("the %s of %s is written by Sallyport only", req.SubResource, req.Resource.Resource), "operation", req.Operation)
	default:
		return answer(ctx, refuse("%s are written by Sallyport only; deleting one ends its session", req.Resource.Resource), "operation", req.Operation)
	}
}
