package mask

import (
	"fmt"
	"slices"

	"github.com/sallyport-dev/sallyport/internal/mask/dfa"
	"github.com/sallyport-dev/sallyport/internal/mask/forms"
)

// Config is what an operator may change about the rules.
type Config struct {
	Off      []string  // names of detectors that do not apply
	Literals []Literal // exact texts that are secret wherever they stand
	Patterns []Pattern
}

// Literal is an exact text. It is found in all its forms; see package forms.
type Literal struct {
	Name string // of the rule in the record
	Text string // at least 8 bytes, at most 4096
}

// Pattern is a bounded regular expression.
type Pattern struct {
	Name string // of the rule in the record
	// Literal is what every match begins with, at least 3 bytes; it stays clear.
	Literal string
	// Expression follows it: RE2 syntax over bytes (Latin-1), without assertions. What it matches, leftmost-longest, is masked.
	Expression string
	// MaxLength bounds what Expression matches, in bytes; at most 1024.
	MaxLength int
}

// ConfigError says what about a Config cannot be used.
type ConfigError struct {
	Field string // "off", "literals" or "patterns"
	Index int
	Key   string // the part of it: "name", "text", "literal", "expression" or "maxLength"; empty for all of it
	Why   string // says what to do; never quotes a literal
}

func (e *ConfigError) Error() string {
	at := fmt.Sprintf("%s[%d]", e.Field, e.Index)
	if e.Key != "" {
		at += "." + e.Key
	}
	return at + ": " + e.Why
}

// New returns the rules for well-known credentials, changed by c. Its error is a *ConfigError: the first of Check, or that the
// patterns are too much together. Literals that NewValues would ignore are no error, and are not masked.
func New(c Config) (*Rules, error) {
	if errs := c.Check(); len(errs) > 0 {
		return nil, errs[0]
	}
	var rules []rule
	for _, r := range wellKnown() {
		if !slices.Contains(c.Off, r.name) {
			rules = append(rules, r)
		}
	}
	for i, p := range c.Patterns {
		body, err := dfa.NewMatch(p.Expression)
		if err != nil {
			return nil, &ConfigError{"patterns", i, "expression", err.Error()}
		}
		rules = append(rules, rule{
			name: p.Name, version: 1, kind: kindPattern, literals: []string{p.Literal}, exact: true, body: body, expression: p.Expression,
			longest: p.MaxLength,
		})
	}
	var literals []Value
	for _, l := range c.Literals {
		if forms.Unfit([]byte(l.Text)) == "" {
			literals = append(literals, Value{Rule: l.Name, Text: []byte(l.Text)})
		}
	}
	r, err := newRules(rules, literals)
	if err != nil {
		return nil, &ConfigError{"patterns", max(len(c.Patterns)-1, 0), "", err.Error()}
	}
	return r, nil
}
