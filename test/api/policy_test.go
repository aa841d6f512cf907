package api_test

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

func validPolicy() client.Object {
	return &accessv1alpha1.ExecutionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "p"},
		Spec: accessv1alpha1.ExecutionPolicySpec{
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "shop"}},
			Masking: &accessv1alpha1.MaskingPolicy{
				DisabledDetectors: []string{"jwt"},
				Literals:          []accessv1alpha1.MaskLiteral{{Name: "bird", Value: "bluebird"}},
				Patterns:          []accessv1alpha1.MaskPattern{{Name: "customer", Literal: "CUST-", Expression: "[0-9]+", MaxLength: 8}},
			},
		},
	}
}

// many makes a list of n values.
func many(n int, value func(i int) any) []any {
	all := list()
	for i := range n {
		all = append(all, value(i))
	}
	return all
}

func TestPolicy(t *testing.T) {
	bird := func(name, value string) any { return object{"name": name, "value": value} }
	numbered := func(i int) any { return bird(fmt.Sprint("l", i), "bluebird") }
	pattern := func(change ...any) any {
		p := object{"name": "x", "literal": "abc", "expression": "d", "maxLength": int64(1)}
		for i := 0; i < len(change); i += 2 {
			if p[change[i].(string)] = change[i+1]; change[i+1] == nil {
				delete(p, change[i].(string))
			}
		}
		return p
	}
	patterns := func(change ...any) change { return set("spec.masking.patterns", list(pattern(change...))) }
	literals := func(values ...any) change { return set("spec.masking.literals", list(values...)) }
	runCreations(t, "ExecutionPolicy", validPolicy, map[string]creation{
		"if it is whole, it is accepted":                     with(),
		"if it is for every namespace, it is accepted":       with(unset("spec.namespaceSelector")),
		"if it is silent about masking, it is accepted":      with(unset("spec.masking")),
		"if masking is empty, it is accepted":                with(set("spec.masking", object{})),
		"if there are many literals, it is accepted":         with(set("spec.masking.literals", many(128, numbered))),
		"if it says nothing, it is refused":                  with(set("spec", object{})).isRefused("spec", "at least 1 properties"),
		"if a list is empty, it is refused":                  with(literals()).isRefused("spec.masking.literals", "at least 1"),
		"if a detector is there twice, it is refused":        with(set("spec.masking.disabledDetectors", list("jwt", "jwt"))).isRefused("spec.masking.disabledDetectors[1]", "Duplicate"),
		"if there are too many literals, it is refused":      with(set("spec.masking.literals", many(129, numbered))).isRefused("spec.masking.literals", "128"),
		"if there are too many patterns, it is refused":      with(set("spec.masking.patterns", many(33, func(i int) any { return pattern("name", fmt.Sprint("p", i)) }))).isRefused("spec.masking.patterns", "32"),
		"if two literals have one name, it is refused":       with(literals(bird("a", "bluebird"), bird("a", "redbird"))).isRefused("spec.masking.literals[1]", "Duplicate"),
		"if a name has a dot, it is refused":                 with(literals(bird("a.b", "bluebird"))).isRefused("spec.masking.literals[0].name", "not a DNS label"),
		"if a name has capitals, it is refused":              with(patterns("name", "A")).isRefused("spec.masking.patterns[0].name", "not a DNS label"),
		"if a name is too long, it is refused":               with(literals(bird(strings.Repeat("a", 64), "bluebird"))).isRefused("spec.masking.literals[0].name", "63"),
		"if a literal has no name, it is refused":            with(literals(object{"value": "bluebird"})).isRefused("spec.masking.literals[0].name", "Required"),
		"if a literal has no value, it is refused":           with(literals(object{"name": "a"})).isRefused("spec.masking.literals[0].value", "Required"),
		"if a literal is a novel, it is refused":             with(literals(bird("a", strings.Repeat("x", 4097)))).isRefused("spec.masking.literals[0].value", "4096"),
		"if a pattern begins with too little, it is refused": with(patterns("literal", "ab")).isRefused("spec.masking.patterns[0].literal", "at least 3"),
		"if a pattern has no literal, it is refused":         with(patterns("literal", nil)).isRefused("spec.masking.patterns[0].literal", "Required"),
		"if a pattern has no bound, it is refused":           with(patterns("maxLength", nil)).isRefused("spec.masking.patterns[0].maxLength", "Required"),
		"if a pattern has a wide bound, it is refused":       with(patterns("maxLength", int64(1025))).isRefused("spec.masking.patterns[0].maxLength", "1024"),
		"if a pattern has no expression, it is refused":      with(patterns("expression", nil)).isRefused("spec.masking.patterns[0].expression", "Required"),
		"if an expression is a novel, it is refused":         with(patterns("expression", strings.Repeat("x", 513))).isRefused("spec.masking.patterns[0].expression", "512"),
		"if it has an unknown field, it is refused":          with(set("spec.rego", "x")).isRefused(`unknown field "spec.rego"`),
	})
}

func TestPolicyBeginsPending(t *testing.T) {
	c, policy := cluster.AdminClient, validPolicy().(*accessv1alpha1.ExecutionPolicy)
	policy.GenerateName, policy.Name = "p-", ""
	if err := c.Create(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Delete(t.Context(), policy) })
	if conditions := policy.Status.Conditions; len(conditions) != 1 || conditions[0].Reason != accessv1alpha1.ReasonPending {
		t.Errorf("it begins as %+v", policy.Status)
	}
}
