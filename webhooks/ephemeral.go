package webhooks

import (
	"context"
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
)

// EphemeralHandler decides about UPDATE on pods/ephemeralcontainers. Nobody is exempt. That containers are only added,
// and nothing else of the pod changes, is the API server's own rule.
type EphemeralHandler struct {
	Decoder    admission.Decoder
	Authorizer authorizer.Authorizer
}

// Handle allows the update if a grant for Debug covers every container that it adds.
func (h *EphemeralHandler) Handle(ctx context.Context, req admission.Request) admission.Response {
	return answer(ctx, h.check(ctx, &req), "operation", "UPDATE", "subresource", req.SubResource)
}

func (h *EphemeralHandler) check(ctx context.Context, req *admission.Request) error {
	if req.Operation != admissionv1.Update || req.SubResource != "ephemeralcontainers" {
		return refuse("Sallyport does not know this request, so it is denied")
	}
	before, after := &corev1.Pod{}, &corev1.Pod{}
	if h.Decoder.DecodeRaw(req.OldObject, before) != nil || h.Decoder.DecodeRaw(req.Object, after) != nil {
		return refuse("the pod cannot be read, so it is denied")
	}
	for _, added := range addedContainers(before, after) {
		a := debugAttributes(req, before, added)
		d, err := h.Authorizer.Authorize(ctx, a)
		if err != nil {
			return err
		}
		if d.Outcome != authorizer.Allow {
			return denied("debugging containers are added in this cluster only under a grant for the action Debug.", a, d)
		}
	}
	return nil
}

// addedContainers are those that were not there before, or that are not what they were.
func addedContainers(before, after *corev1.Pod) []*corev1.EphemeralContainer {
	var added []*corev1.EphemeralContainer
	for i := range after.Spec.EphemeralContainers {
		c := &after.Spec.EphemeralContainers[i]
		same := slices.ContainsFunc(before.Spec.EphemeralContainers, func(old corev1.EphemeralContainer) bool {
			return old.Name == c.Name && old.Image == c.Image && slices.Equal(old.Command, c.Command) && slices.Equal(old.Args, c.Args)
		})
		if !same {
			added = append(added, c)
		}
	}
	return added
}

// debugAttributes describes one new container. Pod, UID and labels are those of the stored object.
func debugAttributes(req *admission.Request, pod *corev1.Pod, c *corev1.EphemeralContainer) authorizer.Attributes {
	return authorizer.Attributes{
		User: userOf(&req.UserInfo), Action: "Debug",
		Namespace: req.Namespace, Pod: pod.Name, PodUID: string(pod.UID), PodLabels: pod.Labels,
		Container: c.TargetContainerName, Images: []string{c.Image}, Command: slices.Concat(c.Command, c.Args),
		TTY: c.TTY, Stdin: c.Stdin,
	}
}
