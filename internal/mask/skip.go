package mask

import (
	"bytes"

	"github.com/sallyport-dev/sallyport/internal/mask/vt"
)

const (
	// minSkip is the shortest stretch that is worth to be skipped.
	minSkip = 64
	// minClose and maxClose are how many bytes are stepped over after a skip: the more, the less it was worth.
	minClose = 8
	maxClose = 512
)

// quiet reports whether nothing is under way, so that what comes may be skipped.
func (s *Stream) quiet() bool {
	return s.vt.Ground() && !s.inside && !s.blind && s.text.quiet() && s.dump.quiet()
}

// skip goes over bytes of p from offset i on in which no rule opens and no exact value begins, and returns how many.
// What stepping over them would know is known after them.
func (s *Stream) skip(p []byte, i int, w *window) int {
	if w.escape <= i {
		w.escape = len(p)
		if n := bytes.IndexByte(p[i:], vt.Esc); n >= 0 {
			w.escape = i + n
		}
	}
	from := i
	for w.escape-i >= minSkip {
		if i >= w.end {
			w.scan(s.rules.search, p[:w.escape], i, s.text.state)
		}
		limit, state, opens := w.next(i)
		n := s.pass(p[i:limit], state)
		if i += n; i < limit || opens {
			break
		}
	}
	n := i - from
	for k := max(from, i-recentBytes); k < i; k++ {
		s.text.recent[s.text.count%recentBytes] = p[k]
		s.text.count++
	}
	if n >= minSkip/2 {
		w.close = minClose
	} else {
		w.close = min(max(2*w.close, minClose), maxClose)
	}
	return n
}

// pass goes over ahead, in which no rule opens, as far as no exact value begins. state is that of the search after all of it.
func (s *Stream) pass(ahead []byte, state uint32) int {
	t := s.text
	n := len(ahead)
	if s.rules.set != nil {
		if s.dump.phase == rowOffset && mayBegin(ahead) {
			return 0
		}
		n = t.needles.Skip(s.rules.set, ahead, s.pos, mayBegin)
		s.dump.phase = noRow
		if n > 0 && ahead[n-1] == '\n' {
			s.dump.phase = rowOffset
		}
	}
	switch {
	case n == len(ahead):
		t.state = state
	case n > 0:
		t.state = rejoin(s.rules.search, t.state, ahead[:n])
	}
	s.pos += int64(n)
	return n
}
