package mask

import "bytes"

// Use changes the values that a stream looks for to those of rules, whose digest must be the same, in its next write, or as soon as
// nothing is followed: what is being followed is followed to its end. Rules without any values do not take the
// place of some.
func (s *Stream) Use(rules *Rules) {
	if rules.set != nil || s.rules.set == nil {
		s.next = rules
	}
}

// rotate changes to the next values, if there are some and nothing is followed. Until then it is called at every byte.
func (s *Stream) rotate() {
	if s.next == nil || !s.settled() {
		return
	}
	s.rules, s.next = s.next, nil
	s.split()
	s.window.renew()
}

// settled reports whether no exact value is being followed.
func (s *Stream) settled() bool {
	for _, t := range s.tracks() {
		if !t.done() {
			return false
		}
	}
	return s.raw.done() && !s.dump.needles.Under() && s.dump.found.to == 0
}

// split gives the record a side of its own, where it had none.
func (s *Stream) split() {
	if s.apart() && s.record.buf == nil {
		s.record = s.user
		s.record.buf = bytes.Clone(s.user.buf)
	}
}

// fork gives the record a side of its own.
func (s *Stream) fork() {
	if !s.apart() {
		s.forked = true
		s.split()
	}
}
