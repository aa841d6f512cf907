package masktest

import (
	"bytes"
	"regexp"
	"strings"
)

// What a line of a key begins with, its dashes left out. K is what may be in one, T that without blanks, B what may stand before it,
// A behind it, D marks a line's end, Q is a quote.
var (
	headQuoted  = keyLine("^K{0,4}QA*")
	headMarked  = keyLine("^K*DA*")
	headPlain   = keyLine("^K*")
	lineQuoted  = keyLine("^B*(QK*(QA*)?)?")
	linePlain   = keyLine("^B*([<>]|K*)")
	lineMarked  = keyLine(`^B*([<>]|\^?K*(DA*)?)`)
	arrowPlain  = keyLine("^(B*[<>] )+B*([<>]|T*([ \t]A*)?)")
	arrowMarked = keyLine(`^(B*[<>] )+B*([<>]|\^?T*((D|[ \t])A*)?)`)
)

func keyLine(expression string) *regexp.Regexp {
	return regexp.MustCompile("(?s)" + strings.NewReplacer(
		"K", "[^$#@~><|{}\"'`;!?%^&*]", "T", "[^ \t$#@~><|{}\"'`;!?%^&*]", "B", "[ \t0-9:+]", "A", `[ \t+,;)\\.M$]`, "D", "[$^]", "Q", "[\"'`]",
	).Replace(expression))
}

// keyLines is how much of a text may be the lines of a key, from behind the line that begins it. How that one ends, the others do.
func keyLines(text []byte) int {
	forms := []*regexp.Regexp{linePlain, arrowPlain}
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
		case headQuoted.Match(clean):
			m, forms = len(headQuoted.Find(clean)), []*regexp.Regexp{lineQuoted}
		case headMarked.Match(clean):
			m, forms = len(headMarked.Find(clean)), []*regexp.Regexp{lineMarked, arrowMarked}
		default:
			m = len(headPlain.Find(clean))
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
