package mask

import (
	"bytes"

	"github.com/sallyport-dev/sallyport/internal/mask/dfa"
	"github.com/sallyport-dev/sallyport/internal/mask/vt"
)

const (
	// minSkip is the shortest stretch that is worth to be skipped, closely how many bytes are stepped over after one.
	minSkip = 64
	closely = 8
	// calm is how many bytes without an opening make it likely that many more follow.
	calm = 512
	// lanes are the parts of a block that scanBlock reads side by side.
	lanes     = 4
	laneBytes = 1024
	// scanBytes is how far openings are looked for ahead of exact values.
	scanBytes = 16 << 10
)

// window is what is known of the bytes ahead in one write. Offsets are in its input.
type window struct {
	escape int    // of the next escape, if it is ahead
	end    int    // up to there no rule opens
	state  uint32 // of the search there
}

// quiet reports whether nothing is under way, so that what comes may be skipped.
func (s *Stream) quiet() bool {
	return s.vt.Ground() && !s.inside && !s.blind && s.text.quiet()
}

// skip goes over bytes of p from offset i on in which no rule opens and no exact value begins, and returns how many.
// What stepping over them would know is known after them.
func (s *Stream) skip(p []byte, i int, w *window) int {
	if w.escape <= i {
		w.escape = len(p)
		if n := bytes.IndexByte(p[i:], vt.Esc); n >= 0 {
			w.escape = i + n
		}
	}
	t := s.text
	if w.end <= i {
		w.end, w.state = i, t.state
		w.scan(s.rules.search, p[:min(w.escape, i+scanBytes)])
	}
	ahead := p[i:w.end]
	if s.rules.set != nil {
		ahead = ahead[:t.needles.Skip(s.rules.set, ahead, s.pos)]
	}
	n := len(ahead)
	if n == 0 {
		return 0
	}
	if i+n == w.end {
		t.state = w.state
	} else {
		t.state = rejoin(s.rules.search, t.state, ahead)
	}
	for k := max(0, n-recentBytes); k < n; k++ {
		t.recent[t.count%recentBytes] = ahead[k]
		t.count++
	}
	s.pos += int64(n)
	return n
}

// rejoin is the state after p, in which no rule opens: it depends on no more bytes than the longest opening has.
func rejoin(a *dfa.Search, state uint32, p []byte) uint32 {
	if len(p) > a.Longest {
		state, p = 0, p[len(p)-a.Longest:]
	}
	for _, b := range p {
		state = a.Step(state, b)
	}
	return state
}

// scan moves the end of the window up to the first byte at which a rule opens, or to that of p. Most output has no opening
// for long: after a calm stretch whole blocks are read at several times the speed.
func (w *window) scan(a *dfa.Search, p []byte) {
	if !w.scanBytes(a, p[:min(len(p), w.end+calm)]) {
		return
	}
	for len(p)-w.end >= lanes*laneBytes {
		if !w.scanBlock(a, (*[lanes * laneBytes]byte)(p[w.end:])) {
			return
		}
	}
	w.scanBytes(a, p)
}

// scanBytes is scan, byte by byte: each step waits for the load of the one before. It reports whether it came to the end of p.
func (w *window) scanBytes(a *dfa.Search, p []byte) bool {
	st, next, hot := w.state, a.Next, a.Hot
	for i, b := range p[w.end:] {
		to := next[st+uint32(b)]
		if to >= hot {
			w.state, w.end = st, w.end+i
			return false
		}
		st = to
	}
	w.state, w.end = st, len(p)
	return true
}

// scanBlock is scan of one block. The lanes' steps do not wait for each other. A lane needs no state from the one before it: a
// state depends on no more bytes than the longest opening has, so each lane begins at the root that many bytes early.
func (w *window) scanBlock(a *dfa.Search, block *[lanes * laneBytes]byte) bool {
	next, hot := a.Next, a.Hot
	st := [lanes]uint32{w.state}
	for lane := 1; lane < lanes; lane++ {
		for _, b := range block[lane*laneBytes-a.Longest : lane*laneBytes] {
			st[lane] = next[st[lane]+uint32(b)]
		}
	}
	s0, s1, s2, s3 := st[0], st[1], st[2], st[3]
	for i := range laneBytes {
		t0 := next[s0+uint32(block[i])]
		t1 := next[s1+uint32(block[i+laneBytes])]
		t2 := next[s2+uint32(block[i+2*laneBytes])]
		t3 := next[s3+uint32(block[i+3*laneBytes])]
		if max(t0, t1, t2, t3) >= hot {
			w.first(a, [lanes]uint32{s0, s1, s2, s3}, block, i)
			return false
		}
		s0, s1, s2, s3 = t0, t1, t2, t3
	}
	w.state, w.end = s3, w.end+lanes*laneBytes
	return true
}

// first goes on where a rule opens in one lane or more at byte i of theirs, and none does before.
func (w *window) first(a *dfa.Search, st [lanes]uint32, block *[lanes * laneBytes]byte, i int) {
	start := w.end
	for lane := range lanes {
		w.state, w.end = st[lane], lane*laneBytes+i
		if !w.scanBytes(a, block[:(lane+1)*laneBytes]) {
			break
		}
	}
	w.end += start
}
