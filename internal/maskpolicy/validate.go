package maskpolicy

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation/field"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/mask"
)

// Validate says why a policy cannot be used. No error quotes a literal.
func Validate(p *accessv1alpha1.ExecutionPolicy) field.ErrorList {
	spec := field.NewPath("spec")
	var errs field.ErrorList
	if _, err := selector(p); err != nil {
		errs = append(errs, field.Invalid(spec.Child("namespaceSelector"), field.OmitValueType{}, err.Error()))
	}
	for _, e := range Config(p.Spec.Masking).Check() {
		errs = append(errs, field.Invalid(path(spec.Child("masking"), e), field.OmitValueType{}, e.Why))
	}
	return errs
}

// Digest is that of the rules as this policy alone makes them, under the key of a Set, or why it cannot be used.
func Digest(p *accessv1alpha1.ExecutionPolicy, key []byte) (string, error) {
	if errs := Validate(p); len(errs) > 0 {
		return "", errs.ToAggregate()
	}
	rules, err := mask.New(Config(p.Spec.Masking))
	if err != nil {
		return "", err
	}
	return rules.Keyed(key).Digest(), nil
}

// path is where a rule stands in the policy.
func path(masking *field.Path, e *mask.ConfigError) *field.Path {
	name := e.Field
	if name == "off" {
		name = "disabledDetectors"
	}
	at := masking.Child(name).Index(e.Index)
	switch e.Key {
	case "":
		return at
	case "text":
		return at.Child("value")
	default:
		return at.Child(e.Key)
	}
}

// Ignored says which literals of a policy that is valid can never be masked, and why; empty if all can. It quotes none.
func Ignored(p *accessv1alpha1.ExecutionPolicy) string {
	c := Config(p.Spec.Masking)
	values := make([]mask.Value, 0, len(c.Literals))
	for _, l := range c.Literals {
		values = append(values, mask.Value{Rule: l.Name, Text: []byte(l.Text)})
	}
	_, ignored := mask.NewValues(values)
	lines := make([]string, 0, len(ignored))
	for _, i := range ignored {
		lines = append(lines, fmt.Sprintf("%s: %s", i.Rule, i.Why))
	}
	if len(lines) == 0 {
		return ""
	}
	return "literals that are not masked: " + strings.Join(lines, "; ")
}

// selector chooses namespaces. An absent one chooses all, unlike elsewhere in Kubernetes.
func selector(p *accessv1alpha1.ExecutionPolicy) (labels.Selector, error) {
	if p.Spec.NamespaceSelector == nil {
		return labels.Everything(), nil
	}
	return metav1.LabelSelectorAsSelector(p.Spec.NamespaceSelector)
}
