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

const maxKey = 16 << 10

// keys: the body behind the line that begins a private key, up to the dashes of the one that ends it.
func keys(text, lower []byte, r Rule) []span {
	return followAll(beginnings(text, lower, r), func(at int) ([]span, int) {
		body, dashes := text[at:], 0
		if i := bytes.Index(body, []byte("-----")); i >= 0 {
			body, dashes = body[:i], 5
		}
		plain := keyLines(body)
		n := 0
		for i, b := range body {
			if b != '-' {
				n++
			}
			if n > maxKey {
				body, dashes = body[:i], 0
				break
			}
		}
		plain = min(plain, len(body))
		found := []span{{at, at + len(bytes.TrimRight(body[:plain], "-"))}}
		if plain == len(body) {
			return found, at + len(body) + max(dashes-1, 0)
		}
		framed, ended := framedLines(body, plain, dashes > 0)
		for _, s := range framed {
			found = append(found, span{at + s.from, at + s.to})
		}
		if ended == len(body) {
			ended += max(dashes-1, 0)
		}
		return found, at + ended
	})
}

var (
	digitRun = regexp.MustCompile("[A-Za-z0-9+/=]+")
	anyWord  = regexp.MustCompile("[A-Za-z0-9+/=]{4}")
	leadLine = regexp.MustCompile("(?s): |[^A-Za-z0-9]$|^$")
	longRun  = regexp.MustCompile("[A-Za-z0-9+/=]{40}")
)

// framedLines returns the runs of digits from a place in the body on that are of a key though there are other things around them, and
// where the lines that can have some end. closed: dashes are behind the body.
func framedLines(body []byte, from int, closed bool) (found []span, ended int) {
	column := -1 // of the key, in the last line that had some of it
	begin := 0
	for number, line := range bytes.Split(body, []byte("\n")) {
		end := begin + len(line)
		for _, s := range framedRuns(line, column, closed && end == len(body)) {
			if begin+s.from >= from {
				found = append(found, span{begin + s.from, begin + s.to})
			}
		}
		leads := column < 0 && number <= 4 && leadLine.Match(bytes.ReplaceAll(line, []byte("\r"), nil))
		if long := longRun.FindIndex(line); long != nil {
			column = long[0]
		} else if end >= from && end < len(body) && number > 0 && !leads {
			return found, end
		}
		begin = end + 1
	}
	return found, len(body)
}

// framedRuns returns what of a line is of a key whose line before began in a column; -1 for none. last: behind the line are dashes.
func framedRuns(line []byte, column int, last bool) (found []span) {
	long := len(line)
	if at := longRun.FindIndex(line); at != nil {
		long = at[0]
	}
	for _, r := range digitRun.FindAllIndex(line, -1) {
		from, to := r[0], r[1]
		switch {
		case from > long && (to-from >= 40 || last && isLast(line, r)), column >= 0 && from <= long && max(from-column, column-from) <= 1:
			found = append(found, span{from, to})
		case from <= long && to-from >= 40:
			found = append(found, span{from + 8, to})
		}
	}
	return found
}

// isLast reports whether a run of digits in a line is a word, and only a separator is behind it.
func isLast(line []byte, r []int) bool {
	return r[1]-r[0] >= 4 && len(line)-r[1] <= 8 && !anyWord.Match(line[r[1]:])
}
