package webhooks

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

// policyOf is a policy with one literal.
func policyOf(literal string) *accessv1alpha1.ExecutionPolicy {
	return &accessv1alpha1.ExecutionPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: accessv1alpha1.GroupVersion.String(), Kind: "ExecutionPolicy"},
		ObjectMeta: metav1.ObjectMeta{Name: "p"},
		Spec: accessv1alpha1.ExecutionPolicySpec{
			Masking: &accessv1alpha1.MaskingPolicy{Literals: []accessv1alpha1.MaskLiteral{{Name: "bird", Value: literal}}},
		},
	}
}

func TestPolicies(t *testing.T) {
	good, bad := "blue"+"bird", strings.Repeat("s3", 2)
	labelled := policyOf(bad)
	labelled.Labels = map[string]string{"a": "b"}
	tests := map[string]struct {
		operation admissionv1.Operation
		old, new  any
		code      int32 // 0 if it is allowed
		says      string
	}{
		"if a new one can be used, then it is allowed":          {admissionv1.Create, nil, policyOf(good), 0, ""},
		"if a new one is bad, then it is invalid":               {admissionv1.Create, nil, policyOf(bad), http.StatusUnprocessableEntity, "spec.masking.literals[0].value: Invalid value: it has 4 bytes"},
		"if it becomes bad, then it is invalid":                 {admissionv1.Update, policyOf(good), policyOf(bad), http.StatusUnprocessableEntity, "spec.masking.literals[0].value"},
		"if it becomes good, then it is allowed":                {admissionv1.Update, policyOf(bad), policyOf(good), 0, ""},
		"if a bad one is labelled, then it is allowed":          {admissionv1.Update, policyOf(bad), labelled, 0, ""},
		"if it cannot be read, then it is denied without words": {admissionv1.Create, nil, map[string]any{"spec": map[string]any{"masking": good}}, http.StatusForbidden, "cannot be read"},
		"if it is deleted, then nobody should have asked":       {admissionv1.Delete, policyOf(good), nil, http.StatusForbidden, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			v := &PolicyValidator{Decoder: testDecoder()}
			req := admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{Operation: tt.operation, Name: "p", Object: encoded(t, tt.new), OldObject: encoded(t, tt.old)}}
			r := v.Handle(t.Context(), req)
			if r.Allowed != (tt.code == 0) {
				t.Fatalf("%+v", r)
			}
			if r.Allowed {
				return
			}
			if r.Result.Code != tt.code || !strings.Contains(r.Result.Message, tt.says) {
				t.Errorf("%+v", r.Result)
			}
			if text, err := json.Marshal(r); err != nil || strings.Contains(string(text), bad) || strings.Contains(string(text), good) {
				t.Errorf("it tells the literal: %s", text)
			}
		})
	}
}

func encoded(t *testing.T, object any) runtime.RawExtension {
	t.Helper()
	if object == nil {
		return runtime.RawExtension{}
	}
	raw, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return runtime.RawExtension{Raw: raw}
}
