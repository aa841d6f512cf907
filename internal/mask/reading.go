package mask

import (
	"cmp"
	"math"
	"slices"

	"github.com/sallyport-dev/sallyport/internal/mask/vt"
)

// reading is a second track of the screen: without the margins, which are text to the first one. It begins behind a margin, in the state
// that the first one had before it, and ends when both would find the same from there on.
//
// What it finds is masked as what the first one finds is. But the person keeps what they were given before the margin: where nothing was
// held, and behind a URL, a name and its separator, or a value without quotes if a blank came, since prompts end so. And they see what
// only such a name or a line end of a text with CR LF stands before: see nowhere. A byte that an editor writes twice is masked in the second
// place wherever it is in the first. The blank stays, and BS.
type reading struct {
	margin

	phase readingPhase
	late  bool   // its track takes bytes now, which the first one has taken or is about to
	track *track // nil until it is needed
	queue [maxMargin]unit
	n     int
	from  int64 // where the person's bytes begin that it masks
	kept  bool  // they are held from there on since before the margin
	since int   // bytes since the last margin
	told  []Hit // of the first track since it began
	twins []twin
}

type readingPhase uint8

const (
	readingOff  readingPhase = iota
	readingMay               // the track is as the first one was before what may be a margin
	readingGoes              // it has taken all that is not in the queue
)

// unit is a byte, or what it is for a track.
type unit struct {
	at    int64
	b     byte
	class vt.Class
}

// twin is a byte that stands in two places.
type twin struct{ first, second int64 }

// idle reports whether there is neither a reading nor what may become a margin.
func (r *reading) idle() bool { return r.phase == readingOff && r.margin.phase == noMargin }

// before takes a byte of the screen before the first track does. It reports whether the reading has it.
func (r *reading) before(s *Stream, b byte, class vt.Class) bool {
	start, blank := r.start, r.blank
	was, begins := r.margin.step(b, class, s.pos, s.peek)
	switch was {
	case marginNot:
		r.read(s)
	case marginBefore, marginWith:
		r.wrap(s, start, blank)
		switch {
		case was == marginWith && r.second > 0:
			r.twin(s, twin{r.first, r.second})
		case blank && !r.lines:
			r.spare(s, start, was == marginWith)
		}
	case marginNone, marginOpen:
	default:
	}
	switch {
	case begins && r.phase == readingOff:
		r.remember(s)
	case begins:
		r.kept = r.track.follows(s, r.blank)
	}
	return was == marginWith
}

// after takes it then.
func (r *reading) after(s *Stream, b byte, class vt.Class) {
	if r.phase != readingGoes {
		return
	}
	r.queue[r.n] = unit{s.pos, b, class}
	r.n++
	if r.margin.phase == noMargin {
		r.read(s)
	}
}

// read takes what waits: it is no margin.
func (r *reading) read(s *Stream) {
	if r.phase == readingMay {
		r.end()
		return
	}
	here := s.pos
	if r.n > 0 && r.queue[0].at < here && !r.kept {
		r.from = max(r.from, here) // the person was given what waited
	}
	r.late = true
	for _, u := range r.queue[:r.n] {
		s.pos = u.at
		r.track.take(s, u.b, u.class)
		if u.class == vt.Visible && u.b != '\r' && u.b != '\n' {
			r.since++
		}
	}
	s.pos, r.late, r.n = here, false, 0
	if r.phase == readingGoes && r.since > shownBy && r.track.same(s.text) {
		r.end()
	}
}

// shownBy is how many bytes show what a machine may look back at: the opening of a card, a gram.
const shownBy = 8

// settle takes what waits, whatever follows.
func (r *reading) settle(s *Stream) {
	r.margin.phase = noMargin
	r.read(s)
}

// wrap leaves out what waits, from a start on: it is a margin. A blank before a line end is none of it.
func (r *reading) wrap(s *Stream, start int64, blank bool) {
	recordOnly := r.lines || r.track.leads(s)
	switch {
	case r.phase == readingMay && recordOnly:
		r.from = nowhere
	case r.phase == readingMay && r.kept:
	case r.phase == readingMay, r.from == nowhere && !recordOnly:
		r.from = s.pos
	case !r.kept:
		r.from = max(r.from, s.pos)
	}
	if r.phase == readingMay {
		r.phase = readingGoes
		s.fork()
	}
	r.n, r.since = 0, 0
	if blank && r.lines {
		r.queue[0], r.n = unit{start, ' ', vt.Visible}, 1
		r.read(s)
	}
}

// nowhere is where the person's bytes begin that are masked, if none are: where each line of a text may look like a margin, or where a name
// and its separator stand before one, as in a status that a program writes again and again.
const nowhere = math.MaxInt64

// twin notes a byte that stands in two places.
func (r *reading) twin(s *Stream, t twin) {
	if t.second >= r.from {
		s.user.double(t)
	}
	s.record.double(t)
	if n := len(r.twins); n > 0 && r.twins[n-1].second == t.first {
		t.first = r.twins[n-1].first
	}
	if r.twins = append(r.twins, t); len(r.twins) > maxTwins {
		r.twins = slices.Delete(r.twins, 0, maxTwins/2)
	}
}

// spare leaves the blank of a margin as it is, and BS at s.pos.
func (r *reading) spare(s *Stream, blank int64, bs bool) {
	s.leave(blank)
	if bs {
		s.leave(s.pos)
	}
}

// double masks the other places of the bytes in [from, to), for the person too or not.
func (r *reading) double(s *Stream, from, to int64, user bool) {
	i, _ := slices.BinarySearchFunc(r.twins, from, func(t twin, at int64) int { return cmp.Compare(t.first, at) })
	for ; i < len(r.twins) && r.twins[i].first < to; i++ {
		second := r.twins[i].second
		if user && second >= r.from {
			s.user.star(second)
		}
		s.record.star(second)
	}
}

// maxTwins is more than there are in what is held: each takes two bytes at least.
const maxTwins = 8 << 10

// remember makes the track what the first one is.
func (r *reading) remember(s *Stream) {
	if r.track == nil {
		r.track = &track{}
	}
	r.track.become(s.text)
	r.phase = readingMay
	r.keep(s)
	if user, record := r.holds(s); user < s.pos || record < s.pos || r.kept {
		s.fork()
	}
}

// keep holds the person's bytes until it is known whether the one at s.pos begins a margin, if some were held before it. A blank is
// not waited for behind a URL, a name and its separator, or a value without quotes: prompts end so.
func (r *reading) keep(s *Stream) {
	t := r.track
	r.from = t.userHold(s, r.blank)
	r.kept = r.from < s.pos || r.margin.phase == marginTwice && s.user.starred > r.first
}

// end forgets the reading.
func (r *reading) end() {
	if r.phase != readingOff {
		r.track.reset()
	}
	r.phase, r.n, r.told, r.twins = readingOff, 0, r.told[:0], r.twins[:0]
}

// finish is the end of the stream, or of what is known of it, behind that of the first track.
func (r *reading) finish(s *Stream) {
	if r.phase == readingGoes {
		r.read(s)
	}
	if r.phase == readingGoes {
		r.late = true
		r.track.finish(s)
		r.late = false
	}
	r.end()
	r.margin = margin{}
}

// holds returns the first positions that the person and the record may not have yet.
func (r *reading) holds(s *Stream) (user, record int64) {
	user, record = s.pos, s.pos
	if r.phase == readingOff {
		return user, record
	}
	u, record := r.track.holds(s)
	if r.n > 0 {
		u, record = min(u, r.queue[0].at), min(record, r.queue[0].at)
	}
	if r.kept || r.margin.phase == noMargin {
		user = min(user, max(u, r.from))
	}
	if r.margin.phase == marginTwice && s.user.starred > r.first {
		user = min(user, r.second)
	}
	if r.margin.phase == marginTwice && s.recorded().starred > r.first {
		record = min(record, r.second)
	}
	return user, record
}

// maxTold bounds the hits of the first track that are known: those which the reading may find are among the last.
const maxTold = 64

// tells reports whether one is to be told of: not if the first track has found the same.
func (r *reading) tells(h Hit) bool {
	if r.late {
		return !slices.Contains(r.told, h)
	}
	if r.phase != readingOff {
		if len(r.told) == maxTold {
			r.told = slices.Delete(r.told, 0, maxTold/2)
		}
		r.told = append(r.told, h)
	}
	return true
}
