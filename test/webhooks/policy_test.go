package webhooks_test

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

func TestABadPolicyIsRefusedAtApply(t *testing.T) {
	secret := strings.Repeat("s3", 2)
	policy := func(change func(*accessv1alpha1.MaskingPolicy)) *accessv1alpha1.ExecutionPolicy {
		m := &accessv1alpha1.MaskingPolicy{
			DisabledDetectors: []string{"jwt"},
			Patterns:          []accessv1alpha1.MaskPattern{{Name: "customer", Literal: "CUST-", Expression: "[0-9]+", MaxLength: 8}},
		}
		change(m)
		return &accessv1alpha1.ExecutionPolicy{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: accessv1alpha1.ExecutionPolicySpec{Masking: m}}
	}
	admin := cluster.AdminClient
	for field, bad := range map[string]struct {
		change func(*accessv1alpha1.MaskingPolicy)
		says   string
	}{
		"spec.masking.disabledDetectors[1]":   {func(m *accessv1alpha1.MaskingPolicy) { m.DisabledDetectors = []string{"jwt", "fly"} }, `no detector "fly"`},
		"spec.masking.patterns[0].expression": {func(m *accessv1alpha1.MaskingPolicy) { m.Patterns[0].Expression = "^a" }, "looks around itself"},
		"spec.masking.patterns[0].name":       {func(m *accessv1alpha1.MaskingPolicy) { m.Patterns[0].Name = "no-echo" }, "Sallyport's own"},
		"spec.masking.literals[0].value": {func(m *accessv1alpha1.MaskingPolicy) {
			m.Literals = []accessv1alpha1.MaskLiteral{{Name: "short", Value: secret}}
		}, "4 bytes"},
	} {
		t.Run(field, func(t *testing.T) {
			err := admin.Create(t.Context(), policy(bad.change))
			wantInvalid(t, err, field, bad.says)
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the literal is told: %v", err)
			}
		})
	}
	good := policy(func(*accessv1alpha1.MaskingPolicy) {})
	if err := admin.Create(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	good.Spec.Masking.Patterns[0].MaxLength = 1
	good.Spec.Masking.Patterns[0].Expression = "[0-9]{8}"
	wantInvalid(t, admin.Update(t.Context(), good), "spec.masking.patterns[0].expression", "needs 8 bytes")

	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(good), good); err != nil {
		t.Fatal(err)
	}
	good.Status.MaskDigest = strings.Repeat("0", 64)
	wantDenied(t, admin.Status().Update(t.Context(), good), "written by Sallyport only")
	if err := program(t, sallyport).Status().Update(t.Context(), good); err == nil || strings.Contains(err.Error(), "denied the request") {
		t.Errorf("Sallyport patches, it does not update: %v", err)
	}
	before := good.DeepCopy()
	before.Status.MaskDigest = ""
	if err := program(t, sallyport).Status().Patch(t.Context(), good, client.MergeFrom(before)); err != nil {
		t.Errorf("Sallyport cannot write the status: %v", err)
	}
}
