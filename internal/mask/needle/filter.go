package needle

import (
	"bytes"
	"encoding/binary"
	"slices"
)

const (
	gram = 4
	// stride is how far apart grams of the stream may be looked at: the first MinLength bytes of a text hold a whole one at
	// such a place, wherever the text begins. So do the first longLength bytes of a longer text hold a whole long one.
	stride     = MinLength - gram + 1
	longGram   = 8
	longLength = 16
	longStride = longLength - longGram + 1
	// bitsPerGram makes one in some hundred random grams pass.
	bitsPerGram = 32
	minBits     = 13
	maxBits     = 23
)

// filter is a Bloom filter over the first few grams of texts, little-endian.
type filter struct {
	bits  []uint64 // nil for no text
	shift uint32
}

func newFilter(texts [][]byte, hash func([]byte) uint32, size, grams int) filter {
	if len(texts) == 0 {
		return filter{}
	}
	bits := minBits
	for bits < maxBits && 1<<bits < len(texts)*grams*bitsPerGram {
		bits++
	}
	f := filter{bits: make([]uint64, 1<<bits/64), shift: uint32(32 - bits)}
	for _, text := range texts {
		for i := 0; i < grams && i+size <= len(text); i++ {
			g := hash(text[i:])
			a, b := first(g)>>f.shift, second(g)>>f.shift
			f.bits[a/64] |= 1 << (a % 64)
			f.bits[b/64] |= 1 << (b % 64)
		}
	}
	return f
}

// shortHash and longHash are of the gram that text begins with.
func shortHash(text []byte) uint32 { return binary.LittleEndian.Uint32(text) }

func longHash(text []byte) uint32 {
	return uint32(binary.LittleEndian.Uint64(text) * 0x9e3779b97f4a7c15 >> 32)
}

func first(g uint32) uint32  { return g * 0x9e3779b1 }
func second(g uint32) uint32 { return g * 0x85ebca6b }

// has may be true of grams that are not in it.
func (f *filter) has(g uint32) bool {
	a := first(g) >> f.shift
	if f.bits[a/64]&(1<<(a%64)) == 0 {
		return false
	}
	b := second(g) >> f.shift
	return f.bits[b/64]&(1<<(b%64)) != 0
}

// Scanner finds where in a stretch of a stream texts may begin. Its zero value is ready.
type Scanner struct {
	text   []byte // the stretch, without CR and LF
	gone   []int  // where those stood: as many bytes of text were before each
	begins []int  // in text
	rows   []int  // in the stretch
}

// Scan appends to where, in order, the offsets in p at which a text begins of which the first MinLength bytes follow, if
// the first longLength are in p, and those of lines of which row reports true. Other texts do not begin in p but in its last
// longLength-1 bytes. It leaves out texts which nothing comes of in p: all that is under way there ends, and nothing is masked.
func (c *Scanner) Scan(s *Set, p []byte, row func(line []byte) bool, where []int) []int {
	c.normalize(p, row)
	c.begins = c.begins[:0]
	if s.long.bits != nil {
		c.look(s, s.long, longGram, longStride, longLength)
	}
	if s.short.bits != nil {
		c.look(s, s.short, gram, stride, MinLength)
		if s.long.bits != nil {
			slices.Sort(c.begins)
		}
	}
	gone, rows := 0, c.rows
	for _, at := range c.begins {
		for gone < len(c.gone) && c.gone[gone] <= at {
			gone++
		}
		for len(rows) > 0 && rows[0] <= at+gone {
			where, rows = append(where, rows[0]), rows[1:]
		}
		where = append(where, at+gone)
	}
	return append(where, rows...)
}

// normalize makes text of p.
func (c *Scanner) normalize(p []byte, row func(line []byte) bool) {
	c.text, c.gone, c.rows = c.text[:0], c.gone[:0], c.rows[:0]
	returns := bytes.IndexByte(p, '\r') >= 0
	for from := 0; from < len(p); {
		line := p[from:]
		end := bytes.IndexByte(line, '\n')
		if end >= 0 {
			line = line[:end]
		}
		from += len(line)
		for returns {
			i := bytes.IndexByte(line, '\r')
			if i < 0 {
				break
			}
			c.text = append(c.text, line[:i]...)
			c.gone, line = append(c.gone, len(c.text)), line[i+1:]
		}
		c.text = append(c.text, line...)
		if end < 0 {
			return
		}
		c.gone = append(c.gone, len(c.text))
		if from++; row(p[from:]) {
			c.rows = append(c.rows, from)
		}
	}
}

// look finds the texts in a filter of grams of a size, which shows those of at least length bytes.
func (c *Scanner) look(s *Set, f filter, size, stride, length int) {
	p, bits, shift := c.text, f.bits, f.shift
	known, budget := -1, len(p)
	for i := 0; i+size <= len(p); i += stride {
		var g uint32
		if size == longGram {
			g = longHash(p[i:])
		} else {
			g = shortHash(p[i:])
		}
		a := first(g) >> shift
		if bits[a/64]&(1<<(a%64)) == 0 {
			continue
		}
		b := second(g) >> shift
		if bits[b/64]&(1<<(b%64)) == 0 {
			continue
		}
		from := max(0, i-stride+1, known+1)
		n, st := s.begins(p[from:min(i+length, len(p))])
		if n < 0 {
			continue
		}
		known = from + n
		if end := s.dies(st, p, known+MinLength, &budget); end > 0 {
			known = end - gram
		} else {
			c.begins = append(c.begins, known)
		}
		i = max(i-stride, known-stride+1) // there may be others
	}
}

// dies returns the offset in p, of which the bytes before i have led to a state, behind the first byte after which nothing of a gram
// is under way, if nothing is masked before; 0 for none, or if it costs more than what is left of a budget of steps, which is then
// used up: only steps for nothing count.
func (s *Set) dies(st State, p []byte, i int, budget *int) int {
	end := min(len(p), i+*budget)
	for from := i; ; i++ {
		switch {
		case s.nodes[st].spans.MaskRecord > 0 || i == end:
			*budget -= i - from
			return 0
		case st == 0:
			return i
		}
		to := s.deeper(st, p[i])
		if to == 0 && s.begin.has(shortHash(p[i+1-gram:])) {
			to = s.grams.find(shortHash(p[i+1-gram:]))
		}
		st = to
	}
}

// begins returns where the first MinLength bytes of a text are in p, and the state after them; -1 for nowhere.
func (s *Set) begins(p []byte) (int, State) {
	for i := 0; i+MinLength <= len(p); i++ {
		if !s.begin.has(shortHash(p[i:])) {
			continue
		}
		st := s.grams.find(shortHash(p[i:]))
		for _, b := range p[i+gram : i+MinLength] {
			st = s.deeper(st, b)
		}
		if s.nodes[st].flags&long != 0 {
			return i, st
		}
	}
	return -1, 0
}
