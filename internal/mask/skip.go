package mask

import "github.com/sallyport-dev/sallyport/internal/mask/needle"

const (
	// minSkip is the shortest stretch that is worth to be skipped.
	minSkip = 56
	// minClose and maxClose are how many bytes are stepped over after a skip: the more, the less it was worth. Within minClose
	// bytes an exact value that begins is under way.
	minClose = 8
	maxClose = 512
)

// quiet reports whether nothing is under way, so that what comes may be skipped.
func (s *Stream) quiet() bool {
	return s.calm() && !s.text.needles.Under() && s.dump.quiet()
}

// calm reports whether the next byte is visible text, unless it is an escape, nothing has been found that may go on, and no other
// values wait.
func (s *Stream) calm() bool {
	return s.next == nil && s.vt.Ground() && !s.inside && !s.blind && !s.raw.at && s.reading.idle() && s.text.calm()
}

// skip goes over bytes of p from offset i on in which no rule opens and no exact value begins, and returns how many.
// What stepping over them would know is known after them.
func (s *Stream) skip(p []byte, i int) int {
	w := s.window
	from, plain := i, w.plain(p, i, &s.reading.margin)
	for len(plain)-i >= minSkip && !s.text.needles.Under() {
		if i >= w.end {
			s.look(plain, i)
		}
		limit, state, stop := w.next(i)
		n := s.pass(p[i:limit], state)
		if i += n; i < limit || stop {
			break
		}
	}
	n := i - from
	s.passed(p[from:i])
	if n >= minSkip/2 {
		w.close = minClose
	} else {
		w.close = min(2*w.close, maxClose)
	}
	return n
}

// passed notes visible bytes before s.pos that were not stepped over.
func (s *Stream) passed(p []byte) {
	s.text.remember(p)
	s.reading.passed(p, s.pos-1)
}

// look finds what there is in a block of p from offset i on.
func (s *Stream) look(p []byte, i int) {
	w := s.window
	w.scan(s.rules.search, p, i, s.text.state, func(at place) bool { return s.harmless(p, at) })
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
