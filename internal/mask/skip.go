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
	for len(p)-n >= lanes*laneBytes {
		stepped := a.skipBlock(state, p[n:n+lanes*laneBytes])
		if n += stepped; stepped < lanes*laneBytes {
			return n
		}
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

// skipBlock steps over a block up to the first byte at which a literal ends, as skip does. The lanes' steps do not wait for
// each other. A lane needs no state from the one before it: a state depends on no more bytes than the longest literal has,
// so each lane begins at the root that many bytes early.
func (a *automaton) skipBlock(state *uint32, p []byte) int {
	next, hot := a.next, a.hot
	block := (*[lanes * laneBytes]byte)(p)
	st := [lanes]uint32{*state}
	for lane := 1; lane < lanes; lane++ {
		for _, b := range block[lane*laneBytes-a.longest : lane*laneBytes] {
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
			return a.firstOf([lanes]uint32{s0, s1, s2, s3}, block, i, state)
		}
		s0, s1, s2, s3 = t0, t1, t2, t3
	}
	*state = s3
	return lanes * laneBytes
}

// firstOf goes on where one lane or more end a literal at byte i of theirs, and none did before.
func (a *automaton) firstOf(st [lanes]uint32, block *[lanes * laneBytes]byte, i int, state *uint32) int {
	for lane := range lanes {
		rest := block[lane*laneBytes+i : (lane+1)*laneBytes]
		*state = st[lane]
		if n := a.skipBytes(state, rest); n < len(rest) {
			return lane*laneBytes + i + n
		}
	}
	return len(block)
}
