package needle

import "bytes"

// ringLength is more than Commit.
const ringLength = 32

// Tracker follows one stream. Its zero value is at the beginning.
type Tracker struct {
	state State // 0 for less than a gram
	gram  uint32
	lines int               // LF since the last other byte
	count int64             // of bytes that are not left out
	fresh int64             // count at the last break
	at    [ringLength]int64 // where the last ones are in the stream
}

// window is how far line ends are looked for.
const window = 512

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

// Under reports whether at least a gram of a text has come.
func (t *Tracker) Under() bool { return t.state != 0 }

// Back is the position of the byte that is n back: 1 is the last one. n is at most Commit.
func (t *Tracker) Back(n int) int64 { return t.at[(t.count-int64(n))%ringLength] }

// Skip goes over as much of p, which begins at position pos of the stream, as surely holds no part of a text but, perhaps,
// the beginning of one at its end. It returns how many bytes that are: what follows has to be stepped over. Nothing may be
// under way; what Step would know after them, t knows. It ends before a line of which stop reports true.
func (t *Tracker) Skip(s *Set, p []byte, pos int64, stop func(line []byte) bool) int {
	n := 0
	for len(p)-n >= minSkip {
		line := p[n:min(len(p), n+window)]
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line = line[:i]
		}
		if i := bytes.IndexByte(line, '\r'); i >= 0 {
			line = line[:i]
		}
		skipped := t.skipLine(s, line, pos+int64(n))
		n += skipped
		if skipped < len(line) || t.state != 0 || n == len(p) {
			return n
		}
		if p[n] == '\n' || p[n] == '\r' {
			t.lineEnd(p[n])
			if n++; p[n-1] == '\n' && stop(p[n:]) {
				return n
			}
		}
	}
	return n
}

// skipLine is Skip, without line ends.
func (t *Tracker) skipLine(s *Set, p []byte, pos int64) int {
	if len(p) < minSkip {
		for i, b := range p {
			if t.Step(s, b, pos+int64(i)) {
				return i + 1
			}
		}
		return len(p)
	}
	// What began before p shows its first gram in the first bytes of it.
	for i, b := range p[:gram-1] {
		if t.Step(s, b, pos+int64(i)) {
			return i + 1
		}
	}
	n := s.clean(p)
	if n < minSkip/2 {
		return gram - 1
	}
	t.settle(s, p[:n], pos)
	return n
}

// settle makes t what stepping over p would have made it, of which gram-1 bytes have been stepped over. What is under way at
// its end began in its last longLength-1 bytes.
func (t *Tracker) settle(s *Set, p []byte, pos int64) {
	from := len(p) - (gram - 1)
	for i := len(p) - longLength + 1; i+gram <= len(p); i++ {
		if s.begin.has(shortHash(p[i:])) {
			from = i
			break
		}
	}
	t.count += int64(from) - (gram - 1)
	t.gram = shortHash(p[from-gram:])
	for i, b := range p[from:] {
		t.Step(s, b, pos+int64(from+i))
	}
}
