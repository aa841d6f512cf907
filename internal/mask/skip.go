package mask

const (
	// calm is how many bytes without the end of a literal make it likely that many more follow.
	calm = 512
	// lanes are the parts of a block that skipBlock reads side by side.
	lanes     = 4
	laneBytes = 1024
)

// skip steps over p up to the first byte at which a literal ends, and returns its
// index, or len(p); state is the one after it. Most output holds no literal for
// long: after a calm stretch whole blocks are read at several times the speed.
func (a *automaton) skip(state *uint32, p []byte) int {
	n := a.skipBytes(state, p[:min(len(p), calm)])
	if n < calm {
		return n
	}
	for len(p)-n >= lanes*laneBytes && a.skipBlock(state, p[n:n+lanes*laneBytes]) {
		n += lanes * laneBytes
	}
	return n + a.skipBytes(state, p[n:])
}

// skipBytes is skip, byte by byte. Each step waits for the load of the one before.
func (a *automaton) skipBytes(state *uint32, p []byte) int {
	st, next, hot := *state, a.next, a.hot
	for i, b := range p {
		st = next[st+uint32(b)]
		if st >= hot {
			*state = st
			return i
		}
	}
	*state = st
	return len(p)
}

// skipBlock steps over lanes*laneBytes bytes, and reports false, with the state
// unchanged, if a literal ends in them. The lanes' steps do not wait for each other.
// A lane needs no state from the one before it: a state depends on no more bytes
// than the longest literal has, so each lane begins at the root that many bytes early.
func (a *automaton) skipBlock(state *uint32, block []byte) bool {
	next, hot := a.next, a.hot
	st := [lanes]uint32{*state}
	for lane := 1; lane < lanes; lane++ {
		for _, b := range block[lane*laneBytes-a.longest : lane*laneBytes] {
			st[lane] = next[st[lane]+uint32(b)]
		}
	}
	l0, l1, l2, l3 := block[:laneBytes], block[laneBytes:2*laneBytes], block[2*laneBytes:3*laneBytes], block[3*laneBytes:4*laneBytes]
	s0, s1, s2, s3 := st[0], st[1], st[2], st[3]
	for i := range laneBytes {
		s0, s1, s2, s3 = next[s0+uint32(l0[i])], next[s1+uint32(l1[i])], next[s2+uint32(l2[i])], next[s3+uint32(l3[i])]
		if max(s0, s1, s2, s3) >= hot {
			return false
		}
	}
	*state = s3
	return true
}
