package masktest

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// knots are pieces of texts at which some rule or the reader of escape sequences has to decide.
var knots = []string{
	" ", " \r", " \b", " \r\n", "\r\r\n", "\n", "\r\n", "\r", "\n\n", "\t", `"`, "'", "`", `\`, `\"`, `\\`, `\n`, "=", ":", ": ", " = ", "=>", ":=", "://",
	"@", "/", "-", "--", "-----", ".", ",", ";", ")",
	"}", "]", "<", ">", "&",
	"${", "$(", "{{", "*", "********", "************", "\x00", "\x7f", "\xff", "é", "a", "A", "1",
	"aA1", "abcdef", "abcdefghijkl", "0123456789abcdef", "FAKE0fake1FAKE0fake1",
	"token", "password=", "pwd", "$ABC", "{a", "(", "parser.Next", "os.environ[", "_PASS=",
	"PWD=", "Bearer ", "basic ", "undefined", "eyJ", "-----END", "user", "host", "http://u:", "<password>", "\\\"token\\\":",
}

// Paint are escape sequences that hide nothing and move nothing.
var Paint = []string{
	"\x1b[0m", "\x1b[1;31m", "\x1b[38;5;208m", "\x1b[K", "\x1b[2J", "\x1b[?25l", "\x1b[?2005h", "\x1b]0;title\x07",
	"\x1b]8;;\x1b\\", "\x1b(B", "\x1b[m", "\x1b[P", "\x1b[2@", "\x07",
}

// Moves are escape sequences that put the cursor elsewhere.
var Moves = []string{"\x1b[H", "\x1b[12;40H", "\x1b[A", "\x1b[3B", "\x1b[D", "\x1b[5G", "\x1b[4d",
	"\x1bM", "\x1bD", "\x1bE", "\x1b8", "\x1b[2L", "\x1b[S", "\x1b[?2004h", "\x1b[?2004l"}

// Tangle joins pieces at random: beginnings inside secrets, secrets inside values, quotes that do not close.
func Tangle(rng *rand.Rand, rules []Rule, more ...string) []byte {
	own := rules // those that have texts of their own kind, if there are some: else they are too few among the others
	if few := slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool { return r.Kind < Card }); len(few) > 0 {
		own = few
	}
	var text strings.Builder
	for range 1 + rng.IntN(14) {
		switch n := rng.IntN(10); {
		case n < 3:
			r := pick(rng, rules...)
			if rng.IntN(3) == 0 {
				r = pick(rng, own...)
			}
			piece := opener(rng, r)
			text.WriteString(piece[:len(piece)-rng.IntN(min(2, len(piece)+1))])
			text.WriteString(sample(rng, r))
		case n < 5 && len(more) > 0:
			piece := more[rng.IntN(len(more))]
			from := rng.IntN(len(piece)) / (1 + rng.IntN(9))
			text.WriteString(piece[from : from+rng.IntN(len(piece)-from)+1])
		case n < 6 && len(more) > 0:
			text.WriteString(more[rng.IntN(len(more))])
		default:
			text.WriteString(knots[rng.IntN(len(knots))])
		}
	}
	return []byte(text.String())
}

// body is a run of bytes of a token, about as long as decides.
func body(rng *rand.Rand, r Rule) string {
	var class []byte
	for b := range 256 {
		if r.Class(byte(b)) {
			class = append(class, byte(b))
		}
	}
	n := max(r.Decide, r.Exactly) - 1 + rng.IntN(3)
	if rng.IntN(8) == 0 {
		n += rng.IntN(80)
	}
	out := make([]byte, n)
	for i := range out {
		out[i] = class[rng.IntN(len(class))]
	}
	return string(out)
}

// Sow puts pieces at random places of a text, on average one for each n bytes.
func Sow(rng *rand.Rand, text []byte, pieces []string, n int) []byte {
	var out []byte
	for _, b := range text {
		for rng.IntN(n) == 0 {
			out = append(out, pieces[rng.IntN(len(pieces))]...)
		}
		out = append(out, b)
	}
	return out
}

// edgeOf is what a program may write where a row of the terminal is full, between two bytes; empty for nothing.
func edgeOf(rng *rand.Rand, before, after byte) string {
	paint := func() string {
		if rng.IntN(4) > 0 {
			return ""
		}
		return pick(rng, "\x1b[m", "\x1b[27m\x1b[7m", "\x1b[K")
	}
	switch n := rng.IntN(6); {
	case n < 2 && after != '\r' && after != '\n':
		return " " + paint() + "\r" + paint()
	case n == 2:
		return " " + paint() + "\b"
	case before <= ' ':
		return ""
	case n == 3:
		return paint() + "\r" + paint() + string([]byte{before})
	case n == 4:
		return paint() + "\r\r\n"
	default:
		return string([]byte{before}) + paint() + "\x1b[7;1H"
	}
}

// Wrap puts margins between the bytes of a text, on average one for each n.
func Wrap(rng *rand.Rand, text []byte, n int) []byte {
	var out []byte
	for i, b := range text {
		if i > 0 && rng.IntN(n) == 0 {
			out = append(out, edgeOf(rng, text[i-1], b)...)
		}
		out = append(out, b)
	}
	return out
}

// Split cuts a text into writes, some of them empty, none longer than longest.
func Split(rng *rand.Rand, text []byte, longest int) [][]byte {
	var parts [][]byte
	for len(text) > 0 {
		n := rng.IntN(min(len(text), longest) + 1)
		parts, text = append(parts, text[:n]), text[n:]
	}
	return parts
}
