package mask

import (
	"bytes"
	"math"

	"github.com/sallyport-dev/sallyport/internal/mask/dfa"
	"github.com/sallyport-dev/sallyport/internal/mask/needle"
	"github.com/sallyport-dev/sallyport/internal/mask/vt"
)

const (
	// lanes are the parts of a block that are read side by side: their steps do not wait for each other.
	lanes     = 4
	laneBytes = 1024
	// minLane is the shortest lane that is worth to be begun where its state is not known yet.
	minLane = 256
	// maxOpens bounds the openings of a lane that are noted.
	maxOpens = 32
)

// window is what is known of the bytes ahead in one write. Offsets are in its input.
type window struct {
	escape int // of the next escape, if it is ahead
	bel    int // of the next BEL
	bs     int // of the next BS behind a blank
	clear  int // up to there no margin begins
	close  int // bytes that are stepped over after a skip

	end   int    // up to there the openings and beginnings are known
	state uint32 // of the search there
	opens [lanes * maxOpens]place
	count int // of opens
	at    int // the first of them that is ahead

	begins  []int // where exact values may begin, or rows of a dump
	first   int   // the first of them that is ahead
	scanner needle.Scanner
}

// place is a byte at which a rule opens, and the state of the search before it.
type place struct {
	offset int
	state  uint32
}

// renew forgets what was known.
func (w *window) renew() {
	w.escape, w.bel, w.bs, w.clear, w.close, w.end, w.count, w.at, w.begins, w.first = -1, -1, -1, -1, minClose, 0, 0, 0, w.begins[:0], 0
}

// plain is p up to the first escape or BEL, or the first byte of what may be a margin, from offset i on, before which a margin is looked for.
func (w *window) plain(p []byte, i int, m *margin) []byte {
	w.escape, w.bel = ahead(w.escape, p, i, vt.Esc), ahead(w.bel, p, i, vt.Bel)
	end := min(w.escape, w.bel)
	if w.bs < i {
		w.bs = i + m.backspace(p[i:])
	}
	if w.clear < i {
		w.clear = i + m.clear(p[i:end], min(w.bs, end)-i)
	}
	return p[:w.clear]
}

// ahead is the offset of the first b in p from i on, or its length; known is that if it is not before i.
func ahead(known int, p []byte, i int, b byte) int {
	if known >= i {
		return known
	}
	if n := bytes.IndexByte(p[i:], b); n >= 0 {
		return i + n
	}
	return len(p)
}

// next returns up to where nothing is from offset i on, with the state of the search there, and whether there is something then.
func (w *window) next(i int) (limit int, state uint32, stop bool) {
	for w.at < w.count && w.opens[w.at].offset < i {
		w.at++
	}
	limit, state = w.end, w.state
	if w.at < w.count {
		limit, state, stop = w.opens[w.at].offset, w.opens[w.at].state, true
	}
	for w.first < len(w.begins) && w.begins[w.first] < i {
		w.first++
	}
	if w.first < len(w.begins) && w.begins[w.first] < limit {
		return w.begins[w.first], noState, true
	}
	return limit, state, stop
}

// noState is of a place for which the state of the search was not kept.
const noState = math.MaxUint32

// scan finds the openings in a block of p from offset i on, where the search is in a state, but for those that are harmless.
func (w *window) scan(a *dfa.Search, p []byte, i int, state uint32, harmless func(place) bool) {
	w.count, w.at, w.end, w.state = 0, 0, i, state
	length := min(laneBytes, (len(p)-i)/lanes)
	if length < max(minLane, a.Longest) {
		w.scanOne(a, p[:min(len(p), i+lanes*minLane)], harmless)
		return
	}
	w.scanLanes(a, p[i:i+lanes*length], length, harmless)
}

// scanOne is scan, byte by byte: each step waits for the load of the one before.
func (w *window) scanOne(a *dfa.Search, p []byte, harmless func(place) bool) {
	st, next, hot := w.state, a.Next, a.Hot
	for i, b := range p[w.end:] {
		to := next[st+uint32(b)]
		if to >= hot && !harmless(place{w.end + i, st}) {
			if w.count == len(w.opens) {
				w.state, w.end = st, w.end+i
				return
			}
			w.opens[w.count] = place{w.end + i, st}
			w.count++
		}
		st = to
	}
	w.state, w.end = st, len(p)
}

// scanLanes is scan of a block of lanes. A lane needs no state from the one before it: a state depends on no more bytes than the
// longest opening has, so each lane begins at the root that many bytes early.
func (w *window) scanLanes(a *dfa.Search, block []byte, length int, harmless func(place) bool) {
	next, hot := a.Next, a.Hot
	st := [lanes]uint32{w.state}
	for lane := 1; lane < lanes; lane++ {
		st[lane] = rejoin(a, 0, block[lane*length-a.Longest:lane*length])
	}
	l0, l1, l2, l3 := block[:length], block[length:2*length], block[2*length:3*length], block[3*length:4*length]
	var found [lanes]int
	for i := 0; ; i++ {
		i = calm(next, hot, l0[i:], l1[i:], l2[i:], l3[i:], &st) + i
		if i == length {
			break
		}
		before := st
		for lane, state := range before {
			at := place{w.end + lane*length + i, state}
			st[lane] = next[state+uint32(block[lane*length+i])]
			if st[lane] < hot || harmless(at) {
				continue
			}
			if found[lane] == maxOpens {
				w.keep(found[:1], i, before[0])
				return
			}
			w.opens[lane*maxOpens+found[lane]] = at
			found[lane]++
		}
	}
	w.keep(found[:], lanes*length, st[lanes-1])
}

// calm is how many bytes of four lanes lead to no opening, with the states then. It calls nothing, so that all of it stays in registers.
func calm(next []uint32, hot uint32, l0, l1, l2, l3 []byte, st *[lanes]uint32) int {
	s0, s1, s2, s3 := st[0], st[1], st[2], st[3]
	n := len(l0)
	l1, l2, l3 = l1[:n], l2[:n], l3[:n]
	for i := range l0 {
		t0 := next[s0+uint32(l0[i])]
		t1 := next[s1+uint32(l1[i])]
		t2 := next[s2+uint32(l2[i])]
		t3 := next[s3+uint32(l3[i])]
		if max(t0, t1, t2, t3) >= hot {
			n = i
			break
		}
		s0, s1, s2, s3 = t0, t1, t2, t3
	}
	*st = [lanes]uint32{s0, s1, s2, s3}
	return n
}

// keep makes what was found in the lanes one list, and moves the end by so many bytes.
func (w *window) keep(found []int, bytes int, state uint32) {
	for lane, n := range found {
		w.count += copy(w.opens[w.count:], w.opens[lane*maxOpens:lane*maxOpens+n])
	}
	w.end, w.state = w.end+bytes, state
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
