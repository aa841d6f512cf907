package masktest

import (
	"bytes"
	"regexp"
	"strings"
)

// What a line of a key begins with, its dashes left out. K is what may be in one, T that without blanks, B what may stand before it,
// A behind it, D marks a line's end, Q is a quote.
const (
	headQuoted  = "^K{0,4}QA*"
	headMarked  = "^K*DA*"
	headPlain   = "^K*"
	lineQuoted  = "^B*(QK*(QA*)?)?"
	linePlain   = "^B*([<>]|K*)"
	lineMarked  = `^B*([<>]|\^?K*(DA*)?)`
	arrowPlain  = "^(B*[<>] )+B*([<>]|T*([ \t]A*)?)"
	arrowMarked = `^(B*[<>] )+B*([<>]|\^?T*((D|[ \t])A*)?)`
)

func keyLine(expression string) *regexp.Regexp {
	return regexp.MustCompile("(?s)" + strings.NewReplacer(
		"K", "[^$#@~><|{}\"'`;!?%^&*]", "T", "[^ \t$#@~><|{}\"'`;!?%^&*]", "B", "[ \t0-9:+]", "A", `[ \t+,;)\\.M$]`, "D", "[$^]", "Q", "[\"'`]",
	).Replace(expression))
}

// keyLines is how much of a text may be the lines of a key, from behind the line that begins it. How that one ends, the others do.
func keyLines(text []byte) int {
	forms := []*regexp.Regexp{keyLine(linePlain), keyLine(arrowPlain)}
	n := 0
	for first := true; ; first = false {
		line, _, more := bytes.Cut(text[n:], []byte("\n"))
		clean := bytes.ReplaceAll(bytes.ReplaceAll(line, []byte("-"), nil), []byte("\r"), nil)
		m := 0
		switch {
		case !first:
			for _, f := range forms {
				m = max(m, len(f.Find(clean)))
			}
		case keyLine(headQuoted).Match(clean):
			m, forms = len(keyLine(headQuoted).Find(clean)), []*regexp.Regexp{keyLine(lineQuoted)}
		case keyLine(headMarked).Match(clean):
			m, forms = len(keyLine(headMarked).Find(clean)), []*regexp.Regexp{keyLine(lineMarked), keyLine(arrowMarked)}
		default:
			m = len(keyLine(headPlain).Find(clean))
		}
		if m < len(clean) {
			return n + nth(line, m)
		}
		if !more {
			return len(text)
		}
		n += len(line) + 1
	}
}

// nth is where in a line the byte is that has n others before it, dashes and CR not counted.
func nth(line []byte, n int) int {
	for i, b := range line {
		if b == '-' || b == '\r' {
			continue
		}
		if n == 0 {
			return i
		}
		n--
	}
	return len(line)
}
