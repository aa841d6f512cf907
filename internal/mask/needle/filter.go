package needle

import "encoding/binary"

const (
	gram = 4
	// stride is how far apart grams of the stream may be looked at: the first MinLength bytes of a text hold a whole one at
	// such a place, wherever the text begins. So do the first longLength bytes of a longer text hold a whole long one.
	stride     = MinLength - gram + 1
	longGram   = 8
	longLength = longGram + stride - 1
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

// minSkip is the shortest stretch that is worth to be skipped.
const minSkip = 32

// clean returns how many bytes of p hold no beginning of a text: all, or fewer, from where to look closer.
func (s *Set) clean(p []byte) int {
	n := len(p)
	if s.long.bits != nil {
		n = s.cleanOf(p, s.long, longGram, longLength)
	}
	if s.short.bits != nil {
		n = s.cleanOf(p[:n], s.short, gram, MinLength)
	}
	return n
}

// cleanOf is clean, of the texts in a filter of grams of a size, which shows those of at least length bytes.
func (s *Set) cleanOf(p []byte, f filter, size, length int) int {
	bits, shift := f.bits, f.shift
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
		from := max(0, i-stride+1)
		if i+length > len(p) || s.begins(p[from:i+length]) {
			return from
		}
	}
	return len(p)
}

// begins reports whether the first MinLength bytes of a text are in p.
func (s *Set) begins(p []byte) bool {
	for i := 0; i+MinLength <= len(p); i++ {
		st := s.grams.find(binary.LittleEndian.Uint32(p[i:]))
		for _, b := range p[i+gram : i+MinLength] {
			st = s.deeper(st, b)
		}
		if s.nodes[st].flags&long != 0 {
			return true
		}
	}
	return false
}
