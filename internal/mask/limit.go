package mask

// mask overwrites [from, to), none of which has left.
func (s *Stream) mask(from, to int64) {
	user := from
	if s.reading.late {
		user = max(from, s.reading.from)
		s.reading.double(s, from, to, true)
	}
	s.user.stars(user, to, s.hidden.after(user))
	if s.apart() {
		s.record.stars(from, to, s.hidden.after(from))
	}
}

// star masks a byte of an exact value for the record, and for the person if they may not have it.
func (s *Stream) star(at int64, user bool) {
	if s.reading.late {
		s.reading.double(s, at, at+1, user)
		user = user && at >= s.reading.from
	}
	if user {
		s.user.star(at)
	}
	s.record.star(at)
}

// bound gives up on what would hold too much: all of it is masked, and all that follows on the line. But what is less than a gram of
// an exact value is dropped: nearly any letter begins one, and a picture or the clipboard may follow it.
func (s *Stream) bound() {
	_, from := s.holds()
	if s.pos-from < maxHold {
		return
	}
	s.reading.settle(s)
	for _, t := range s.tracks() {
		t.drop()
	}
	s.raw.drop()
	if !s.dump.needles.Under() {
		s.dump.after(0)
	}
	user, from := s.holds()
	if s.pos-from < maxHold {
		return
	}
	s.user.stars(user, s.pos+1, s.hidden.after(user))
	if s.apart() {
		s.record.stars(from, s.pos+1, s.hidden.after(from))
	}
	s.finish()
	to := s.pos + 1
	for to > from+1 && s.recorded().buf[to-1-s.recorded().base] != '*' {
		to--
	}
	s.report(Hit{Rule: holdRule, Offset: from, Length: to - from})
	s.blind = true
}

const (
	// boundEvery is how far apart what is held is looked at.
	boundEvery = 512
	maxHold    = MaxHeld - 2*boundEvery
)

// finish is the end of all that is followed.
func (s *Stream) finish() {
	s.text.finish(s)
	if s.string != nil {
		s.string.finish(s)
	}
	s.reading.finish(s)
	s.raw.end(s)
	s.dump.close(s)
	s.dump = dump{}
}
