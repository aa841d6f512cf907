package needle

// ringLength is more than Commit.
const ringLength = 32

// Tracker follows one stream. Its zero value is at the beginning.
type Tracker struct {
	state State // 0 for less than a gram
	gram  uint32
	lines int               // LF since the last other byte
	count uint64            // of bytes that are not left out
	fresh uint64            // count at the last break
	at    [ringLength]int64 // where the last ones are in the stream
}

// Reset forgets what was followed.
func (t *Tracker) Reset() { *t = Tracker{} }

// Step takes the byte at position pos of the stream, and reports whether what it leads to is at least a gram, which Spans tells.
func (t *Tracker) Step(s *Set, b byte, pos int64) bool {
	if b == '\n' || b == '\r' {
		t.lineEnd(b)
		return false
	}
	t.at[t.count%ringLength] = pos
	t.count++
	t.lines = 0
	t.gram = t.gram>>8 | uint32(b)<<24
	if t.state != 0 {
		if t.state = s.deeper(t.state, b); t.state != 0 {
			return true
		}
	}
	if !s.begin.has(t.gram) || t.count-t.fresh < gram {
		return false
	}
	t.state = s.grams.find(t.gram)
	return t.state != 0
}

func (t *Tracker) lineEnd(b byte) {
	if b == '\r' {
		return
	}
	if t.lines++; t.lines > 1 {
		t.state, t.fresh = 0, t.count
	}
}

// after is the state after the last n bytes of a gram.
func (s *Set) after(g uint32, n int) State {
	st := State(0)
	for i := gram - n; i < gram; i++ {
		st = s.step(st, byte(g>>(8*i)&0xff))
	}
	return st
}

// State is where the stream is.
func (t *Tracker) State(s *Set) State {
	if t.state == 0 {
		return s.after(t.gram, int(min(t.count-t.fresh, gram-1)))
	}
	return t.state
}

// Glide steps over the bytes of p up to the first that Step has to take: one at which something is masked, or a control character.
// It returns how many bytes those are.
func (t *Tracker) Glide(s *Set, p []byte, pos int64) int {
	bits, shift := s.begin.bits, s.begin.shift
	st, g, count := t.state, t.gram, t.count
	n := len(p)
	for i, b := range p {
		if b < ' ' {
			n = i
			break
		}
		next := g>>8 | uint32(b)<<24
		to := State(0)
		if st != 0 {
			to = s.deeper(st, b)
		}
		if to == 0 {
			if a := first(next) >> shift; bits[a/64]&(1<<(a%64)) != 0 && count-t.fresh >= Entry {
				to = s.grams.find(next)
			}
		} else if s.nodes[to].spans.MaskRecord > 0 {
			n = i
			break
		}
		t.at[count%ringLength] = pos + int64(i)
		count++
		st, g = to, next
	}
	if n > 0 {
		t.lines = 0
	}
	t.state, t.gram, t.count = st, g, count
	return n
}

// Under reports whether at least a gram of a text has come.
func (t *Tracker) Under() bool { return t.state != 0 }

// Back is the position of the byte that is n back: 1 is the last one. n is at most Commit.
func (t *Tracker) Back(n int) int64 { return t.at[(t.count-uint64(n))%ringLength] } //nolint:gosec // small

const (
	// settle is how many bytes before a point tell what is under way there, line ends not counted.
	settle = Commit - 1
	// Entry is how many bytes, line ends not counted, show what began before them.
	Entry = gram - 1
)

// Jump makes t what stepping over p would have made it: p begins at position pos of the stream, after the Entry bytes that
// were stepped over last, and nothing is masked in it.
func (t *Tracker) Jump(s *Set, p []byte, pos int64) {
	from := len(p)
	for n := 0; from > 0 && n < settle+gram; from-- {
		if b := p[from-1]; b != '\n' && b != '\r' {
			n++
		}
	}
	if from == 0 { // it is not worth it
		t.walk(s, p, pos)
		return
	}
	t.count += uint64(from) //nolint:gosec // more than there were, but for line ends: nobody asks for those
	t.fresh, t.state, t.lines = t.count, 0, 0
	if len(p)-from > settle+gram || !t.glide(s, p, from, pos) {
		t.walk(s, p[from:], pos+int64(from))
	}
}

func (t *Tracker) walk(s *Set, p []byte, pos int64) {
	for i, b := range p {
		t.Step(s, b, pos+int64(i))
	}
}

// glide is walk over p from an offset on, if no line ends there and nothing begins there but, perhaps, in the last bytes.
func (t *Tracker) glide(s *Set, p []byte, from int, pos int64) bool {
	for i := from; i+gram <= len(p); i++ {
		if s.begin.has(shortHash(p[i:])) {
			return false
		}
	}
	t.count += uint64(len(p) - from - gram) //nolint:gosec // small
	last := len(p) - gram
	t.gram = shortHash(p[last:])
	for i := range gram {
		t.at[t.count%ringLength] = pos + int64(last+i)
		t.count++
	}
	return true
}
