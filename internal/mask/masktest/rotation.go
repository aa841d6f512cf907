package masktest

import (
	"bytes"
	"slices"
)

// followed is how many bytes of a value have to be there for it to be under way.
const followed = 4

// Under reports whether an exact value is under way at the end of a text: it may go on, or has just ended. next is the byte that
// comes; -1 for nothing that is known.
func (o *Oracle) Under(text []byte, next int) bool {
	screen, strings := look(text)
	taken := text // by the reading without margins: not what may become one
	if start, ok := screen.open(text, next); ok && Places(text)[start] == OnScreen {
		taken = text[:start]
	}
	before, _ := look(taken)
	views := []*view{screen, before.wrapped(taken), whole(text)}
	if n := len(strings); n > 0 && len(strings[n-1].at) > 0 && strings[n-1].at[len(strings[n-1].at)-1] == len(text)-1 {
		views = append(views, strings[n-1]) // that has no end yet
	}
	return slices.ContainsFunc(views, o.under)
}

func (o *Oracle) under(v *view) bool {
	joined, breaks := v.join()
	for i := range joined.text {
		if o.underFrom(joined, breaks, i) {
			return true
		}
	}
	return false
}

// underFrom reports whether what stands from i on is the beginning of a value, or all of it.
func (o *Oracle) underFrom(v *view, breaks map[int]bool, i int) bool {
	rest := v.text[i:]
	if len(rest) < followed {
		return false
	}
	for n := 1; n < len(rest); n++ {
		if breaks[i+n] {
			return false
		}
	}
	for _, form := range o.forms[[2]byte(rest)] {
		if bytes.HasPrefix(form, rest) && (!breaks[len(v.text)] || len(rest) == len(form) || len(rest) >= enough) {
			return true
		}
	}
	return false
}

// Change masks a text in the midst of which the values are changed to those of another oracle: what has to be masked, and what may be.
func (o *Oracle) Change(next *Oracle, text []byte, at int) (least, most Masked) {
	least, most = o.rulesOnly(text), o.rulesOnly(text)
	for _, m := range []*Masked{&least, &most} {
		m.values(o, text, 0, at)
		m.values(next, text, at, len(text))
	}
	most.values(next, text, begun(text, at), len(text))
	least.double(text)
	most.double(text)
	return least, most
}

// begun is where a value may begin of which less than what is followed may have been there before a place: a byte more for what
// may become a margin there.
func begun(text []byte, at int) int {
	before, _ := look(text[:at])
	if start, ok := before.open(text[:at], -1); ok {
		at = start
	}
	screen, _ := look(text)
	joined, _ := screen.wrapped(text).join()
	if i := joined.index(at) - (followed - 1); i > 0 {
		return min(at, joined.at[i])
	}
	return 0
}
