package mask

import "slices"

// literal is one beginning of a secret, as the automaton reports it.
type literal struct {
	rule int
	text string
}

// automaton is an Aho-Corasick machine over ASCII-case-folded literals, as a
// dense table. A state is the index of its row in next, so that a step is one
// addition and one load; states that end a literal have the highest numbers.
//
// A row has a column for every byte. A table of byte classes is a quarter of the
// size, but its second load stands in the chain from byte to byte: half the speed.
type automaton struct {
	classes [256]uint8 // of each byte, while the machine is built; 0 for bytes in no literal
	count   uint8      // of classes
	next    []uint32
	hot     uint32      // states from here on end a literal
	longest int         // of the longest literal, in bytes; at most laneBytes
	ends    [][]literal // by (state-hot)/rowLength: the literals ending there, longest first
}

const rowLength = 256

// step is one byte.
func (a *automaton) step(state uint32, b byte) uint32 {
	return a.next[state+uint32(b)]
}

// endings returns the literals that end in a state, longest first.
func (a *automaton) endings(state uint32) []literal {
	return a.ends[(state-a.hot)/rowLength]
}

// node is a state while the machine is built.
type node struct {
	next map[uint8]int
	fail int
	ends []literal
}

func newAutomaton(rules []rule) *automaton {
	a := &automaton{}
	nodes := a.trie(rules)
	for _, r := range rules {
		for _, text := range r.literals {
			a.longest = max(a.longest, len(text))
		}
	}
	order := link(nodes)
	a.compile(nodes, order)
	return a
}

// trie enters all literals and gives every byte of them a class.
func (a *automaton) trie(rules []rule) []node {
	nodes := []node{{next: map[uint8]int{}}}
	for i, r := range rules {
		for _, text := range r.literals {
			at := 0
			for j := range len(text) {
				c := a.class(text[j])
				to, ok := nodes[at].next[c]
				if !ok {
					to = len(nodes)
					nodes = append(nodes, node{next: map[uint8]int{}})
					nodes[at].next[c] = to
				}
				at = to
			}
			nodes[at].ends = append(nodes[at].ends, literal{rule: i, text: text})
		}
	}
	return nodes
}

// class returns the class of a byte, the same for either case of a letter.
func (a *automaton) class(b byte) uint8 {
	b = fold(b)
	if a.classes[b] == 0 {
		a.count++
		a.classes[b] = a.count
		if isLetter(b) {
			a.classes[b&^0x20] = a.count
		}
	}
	return a.classes[b]
}

// link sets the failure links and endings, breadth first, and returns that order.
func link(nodes []node) []int {
	order := []int{0}
	for i := 0; i < len(order); i++ {
		at := order[i]
		for c, to := range nodes[at].next {
			order = append(order, to)
			fail := nodes[at].fail
			for at != 0 {
				if n, ok := nodes[fail].next[c]; ok {
					nodes[to].fail = n
					break
				}
				if fail == 0 {
					break
				}
				fail = nodes[fail].fail
			}
			nodes[to].ends = append(nodes[to].ends, nodes[nodes[to].fail].ends...)
		}
	}
	return order
}

// compile numbers the states, those with endings last, and fills the table.
func (a *automaton) compile(nodes []node, order []int) {
	rank := slices.Clone(order)
	slices.SortStableFunc(rank, func(x, y int) int {
		return min(len(nodes[x].ends), 1) - min(len(nodes[y].ends), 1)
	})
	number := make([]uint32, len(nodes))
	for i, n := range rank {
		number[n] = uint32(i) * rowLength
		if len(nodes[n].ends) > 0 {
			a.ends = append(a.ends, nodes[n].ends)
		}
	}
	a.hot = uint32(len(nodes)-len(a.ends)) * rowLength //nolint:gosec // a few thousand states
	a.next = make([]uint32, len(nodes)*rowLength)
	for _, n := range order { // a failure link points to a node already done
		for b, class := range a.classes {
			to := number[0]
			if n != 0 {
				to = a.next[int(number[nodes[n].fail])+b]
			}
			if child, ok := nodes[n].next[class]; ok {
				to = number[child]
			}
			a.next[int(number[n])+b] = to
		}
	}
}
