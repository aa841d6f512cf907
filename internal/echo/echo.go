package echo

import "bytes"

const (
	// Rule names what is hidden in a record.
	Rule = "no-echo"
	// MaxPending is how many typed bytes may wait for their echo.
	MaxPending = 4 << 10
)

// Piece is a part of what was typed.
type Piece struct {
	Bytes  []byte
	Hidden bool // the terminal did not show it
}

// token is a run, or what stands between runs.
type token struct {
	n      int  // bytes
	run    bool // else it is clear
	open   bool // more may follow
	hidden bool
	passed bool // a run: something else was printed after its echo
	enter  bool
}

// Judge decides about one terminal. The zero value is ready; it is not safe for concurrent use.
type Judge struct {
	buf    []byte // what waits, after the first done
	done   int    // bytes of buf that the last call returned
	tokens []token
	past   int // tokens that are decided
	pieces []Piece

	keys    keys
	screen  screen
	matched int  // bytes of the first token that were echoed
	space   bool // a space was printed that may turn out to be no visible one
	enters  int  // of those that were typed, how many line feeds have not been printed
}

// Typed takes what was typed, and returns what is decided now. That is valid until the next call.
func (j *Judge) Typed(p []byte) []Piece {
	j.begin()
	for _, b := range p {
		j.key(b)
		j.decide()
		if len(j.buf)-j.done > MaxPending {
			j.hide()
		}
	}
	return j.pieces
}

// Printed takes what the container printed, and returns what is decided now. That is valid until the next call.
func (j *Judge) Printed(p []byte) []Piece {
	j.begin()
	for len(p) > 0 {
		if j.idle() {
			// No byte matters but one that begins a sequence.
			n := bytes.IndexByte(p, esc)
			if n < 0 {
				break
			}
			p = p[n:]
		}
		j.print(p[0])
		p = p[1:]
	}
	return j.pieces
}

// End returns what waits, hidden.
func (j *Judge) End() []Piece {
	j.begin()
	j.close()
	j.hide()
	return j.pieces
}

// begin forgets what the last call returned.
func (j *Judge) begin() {
	j.pieces = j.pieces[:0]
	if j.past == 0 && j.done == 0 {
		return
	}
	waiting := j.buf[j.done:]
	if cap(j.buf) > 4*MaxPending {
		j.buf = nil
	}
	j.buf, j.done = append(j.buf[:0], waiting...), 0
	j.tokens, j.past = append(j.tokens[:0], j.tokens[j.past:]...), 0
}

// first is the run that waits for its echo, or nil.
func (j *Judge) first() *token {
	if j.past == len(j.tokens) || !j.tokens[j.past].run || j.tokens[j.past].hidden {
		return nil
	}
	return &j.tokens[j.past]
}

func (j *Judge) idle() bool {
	first := j.first()
	return j.screen == ground && (first == nil || first.passed) && j.enters == 0 && !j.space
}

// print takes one byte of the output.
func (j *Judge) print(b byte) {
	visible := j.screen.step(b)
	run := j.first()
	space := j.space && run != nil
	j.space = false
	switch {
	case b == '\r' && visible:
		return
	case b == '\b' && visible:
		if !space && run != nil && !run.passed {
			j.matched = max(0, j.matched-1)
		}
		return
	case !visible:
		j.space = space
		return
	}
	if space {
		j.other()
	}
	if b == '\n' && j.enters > 0 && (run == nil || j.matched == 0) {
		j.enters--
		return
	}
	if b != '\n' {
		j.enters = 0
	}
	if run = j.first(); run == nil || run.passed {
		return
	}
	switch {
	case j.matched < run.n && j.buf[j.done+j.matched] == b:
		j.matched++
		j.decide()
	case b == ' ':
		j.space = true
	default:
		j.other()
	}
}

// other is called for visible output that is no echo.
func (j *Judge) other() {
	run := j.first()
	if run != nil && run.open && j.matched == run.n {
		run.passed = true
		return
	}
	j.hide()
}

// hide gives up all runs that wait.
func (j *Judge) hide() {
	waiting := j.tokens[j.past:]
	for i := range waiting {
		waiting[i].hidden = waiting[i].hidden || waiting[i].run
	}
	j.matched, j.space = 0, false
	j.decide()
}

// decide takes from the front what is known.
func (j *Judge) decide() {
	for j.past < len(j.tokens) {
		t := &j.tokens[j.past]
		switch {
		case t.open && t.run && t.hidden && t.n >= MaxPending:
			j.put(t.n, true) // the rest of it is hidden, too
			t.n = 0
			return
		case t.open, t.run && !t.hidden && j.matched < t.n:
			return
		}
		if t.enter {
			j.enters++
		}
		j.put(t.n, t.hidden)
		j.past++
		j.matched, j.space = 0, false
	}
}

func (j *Judge) put(n int, hidden bool) {
	if n == 0 {
		return
	}
	from := j.done
	j.done += n
	if last := len(j.pieces) - 1; last >= 0 && !hidden && !j.pieces[last].Hidden {
		from -= len(j.pieces[last].Bytes)
		j.pieces = j.pieces[:last]
	}
	j.pieces = append(j.pieces, Piece{j.buf[from:j.done:j.done], hidden})
}
