package mask

import "github.com/sallyport-dev/sallyport/internal/mask/vt"

// raw follows exact values over the bytes as they stand, those of escape sequences among them: a value may contain some, or follow
// what a terminal takes for the beginning of one. It masks what has such a byte in it; the rest the tracks find.
//
// It is at work from the first byte of a sequence until it would know no more than the track of the text does.
type raw struct {
	exacts

	at    bool
	plain int // bytes since the last one of a sequence, CR and LF not counted; at most plainMax
}

const plainMax = 1 << 16

// step takes the byte at s.pos, before the tracks do.
func (r *raw) step(s *Stream, b byte, class vt.Class) {
	if !r.at {
		if class == vt.Visible {
			return
		}
		r.needles, r.at = s.text.needles, true
	}
	switch {
	case class != vt.Visible:
		r.plain = 0
	case b != '\n' && b != '\r':
		r.plain = min(r.plain+1, plainMax)
	}
	r.match(s, b, s.pos, r.plain)
	if r.plain >= rawEntry && !s.inside && r.done() && s.text.done() {
		r.at = false
	}
}

// rawEntry is how many bytes show what began before them.
const rawEntry = 4

// end is the end of the stream, or of what is known of it.
func (r *raw) end(s *Stream) {
	r.close(s)
	*r = raw{}
}
