package masktest

import (
	"encoding/hex"
	"math/rand/v2"
	"strings"
)

// Secret is one that a text is given: Text is secret, what stands around it is not.
type Secret struct {
	Rule                string
	Before, Text, After string
	Exact               bool // an exact value: the person may see its first bytes
	Lines               bool // it has line ends
}

// clear is how much of an exact value of n bytes the person may see.
func clearBytes(n int) int { return min(4, n/4) }

const (
	digits  = "0123456789"
	small   = "abcdefghijklmnopqrstuvwxyz"
	capital = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }

func letters(rng *rand.Rand, from string, n int) string {
	out := make([]byte, n)
	for i := range out {
		out[i] = from[rng.IntN(len(from))]
	}
	return string(out)
}

// Grow makes a secret that a rule must find wherever no letter or digit stands before it and a blank, a quote or a line end
// behind. Inline ones hold no quote and no line end.
func Grow(rng *rand.Rand, r Rule, inline bool) Secret {
	literal := opener(rng, r)
	if !r.Exact && rng.IntN(2) == 0 {
		literal = strings.ToUpper(literal)
	}
	s := Secret{Rule: r.Name, Before: literal}
	switch r.Kind {
	case Token:
		s.Text = grownToken(rng, r)
	case JWT:
		s.Before += letters(rng, small+capital+digits, 20+rng.IntN(20)) + "."
		s.Text = "eyJ" + letters(rng, small+capital+digits+"-_", 30+rng.IntN(60)) + "." + letters(rng, small+capital+digits+"-_", 43)
	case URL:
		s.Before = pick(rng, "postgres", "https", "redis", "amqp", "mongodb+srv") + "://" + letters(rng, small, rng.IntN(8)) + ":"
		s.Text, s.After = letters(rng, small+capital+digits+"!$%^*+=,.;:_-@", 1+rng.IntN(40)), "@db-"+letters(rng, small, 5)+":5432/app"
		if s.Text[0] == '@' {
			s.Text = "p" + s.Text
		}
	case PEM:
		s.Lines = true
		s.Text = "\n"
		for range 3 + rng.IntN(20) {
			s.Text += letters(rng, small+capital+digits+"+/", 64) + "\n"
		}
		s.Text += letters(rng, small+capital+digits+"+/", 4+rng.IntN(50)) + "==\n"
		s.After = strings.Replace(s.Before, "BEGIN", "END", 1)
	case Assignment:
		grownAssignment(rng, r, &s, inline)
	case Card:
		number := string(grownCard(rng))
		s.Before, s.Text = number[:shownOfCard], number[shownOfCard:]
	case IBAN:
		number := string(grownIBAN(rng, r.Lengths))
		s.Before, s.Text = number[:shownOfIBAN], number[shownOfIBAN:]
	case Pattern:
		s.Text = grownMatch(rng, r)
	}
	return s
}

func grownToken(rng *rand.Rand, r Rule) string {
	var class []byte
	for b := range 127 {
		if r.Class(byte(b)) {
			class = append(class, byte(b))
		}
	}
	n := r.Exactly
	if n == 0 {
		n = r.Decide + rng.IntN(24)
	}
	text := letters(rng, string(class), n)
	if r.Mixed { // a digit near the start, of those in the class
		for _, d := range []byte(digits + capital) {
			if r.Class(d) {
				return string(d) + text[1:]
			}
		}
	}
	return text
}

func grownAssignment(rng *rand.Rand, r Rule, s *Secret, inline bool) {
	s.Text = letters(rng, small+capital+digits+"/+._-!%^#", 7+rng.IntN(40)) + letters(rng, digits, 1)
	if s.Text[0] == '/' || s.Text[0] == '-' {
		s.Text = "x" + s.Text[1:]
	}
	if r.Scheme && rng.IntN(2) == 0 {
		s.Before += ": " + pick(rng, "Basic", "Bearer", "Token") + " "
		return
	}
	switch {
	case r.Value:
	case inline || rng.IntN(3) == 0:
		s.Before += pick(rng, "=", ":", ": ", " = ", " => ", ":=")
	default:
		around := pick(rng,
			[3]string{`"`, `": "`, `"`}, [3]string{`'`, `': '`, `'`},
			[3]string{`["`, `"] = "`, `"`}, [3]string{`\"`, `\": \"`, `\"`}, [3]string{"<", ">", "</"}, [3]string{"", ": `", "`"})
		s.Before, s.After = around[0]+s.Before+around[1], around[2]
		if around[0] == "<" {
			s.After += strings.TrimPrefix(s.Before[:len(s.Before)-1], "<") + ">"
		}
	}
}

// Planted is how a value stands in a text.
func Planted(value string) Secret {
	return Secret{Rule: "value", Text: value, Exact: true, Lines: strings.Contains(value, "\n")}
}

// Values makes n exact values of many shapes, no two alike.
func Values(rng *rand.Rand, n int) []string {
	shapes := []func() string{
		func() string { return letters(rng, digits+"abcdef", 32+8*rng.IntN(5)) },
		func() string { return letters(rng, small+capital+digits, 12+rng.IntN(30)) },
		func() string { return letters(rng, small+capital+digits+"+/", 43) + "=" },
		func() string {
			return letters(rng, small+capital+digits+`!"#$%&'()*+,-./:;<=>?@[\]^_{|}~`, 12+rng.IntN(20))
		},
		func() string {
			return pick(rng, "correct", "winter", "orange") + " " + letters(rng, small, 6) + " " + letters(rng, small, 6)
		},
		func() string {
			id := letters(rng, digits+"abcdef", 32)
			return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
		},
		func() string {
			piece := letters(rng, small, 2+rng.IntN(3))
			return strings.Repeat(piece, 3+rng.IntN(4)) + letters(rng, small, 4) + piece + letters(rng, digits, 4)
		},
		func() string { return letters(rng, small+capital+digits+"-_", 200+rng.IntN(200)) },
		func() string { return "schlüssel-" + letters(rng, small, 6) + "-größe-" + letters(rng, digits, 5) },
		func() string { return letters(rng, digits+capital, 8) },
		func() string {
			return "{\"user\":\"app\",\"key\":\"" + letters(rng, small+digits, 24) + "\"}"
		},
		func() string {
			return letters(rng, small+digits, 40) + "\n" + letters(rng, small+digits, 40) + "\n" + letters(rng, small+digits, 17)
		},
	}
	known := map[string]bool{}
	var values []string
	for len(values) < n {
		if v := shapes[len(values)%len(shapes)](); !known[v] {
			known[v] = true
			values = append(values, v)
		}
	}
	return values
}

// hexed is a value as hexadecimal digits, for texts that print it so.
func hexed(s string) string { return hex.EncodeToString([]byte(s)) }
