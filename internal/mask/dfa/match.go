package dfa

import "errors"

// maxMatch bounds the states of a Match.
const maxMatch = 4096

// State is a state of a Match.
type State uint16

// Match follows one expression from its first byte. It is immutable.
type Match struct {
	classes [256]uint8
	columns int
	next    []State // by state and class
	accepts []bool
	dead    []bool // nothing more can match
	longest int
}

// NewMatch compiles an expression, which must not match nothing at all. It returns ErrTooLarge beyond 4,096 states.
func NewMatch(expression string) (*Match, error) {
	n, err := newNFA(expression)
	if err != nil {
		return nil, err
	}
	if len(n.ends(n.starts)) > 0 {
		return nil, errors.New("it matches nothing at all: let it have at least one byte")
	}
	of, some := n.classes()
	d := determinize(n, n.starts, some, maxMatch, nil)
	if d == nil {
		return nil, ErrTooLarge
	}
	m := &Match{classes: of, columns: len(some), longest: n.longest}
	for i, set := range d.sets {
		m.accepts = append(m.accepts, len(n.ends(set)) > 0)
		over := true
		for _, in := range set {
			over = over && n.insts[in].ends >= 0
		}
		m.dead = append(m.dead, over)
		for _, to := range d.next[i] {
			m.next = append(m.next, State(to)) //nolint:gosec // at most maxMatch
		}
	}
	return m, nil
}

// Longest is the most bytes that the expression can match; math.MaxInt for no bound.
func (m *Match) Longest() int { return m.longest }

// Step takes a byte. The first state is 0.
func (m *Match) Step(s State, b byte) State { return m.next[int(s)*m.columns+int(m.classes[b])] }

// Accepts reports whether what was read is a match.
func (m *Match) Accepts(s State) bool { return m.accepts[s] }

// Over reports whether nothing that follows can make a longer match, or any.
func (m *Match) Over(s State) bool { return m.dead[s] }
