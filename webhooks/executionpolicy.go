package webhooks

import (
	"context"

	admissionv1 "k8s.io/api/admission/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/maskpolicy"
)

// PolicyValidator refuses an ExecutionPolicy that cannot be used.
type PolicyValidator struct {
	Decoder admission.Decoder
}

// Handle verifies.
func (v *PolicyValidator) Handle(ctx context.Context, req admission.Request) admission.Response {
	return answer(ctx, v.check(&req), "operation", req.Operation, "policy", req.Name)
}

// check lets an update by that leaves the spec alone: a policy that is bad already can still lose a finalizer or gain a label.
func (v *PolicyValidator) check(req *admission.Request) error {
	p := &accessv1alpha1.ExecutionPolicy{}
	if err := v.Decoder.Decode(*req, p); err != nil {
		return refuse("the policy cannot be read") // why could quote a literal
	}
	switch req.Operation {
	case admissionv1.Create:
	case admissionv1.Update:
		old := &accessv1alpha1.ExecutionPolicy{}
		if err := v.Decoder.DecodeRaw(req.OldObject, old); err == nil && apiequality.Semantic.DeepEqual(old.Spec, p.Spec) {
			return nil
		}
	case admissionv1.Delete, admissionv1.Connect:
		fallthrough
	default:
		return refuse("Sallyport does not know this request, so it is denied")
	}
	return invalid("ExecutionPolicy", p.Name, maskpolicy.Validate(p))
}
