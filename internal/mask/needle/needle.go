// Package needle finds many exact texts in a stream: the automaton of Aho and Corasick (1975) with its failure links, in 20
// bytes a node, and a filter that finds where it is worth to run.
//
// # What a state says
//
// After a byte, the state is the longest end of the stream that a text begins with. From it follow, counted back from that byte:
//
//   - Mask: how many bytes are part of a text that has ended here, or of one of which Commit bytes have come: from there on
//     it is masked, whatever follows. Record counts all of them, User leaves out the first min(4, length/4) of a text.
//   - Hold: how many bytes can still become part of one, and are not masked: less than Commit.
//
// # Bounds
//
// A text has MinLength to MaxLength bytes; who has longer ones cuts them, overlapping by Commit. A step costs as many
// look-ups as the depth of the state falls, and one: two a byte over any stream.
//
// # CR and LF
//
// A Tracker leaves them out, so that a text is found though lines are wrapped inside it. Two LF with nothing but CR between
// them are a break: nothing is followed across them. Texts have neither CR nor LF.
package needle

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sort"
)

const (
	// MinLength and MaxLength bound a text, in bytes.
	MinLength = 8
	MaxLength = 4096
	// Commit is how many bytes of a text are masked though others follow than those of the text.
	Commit = 24
	// MaxNodes bounds a Set: 160 MB.
	MaxNodes = 8 << 20
)

// Needle is a text to be found.
type Needle struct {
	Text  []byte
	Owner int // what the text stands for; several may have the same
}

// Clear is how many bytes at the beginning of a text of this length User leaves clear.
func Clear(length int) int { return min(4, length/4) }

// node is a state. Nodes are numbered as they are made, from sorted texts: what a text adds follows one another.
type node struct {
	fail    uint32 // the longest end of this state that is another one; of a deep one, 0 if that is not deep
	child   uint32 // the first one; the number of a row if the node is wide; 0 for none
	sibling uint32 // the next child of the same node; 0 for none
	edge    byte   // that leads here
	flags   flags
	spans   Spans
}

// Spans are what a state says; see the package comment.
type Spans struct {
	HoldUser, HoldRecord uint8
	MaskUser, MaskRecord uint16
}

type flags uint8

const (
	whole flags = 1 << iota // a text ends here
	own                     // the mask is of this state, not of an end of it
	wide                    // child is the number of a row
	deep                    // at least gram bytes
	long                    // at least MinLength bytes
)

// wideFrom is how many children are looked up in a row.
const wideFrom = 6

// Set is an immutable set of needles. The zero value has none.
type Set struct {
	nodes  []node
	rows   [][256]uint32
	firsts []uint32 // by needle: the first node that it made
	owners []int    // by needle
	short  filter   // grams in the first MinLength bytes of texts shorter than longLength
	long   filter   // long grams in the first longLength bytes of the others
	begin  filter   // first grams
	grams  grams
}

// State is a position in the stream; 0 where it begins, and wherever nothing is under way.
type State uint32

// New makes a set. It leaves out texts out of bounds, and, from the first for which there is no room, the rest: it returns
// the owners of those, each once.
func New(needles []Needle) (*Set, []int) {
	sorted := slices.Clone(needles)
	slices.SortStableFunc(sorted, func(a, b Needle) int { return bytes.Compare(a.Text, b.Text) })
	sorted = slices.CompactFunc(sorted, func(a, b Needle) bool { return bytes.Equal(a.Text, b.Text) })
	s := &Set{nodes: make([]node, 1, 1+total(sorted)), rows: make([][256]uint32, 1)}
	var left []int
	b := builder{Set: s, depth: make([]uint16, 1, 1+total(sorted)), last: make([]uint32, 1, 1+total(sorted))}
	for _, n := range sorted {
		if len(n.Text) < MinLength || len(n.Text) > MaxLength || len(s.nodes)+len(n.Text) > MaxNodes {
			left = append(left, n.Owner)
			continue
		}
		b.add(n)
	}
	if len(s.owners) == 0 {
		return &Set{}, compact(left)
	}
	b.widen()
	b.link()
	b.cut()
	s.fill(sorted)
	return s, compact(left)
}

// fill makes the filters.
func (s *Set) fill(needles []Needle) {
	var all, short, long [][]byte
	for _, n := range needles {
		switch all = append(all, n.Text); {
		case len(n.Text) < MinLength:
		case len(n.Text) < longLength:
			short = append(short, n.Text)
		default:
			long = append(long, n.Text)
		}
	}
	s.begin = newFilter(all, shortHash, gram, 1)
	s.short = newFilter(short, shortHash, gram, stride)
	s.long = newFilter(long, longHash, longGram, longStride)
}

func compact(owners []int) []int {
	slices.Sort(owners)
	return slices.Compact(owners)
}

func total(needles []Needle) int {
	sum := 0
	for _, n := range needles {
		sum += len(n.Text)
	}
	return min(sum, MaxNodes)
}

// builder has what is only needed while a set is made.
type builder struct {
	*Set

	depth []uint16 // by node
	last  []uint32 // by node: its last child, 0 for none
	roots []root
	path  []uint32 // of the needle before: its node at each depth
	text  []byte   // of the needle before
}

// add enters a needle. It shares the nodes of the one before, as far as they are alike: needles come sorted.
func (b *builder) add(n Needle) {
	shared := 0
	for shared < min(len(n.Text), len(b.text)) && n.Text[shared] == b.text[shared] {
		shared++
	}
	b.path, b.text = b.path[:shared], n.Text
	b.firsts, b.owners = append(b.firsts, uint32(len(b.nodes))), append(b.owners, n.Owner) //nolint:gosec // at most MaxNodes
	at := uint32(0)
	if shared > 0 {
		at = b.path[shared-1]
	}
	for i := shared; i < len(n.Text); i++ {
		at = b.child(at, n.Text[i], i+1)
		b.path = append(b.path, at)
	}
	b.nodes[at].flags |= whole
	if shared < gram {
		b.roots = append(b.roots, root{binary.LittleEndian.Uint32(n.Text), State(b.path[gram-1])})
	}
	for i, at := range b.path[:min(len(b.path)-1, Commit-1)] {
		spans := &b.nodes[at].spans
		spans.HoldRecord = uint8(i + 1)
		spans.HoldUser = max(spans.HoldUser, uint8(max(i+1-Clear(len(n.Text)), 0))) //nolint:gosec // under Commit
	}
}

func (b *builder) child(of uint32, edge byte, depth int) uint32 {
	at := uint32(len(b.nodes)) //nolint:gosec // at most MaxNodes
	n := node{edge: edge}
	if depth >= gram {
		n.flags = deep
	}
	if depth >= MinLength {
		n.flags |= long
	}
	b.nodes, b.depth, b.last = append(b.nodes, n), append(b.depth, uint16(depth)), append(b.last, 0) //nolint:gosec // at most MaxLength
	if last := b.last[of]; last == 0 {
		b.nodes[of].child = at
	} else {
		b.nodes[last].sibling = at
	}
	b.last[of] = at
	return at
}

// widen gives rows to nodes of many children. The root has one always: row 0.
func (b *builder) widen() {
	for i := range b.nodes {
		n := &b.nodes[i]
		count := 0
		for c := n.child; c != 0; c = b.nodes[c].sibling {
			count++
		}
		if i > 0 && count < wideFrom {
			continue
		}
		row := [256]uint32{}
		for c := n.child; c != 0; c = b.nodes[c].sibling {
			row[b.nodes[c].edge] = c
		}
		n.flags |= wide
		if i == 0 {
			b.rows[0], n.child = row, 0
			continue
		}
		b.rows, n.child = append(b.rows, row), uint32(len(b.rows)) //nolint:gosec // fewer than nodes
	}
}

// link sets the failure links, nearest nodes first, and what follows from them.
func (b *builder) link() {
	order := make([]uint32, 0, len(b.nodes))
	order = append(order, 0)
	for i := 0; i < len(order); i++ {
		at := order[i]
		b.each(at, func(c uint32) {
			order = append(order, c)
			if at != 0 {
				b.nodes[c].fail = uint32(b.step(State(b.nodes[at].fail), b.nodes[c].edge))
			}
			b.conclude(c)
		})
	}
}

// cut makes the states of a gram the ones where following begins.
func (b *builder) cut() {
	for i := range b.nodes {
		if n := &b.nodes[i]; n.flags&deep != 0 && b.nodes[n.fail].flags&deep == 0 {
			n.fail = 0
		}
	}
	b.grams = newGrams(b.roots)
}

func (b *builder) each(at uint32, visit func(uint32)) {
	n := &b.nodes[at]
	if n.flags&wide == 0 {
		for c := n.child; c != 0; c = b.nodes[c].sibling {
			visit(c)
		}
		return
	}
	for i := range b.rows[n.child] {
		if c := b.rows[n.child][i]; c != 0 {
			visit(c)
		}
	}
}

// conclude computes what a state says from itself and the longest end of it.
func (b *builder) conclude(at uint32) {
	n := &b.nodes[at]
	d := b.depth[at]
	end := b.nodes[n.fail].spans
	if d >= Commit || n.flags&whole != 0 {
		n.flags |= own
		n.spans.MaskRecord, n.spans.MaskUser = d, d-uint16(Clear(int(d))) //nolint:gosec // small
	}
	n.spans.MaskRecord = max(n.spans.MaskRecord, end.MaskRecord)
	n.spans.MaskUser = max(n.spans.MaskUser, end.MaskUser)
	if d >= Commit {
		n.spans.HoldUser, n.spans.HoldRecord = 0, 0
		return
	}
	n.spans.HoldRecord = max(n.spans.HoldRecord, end.HoldRecord)
	n.spans.HoldUser = max(n.spans.HoldUser, end.HoldUser)
}

// Owner returns whose text the longest mask of a state is of: one that ends there, or the first that goes on from there.
func (s *Set) Owner(st State) int {
	at := uint32(st)
	for s.nodes[at].flags&own == 0 {
		at = s.nodes[at].fail // a mask has at least MinLength bytes
	}
	after := sort.Search(len(s.firsts), func(i int) bool { return s.firsts[i] > at })
	return s.owners[after-1]
}
