package mask

import "github.com/sallyport-dev/sallyport/internal/mask/vt"

// margin is what may be the end of a line of the screen that a line editor goes on from. At the right margin readline writes a blank
// and CR, the shell of busybox a blank and BS: the blank makes the terminal begin a line, and what is typed or pasted goes on
// there. Both bytes are then as if they were not there, like a sequence that paints: to rules, to exact values, in a masked span.
//
// A blank that CR and LF follow is text at the end of a line. What a rule finds must have begun: where a beginning
// needs something before it that is no letter, the two bytes are that, too.
type margin struct {
	bytes int8  // that may be one: a blank, or a blank and CR
	at    int64 // where the blank is
}

const bs = '\b'

// waits reports whether the byte at s.pos is not to be taken, or not yet.
func (s *Stream) waits(b byte, class vt.Class) bool {
	m := &s.margin
	visible := class == vt.Visible && !s.inside && !s.blind
	switch {
	case m.bytes == 1 && visible && b == '\r':
		m.bytes = 2
		return true
	case m.bytes == 1 && visible && b == bs:
		m.wrap(s, bs)
		return true
	case m.bytes == 2 && b != '\n':
		m.wrap(s, '\r')
	case m.bytes > 0:
		m.plain(s)
	}
	if visible && b == ' ' {
		*m = margin{bytes: 1, at: s.pos}
		return true
	}
	return false
}

// wrap leaves the bytes out: the blank, and the one behind it.
func (m *margin) wrap(s *Stream, second byte) {
	here := s.pos
	for i, b := range []byte{' ', second} {
		s.pos = m.at + int64(i)
		s.hide()
		if s.rules.set != nil {
			s.raw.step(s, b, vt.Hidden)
		}
	}
	s.pos = here
	s.text.wrap(s, second)
	*m = margin{}
}

// plain takes the bytes as what they are.
func (m *margin) plain(s *Stream) {
	here, n := s.pos, m.bytes
	at := m.at
	*m = margin{}
	for i := range n {
		s.pos = at + int64(i)
		s.take(" \r"[i], vt.Visible)
	}
	s.pos = here
}

// holds returns the first positions that the person and the record may not have while it is open what the blank is.
func (m *margin) holds(s *Stream) (user, record int64) {
	user, record = s.pos, s.pos
	if s.text.masksBlank() {
		return m.at, m.at
	}
	if s.rules.set == nil {
		return user, record
	}
	of := []*exacts{&s.text.exacts}
	if s.raw.at {
		of = append(of, &s.raw.exacts)
	}
	for _, e := range of {
		u, r := e.holdsAfter(s, ' ', m.at)
		user, record = min(user, u), min(record, r)
	}
	return user, record
}
