package mask

import "github.com/sallyport-dev/sallyport/internal/mask/needle"

// exacts follows exact values over some of the stream's bytes.
type exacts struct {
	needles needle.Tracker
	found   exact
}

// exact is a masked run of exact values that may go on.
type exact struct {
	span

	owner int
	best  uint16 // bytes of the longest text so far
}

// match takes the byte at s.pos, which is to be known by the position at, and masks what is found and longer than a number of bytes.
func (e *exacts) match(s *Stream, b byte, at int64, longer int) {
	set := s.rules.set
	if !e.needles.Step(set, b, at) {
		if e.found.to != 0 && b != '\n' && b != '\r' {
			e.close(s)
		}
		return
	}
	st := e.needles.State(set)
	spans := set.Spans(st)
	if int(spans.MaskRecord) <= longer {
		if e.found.to != 0 && located(e.needles.Back(int(max(spans.HoldRecord, 1)))) >= e.found.to {
			e.close(s)
		}
		return
	}
	n := int(min(spans.MaskRecord, needle.Commit))
	from := located(e.needles.Back(n))
	if spans.MaskRecord > needle.Commit {
		n = 1 // the rest is masked
	}
	for i := 1; i <= n; i++ {
		p := e.needles.Back(i)
		if p < 0 {
			continue
		}
		s.star(p, i <= int(spans.MaskUser))
	}
	e.extend(s, from, set, st, spans.MaskRecord)
}

// extend makes the run reach the current byte.
func (e *exacts) extend(s *Stream, from int64, set *needle.Set, st needle.State, length uint16) {
	if e.found.to != 0 && from > e.found.to {
		e.close(s)
	}
	if e.found.to == 0 {
		e.found = exact{span: span{from: from}}
	}
	e.found.to = s.pos + 1
	if length > e.found.best {
		e.found.best, e.found.owner = length, set.Owner(st)
	}
}

// close reports the run.
func (e *exacts) close(s *Stream) {
	if e.found.to == 0 {
		return
	}
	s.reportExact(e.found)
	e.found = exact{}
}

func (s *Stream) reportExact(run exact) {
	o := &s.rules.owners[run.owner]
	s.report(Hit{Rule: o.rule, Offset: run.from, Length: run.to - run.from, Fingerprint: o.fingerprint})
}

// holds returns the first positions that the person and the record may not have yet.
func (e *exacts) holds(s *Stream) (user, record int64) {
	user, record = s.pos, s.pos
	spans := s.rules.set.Spans(e.needles.State(s.rules.set))
	if n := int(spans.HoldUser); n > 0 {
		user = located(e.needles.Back(n))
	}
	if n := int(spans.HoldRecord); n > 0 {
		record = located(e.needles.Back(n))
	}
	return user, record
}

// drop forgets the first few bytes of a value.
func (e *exacts) drop() {
	if !e.needles.Under() {
		e.needles.Reset()
	}
}

// done reports whether nothing is followed.
func (e *exacts) done() bool { return !e.needles.Under() && e.found.to == 0 }

// located is where a byte is, or the escape sequence that it stands for.
func located(at int64) int64 { return max(at, ^at) }
