package mask

// glideBytes is how far openings are looked for before exact values are.
const glideBytes = 32

// glide steps over the bytes of p from offset i up to end at most, as long as no rule is at work and nothing is masked, and returns
// how many those are.
func (s *Stream) glide(p []byte, i, end int) int {
	if i == end || !s.calm() || s.dump.phase != noRow {
		return 0
	}
	plain := s.window.plain(p, i, &s.reading.margin)
	from, end := i, min(end, len(plain))
	for i < end {
		to := min(end, i+glideBytes)
		i += s.glidePiece(plain, i, to)
		if i < to {
			break
		}
	}
	s.passed(p[from:i])
	return i - from
}

func (s *Stream) glidePiece(p []byte, from, end int) int {
	t, search := s.text, s.rules.search
	next, hot := search.Next, search.Hot
	state, n := t.state, end-from
	for i, b := range p[from:end] {
		to := next[state+uint32(b)]
		if to >= hot && !s.harmless(p, place{from + i, state}) || b < ' ' {
			n = i
			break
		}
		state = to
	}
	if s.rules.set != nil {
		if m := t.needles.Glide(s.rules.set, p[from:from+n], s.pos); m < n {
			state, n = rejoin(search, t.state, p[from:from+m]), m
		}
	}
	t.state = state
	s.pos += int64(n)
	return n
}
