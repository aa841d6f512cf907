package mask

// glideBytes is how far openings are looked for before exact values are.
const glideBytes = 16

// glide steps over the bytes of p up to the first with which something may be under way, and returns how many.
func (s *Stream) glide(p []byte) int {
	if !s.quiet() || s.dump.phase != noRow {
		return 0
	}
	n := 0
	for n < len(p) {
		piece := p[n:min(len(p), n+glideBytes)]
		m := s.glidePiece(piece)
		if n += m; m < len(piece) {
			break
		}
	}
	s.text.remember(p[:n])
	return n
}

func (s *Stream) glidePiece(p []byte) int {
	t, search := s.text, s.rules.search
	next, hot := search.Next, search.Hot
	state, n := t.state, len(p)
	for i, b := range p {
		to := next[state+uint32(b)]
		if to >= hot || b < ' ' {
			n = i
			break
		}
		state = to
	}
	if s.rules.set != nil {
		if m := t.needles.Glide(s.rules.set, p[:n], s.pos); m < n {
			state, n = rejoin(search, t.state, p[:m]), m
		}
	}
	t.state = state
	s.pos += int64(n)
	return n
}
