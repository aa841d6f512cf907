package masktest

import (
	"bytes"
	"slices"
)

// Kind is how a rule goes on after its beginning.
type Kind uint8

// The kinds of rules.
const (
	Token Kind = iota
	Assignment
	JWT
	URL
	PEM
	Card
	IBAN
	Pattern
)

// Rule is what a rule is, apart from any way to find it.
type Rule struct {
	Name     string
	Kind     Kind
	Literals []string // public beginnings; none of Card and IBAN

	Exact    bool            // literals in their own case only
	Boundary bool            // no letter or digit before a literal
	NotIn64  bool            // nor "+" or "/"
	Class    func(byte) bool // Token: bytes of the secret
	Decide   int             // Token: at least so many
	Exactly  int             // Token: so many and no more, if not 0
	Mixed    bool            // Token: with a digit or a capital among the first 64
	Value    bool            // Assignment: the literal includes the separator
	Scheme   bool            // Assignment: the name of an HTTP authentication scheme may precede the value
	NoPath   bool            // Assignment: a value with a slash first is none
	Field    bool            // Assignment: of a connection string: a value without quotes ends at ";"

	Lengths    map[string]int // IBAN: by country
	Expression string         // Pattern: what follows the literal
	Longest    int            // Pattern: at most so many bytes of it
	pattern    *pattern
}

// Oracle masks whole texts.
type Oracle struct {
	rules []Rule
	words map[string]bool      // what stands where the value of an assignment is absent
	forms map[[2]byte][][]byte // exact values in all their forms, by their first bytes
}

// NewOracle takes the rules, the words that are no secret, and every form of every
// exact value.
func NewOracle(rules []Rule, words map[string]bool, forms [][]byte) *Oracle {
	o := &Oracle{rules: slices.Clone(rules), words: words, forms: map[[2]byte][][]byte{}}
	for i, r := range rules {
		if r.Kind == Pattern {
			o.rules[i].pattern = newPattern(r.Expression)
		}
	}
	for _, f := range forms {
		key := [2]byte(f)
		o.forms[key] = append(o.forms[key], f)
	}
	return o
}

// span is [from, to) of a view.
type span struct{ from, to int }

// Masked is a text after masking.
type Masked struct {
	User   []byte // what the person may see
	Least  []byte // of which this is all that must be masked: the person may have been given what stands before a margin
	Record []byte // what the recording may hold
}

// Mask masks a text.
func (o *Oracle) Mask(text []byte) Masked {
	m := o.rulesOnly(text)
	m.values(o, text, 0, len(text))
	m.double(text)
	return m
}

func (o *Oracle) rulesOnly(text []byte) Masked {
	m := Masked{bytes.Clone(text), bytes.Clone(text), bytes.Clone(text)}
	for _, v := range readings(text) {
		for _, s := range o.ruled(v.text) {
			m.mask(v, s, 0)
		}
	}
	return m
}

// mask masks a span of a view: but for a prefix for the person.
func (m *Masked) mask(v *view, s span, prefix int) {
	v.mask(m.Record, s)
	s.from += prefix
	v.mask(m.User, s)
	v.mask(m.Least, v.behindMargins(s))
}

// double masks what stands in two places in both.
func (m *Masked) double(text []byte) {
	screen, _ := look(text)
	for _, t := range screen.wrapped(text).twins {
		for _, masked := range [][]byte{m.Record, m.User} {
			if masked[t.from] == '*' {
				masked[t.to] = '*'
			}
		}
	}
}

// values masks the exact values that lie in text[from:to].
func (m *Masked) values(o *Oracle, text []byte, from, to int) {
	for _, v := range append(readings(text), whole(text)) {
		joined, breaks := v.join()
		for i := joined.index(from); i < joined.index(to); i++ {
			o.valuesAt(joined, breaks, i, func(prefix, length int) {
				if i+length <= joined.index(to) {
					m.mask(joined, span{i, i + length}, prefix)
				}
			})
		}
	}
}

// ruled returns what the rules find.
func (o *Oracle) ruled(text []byte) []span {
	lower := lowered(text)
	var found []span
	var named []Rule
	for _, r := range o.rules {
		switch r.Kind {
		case Token:
			found = append(found, tokens(text, lower, r)...)
		case JWT:
			found = append(found, webTokens(text, lower, r)...)
		case URL:
			found = append(found, passwords(text, lower, r)...)
		case PEM:
			found = append(found, keys(text, lower, r)...)
		case Card:
			found = append(found, cards(text)...)
		case IBAN:
			found = append(found, accounts(text, r.Lengths)...)
		case Pattern:
			found = append(found, r.matched(text, lower)...)
		case Assignment:
			named = append(named, r)
		}
	}
	return append(found, o.assigned(text, lower, named)...)
}

// enough is how much of an exact value is the secret, whatever follows.
const enough = 24

// valuesAt tells of each form that stands at i, or begins there and goes on for long enough.
func (o *Oracle) valuesAt(v *view, breaks map[int]bool, i int, tell func(prefix, length int)) {
	if i+2 > len(v.text) {
		return
	}
	for _, form := range o.forms[[2]byte(v.text[i:])] {
		n := 0
		for n < len(form) && i+n < len(v.text) && v.text[i+n] == form[n] && (n == 0 || !breaks[i+n]) {
			n++
		}
		if n == len(form) || n >= enough {
			tell(min(4, len(form)/4), n)
		}
	}
}
