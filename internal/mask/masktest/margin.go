package masktest

import (
	"regexp"
	"slices"
)

// farthest is how many bytes a margin has at most.
const farthest = 23

// firstColumn addresses that of a row.
var firstColumn = regexp.MustCompile(`^\x1b\[\d+;1H$`)

// a margin, at an index of a view: so many bytes of it, and where it ends in the raw text.
type edge struct {
	bytes, end int
	twin       span // where a byte stands twice; equal for none
}

// wrapped is a screen without margins.
func (v *view) wrapped(raw []byte) *view {
	out := &view{}
	for i := 0; i < len(v.text); {
		e, ok := v.margin(raw, i)
		if !ok || e.end-v.at[i] > farthest {
			out.add(v.text[i], v.at[i])
			i++
			continue
		}
		out.margins = append(out.margins, e.end)
		if e.twin.from != e.twin.to {
			out.twins = append(out.twins, e.twin)
		}
		i += e.bytes
	}
	return out
}

// margin returns the one that begins at an index.
func (v *view) margin(raw []byte, i int) (edge, bool) {
	twice := v.near(raw, i-1) && v.text[i-1] > ' '
	next, after := v.near(raw, i), v.near(raw, i) && v.near(raw, i+1)
	switch {
	case v.at[i] < 0:
		return edge{}, false
	case v.text[i] == ' ' && after && v.text[i+1] == '\r' && v.text[i+2] != '\r' && v.text[i+2] != '\n':
		return edge{bytes: 2, end: v.at[i+2]}, true
	case v.text[i] == ' ' && next && v.text[i+1] == '\b':
		return edge{bytes: 2, end: v.at[i+1]}, true
	case v.text[i] == '\r' && twice && next && v.text[i+1] == v.text[i-1]:
		return edge{2, v.at[i+1], span{v.at[i-1], v.at[i+1]}}, true
	case v.text[i] == '\r' && twice && after && v.text[i+1] == '\r' && v.text[i+2] == '\n':
		return edge{bytes: 3, end: v.at[i+2]}, true
	case twice && v.text[i] == v.text[i-1]:
		end := addresses(raw, v.at[i]+1)
		return edge{2, end, span{v.at[i-1], v.at[i]}}, end > 0
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

// behindMargins is what of a span stands behind the last margin before its end and so many bytes more.
func (v *view) behindMargins(s span, ahead int) span {
	last := 0
	for _, end := range v.margins {
		if slices.ContainsFunc(v.at[s.from:min(s.to+ahead, len(v.at))], func(at int) bool { return at >= end }) {
			last = end
		}
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
