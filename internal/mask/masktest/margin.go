package masktest

import (
	"regexp"
	"slices"
)

// farthest is how many bytes a margin has at most.
const farthest = 23

// firstColumn addresses that of a row.
var firstColumn = regexp.MustCompile(`^\x1b\[\d+;1H$`)

// edge is a margin, at an index of a view: so many bytes of it.
type edge struct {
	bytes      int
	start, end int  // in the raw text; what may be a margin begins at start
	twin       span // where a byte stands twice; equal for none
	lines      bool // a line end of a kind
}

// wrapped is a screen without margins.
func (v *view) wrapped(raw []byte) *view {
	out := &view{}
	for i := 0; i < len(v.text); {
		e, ok := v.margin(raw, i)
		if !ok || e.end-e.start > farthest {
			out.add(v.text[i], v.at[i])
			i++
			continue
		}
		out.margins = append(out.margins, e.end)
		if !e.lines {
			out.within = append(out.within, e.end)
		}
		if e.twin.from != e.twin.to {
			out.twins = append(out.twins, e.twin)
		}
		i += e.bytes
	}
	return out
}

// margin returns the one that begins at an index.
func (v *view) margin(raw []byte, i int) (edge, bool) {
	before := byte(0)
	if v.near(raw, i-1) {
		before = v.text[i-1]
	}
	next, after := v.near(raw, i), v.near(raw, i) && v.near(raw, i+1)
	switch {
	case v.at[i] < 0:
		return edge{}, false
	case v.text[i] == ' ' && after && v.text[i+1] == '\r' && v.text[i+2] != '\r' && v.text[i+2] != '\n':
		return edge{bytes: 2, start: v.at[i], end: v.at[i+2]}, true
	case v.text[i] == ' ' && next && v.text[i+1] == '\b':
		return edge{bytes: 2, start: v.at[i], end: v.at[i+1]}, true
	case v.text[i] == '\r' && before > ' ' && next && v.text[i+1] == before:
		return edge{bytes: 2, start: v.at[i], end: v.at[i+1], twin: span{v.at[i-1], v.at[i+1]}}, true
	case v.text[i] == '\r' && before > ' ' && after && v.text[i+1] == '\r' && v.text[i+2] == '\n':
		return edge{bytes: 3, start: v.at[i], end: v.at[i+2], lines: true}, true
	case v.text[i] == '\r' && before == ' ' && after && v.text[i+1] == '\r' && v.text[i+2] == '\n':
		return edge{bytes: 3, start: v.at[i-1], end: v.at[i+2], lines: true}, true
	case before >= ' ' && v.text[i] == before:
		end := addresses(raw, v.at[i]+1)
		return edge{bytes: 2, start: v.at[i], end: end, twin: span{v.at[i-1], v.at[i]}}, end > 0
	default:
		return edge{}, false
	}
}

// near reports whether a byte is there, and one that follows it on the screen, and no more than paint between.
func (v *view) near(raw []byte, i int) bool {
	if i < 0 || i+1 >= len(v.text) || v.at[i] < 0 || v.at[i+1] < 0 {
		return false
	}
	for rest := raw[v.at[i]+1 : v.at[i+1]]; len(rest) > 0; {
		seq := sequence.Find(rest)
		if len(seq) == 0 || opening.Match(seq) {
			return false
		}
		rest = rest[len(seq):]
	}
	return true
}

// addresses returns where the sequence ends that addresses the first column, if nothing but paint stands before it; 0 for nowhere.
func addresses(raw []byte, at int) int {
	for {
		seq := sequence.Find(raw[at:])
		switch at += len(seq); {
		case firstColumn.Match(seq):
			return at - 1
		case len(seq) == 0 || opening.Match(seq) || blank.Match(seq) || moving.Match(seq):
			return 0
		}
	}
}

// open returns where a margin may begin whose end is not there yet; next is the byte that comes, -1 for nothing that is known.
func (v *view) open(raw []byte, next int) (start int, ok bool) {
	n := len(v.text)
	at := func(back int) byte { // 0 for none
		if back > n || v.at[n-back] < 0 || back > 1 && !v.near(raw, n-back) {
			return 0
		}
		return v.text[n-back]
	}
	switch back := 1; {
	case n == 0 || opening.Match(raw[v.at[n-1]+1:]):
		return 0, false
	case at(1) == '\r' && at(2) == '\r' && at(3) == ' ':
		start = v.at[n-3]
		return start, len(raw)-start <= farthest
	case at(1) == '\r' && (at(2) == ' ' || at(2) == '\r' && at(3) > ' '):
		back++
		fallthrough
	case at(1) == ' ', at(1) == '\r' && at(2) > ' ', at(1) > ' ' && at(1) == at(2):
		start = v.at[n-back]
		begins := start < len(raw)-1 || next < 0 || next == 0x1b || at(1) == ' ' && (next == '\r' || next == '\b') ||
			at(1) == '\r' && (next == '\r' || next == int(at(2)))
		return start, begins && len(raw)-start <= farthest
	default:
		return 0, false
	}
}

// behindMargins is what of a span stands behind the last margin in its midst, if that is no line end: what the person may not see for sure.
func (v *view) behindMargins(s span) span {
	last := -1
	for _, end := range v.within {
		before := slices.ContainsFunc(v.at[s.from:s.to], func(at int) bool { return at >= 0 && at < end })
		if before && slices.ContainsFunc(v.at[s.from:s.to], func(at int) bool { return at >= end }) {
			last = end
		}
	}
	if last < 0 && len(v.margins) > 0 {
		return span{s.to, s.to}
	}
	for s.from < s.to && v.at[s.from] < last {
		s.from++
	}
	return s
}

// Margins returns how many there are in a text.
func Margins(raw []byte) int {
	screen, _ := look(raw)
	return len(screen.wrapped(raw).margins)
}
