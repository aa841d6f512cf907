package mask

import (
	"slices"

	"github.com/sallyport-dev/sallyport/internal/mask/needle"
)

// track is a sequence of visible bytes that is followed: the text of a stream, or the inside of a string in its escape sequences.
type track struct {
	state            uint32     // of the search
	live             []*machine // at work, but for those of assignments: one for each rule at most
	idle             []*machine // to be used again
	lead             bool       // leading is at work: after a name and its separator
	value            bool       // valuing is
	leading, valuing machine
	needles          needle.Tracker
	found            exact
	card             number
	iban             number
	recent           [recentBytes]byte // the last visible bytes, by count modulo their number
	count            uint
}

// recentBytes is more than the opening of a card number has.
const recentBytes = 16

// exact is a masked run of exact values that may go on.
type exact struct {
	span

	owner int
	best  uint16 // bytes of the longest text so far
}

// remember keeps the last bytes of p.
func (t *track) remember(p []byte) {
	for _, b := range p[max(0, len(p)-recentBytes):] {
		t.recent[t.count%recentBytes] = b
		t.count++
	}
}

// calm reports whether no rule is at work, and no exact value has been found that may go on.
func (t *track) calm() bool { return len(t.live) == 0 && !t.lead && !t.value && t.found.to == 0 }

// step takes a visible byte at position s.pos; ghost is true for one that stands for an escape sequence which ends there.
func (t *track) step(s *Stream, b byte, ghost bool) {
	t.recent[t.count%recentBytes] = b
	t.count++
	if len(t.live) > 0 || t.lead || t.value {
		t.advance(s, b)
	}
	search := s.rules.search
	t.state = search.Next[t.state+uint32(b)]
	if t.state >= search.Hot {
		t.enter(s)
	}
	if s.rules.set != nil {
		at := s.pos
		if ghost {
			at = ^at
		}
		t.match(s, b, at)
	}
}

// advance gives a byte to every machine at work. The value's comes before the lead, which may want to take its place.
func (t *track) advance(s *Stream, b byte) {
	if t.value && !t.valuing.stepValue(s, b) {
		t.value = false
		t.valuing.end(s)
	}
	if t.lead && !t.leading.stepLead(s, t, b) {
		t.lead = false
	}
	for i := 0; i < len(t.live); {
		m := t.live[i]
		if m.step(s, t, b) {
			i++
			continue
		}
		t.live, t.idle = slices.Delete(t.live, i, i+1), append(t.idle, m)
		m.end(s)
	}
}

// enter starts the machines of the rules that open here. A rule that is at work already stays with its earlier opening:
// what would follow the later one is part of what follows the earlier. Nor does one start whose secret lies within one
// that is being masked.
func (t *track) enter(s *Stream) {
	named := false
	for _, e := range s.rules.search.Ends(t.state) {
		o := s.rules.openings[e]
		r := &s.rules.rules[o.rule]
		if r.kind == kindAssignment {
			if !named { // the first rule is the most special one
				named, t.lead = true, true
				t.leading.open(s, o, r)
			}
			continue
		}
		if t.within(s, o.rule) {
			continue
		}
		m := t.machine()
		m.open(s, o, r)
		if r.kind == kindCard || r.kind == kindIBAN {
			t.number(r.kind).begin(t, r.kind)
		}
		t.live = append(t.live, m)
	}
}

func (t *track) machine() *machine {
	n := len(t.idle)
	if n == 0 {
		return &machine{}
	}
	m := t.idle[n-1]
	t.idle = t.idle[:n-1]
	return m
}

// within reports whether a rule is at work already, or all that it could find is being masked by a run of at least its bytes.
func (t *track) within(s *Stream, rule int) bool {
	for _, m := range t.live {
		if m.rule == rule || m.kind == kindToken && m.hold < 0 && s.rules.covers[m.rule][rule] {
			return true
		}
	}
	return false
}

// match takes a byte for the exact values.
func (t *track) match(s *Stream, b byte, at int64) {
	set := s.rules.set
	if !t.needles.Step(set, b, at) {
		if t.found.to != 0 && b != '\n' && b != '\r' {
			t.close(s)
		}
		return
	}
	st := t.needles.State(set)
	spans := set.Spans(st)
	if spans.MaskRecord == 0 {
		if t.found.to != 0 && s.place(t.needles.Back(int(max(spans.HoldRecord, 1)))) >= t.found.to {
			t.close(s)
		}
		return
	}
	n := int(min(spans.MaskRecord, needle.Commit))
	from := s.place(t.needles.Back(n))
	if spans.MaskRecord > needle.Commit {
		n = 1 // the rest is masked
	}
	for i := 1; i <= n; i++ {
		p := t.needles.Back(i)
		if p < 0 {
			continue
		}
		if i <= int(spans.MaskUser) {
			s.user.star(p)
		}
		s.record.star(p)
	}
	t.extend(s, from, set, st, spans.MaskRecord)
}

// extend makes the run reach the current byte.
func (t *track) extend(s *Stream, from int64, set *needle.Set, st needle.State, length uint16) {
	if t.found.to != 0 && from > t.found.to {
		t.close(s)
	}
	if t.found.to == 0 {
		t.found = exact{span: span{from: from}}
	}
	t.found.to = s.pos + 1
	if length > t.found.best {
		t.found.best, t.found.owner = length, set.Owner(st)
	}
}

// close reports the run.
func (t *track) close(s *Stream) {
	if t.found.to == 0 {
		return
	}
	s.reportExact(t.found)
	t.found = exact{}
}

func (s *Stream) reportExact(run exact) {
	o := &s.rules.owners[run.owner]
	s.report(Hit{Rule: o.rule, Offset: run.from, Length: run.to - run.from, Fingerprint: o.fingerprint})
}

// finish is the end of the sequence.
func (t *track) finish(s *Stream) {
	if t.value {
		t.valuing.closeValue(s)
		t.valuing.end(s)
	}
	for _, m := range t.live {
		m.finish(s, t)
		m.end(s)
	}
	t.close(s)
	t.reset()
}

// interrupt is a sequence that moves the cursor: to rules as a line end, to exact values nothing.
func (t *track) interrupt(s *Stream) {
	t.recent[t.count%recentBytes] = '\n'
	t.count++
	if len(t.live) > 0 || t.lead || t.value {
		t.advance(s, '\n')
	}
	t.state = s.rules.search.Step(t.state, '\n')
}

func (t *track) reset() {
	t.idle = append(t.idle, t.live...)
	t.live, t.lead, t.value, t.found = t.live[:0], false, false, exact{}
	t.state, t.count = 0, 0
	t.needles.Reset()
}

// holds returns the first positions that the person and the record may not have yet.
func (t *track) holds(s *Stream) (user, record int64) {
	user = s.machineHold(t)
	record = user
	if s.rules.set == nil {
		return user, record
	}
	spans := s.rules.set.Spans(t.needles.State(s.rules.set))
	if n := int(spans.HoldUser); n > 0 {
		user = min(user, s.place(t.needles.Back(n)))
	}
	if n := int(spans.HoldRecord); n > 0 {
		record = min(record, s.place(t.needles.Back(n)))
	}
	return user, record
}

// machineHold returns the first position that a machine holds; s.pos for none.
func (s *Stream) machineHold(t *track) int64 {
	free := s.pos
	for _, m := range t.live {
		if m.hold >= 0 {
			free = min(free, m.hold)
		}
	}
	if t.lead && t.leading.hold >= 0 {
		free = min(free, t.leading.hold)
	}
	if t.value && t.valuing.hold >= 0 {
		free = min(free, t.valuing.hold)
	}
	return free
}

// place is where a byte is, or the escape sequence that it stands for.
func (s *Stream) place(at int64) int64 { return max(at, ^at) }

func (t *track) number(k kind) *number {
	if k == kindIBAN {
		return &t.iban
	}
	return &t.card
}
