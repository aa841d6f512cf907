package maskpolicy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/mask"
)

type (
	masking = accessv1alpha1.MaskingPolicy
	object  = accessv1alpha1.ExecutionPolicy
)

func newPolicy(name string, m *masking) *object {
	return &object{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-of-" + name), Generation: 1},
		Spec:       accessv1alpha1.ExecutionPolicySpec{Masking: m},
	}
}

func off(names ...string) *masking { return &masking{DisabledDetectors: names} }

func text(name, value string) *masking {
	return &masking{Literals: []accessv1alpha1.MaskLiteral{{Name: name, Value: value}}}
}

func customers(name string, length int32) *masking {
	return &masking{Patterns: []accessv1alpha1.MaskPattern{{Name: name, Literal: "CUST-", Expression: "[0-9]+", MaxLength: length}}}
}

func TestCompose(t *testing.T) {
	found := func(name string, length int) mask.Pattern {
		return mask.Pattern{Name: name, Literal: "CUST-", Expression: "[0-9]+", MaxLength: length}
	}
	tests := map[string]struct {
		policies []*object
		want     mask.Config
	}{
		"if there is none, then nothing changes":                  {nil, mask.Config{}},
		"if it does not speak of masking, then it does not count": {[]*object{newPolicy("a", nil), newPolicy("b", off("jwt"))}, mask.Config{Off: []string{"jwt"}}},
		"if all disable a detector, then it is off": {
			[]*object{newPolicy("a", off("jwt", "private-key")), newPolicy("b", off("npm-token", "jwt"))}, mask.Config{Off: []string{"jwt"}},
		},
		"if one is empty, then every detector is on": {[]*object{newPolicy("a", off("jwt")), newPolicy("b", off())}, mask.Config{}},
		"if each has a rule, then all apply": {
			[]*object{newPolicy("b", customers("customer", 8)), newPolicy("a", text("bird", "bluebird"))},
			mask.Config{Literals: []mask.Literal{{Name: "bird", Text: "bluebird"}}, Patterns: []mask.Pattern{found("customer", 8)}},
		},
		"if two have the same rule, then it is one": {
			[]*object{newPolicy("a", customers("customer", 8)), newPolicy("b", customers("customer", 8))},
			mask.Config{Patterns: []mask.Pattern{found("customer", 8)}},
		},
		"if two have different rules of one name, then each has its policy's name": {
			[]*object{newPolicy("b", customers("customer", 8)), newPolicy("a", customers("customer", 9)), newPolicy("c", customers("customer", 8)), newPolicy("d", text("customer", "bluebird"))},
			mask.Config{
				Literals: []mask.Literal{{Name: "customer.d", Text: "bluebird"}},
				Patterns: []mask.Pattern{found("customer.a", 9), found("customer.b", 8)},
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				got := Compose(tt.policies)
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Fatalf("(-want +got): %s", diff)
				}
				if errs := got.Check(); len(errs) > 0 {
					t.Fatal(errs)
				}
				reverse(tt.policies)
			}
		})
	}
}

func reverse(p []*object) {
	for i := range len(p) / 2 {
		p[i], p[len(p)-1-i] = p[len(p)-1-i], p[i]
	}
}

func TestValidate(t *testing.T) {
	secret := strings.Repeat("s3", 2)
	p := newPolicy("a", &masking{
		DisabledDetectors: []string{"jwt", "fly"},
		Literals:          []accessv1alpha1.MaskLiteral{{Name: "short", Value: secret}},
		Patterns: []accessv1alpha1.MaskPattern{
			{Name: "fine", Literal: "abc", Expression: "d", MaxLength: 1},
			{Name: "jwt", Literal: "abc", Expression: "d", MaxLength: 1},
			{Name: "open", Literal: "abc", Expression: "(d", MaxLength: 1},
		},
	})
	p.Spec.NamespaceSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Like"}}}
	var got []string
	for _, err := range Validate(p) {
		got = append(got, err.Field)
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the literal is told: %v", err)
		}
	}
	want := []string{
		"spec.namespaceSelector", "spec.masking.disabledDetectors[1]", "spec.masking.literals[0].value",
		"spec.masking.patterns[1].name", "spec.masking.patterns[2].expression",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got): %s", diff)
	}
}
