// Package dfa compiles expressions over bytes into deterministic automata: a step is one look-up, whatever the expressions are.
//
// Expressions have the syntax of RE2 (package regexp/syntax) in ASCII, and match bytes: \xff is the byte 255, a negated class
// holds all bytes that it does not name, and "." is any byte but LF. Assertions (^, $, \b, \B, \A, \z) are not to be had, nor do
// captures capture.
//
// A Search has many expressions and tells, after each byte, which of them end there, wherever they began. A Match has one,
// which begins at the first byte.
package dfa

import (
	"errors"
	"fmt"
	"math"
	"regexp/syntax"
	"slices"
)

// ErrTooLarge says that an automaton would have more states than it may.
var ErrTooLarge = errors.New("the expression needs too large an automaton: use smaller repeat counts, or fewer of them")

// byteSet is a set of bytes.
type byteSet [4]uint64

func (s *byteSet) add(b byte)      { s[b>>6] |= 1 << (b & 63) }
func (s *byteSet) has(b byte) bool { return s[b>>6]&(1<<(b&63)) != 0 }

// inst is one instruction: bytes that lead on, or the end of an expression.
type inst struct {
	set  int   // of the distinct sets
	out  []int // instructions after it, sorted
	ends int   // the expression that ends here; -1 for none
}

// nfa is a non-deterministic automaton for several expressions.
type nfa struct {
	insts  []inst
	starts []int // sorted
	sets   []byteSet
	// longest is the most bytes that an expression can match; math.MaxInt for no bound.
	longest int
}

func newNFA(expressions ...string) (*nfa, error) {
	n := &nfa{}
	for i, expression := range expressions {
		if err := n.add(i, expression); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// add compiles the expression with this number.
func (n *nfa) add(number int, expression string) error {
	for i := range len(expression) {
		if expression[i] >= 0x80 {
			return fmt.Errorf("byte %d is not ASCII: expressions are over bytes, write \\x%02x", i, expression[i])
		}
	}
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return fmt.Errorf("it does not parse: %w", err)
	}
	n.longest = max(n.longest, longest(parsed))
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return fmt.Errorf("it does not compile: %w", err)
	}
	p := &program{nfa: n, prog: prog, number: number, at: map[uint32]int{}}
	starts, err := p.follow(uint32(prog.Start)) //nolint:gosec // an index
	n.starts = union(n.starts, starts)
	return err
}

// program is one expression on its way into the automaton.
type program struct {
	*nfa

	prog   *syntax.Prog
	number int
	at     map[uint32]int // where an instruction went
}

// follow returns what can come next at an instruction, and adds that to the automaton.
func (p *program) follow(pc uint32) ([]int, error) {
	var next []int
	seen := map[uint32]bool{}
	todo := []uint32{pc}
	for len(todo) > 0 {
		pc := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		switch in := &p.prog.Inst[pc]; in.Op { //nolint:exhaustive // the others have bytes, or are ends
		case syntax.InstAlt, syntax.InstAltMatch:
			todo = append(todo, in.Out, in.Arg)
		case syntax.InstCapture, syntax.InstNop:
			todo = append(todo, in.Out)
		case syntax.InstEmptyWidth:
			return nil, errors.New("it has an assertion (^, $, \\b, …): leave it out")
		case syntax.InstFail:
		default:
			i, err := p.take(pc, in)
			if err != nil {
				return nil, err
			}
			next = append(next, i)
		}
	}
	slices.Sort(next)
	return next, nil
}

// take adds an instruction that has a byte, or is an end, and all after it.
func (p *program) take(pc uint32, in *syntax.Inst) (int, error) {
	if i, ok := p.at[pc]; ok {
		return i, nil
	}
	i := len(p.insts)
	p.at[pc] = i
	p.insts = append(p.insts, inst{ends: -1})
	if in.Op == syntax.InstMatch {
		p.insts[i].ends = p.number
		return i, nil
	}
	p.insts[i].set = p.set(in)
	out, err := p.follow(in.Out)
	p.insts[i].out = out
	return i, err
}

// set returns the number of the set of an instruction's bytes.
func (p *program) set(in *syntax.Inst) int {
	var s byteSet
	for b := range 256 {
		if in.MatchRune(rune(b)) {
			s.add(byte(b))
		}
	}
	if i := slices.Index(p.sets, s); i >= 0 {
		return i
	}
	p.sets = append(p.sets, s)
	return len(p.sets) - 1
}

// classes numbers the bytes that no set tells apart, and names one of each class.
func (n *nfa) classes() (of [256]uint8, some []byte) {
	known := map[string]uint8{}
	signature := make([]byte, len(n.sets))
	for b := range 256 {
		for i := range n.sets {
			signature[i] = 0
			if n.sets[i].has(byte(b)) {
				signature[i] = 1
			}
		}
		c, ok := known[string(signature)]
		if !ok {
			c = uint8(len(some)) //nolint:gosec // at most 256
			known[string(signature)] = c
			some = append(some, byte(b))
		}
		of[b] = c
	}
	return of, some
}

// step returns where a byte leads from a set of instructions.
func (n *nfa) step(from []int, b byte) []int {
	var to []int
	for _, i := range from {
		if in := &n.insts[i]; in.ends < 0 && n.sets[in.set].has(b) {
			to = append(to, in.out...)
		}
	}
	slices.Sort(to)
	return slices.Compact(to)
}

// ends returns the expressions that end in a set of instructions, in their order.
func (n *nfa) ends(set []int) []int {
	var ends []int
	for _, i := range set {
		if e := n.insts[i].ends; e >= 0 {
			ends = append(ends, e)
		}
	}
	slices.Sort(ends)
	return slices.Compact(ends)
}

// union merges sorted sets.
func union(a, b []int) []int {
	switch {
	case len(a) == 0:
		return b
	case len(b) == 0:
		return a
	}
	out := append(slices.Clone(a), b...)
	slices.Sort(out)
	return slices.Compact(out)
}

// longest is the most bytes that an expression matches.
func longest(re *syntax.Regexp) int {
	switch re.Op { //nolint:exhaustive // the others have parts, or no bytes
	case syntax.OpLiteral:
		return len(re.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1
	case syntax.OpStar, syntax.OpPlus:
		return math.MaxInt
	case syntax.OpRepeat:
		return times(longest(re.Sub[0]), re.Max)
	case syntax.OpConcat:
		sum := 0
		for _, sub := range re.Sub {
			n := longest(sub)
			if n > math.MaxInt-sum {
				return math.MaxInt
			}
			sum += n
		}
		return sum
	default:
		most := 0
		for _, sub := range re.Sub {
			most = max(most, longest(sub))
		}
		return most
	}
}

func times(n, repeats int) int {
	if repeats < 0 || n > 0 && repeats > math.MaxInt/n {
		return math.MaxInt
	}
	return n * repeats
}
