package masktest

import (
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// pattern is an operator's expression. It is over bytes, and package regexp reads characters: so each byte becomes the character of its
// number.
type pattern struct {
	whole *regexp.Regexp
	part  *regexp.Regexp // of what can become a match, or a longer one, with more bytes
}

func newPattern(expression string) *pattern {
	return &pattern{longest(expression), regexp.MustCompile("^(?:" + parts(parsed(expression)) + ")$")}
}

func longest(expression string) *regexp.Regexp {
	whole := regexp.MustCompile("^(?:" + expression + ")")
	whole.Longest()
	return whole
}

func parsed(expression string) *syntax.Regexp {
	tree, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		panic(err) // package mask has compiled it
	}
	return tree.Simplify()
}

const nothing = `[^\x00-\x{10ffff}]`

// parts is an expression for the beginnings of what an expression matches, all of which goes on.
func parts(re *syntax.Regexp) string {
	switch re.Op { //nolint:exhaustive // the others match nothing, or only look around
	case syntax.OpLiteral:
		some := make([]string, len(re.Rune))
		for i := range re.Rune {
			some[i] = (&syntax.Regexp{Op: syntax.OpLiteral, Flags: re.Flags, Rune: re.Rune[:i]}).String()
		}
		return strings.Join(some, "|")
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return ""
	case syntax.OpCapture, syntax.OpQuest:
		return parts(re.Sub[0])
	case syntax.OpStar, syntax.OpPlus:
		return "(?:" + re.Sub[0].String() + ")*(?:" + parts(re.Sub[0]) + ")"
	case syntax.OpConcat:
		rest := nothing
		for _, sub := range slices.Backward(re.Sub) {
			rest = parts(sub) + "|(?:" + sub.String() + ")(?:" + rest + ")"
		}
		return rest
	case syntax.OpAlternate:
		all := make([]string, len(re.Sub))
		for i, sub := range re.Sub {
			all[i] = "(?:" + parts(sub) + ")"
		}
		return strings.Join(all, "|")
	default:
		return nothing
	}
}

// matched: the longest match that begins behind the literal. The search is over with the byte after which there can be no longer one.
func (r *Rule) matched(text, lower []byte) []span {
	return follow(beginnings(text, lower, *r), func(at int) (span, int) {
		chars := make([]rune, 0, r.Longest)
		for _, b := range text[at:min(at+r.Longest, len(text))] {
			chars = append(chars, rune(b))
		}
		found := span{at, at + len([]rune(r.pattern.whole.FindString(string(chars))))}
		for n := range chars {
			if !r.pattern.part.MatchString(string(chars[:n+1])) {
				return found, at + n
			}
		}
		return found, at + len(chars)
	})
}

// matching is something that an expression matches.
func matching(rng *rand.Rand, re *syntax.Regexp) string {
	var text strings.Builder
	switch re.Op { //nolint:exhaustive // the others match nothing
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			text.WriteByte(byte(r & 0xff))
		}
	case syntax.OpCharClass:
		k := 2 * rng.IntN(len(re.Rune)/2)
		low, high := min(re.Rune[k], 255), min(re.Rune[k+1], 255)
		text.WriteByte(byte((low + rng.Int32N(high-low+1)) & 0xff))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		text.WriteByte("ab1 \xff"[rng.IntN(5)])
	case syntax.OpAlternate:
		return matching(rng, pick(rng, re.Sub...))
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range re.Sub {
			text.WriteString(matching(rng, sub))
		}
	case syntax.OpQuest, syntax.OpStar, syntax.OpPlus:
		least, most := 0, 5
		if re.Op == syntax.OpPlus {
			least = 1
		}
		if re.Op == syntax.OpQuest {
			most = 1
		}
		for range least + rng.IntN(most) + rng.IntN(2) {
			text.WriteString(matching(rng, re.Sub[0]))
		}
	default:
	}
	return text.String()
}
