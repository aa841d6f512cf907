package mask

import (
	"slices"

	"github.com/sallyport-dev/sallyport/internal/mask/vt"
)

// track is a sequence of visible bytes that is followed: the text of a stream, or the inside of a string in its escape sequences.
type track struct {
	exacts

	state            uint32     // of the search
	live             []*machine // at work, but for those of assignments: one for each rule at most
	idle             []*machine // to be used again
	lead             bool       // leading is at work: after a name and its separator
	value            bool       // valuing is
	leading, valuing machine
	card             number
	iban             number
	recent           [recentBytes]byte // the last visible bytes, by count modulo their number
	count            uint
}

// recentBytes is more than the opening of a card number has.
const recentBytes = 16

// remember keeps the last bytes of p.
func (t *track) remember(p []byte) {
	for _, b := range p[max(0, len(p)-recentBytes):] {
		t.recent[t.count%recentBytes] = b
		t.count++
	}
}

// calm reports whether no rule is at work, and no exact value has been found that may go on.
func (t *track) calm() bool { return len(t.live) == 0 && !t.lead && !t.value && t.found.to == 0 }

// take takes a byte of the screen, or of a string, at position s.pos.
func (t *track) take(s *Stream, b byte, class vt.Class) {
	switch class {
	case vt.Visible:
		t.step(s, b, false)
	case vt.Gap:
		t.step(s, ' ', true)
	case vt.Move:
		t.interrupt(s)
	case vt.Hidden, vt.Enter, vt.Leave:
	default:
	}
}

// step takes a visible byte at position s.pos; ghost is true for one that stands for an escape sequence which ends there.
func (t *track) step(s *Stream, b byte, ghost bool) {
	t.recent[t.count%recentBytes] = b
	t.count++
	if len(t.live) > 0 || t.lead || t.value {
		t.advance(s, b)
	}
	t.search(s, b)
	if s.rules.set != nil {
		at := s.pos
		if ghost {
			at = ^at
		}
		t.match(s, b, at, 0)
	}
}

// search looks for openings.
func (t *track) search(s *Stream, b byte) {
	search := s.rules.search
	if t.state = search.Step(t.state, b); t.state >= search.Hot {
		t.enter(s)
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
	t.search(s, '\n')
}

func (t *track) reset() {
	t.idle = append(t.idle, t.live...)
	t.live, t.lead, t.value, t.exacts = t.live[:0], false, false, exacts{}
	t.state, t.count = 0, 0
}

// become makes t what another track is.
func (t *track) become(o *track) {
	t.reset()
	t.exacts, t.state, t.recent, t.count = o.exacts, o.state, o.recent, o.count
	if t.lead = o.lead; o.lead {
		t.leading.become(&o.leading)
	}
	if t.value = o.value; o.value {
		t.valuing.become(&o.valuing)
	}
	for _, m := range o.live {
		switch m.kind {
		case kindCard:
			t.card = o.card
		case kindIBAN:
			t.iban = o.iban
		case kindToken, kindPattern, kindAssignment, kindPEM, kindJWT, kindURL:
		default:
		}
		own := t.machine()
		own.become(m)
		t.live = append(t.live, own)
	}
}

// leads reports whether nothing is under way but a name and its separator, behind which a value may come.
func (t *track) leads(s *Stream) bool {
	if !t.lead || t.value || len(t.live) > 0 || t.found.to != 0 {
		return false
	}
	_, record := t.holds(s)
	return record >= s.pos
}

// follows reports whether a secret is under way that the person may not have, or not all of; for a blank a name and its separator are none. The
// first two bytes of a value the person may have.
func (t *track) follows(s *Stream, blank bool) bool {
	user, record := t.holds(s)
	return len(t.live) > 0 || t.value || t.found.to != 0 || user < s.pos && !(blank && t.lead) || record < s.pos-1 && !blank
}

// userHold is the first position that the person may not have yet; after a blank, but for what prompts end with.
func (t *track) userHold(s *Stream, blank bool) int64 {
	free := s.pos
	take := func(m *machine, at bool) {
		if at && m.hold >= 0 {
			free = min(free, m.hold)
		}
	}
	for _, m := range t.live {
		take(m, !blank || m.kind != kindURL)
	}
	take(&t.leading, t.lead && !blank)
	take(&t.valuing, t.value && (!blank || t.valuing.quote != 0))
	if s.rules.set != nil {
		user, _ := t.exacts.holds(s)
		free = min(free, user)
	}
	return free
}

// same reports whether two tracks, which have taken the same last bytes, will find the same.
func (t *track) same(o *track) bool {
	return t.state == o.state && t.calm() && o.calm() && !t.needles.Under() && !o.needles.Under()
}

// holds returns the first positions that the person and the record may not have yet.
func (t *track) holds(s *Stream) (user, record int64) {
	user = s.machineHold(t)
	record = user
	if s.rules.set == nil {
		return user, record
	}
	u, r := t.exacts.holds(s)
	return min(user, u), min(record, r)
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

func (t *track) number(k kind) *number {
	if k == kindIBAN {
		return &t.iban
	}
	return &t.card
}
