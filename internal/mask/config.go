package mask

import (
	"fmt"
	"slices"

	"github.com/sallyport-dev/sallyport/internal/mask/dfa"
	"github.com/sallyport-dev/sallyport/internal/mask/needle"
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
	Why   string // says what to do; never quotes a literal
}

func (e *ConfigError) Error() string { return fmt.Sprintf("%s[%d]: %s", e.Field, e.Index, e.Why) }

// New returns the rules for well-known credentials, changed by c. Its error is a *ConfigError.
func New(c Config) (*Rules, error) {
	known := Default().Names()
	for i, name := range c.Off {
		if !slices.Contains(known, name) {
			return nil, &ConfigError{"off", i, fmt.Sprintf("there is no detector %q; kubectl sallyport mask --list names them", name)}
		}
	}
	var rules []rule
	for _, r := range wellKnown() {
		if !slices.Contains(c.Off, r.name) {
			rules = append(rules, r)
		}
	}
	for i, p := range c.Patterns {
		r, err := p.rule()
		if err != nil {
			return nil, &ConfigError{"patterns", i, err.Error()}
		}
		rules = append(rules, r)
	}
	var literals []Value
	for i, l := range c.Literals {
		if n := len(l.Text); n < needle.MinLength || n > needle.MaxLength {
			return nil, &ConfigError{"literals", i, fmt.Sprintf("it has %d bytes: it may have %d to %d", n, needle.MinLength, needle.MaxLength)}
		}
		literals = append(literals, Value{l.Name, []byte(l.Text)})
	}
	r, err := newRules(rules, literals)
	if err != nil {
		return nil, &ConfigError{"patterns", max(len(c.Patterns)-1, 0), err.Error()}
	}
	return r, nil
}

// rule compiles a pattern.
func (p *Pattern) rule() (rule, error) {
	switch {
	case len(p.Literal) < minLiteral:
		return rule{}, fmt.Errorf("its literal has %d bytes: it needs at least %d", len(p.Literal), minLiteral)
	case p.MaxLength < 1 || p.MaxLength > maxPattern:
		return rule{}, fmt.Errorf("its maximum length is %d: it may be 1 to %d", p.MaxLength, maxPattern)
	}
	body, err := dfa.NewMatch(p.Expression)
	if err != nil {
		return rule{}, fmt.Errorf("its expression: %w", err)
	}
	return rule{
		name: p.Name, version: 1, kind: kindPattern, literals: []string{p.Literal}, exact: true, body: body, expression: p.Expression,
		longest: p.MaxLength,
	}, nil
}

const (
	minLiteral = 3
	maxPattern = 1024
)
