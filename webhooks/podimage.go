package webhooks

import (
	"context"
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// PodImageHandler decides about UPDATE on pods: a container whose image is changed is restarted with other code, so that
// takes what making the changed pod would take. Its webhook's matchCondition leaves every other update alone.
type PodImageHandler struct{ PodGate }

// Handle allows the update if it changes no image, or if a grant for Run covers the pod that it leads to.
func (h *PodImageHandler) Handle(ctx context.Context, req admission.Request) admission.Response {
	return answer(ctx, h.check(ctx, &req), "operation", "UPDATE")
}

func (h *PodImageHandler) check(ctx context.Context, req *admission.Request) error {
	if req.Operation != admissionv1.Update || req.SubResource != "" {
		return refuse("Sallyport does not know this request, so it is denied")
	}
	before, after := &corev1.Pod{}, &corev1.Pod{}
	if h.Decoder.DecodeRaw(req.OldObject, before) != nil || h.Decoder.DecodeRaw(req.Object, after) != nil {
		return refuse("the pod cannot be read, so it is denied")
	}
	if slices.Equal(ownImages(&before.Spec), ownImages(&after.Spec)) {
		return nil
	}
	_, err := h.authorize(ctx, req, after, "people change the image of a pod in this cluster only under a grant for the action Run.")
	return err
}
