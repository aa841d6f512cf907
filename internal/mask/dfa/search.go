package dfa

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// RowLength is the distance of states: a state is the index of its row in Next, so that a step is one addition and one load.
//
// A row has a column for every byte. A table of byte classes is a quarter of the size, but its second load stands in the
// chain from byte to byte: half the speed.
const RowLength = 256

// maxSearch bounds the states of a Search.
const maxSearch = 1 << 15

// Search finds the ends of many expressions. State 0 is before the first byte, as after a line end. It is immutable.
type Search struct {
	Next    []uint32
	Hot     uint32 // states from here on end an expression
	Longest int    // bytes on which a state depends, at most
	ends    [][]int
}

// NewSearch compiles expressions, none of which may be without bound or match nothing.
func NewSearch(expressions []string) (*Search, error) {
	n, err := newNFA(expressions...)
	if err != nil {
		return nil, err
	}
	if n.longest == math.MaxInt {
		return nil, errors.New("an expression has no bound: use {n,m}")
	}
	if len(n.ends(n.starts)) > 0 {
		return nil, errors.New("an expression matches nothing at all")
	}
	begin := n.step(n.starts, '\n')
	if len(n.ends(begin)) > 0 {
		return nil, errors.New("an expression matches a line end alone")
	}
	of, some := n.classes()
	d := determinize(n, begin, some, maxSearch, n.starts)
	if d == nil {
		return nil, ErrTooLarge
	}
	s := &Search{Longest: n.longest}
	s.fill(n, d, of)
	return s, nil
}

// fill numbers the states, those with ends last, and makes the table.
func (s *Search) fill(n *nfa, d *deterministic, of [256]uint8) {
	number := make([]uint32, len(d.sets))
	count := uint32(0)
	for _, hot := range []bool{false, true} {
		if hot {
			s.Hot = count * RowLength
		}
		for i, set := range d.sets {
			if ends := n.ends(set); len(ends) > 0 == hot {
				number[i] = count * RowLength
				count++
				if hot {
					s.ends = append(s.ends, ends)
				}
			}
		}
	}
	s.Next = make([]uint32, len(d.sets)*RowLength)
	for i, row := range d.next {
		for b, class := range of {
			s.Next[int(number[i])+b] = number[row[class]]
		}
	}
}

// Step takes a byte.
func (s *Search) Step(state uint32, b byte) uint32 { return s.Next[state+uint32(b)] }

// Ends returns the numbers of the expressions that end in a hot state, in their order.
func (s *Search) Ends(state uint32) []int { return s.ends[(state-s.Hot)/RowLength] }

// States is the number of states.
func (s *Search) States() int { return len(s.Next) / RowLength }

// deterministic is an automaton by sets of instructions. Its first state is the beginning.
type deterministic struct {
	sets [][]int
	next [][]int // by state and class
}

// determinize makes the subsets from the one where it begins. always is as if it were in each of them. It returns nil beyond
// limit states.
func determinize(n *nfa, begin []int, some []byte, limit int, always []int) *deterministic {
	d := &deterministic{}
	known := map[string]int{}
	var key []byte
	state := func(set []int) int {
		key = key[:0]
		for _, i := range set {
			key = binary.AppendUvarint(key, uint64(i)) //nolint:gosec // an index
		}
		at, ok := known[string(key)]
		if !ok {
			at = len(d.sets)
			known[string(key)] = at
			d.sets = append(d.sets, slices.Clone(set))
		}
		return at
	}
	state(begin)
	base := make([][]int, len(some))
	for class, b := range some {
		base[class] = n.step(always, b)
	}
	for i := 0; i < len(d.sets); i++ {
		if len(d.sets) > limit {
			return nil
		}
		row := make([]int, len(some))
		for class, b := range some {
			row[class] = state(union(n.step(d.sets[i], b), base[class]))
		}
		d.next = append(d.next, row)
	}
	return d
}
