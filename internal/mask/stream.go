package mask

import (
	"encoding/hex"
	"math/bits"
)

const (
	// MaxHeld bounds the bytes that a stream holds back.
	MaxHeld = 512
	// lookBehind is how far before the current byte a rule looks: a literal and
	// one byte.
	lookBehind = 64
	// trimAbove is how much memory a stream keeps between writes.
	trimAbove = 64 << 10
	// maxRules is how many machines fit the set of active ones.
	maxRules = 62
)

// Hit is one masked secret: its rule, and where it lies in the stream. Spans of
// different rules may overlap.
type Hit struct {
	Rule   string
	Offset int64 // of the first masked byte, from the stream's start
	Length int64 // up to and including the last masked byte
	// Fingerprint is equal for equal secrets under one key, and zero without a key.
	Fingerprint Fingerprint
}

// Fingerprint is the first 64 bits of an HMAC-SHA-256.
type Fingerprint [8]byte

// String is lower-case hex; empty for none.
func (f Fingerprint) String() string {
	if f == (Fingerprint{}) {
		return ""
	}
	return hex.EncodeToString(f[:])
}

// Output is what may leave now. The slices are valid until the next call.
type Output struct {
	User   []byte // for the person
	Record []byte // for the recording
	Hits   []Hit  // secrets whose masking ended in this output
}

// Stream masks one direction of one session. It is not safe for concurrent use.
type Stream struct {
	rules  *Rules
	state  uint32 // of the automaton
	active uint64 // machines at work, by slot
	slots  []machine
	counts []int // secrets found, by rule

	pos   int64            // of the next byte
	base  int64            // position of buf[0]
	buf   []byte           // what is held, then, during Write, the input
	done  int              // bytes of buf that the last call returned
	prior [lookBehind]byte // the raw bytes before pos, by position modulo its length
	hits  []Hit
}

// NewStream returns a masker for one direction of one session.
func (r *Rules) NewStream() *Stream {
	// Slot i is rule i's machine; all assignments share the last two, one for a
	// name whose value has not begun, one for a value.
	return &Stream{rules: r, slots: make([]machine, len(r.rules)+2), counts: make([]int, len(r.rules))}
}

func (s *Stream) valueSlot() int { return len(s.rules.rules) }
func (s *Stream) nameSlot() int  { return len(s.rules.rules) + 1 }

// Write takes the next bytes of the stream and returns what can be let go. It
// does not keep p.
func (s *Stream) Write(p []byte) Output {
	s.begin()
	s.buf = append(s.buf, p...)
	a := s.rules.automaton
	start := s.pos
	for i := 0; i < len(p); i++ {
		if s.active == 0 {
			n := a.skip(&s.state, p[i:])
			if i += n; i == len(p) {
				break
			}
		} else {
			s.pos = start + int64(i)
			s.advance(p[i])
			s.state = a.step(s.state, p[i])
		}
		if s.state >= a.hot {
			s.pos = start + int64(i)
			s.enter(p, i)
		}
	}
	s.pos = start + int64(len(p))
	s.remember(p)
	return s.release()
}

// Trim gives back the memory that a large write took. What the last call returned
// is no longer valid.
func (s *Stream) Trim() {
	if cap(s.buf) <= trimAbove {
		return
	}
	s.begin()
	s.buf = append([]byte(nil), s.buf...)
}

// begin drops what the last call returned.
func (s *Stream) begin() {
	kept := copy(s.buf, s.buf[s.done:])
	s.base += int64(s.done)
	s.buf, s.done, s.hits = s.buf[:kept], 0, s.hits[:0]
}

// advance gives a byte to every machine at work. The value's machine comes before
// the name's, which may want to take its place.
func (s *Stream) advance(b byte) {
	for set := s.active; set != 0; set &= set - 1 {
		slot := bits.TrailingZeros64(set)
		if !s.slots[slot].step(s, b) {
			s.end(slot)
		}
	}
}

// end takes a machine off work and reports what it masked.
func (s *Stream) end(slot int) {
	m := &s.slots[slot]
	s.active &^= 1 << slot
	if m.to > m.from {
		s.hits = append(s.hits, Hit{Rule: s.rules.rules[m.rule].name, Offset: m.from, Length: m.to - m.from})
	}
}

// enter starts the machines of the literals that end at p[i]. A rule that is at
// work already stays with its earlier beginning: what would follow the later one
// is part of what follows the earlier.
func (s *Stream) enter(p []byte, i int) {
	named := false
	for _, lit := range s.rules.automaton.endings(s.state) {
		r := &s.rules.rules[lit.rule]
		slot := lit.rule
		if r.kind == kindAssignment {
			slot = s.nameSlot()
			if named {
				continue // the longest name counts
			}
		}
		if !s.fits(r, lit.text, p, i) {
			continue
		}
		if r.kind == kindAssignment {
			named = true
		} else if s.active&(1<<slot) != 0 {
			continue
		}
		s.slots[slot] = newMachine(lit.rule, r, s.pos+1)
		s.active |= 1 << slot
	}
}

// fits checks what the folded automaton cannot: case, and the byte before.
func (s *Stream) fits(r *rule, text string, p []byte, i int) bool {
	before := s.before(p, i, len(text))
	if r.boundary && isAlnum(before) || r.notIn64 && (before == '+' || before == '/') {
		return false
	}
	if r.exact {
		for k := range len(text) {
			if s.before(p, i, len(text)-1-k) != text[k] {
				return false
			}
		}
	}
	return true
}

// before returns the raw byte n before p[i]; zero before the stream's start.
func (s *Stream) before(p []byte, i, n int) byte {
	if n <= i {
		return p[i-n]
	}
	at := s.pos - int64(n)
	if at < 0 {
		return 0
	}
	return s.prior[at%lookBehind]
}

// remember keeps the raw bytes that later literals may reach back to.
func (s *Stream) remember(p []byte) {
	if len(p) > lookBehind {
		p = p[len(p)-lookBehind:]
	}
	at := int(s.pos-int64(len(p))) % lookBehind
	n := copy(s.prior[at:], p)
	copy(s.prior[:], p[n:])
}

// release returns everything before the first byte that a machine holds.
func (s *Stream) release() Output {
	free := s.pos
	for set := s.active; set != 0; set &= set - 1 {
		if m := &s.slots[bits.TrailingZeros64(set)]; m.hold >= 0 {
			free = min(free, m.hold)
		}
	}
	s.done = int(free - s.base)
	return Output{User: s.buf[:s.done:s.done], Record: s.buf[:s.done:s.done], Hits: s.hits}
}

// mask overwrites [from, to), none of which has left.
func (s *Stream) mask(from, to int64) {
	b := s.buf[from-s.base : to-s.base]
	for i := range b {
		b[i] = '*'
	}
}

// Flush ends the stream and returns what was held. A next Write starts afresh,
// at the same offset.
func (s *Stream) Flush() Output {
	s.begin()
	for set := s.active; set != 0; set &= set - 1 {
		slot := bits.TrailingZeros64(set)
		s.slots[slot].finish(s)
		s.end(slot)
	}
	s.state, s.prior = 0, [lookBehind]byte{}
	return s.release()
}

// Counts returns the number of secrets found so far, by rule name.
func (s *Stream) Counts() map[string]int {
	counts := map[string]int{}
	for i, n := range s.counts {
		if n > 0 {
			counts[s.rules.rules[i].name] += n
		}
	}
	return counts
}

// Held returns the number of bytes held back now.
func (s *Stream) Held() int { return len(s.buf) - s.done }
