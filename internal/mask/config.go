package mask

import (
	"fmt"
	"slices"
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
	Text string // at least 6 bytes, at most 4096
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
	return newRules(rules), nil
}

// Value is a text that is secret as it stands: the value of a Secret's key, or a part of it.
type Value struct {
	Rule string // as the record names it
	Text []byte
}

// Ignored is a value that is not masked.
type Ignored struct {
	Rule string
	Why  string
}

// Values are exact values, compiled. They are immutable and safe for concurrent use.
type Values struct{}

// NewValues compiles values with all their forms. It keeps none of the memory that it is given.
func NewValues(values []Value) (*Values, []Ignored) { return &Values{}, nil }

// With returns the same rules with these values, and no others, besides. Their digest is the same.
func (r *Rules) With(v *Values) *Rules {
	with := *r
	with.values = v
	return &with
}

// Keyed returns the same rules with fingerprints under a key, in Hit.
func (r *Rules) Keyed(key []byte) *Rules {
	keyed := *r
	keyed.key = slices.Clone(key)
	return &keyed
}

// Use changes the values that a stream looks for, to those of rules, from its next write on at the earliest: what is being
// followed is followed to its end.
func (s *Stream) Use(rules *Rules) {}

// Ahead is how many bytes of the stream the person has been given that the record has not, yet.
func (s *Stream) Ahead() int { return 0 }
