package masktest

import (
	"bytes"
	"regexp"
)

// followed is how many bytes of a value have to be there for it to be under way.
const followed = 4

// openEnd is a blank that may turn out to be none, if CR or BS follows.
var openEnd = regexp.MustCompile(` \r?$`)

// Under reports whether an exact value is under way at the end of a text: it may go on, or has just ended.
func (o *Oracle) Under(text []byte) bool {
	if open := openEnd.Find(text); open != nil && Places(text)[len(text)-1] == OnScreen && o.Under(text[:len(text)-len(open)]) {
		return true
	}
	screen, strings := look(text)
	views := []*view{screen, whole(text)}
	if n := len(strings); n > 0 && len(strings[n-1].at) > 0 && strings[n-1].at[len(strings[n-1].at)-1] == len(text)-1 {
		views = append(views, strings[n-1]) // that has no end yet
	}
	for _, v := range views {
		joined, breaks := v.join()
		for i := range joined.text {
			if o.underFrom(joined, breaks, i) {
				return true
			}
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
	before, places := at, Places(text)
	for n := 0; before > 0 && n < followed-1; before-- {
		if b := text[before-1]; places[before-1] == OnScreen && b != '\r' && b != '\n' {
			n++
		}
	}
	most.values(next, text, before, len(text))
	return least, most
}
