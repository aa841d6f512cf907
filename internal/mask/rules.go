package mask

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/sallyport-dev/sallyport/internal/mask/dfa"
	"github.com/sallyport-dev/sallyport/internal/mask/needle"
)

// kind selects the machine that follows a literal.
type kind uint8

const (
	kindToken      kind = iota // a run of one class of bytes
	kindAssignment             // separator, perhaps a quote, value
	kindJWT                    // header "." payload "." signature
	kindURL                    // user ":" password "@"
	kindPEM                    // lines up to the next "-----"
	kindCard                   // digits in groups, with a check digit
	kindIBAN                   // characters in groups, with a remainder
	kindPattern                // what an operator's expression matches
)

// rule is one detector.
type rule struct {
	name     string
	version  int // raised with any change to what the rule finds
	kind     kind
	literals []string

	opens      string     // an expression in place of literals
	exactly    int        // kindToken: no more and no fewer bytes, under a hundred
	body       *dfa.Match // kindPattern
	expression string     // kindPattern: of body
	longest    int        // kindPattern: bytes of it at most
	exact      bool       // literals match in their own case only
	boundary   bool       // no letter or digit may stand before the literal
	notIn64    bool       // nor a "+" or "/": in base64 such a literal is chance
	class      class      // kindToken: bytes of the secret
	decide     int        // kindToken: so many bytes make it a secret
	mixed      bool       // kindToken: it also needs a digit or an upper-case letter
	value      bool       // kindAssignment: the literal includes the separator
	scheme     bool       // kindAssignment: the value may start with an HTTP authentication scheme
	noPath     bool       // kindAssignment: a value that starts with a slash is none
	field      bool       // kindAssignment: of a connection string, in which a value without quotes ends at ";"
}

// engineVersion is raised with any change to the machines.
const engineVersion = 6

// canonical is one line that says all that a rule does.
func (r rule) canonical() string {
	return fmt.Sprintf("%s v%d kind=%d literals=%q opens=%q exact=%t boundary=%t notIn64=%t class=%x decide=%d exactly=%d mixed=%t value=%t "+
		"scheme=%t noPath=%t field=%t expression=%q longest=%d", r.name, r.version, r.kind, r.literals, r.opens, r.exact, r.boundary, r.notIn64,
		r.class.bits(), r.decide, r.exactly, r.mixed, r.value, r.scheme, r.noPath, r.field, r.expression, r.longest)
}

// Rules is an immutable set of detectors, safe for concurrent use.
type Rules struct {
	rules    []rule
	search   *dfa.Search
	openings []opening // by expression of search
	covers   [][]bool  // by rule and rule: whether the bytes of the first hold those of the second
	digest   string

	literals []Value     // of the operator
	values   *Values     // of the pod; nil for none
	set      *needle.Set // of both; nil for none
	owners   []owner
	key      []byte // of fingerprints; nil for none
}

// owner is a value that the texts in the set are forms of.
type owner struct {
	rule        string
	fingerprint Fingerprint
}

var defaults = sync.OnceValue(func() *Rules {
	r, err := newRules(wellKnown(), nil)
	if err != nil {
		panic(err) // a bug in wellknown.go, which every test finds
	}
	return r
})

// Default returns the rules for well-known credentials.
func Default() *Rules { return defaults() }

func newRules(rules []rule, literals []Value) (*Rules, error) {
	search, openings, err := newSearch(rules)
	if err != nil {
		return nil, err
	}
	r := &Rules{rules: rules, search: search, openings: openings, covers: covering(rules), literals: literals}
	r.digest = r.sum()
	return r.compile(r.texts()), nil
}

// sum is the digest.
func (r *Rules) sum() string {
	var lines []string
	for i := range r.rules {
		lines = append(lines, r.rules[i].canonical())
	}
	for _, l := range r.literals {
		lines = append(lines, l.Rule+" literal "+r.literalSum(l.Text))
	}
	slices.Sort(lines)
	lines = append([]string{fmt.Sprintf("sallyport mask engine %d", engineVersion)}, lines...)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:])
}

// literalSum stands for a literal in the digest. With a key, who does not have it cannot try what a short one is.
func (r *Rules) literalSum(text []byte) string {
	if r.key == nil {
		return fmt.Sprintf("sha256=%x", sha256.Sum256(text))
	}
	mac := hmac.New(sha256.New, r.key)
	_, _ = mac.Write(text) // never fails
	return fmt.Sprintf("hmac-sha256=%x", mac.Sum(nil))
}

// covering tells which token's bytes include which other's.
func covering(rules []rule) [][]bool {
	covers := make([][]bool, len(rules))
	for i := range rules {
		covers[i] = make([]bool, len(rules))
		for j := range rules {
			all := rules[i].kind == kindToken && rules[j].kind == kindToken
			for b := range 256 {
				all = all && (rules[i].class[b] || !rules[j].class[b])
			}
			covers[i][j] = all
		}
	}
	return covers
}

// Digest is the SHA-256, in lower-case hex, over the engine's version and every
// rule's name, version and definition. Equal digests mask alike. Keyed rules have literals in it under their key.
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
