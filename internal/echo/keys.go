package echo

import (
	"bytes"
	"strings"
)

const (
	esc = 0x1b
	del = 0x7f
	// maxSequence bounds what a terminal sends as one sequence: the longest are its answers about itself.
	maxSequence = 64
	// plainFinals are the last bytes of the control sequences that say nothing of what was typed: cursor and function keys,
	// editing keys and paste markers (~), the focus, the mouse, and answers.
	plainFinals = "ABCDEFGHIMOPQRSZcmnty~"
	// plainKeys are those of the sequences that begin with ESC O.
	plainKeys = "ABCDFHMPQRS"
)

// keys is where the typed bytes are within an escape sequence: the beginning of it that the last token is, or nothing.
type keys struct{ after byte } // ESC, '[' or 'O'; zero outside

// key takes one byte that was typed. Of a piece that the last call returned nothing is overwritten: bytes are appended.
func (j *Judge) key(b byte) {
	switch j.keys.after {
	case esc:
		if b == '[' || b == 'O' {
			j.add(b)
			j.keys.after = b
			return
		}
		j.close()
	case '[':
		switch n := j.tokens[len(j.tokens)-1].n; {
		case b >= 0x20 && b < 0x40 && n < maxSequence:
			j.add(b)
			return
		case b >= 0x40 && b < del:
			j.add(b)
			j.sequence(strings.IndexByte(plainFinals, b) >= 0)
			return
		}
		j.sequence(false)
	case 'O':
		if strings.IndexByte(plainKeys, b) >= 0 {
			j.add(b)
			j.close()
			return
		}
		j.sequence(false)
	}
	j.plain(b)
}

// sequence ends a sequence that is whole, or is none. Some carry text: what xterm sends for a modified key is one of them.
func (j *Judge) sequence(plain bool) {
	last := &j.tokens[len(j.tokens)-1]
	if !plain || bytes.HasPrefix(j.buf[len(j.buf)-last.n:], []byte("\x1b[27;")) {
		last.run, last.hidden = true, true
	}
	j.close()
}

// plain takes a byte outside of sequences.
func (j *Judge) plain(b byte) {
	if b >= 0x20 && b != del {
		last := len(j.tokens) - 1
		if last < j.past || !j.tokens[last].open {
			j.tokens = append(j.tokens, token{run: true, open: true})
			last++
		}
		if t := &j.tokens[last]; t.passed {
			t.hidden = true
		}
		j.add(b)
		return
	}
	j.close()
	j.tokens = append(j.tokens, token{open: true, enter: b == '\r' || b == '\n'})
	j.add(b)
	if b == esc {
		j.keys.after = esc
		return
	}
	j.close()
}

func (j *Judge) add(b byte) {
	j.buf = append(j.buf, b)
	j.tokens[len(j.tokens)-1].n++
}

// close ends the last token.
func (j *Judge) close() {
	j.keys.after = 0
	if n := len(j.tokens); n > j.past {
		j.tokens[n-1].open = false
	}
}
