package mask

import (
	"bytes"

	"github.com/sallyport-dev/sallyport/internal/mask/needle"
	"github.com/sallyport-dev/sallyport/internal/mask/vt"
)

const (
	// minSkip is the shortest stretch that is worth to be skipped.
	minSkip = 64
	// minClose and maxClose are how many bytes are stepped over after a skip: the more, the less it was worth. Within minClose
	// bytes an exact value that begins is under way.
	minClose = 8
	maxClose = 512
)

// quiet reports whether nothing is under way, so that what comes may be skipped.
func (s *Stream) quiet() bool {
	return s.vt.Ground() && !s.inside && !s.blind && s.text.quiet() && s.dump.quiet()
}

// skip goes over bytes of p from offset i on in which no rule opens and no exact value begins, and returns how many.
// What stepping over them would know is known after them.
func (s *Stream) skip(p []byte, i int) int {
	w := s.window
	if w.escape <= i {
		w.escape = len(p)
		if n := bytes.IndexByte(p[i:], vt.Esc); n >= 0 {
			w.escape = i + n
		}
	}
	from := i
	for w.escape-i >= minSkip {
		if i >= w.end {
			s.look(p[:w.escape], i)
		}
		limit, state, stop := w.next(i)
		n := s.pass(p[i:limit], state)
		if i += n; i < limit || stop {
			break
		}
	}
	n := i - from
	s.text.remember(p[from:i])
	if n >= minSkip/2 {
		w.close = minClose
	} else {
		w.close = min(2*w.close, maxClose)
	}
	return n
}

// look finds what there is in a block of p from offset i on.
func (s *Stream) look(p []byte, i int) {
	w := s.window
	w.scan(s.rules.search, p, i, s.text.state)
	w.forget(func(at place) bool { return s.harmless(p, at) })
	if s.rules.set != nil {
		w.begins, w.first = w.scanner.Scan(s.rules.set, p[i:w.end], mayBegin, w.begins[:0]), 0
		for k := range w.begins {
			w.begins[k] += i
		}
	}
}

// pass goes over ahead, in which no rule opens and no exact value begins, unless one is under way. state is that of the search
// after all of it.
func (s *Stream) pass(ahead []byte, state uint32) int {
	n := len(ahead)
	if s.rules.set != nil && n > 0 {
		n = s.passValues(ahead)
	}
	switch {
	case n == len(ahead) && state != noState:
		s.text.state = state
	case n > 0:
		s.text.state = rejoin(s.rules.search, s.text.state, ahead[:n])
	}
	s.pos += int64(n)
	return n
}

func (s *Stream) passValues(ahead []byte) int {
	if s.dump.phase == rowOffset && mayBegin(ahead) {
		return 0
	}
	s.dump.after(0)
	t := &s.text.needles
	i := 0
	for entry := needle.Entry; entry > 0 && i < len(ahead); i++ {
		if b := ahead[i]; t.Step(s.rules.set, b, s.pos+int64(i)) {
			s.dump.after(b)
			return i + 1
		} else if b != '\n' && b != '\r' {
			entry--
		}
	}
	t.Jump(s.rules.set, ahead[i:], s.pos+int64(i))
	s.dump.after(ahead[len(ahead)-1])
	return len(ahead)
}

// harmless reports whether all that opens at a place comes to nothing: most URLs have no password, and most numbers are not
// long enough for a card's. What follows the place in p has no escape.
func (s *Stream) harmless(p []byte, at place) bool {
	a := s.rules.search
	rest := p[at.offset+1:]
	for _, e := range a.Ends(a.Step(at.state, p[at.offset])) {
		switch s.rules.rules[s.rules.openings[e].rule].kind { //nolint:exhaustive // of others nothing is known
		case kindURL:
			if !harmlessURL(rest) {
				return false
			}
		case kindCard:
			if !harmlessCard(rest) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func harmlessURL(rest []byte) bool {
	for _, b := range rest[:min(len(rest), urlMaxUser)] {
		switch {
		case endsURL(b):
			return true
		case b == '@':
			return false
		}
	}
	return false
}

func harmlessCard(rest []byte) bool {
	n := clearCard
	for i, b := range rest {
		switch {
		case isDigit(b):
			if n++; n == minCard {
				return false
			}
		case b != ' ' && b != '-' || i > 0 && !isDigit(rest[i-1]):
			return true
		}
	}
	return false
}
