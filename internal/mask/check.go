package mask

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/sallyport-dev/sallyport/internal/mask/dfa"
	"github.com/sallyport-dev/sallyport/internal/mask/needle"
)

// The bounds of a Config.
const (
	maxRuleName    = 320
	maxLiterals    = 1024
	maxLiteralSum  = 64 << 10 // bytes; so that all their forms fit a needle.Set
	maxPatterns    = 128
	minPublicBytes = 3 // of a pattern's literal
	maxPublicBytes = 64
	maxPatternSize = 1024
)

// reserved are names that the record gives to what no rule of an operator found.
var reserved = []string{"no-echo", "undecided", "hold-limit"}

// secretPrefix is what the names of values of Secrets begin with.
const secretPrefix = "secret/"

// Check returns everything about c that cannot be used.
func (c Config) Check() []*ConfigError {
	var errs []*ConfigError
	fail := func(field string, index int, key, format string, args ...any) {
		errs = append(errs, &ConfigError{field, index, key, fmt.Sprintf(format, args...)})
	}
	known := Default().Names()
	for i, name := range c.Off {
		if !slices.Contains(known, name) {
			fail("off", i, "", "there is no detector %q; kubectl sallyport mask --list names them", name)
		}
	}
	taken := map[string]bool{}
	for i, l := range c.Literals {
		if why := checkName(l.Name, known, taken); why != "" {
			fail("literals", i, "name", "%s", why)
		}
		if n := len(strings.NewReplacer("\r", "", "\n", "").Replace(l.Text)); n < needle.MinLength || n > needle.MaxLength {
			fail("literals", i, "text", "it has %d bytes without line ends; give from %d to %d", n, needle.MinLength, needle.MaxLength)
		}
	}
	for i, p := range c.Patterns {
		if why := checkName(p.Name, known, taken); why != "" {
			fail("patterns", i, "name", "%s", why)
		}
		if key, why := checkPattern(p); why != "" {
			fail("patterns", i, key, "%s", why)
		} else if err := compilePattern(p); err != nil {
			fail("patterns", i, "expression", "%v", err)
		}
	}
	sum := 0
	for i, l := range c.Literals {
		if sum += len(l.Text); sum > maxLiteralSum {
			fail("literals", i, "", "the literals up to here have %d bytes; at most %d can apply together", sum, maxLiteralSum)
			break
		}
	}
	if n := len(c.Literals); n > maxLiterals {
		fail("literals", maxLiterals, "", "there are %d literals; at most %d can apply together", n, maxLiterals)
	}
	if n := len(c.Patterns); n > maxPatterns {
		fail("patterns", maxPatterns, "", "there are %d patterns; at most %d can apply together", n, maxPatterns)
	}
	return errs
}

// checkName says why a rule cannot have a name, and takes it.
func checkName(name string, known []string, taken map[string]bool) string {
	twice := taken[name]
	taken[name] = true
	switch {
	case name == "" || len(name) > maxRuleName:
		return fmt.Sprintf("a name has from 1 to %d bytes", maxRuleName)
	case strings.HasPrefix(name, secretPrefix) || slices.Contains(reserved, name):
		return fmt.Sprintf("the name %q is one of Sallyport's own; choose another", name)
	case strings.ContainsFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.' }):
		// It may be the text, by mistake.
		return "the name may have lower-case letters, digits, '-' and '.' only"
	case slices.Contains(known, name):
		return fmt.Sprintf("a detector has the name %q; choose another", name)
	case twice:
		return fmt.Sprintf("another rule has the name %q; choose another", name)
	default:
		return ""
	}
}

// checkPattern says which part of a pattern cannot be used, and why.
func checkPattern(p Pattern) (key, why string) {
	if n := len(p.Literal); n < minPublicBytes || n > maxPublicBytes {
		return "literal", fmt.Sprintf("it has %d bytes; name from %d to %d bytes that every match begins with", n, minPublicBytes, maxPublicBytes)
	}
	if strings.ContainsFunc(p.Literal, unprintable) {
		return "literal", "it may have printable ASCII only; what is not can be in expression, like \\xc3\\xa9"
	}
	if p.MaxLength < 1 || p.MaxLength > maxPatternSize {
		return "maxLength", fmt.Sprintf("it is %d; give from 1 to %d", p.MaxLength, maxPatternSize)
	}
	if strings.ContainsFunc(p.Expression, unprintable) {
		return "expression", `it is read as bytes: write what is not printable ASCII byte by byte, like \xc3\xa9`
	}
	re, err := syntax.Parse(p.Expression, syntax.Perl)
	if err != nil {
		return "expression", err.Error()
	}
	if why := unsupported(re); why != "" {
		return "expression", why
	}
	switch least := shortest(re); {
	case least == 0:
		return "expression", "it matches the empty string; demand at least one byte (+ and not *)"
	case least == never:
		return "expression", "it matches no byte"
	case least > p.MaxLength:
		return "expression", fmt.Sprintf("it needs %d bytes at least, and maxLength is %d; raise that, or demand less", least, p.MaxLength)
	}
	return "", ""
}

// unsupported says what of an expression only a backtracking or a looking matcher could do.
func unsupported(re *syntax.Regexp) string {
	switch re.Op { //nolint:exhaustive // all else is supported, part by part
	case syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return `it looks around itself (^, $, \A, \z, \b or \B); take that away: it always begins where literal ends`
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		if re.Flags&syntax.NonGreedy != 0 {
			return "it has a quantifier that takes as little as it can (*?, +?, ??); the longest match counts, so take the ? away"
		}
	}
	for _, sub := range re.Sub {
		if why := unsupported(sub); why != "" {
			return why
		}
	}
	return ""
}

// never is the length of what cannot match.
const never = 1 << 30

// shortest is how many bytes an expression matches at least.
func shortest(re *syntax.Regexp) int {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpStar, syntax.OpQuest, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return 0
	case syntax.OpLiteral:
		if slices.Max(re.Rune) > 0xff {
			return never
		}
		return len(re.Rune)
	case syntax.OpCharClass:
		if len(re.Rune) == 0 || re.Rune[0] > 0xff { // pairs of bounds, in order
			return never
		}
		return 1
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1
	case syntax.OpCapture, syntax.OpPlus:
		return shortest(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min == 0 {
			return 0
		}
		return min(shortest(re.Sub[0])*re.Min, never)
	case syntax.OpConcat:
		sum := 0
		for _, sub := range re.Sub {
			sum = min(sum+shortest(sub), never)
		}
		return sum
	case syntax.OpAlternate:
		least := never
		for _, sub := range re.Sub {
			least = min(least, shortest(sub))
		}
		return least
	case syntax.OpNoMatch:
		return never
	default:
		return never
	}
}

func unprintable(r rune) bool { return r > '~' || r < ' ' }

// compilePattern reports whether a pattern that is in order otherwise would make too large a machine.
func compilePattern(p Pattern) error {
	_, err := dfa.NewMatch(p.Expression)
	return err
}
