package needle

import "encoding/binary"

const (
	gram = 4
	// stride is how far apart grams of the stream may be looked at: the first MinLength bytes of a text hold a whole one at
	// such a place, wherever the text begins.
	stride = MinLength - gram + 1
	// bitsPerGram makes one in some hundred random grams pass.
	bitsPerGram = 32
	minBits     = 13
	maxBits     = 23
)

// filter is a Bloom filter over grams, little-endian.
type filter struct {
	bits  []uint64
	shift uint32
}

// newFilter has the first few grams of each text.
func newFilter(needles []Needle, grams int) filter {
	bits := minBits
	for bits < maxBits && 1<<bits < len(needles)*grams*bitsPerGram {
		bits++
	}
	f := filter{bits: make([]uint64, 1<<bits/64), shift: uint32(32 - bits)}
	for _, n := range needles {
		for i := 0; i < grams && i+gram <= len(n.Text); i++ {
			g := binary.LittleEndian.Uint32(n.Text[i:])
			a, b := first(g)>>f.shift, second(g)>>f.shift
			f.bits[a/64] |= 1 << (a % 64)
			f.bits[b/64] |= 1 << (b % 64)
		}
	}
	return f
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
const minSkip = 4 * MinLength

// clean returns how many bytes of p hold no beginning of a text: all, or fewer, from where to look closer.
func (s *Set) clean(p []byte) int {
	bits, shift := s.inside.bits, s.inside.shift
	for i := 0; i+gram <= len(p); i += stride {
		g := binary.LittleEndian.Uint32(p[i:])
		a := first(g) >> shift
		if bits[a/64]&(1<<(a%64)) == 0 {
			continue
		}
		b := second(g) >> shift
		if bits[b/64]&(1<<(b%64)) == 0 {
			continue
		}
		from := max(0, i-stride+1)
		if i+MinLength > len(p) || s.begins(p[from:i+MinLength]) {
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
