package maskpolicy

import (
	"fmt"
	"testing"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

// full is a policy with as much as one can have.
func full() *object {
	m := &masking{}
	for i := range 128 {
		m.Literals = append(m.Literals, accessv1alpha1.MaskLiteral{Name: fmt.Sprint("l", i), Value: fmt.Sprintf("the-literal-number-%d", i)})
	}
	for i := range 32 {
		m.Patterns = append(m.Patterns, accessv1alpha1.MaskPattern{
			Name: fmt.Sprint("p", i), Literal: fmt.Sprintf("PRE%d-", i), Expression: "[0-9A-F]{8}(-[0-9A-F]{4}){3}", MaxLength: 64,
		})
	}
	return newPolicy("full", m)
}

// What the first session after a change of policies waits for, and what every other one does.
func BenchmarkRules(b *testing.B) {
	for name, p := range map[string]*object{"one-off": newPolicy("a", off("jwt")), "full": full()} {
		b.Run(name+"/first", func(b *testing.B) {
			for b.Loop() {
				var s Set
				s.Put(p)
				if _, _, err := s.Rules(nil); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/next", func(b *testing.B) {
			var s Set
			s.Put(p)
			for b.Loop() {
				if _, _, err := s.Rules(nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
