package mask

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// kind selects the machine that follows a literal.
type kind uint8

const (
	kindToken      kind = iota // a run of one class of bytes
	kindAssignment             // separator, perhaps a quote, value
	kindJWT                    // header "." payload "." signature
	kindURL                    // user ":" password "@"
	kindPEM                    // everything up to the next "-----"
)

// rule is one detector.
type rule struct {
	name     string
	version  int // raised with any change to what the rule finds
	kind     kind
	literals []string

	exact    bool  // literals match in their own case only
	boundary bool  // no letter or digit may stand before the literal
	notIn64  bool  // nor a "+" or "/": in base64 such a literal is chance
	class    class // kindToken: bytes of the secret
	decide   int   // kindToken: so many bytes make it a secret
	mixed    bool  // kindToken: it also needs a digit or an upper-case letter
	value    bool  // kindAssignment: the literal includes the separator
	scheme   bool  // kindAssignment: the value may start with an HTTP authentication scheme
	noPath   bool  // kindAssignment: a value that starts with a slash is none
}

// engineVersion is raised with any change to the machines.
const engineVersion = 1

// canonical is one line that says all that a rule does.
func (r rule) canonical() string {
	return fmt.Sprintf("%s v%d kind=%d literals=%q exact=%t boundary=%t notIn64=%t class=%x decide=%d mixed=%t value=%t scheme=%t noPath=%t",
		r.name, r.version, r.kind, r.literals, r.exact, r.boundary, r.notIn64, r.class.bits(), r.decide, r.mixed, r.value, r.scheme, r.noPath)
}

// Rules is an immutable set of detectors, safe for concurrent use.
type Rules struct {
	rules     []rule
	automaton *automaton
	digest    string
	values    *Values // nil for none
	key       []byte  // of fingerprints; nil for none
}

var defaults = sync.OnceValue(func() *Rules { return newRules(wellKnown()) })

// Default returns the rules for well-known credentials.
func Default() *Rules { return defaults() }

func newRules(rules []rule) *Rules {
	if len(rules) > maxRules {
		panic(fmt.Sprintf("mask: %d rules, but a stream has room for %d", len(rules), maxRules))
	}
	lines := []string{fmt.Sprintf("sallyport mask engine %d", engineVersion)}
	for _, r := range rules {
		lines = append(lines, r.canonical())
	}
	slices.Sort(lines[1:])
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return &Rules{rules: rules, automaton: newAutomaton(rules), digest: hex.EncodeToString(sum[:])}
}

// Digest is the SHA-256, in lower-case hex, over the engine's version and every
// rule's name, version and definition. Equal digests mask alike.
func (r *Rules) Digest() string { return r.digest }

// Names returns the names of the rules, sorted.
func (r *Rules) Names() []string {
	var names []string
	for _, rule := range r.rules {
		names = append(names, rule.name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
