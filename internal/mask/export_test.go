package mask

import (
	"github.com/sallyport-dev/sallyport/internal/mask/forms"
	"github.com/sallyport-dev/sallyport/internal/mask/masktest"
	"github.com/sallyport-dev/sallyport/internal/mask/needle"
)

// Specs returns what the rules are, for the oracle.
func (r *Rules) Specs() []masktest.Rule {
	kinds := map[kind]masktest.Kind{
		kindToken: masktest.Token, kindAssignment: masktest.Assignment, kindJWT: masktest.JWT, kindURL: masktest.URL, kindPEM: masktest.PEM,
		kindCard: masktest.Card, kindIBAN: masktest.IBAN, kindPattern: masktest.Pattern,
	}
	var specs []masktest.Rule
	for _, r := range r.rules {
		specs = append(specs, masktest.Rule{
			Name: r.name, Kind: kinds[r.kind], Literals: r.literals,
			Exact: r.exact, Boundary: r.boundary, NotIn64: r.notIn64,
			Class: func(b byte) bool { return r.class[b] }, Decide: r.decide, Exactly: r.exactly, Mixed: r.mixed,
			Value: r.value, Scheme: r.scheme, NoPath: r.noPath, Field: r.field,
			Lengths: ibanLength, Expression: r.expression, Longest: r.longest,
		})
	}
	return specs
}

// StopWords are what stands where the value of an assignment is absent.
func StopWords() map[string]bool { return stopWords }

// FormsOf are the texts that are looked for, for a value.
func FormsOf(text string) [][]byte { return forms.Of([]byte(text)) }

// LeftOut is how many literals and values have a form for which one set has no room.
func (r *Rules) LeftOut(v *Values) int {
	var all []needle.Needle
	for i, l := range r.literals {
		all = append(all, needles(forms.Of(l.Text), i)...)
	}
	for _, n := range v.needles {
		all = append(all, needle.Needle{Text: n.Text, Owner: n.Owner + len(r.literals)})
	}
	_, left := needle.New(all)
	return len(left)
}

// Live is how many sets are in memory.
func (s *Shared) Live() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	return len(s.known)
}
