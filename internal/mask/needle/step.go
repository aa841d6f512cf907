package needle

// step takes a byte, from a state that is less than a gram, or while the set is made.
func (s *Set) step(st State, b byte) State {
	if to := s.deeper(st, b); to != 0 {
		return to
	}
	return State(s.rows[0][b])
}

// deeper is step among states of at least a gram; 0 for none.
func (s *Set) deeper(st State, b byte) State {
	for at := uint32(st); at != 0; {
		n := &s.nodes[at]
		if n.flags&wide != 0 {
			if c := s.rows[n.child][b]; c != 0 {
				return State(c)
			}
		} else {
			for c := n.child; c != 0; {
				next := &s.nodes[c]
				if next.edge == b {
					return State(c)
				}
				c = next.sibling
			}
		}
		at = n.fail
	}
	return 0
}

// grams leads from the first gram of a text to its state: a hash table with open addressing.
type grams struct {
	keys  []uint32
	at    []State // 0 for a free place
	shift uint32
}

// root is the state of a gram.
type root struct {
	gram uint32
	at   State
}

func newGrams(roots []root) grams {
	bits := 4
	for 1<<bits < 2*len(roots) {
		bits++
	}
	g := grams{keys: make([]uint32, 1<<bits), at: make([]State, 1<<bits), shift: uint32(32 - bits)}
	for _, r := range roots {
		i := first(r.gram) >> g.shift
		for g.at[i] != 0 {
			i = (i + 1) % uint32(len(g.at)) //nolint:gosec // at most twice the nodes
		}
		g.keys[i], g.at[i] = r.gram, r.at
	}
	return g
}

func (g *grams) find(key uint32) State {
	for i := first(key) >> g.shift; g.at[i] != 0; i = (i + 1) % uint32(len(g.at)) { //nolint:gosec // at most twice the nodes
		if g.keys[i] == key {
			return g.at[i]
		}
	}
	return 0
}

// Spans returns what a state says.
func (s *Set) Spans(st State) Spans { return s.nodes[st].spans }

// Nodes is the number of states.
func (s *Set) Nodes() int { return len(s.nodes) }
