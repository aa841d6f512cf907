package mask

import (
	"hash"

	"github.com/sallyport-dev/sallyport/internal/mask/vt"
)

const (
	// MaxHeld bounds the bytes that a stream holds back.
	MaxHeld = 8 << 10
	// holdRule is what is masked because more would have to be held.
	holdRule = "hold-limit"
	// trimAbove is how much memory a stream keeps between writes.
	trimAbove = 64 << 10
)

// Output is what may leave now. The slices are valid until the next call.
type Output struct {
	User   []byte // for the person
	Record []byte // for the recording
	Hits   []Hit  // secrets whose masking ended in this output
}

// Stream masks one direction of one session. It is not safe for concurrent use.
type Stream struct {
	rules   *Rules
	next    *Rules // from when nothing is under way; nil for none
	vt      vt.Parser
	text    *track
	reading reading // of the text, without margins
	string  *track  // inside of a string in an escape sequence; nil until there is one
	inside  bool    // such a string
	raw     raw
	dump    dump
	peek    int  // the byte behind the one that is taken; -1 for none
	blind   bool // all is masked up to the next line end, or a sequence that moves

	pos          int64 // of the next byte, or, during a step, of its byte
	user, record side
	forked       bool // the record has a side of its own, though there are no values
	hidden       hidden
	window       *window // nil until it is needed
	hits         []Hit
	hmac         hash.Hash
	sum          []byte
}

// NewStream returns a masker for one direction of one session.
func (r *Rules) NewStream() *Stream {
	return &Stream{rules: r, text: &track{}}
}

// Write takes the next bytes of the stream and returns what can be let go. It
// does not keep p.
func (s *Stream) Write(p []byte) Output {
	s.ahead()
	s.begin(p)
	start := s.pos
	for i := 0; i < len(p); {
		if s.quiet() && len(p)-i >= minSkip {
			i += s.skip(p, i)
		}
		for end := min(len(p), i+s.window.close); i < end || i < len(p) && !s.quiet(); {
			s.pos = start + int64(i)
			s.rotate()
			if n := s.glide(p, i, max(i, end)); n > 0 {
				i += n
				continue
			}
			if s.peek = -1; i+1 < len(p) {
				s.peek = int(p[i+1])
			}
			s.step(p[i])
			i++
		}
		s.pos = start + int64(i)
	}
	s.rotate()
	return s.release()
}

// ahead forgets what was ahead of the last write.
func (s *Stream) ahead() {
	if s.window == nil {
		s.window = &window{}
	}
	s.window.renew()
}

// begin drops what the last call returned, and takes p.
func (s *Stream) begin(p []byte) {
	s.user.begin(p)
	if s.apart() {
		s.record.begin(p)
	}
	s.hits = s.hits[:0]
	s.rotate()
}

// apart reports whether the person and the record may be given different bytes: exact values and margins make a difference.
func (s *Stream) apart() bool { return s.rules.set != nil || s.forked }

// recorded is the side of the record.
func (s *Stream) recorded() *side {
	if s.apart() {
		return &s.record
	}
	return &s.user
}

// tracks are those in use.
func (s *Stream) tracks() []*track {
	all := []*track{s.text}
	if s.string != nil {
		all = append(all, s.string)
	}
	if s.reading.phase != readingOff {
		all = append(all, s.reading.track)
	}
	return all
}

// step takes the byte at s.pos.
func (s *Stream) step(b byte) {
	class := vt.Visible
	if b == vt.Esc || b == vt.Bel || !s.vt.Ground() {
		class = s.vt.Step(b)
	}
	if class == vt.Visible && (s.dump.phase != noRow || b == '\n') && s.rules.set != nil && !s.inside {
		s.dump.step(s, b)
	}
	s.take(b, class)
	if s.pos%boundEvery == 0 {
		s.bound()
	}
}

// take hands the byte at s.pos to whom it is for.
func (s *Stream) take(b byte, class vt.Class) {
	switch {
	case class == vt.Visible && s.blind:
		s.mask(s.pos, s.pos+1)
		s.blind = b != '\n'
		return
	case (s.raw.at || class != vt.Visible) && s.rules.set != nil && !s.blind:
		s.raw.step(s, b, class)
	}
	if class != vt.Visible {
		s.leave(s.pos)
	}
	if s.inside || s.blind {
		s.track().take(s, b, class)
	} else {
		margin := s.reading.before(s, b, class)
		s.text.take(s, b, class)
		if !margin {
			s.reading.after(s, b, class)
		}
	}
	s.escape(class)
}

// escape takes a byte of an escape sequence, after the tracks have.
func (s *Stream) escape(class vt.Class) {
	switch class {
	case vt.Move:
		s.blind = false
	case vt.Enter:
		if s.string == nil {
			s.string = &track{}
		}
		s.inside = true
	case vt.Leave:
		s.string.finish(s)
		s.inside = false
	case vt.Visible, vt.Hidden, vt.Gap:
	default:
	}
}

func (s *Stream) track() *track {
	if s.inside {
		return s.string
	}
	return s.text
}

// leave notes that a byte is not to be masked.
func (s *Stream) leave(at int64) {
	if len(s.hidden) > 0 {
		_, record := s.holds()
		s.hidden.forget(record)
	}
	s.hidden.add(at)
}

// holds returns the first positions that the person and the record may not have yet.
func (s *Stream) holds() (user, record int64) {
	user, record = s.text.holds(s)
	least := func(u, r int64) { user, record = min(user, u), min(record, r) }
	if s.inside {
		least(s.string.holds(s))
	}
	if s.rules.set != nil {
		least(s.dump.holds(s))
	}
	least(s.reading.holds(s))
	if s.raw.at {
		least(s.raw.holds(s))
	}
	return user, record
}

// release returns everything before the first byte that is held.
func (s *Stream) release() Output {
	user, record := s.holds()
	out := Output{User: s.user.release(user), Hits: s.hits}
	if out.Record = out.User; s.apart() {
		out.Record = s.record.release(record)
	}
	return out
}

// Flush ends the stream and returns what was held. A next Write starts afresh,
// at the same offset.
func (s *Stream) Flush() Output {
	s.ahead()
	s.begin(nil)
	s.finish()
	s.vt, s.inside, s.blind, s.hidden = vt.Parser{}, false, false, s.hidden[:0]
	return s.release()
}

// Trim gives back the memory that a large write took. What the last call returned
// is no longer valid.
func (s *Stream) Trim() {
	for _, d := range []*side{&s.user, &s.record} {
		if cap(d.buf) > trimAbove {
			d.trim()
		}
	}
}

// Held returns the number of bytes that the person has not been given yet.
func (s *Stream) Held() int { return s.user.held() }

// Ahead is how many bytes of the stream the person has been given that the record has not, yet.
func (s *Stream) Ahead() int {
	if !s.apart() {
		return 0
	}
	return s.record.held() - s.user.held()
}
