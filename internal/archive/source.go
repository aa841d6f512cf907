package archive

import "io"

// source gives the parser its bytes, and stops it where there are none.
type source struct {
	lister *Lister
	wait   func() bool // until there are bytes; false if there will be none

	bytes []byte
	at    int64 // bytes that were read
	zeros int64 // up to this byte there may be zeros only
	ended bool
	err   error // of telling
}

// Read gives what is there, and waits for more only if there is nothing.
func (s *source) Read(p []byte) (int, error) {
	for len(s.bytes) == 0 {
		if s.ended {
			return 0, io.EOF
		}
		if s.err = s.lister.begin(); s.err != nil {
			return 0, s.err
		}
		if !s.wait() {
			return 0, io.EOF
		}
	}
	n := copy(p, s.bytes)
	for i := range s.bytes[:max(0, min(int64(n), s.zeros-s.at))] {
		if s.bytes[i] != 0 {
			s.lister.known = s.at + int64(i)
			return 0, errPadding
		}
	}
	s.bytes = s.bytes[n:]
	s.at += int64(n)
	if s.at-s.lister.known > maxHeader {
		return 0, errHeader
	}
	return n, nil
}

// begin tells the member whose content is on the way, before anybody waits for the rest of it.
func (l *Lister) begin() error {
	if l.current == nil {
		return nil
	}
	m := *l.current
	m.State = StateBegun
	l.current = nil
	return l.tell(m)
}
