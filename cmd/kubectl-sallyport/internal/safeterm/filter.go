package safeterm

import (
	"io"
	"unicode/utf8"
)

// Bounds of what is held while a sequence is incomplete. What is longer is no sequence that the list knows.
const (
	maxSequence = 128     // bytes of an escape or control sequence
	maxString   = 1 << 16 // characters of an OSC, DCS, … before it is taken for unterminated
)

type state int

const (
	ground  state = iota // text
	escaped              // after ESC
	control              // after CSI
	str                  // inside DCS, SOS, PM, APC or a screen title; ends with ST
	osc                  // inside OSC; ends with ST or BEL
)

// Filter passes on text and harmless sequences. A sequence reaches the terminal only when it is complete and
// allowed, so any split of the input gives the same output, and no input makes the output end inside a sequence.
// It is not safe for concurrent use.
type Filter struct {
	w       io.Writer
	carry   []byte // an incomplete UTF-8 character
	state   state
	held    []byte // the sequence so far, with its introducer in 7-bit form
	length  int    // characters of the string so far
	out     []byte
	dropped int

	alternate, margins bool // what Restore has to undo
}

// NewFilter returns a filter in front of w.
func NewFilter(w io.Writer) *Filter { return &Filter{w: w} }

// Dropped is the number of sequences and control characters that did not get through so far.
func (f *Filter) Dropped() int { return f.dropped }

// Write filters p. It always takes the whole of p, unless the writer behind fails.
func (f *Filter) Write(p []byte) (int, error) {
	f.out = f.out[:0]
	f.carry = append(f.carry, p...)
	data := f.carry
	for len(data) > 0 && utf8.FullRune(data) {
		r, size := utf8.DecodeRune(data)
		f.step(r)
		data = data[size:]
	}
	f.carry = append(f.carry[:0], data...)
	if len(f.out) > 0 {
		if _, err := f.w.Write(f.out); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// Restore returns what brings the terminal back from whatever got through. The filter starts anew.
func (f *Filter) Restore() string {
	undo := "\x1b[0m\x1b(B\x0f\x1b[?25h\x1b[?7h\x1b[4l"
	if f.margins {
		undo += "\x1b7\x1b[r\x1b8"
	}
	if f.alternate {
		undo += "\x1b[?1049l"
	}
	*f = Filter{w: f.w, dropped: f.dropped}
	return undo
}

func (f *Filter) step(r rune) {
	switch f.state {
	case ground:
		f.text(r)
	case escaped:
		f.escape(r)
	case control:
		f.control(r)
	case str, osc:
		f.skip(r)
	}
}

// text handles one character outside of any sequence.
func (f *Filter) text(r rune) {
	switch {
	case r == '\x1b':
		f.begin(escaped, "\x1b")
	case r >= 0x80 && r < 0xa0:
		// An 8-bit control is ESC and the same character without its high bit. Its two-character form is judged.
		f.begin(escaped, "\x1b")
		f.escape(r - 0x40)
	case harmless(r), r >= 0x20 && r != 0x7f:
		f.out = utf8.AppendRune(f.out, r)
	default:
		f.dropped++
	}
}

func harmless(r rune) bool {
	switch r {
	case '\a', '\b', '\t', '\n', '\v', '\f', '\r', 0x0e, 0x0f:
		return true
	}
	return false
}

func (f *Filter) begin(s state, introducer string) {
	f.state, f.length = s, 0
	f.held = append(f.held[:0], introducer...)
}

// escape handles one character after ESC: "intermediates, then one final".
func (f *Filter) escape(r rune) {
	first := len(f.held) == 1
	switch {
	case first && r == '[':
		f.begin(control, "\x1b[")
	case first && r == ']':
		f.begin(osc, "")
	case first && (r == 'P' || r == 'X' || r == '^' || r == '_' || r == 'k'):
		f.begin(str, "")
	case r >= 0x20 && r < 0x30 && len(f.held) < maxSequence:
		f.held = append(f.held, byte(r))
	case r >= 0x30 && r < 0x7f:
		f.held = append(f.held, byte(r))
		f.finish(allowedEscape(f.held[1:]))
	default:
		f.abandon(r)
	}
}

// control handles one character after CSI: "parameters, intermediates, then one final".
func (f *Filter) control(r rune) {
	switch {
	case r >= 0x20 && r < 0x40 && len(f.held) < maxSequence:
		f.held = append(f.held, byte(r))
	case r >= 0x40 && r < 0x7f:
		f.held = append(f.held, byte(r))
		body := f.held[2:]
		ok := allowedControl(body)
		f.note(body, ok)
		f.finish(ok)
	default:
		f.abandon(r)
	}
}

// skip swallows a string until its end. Terminals disagree on how a broken one ends; every way back to text is
// taken here, because text is what the auditor has to see.
func (f *Filter) skip(r rune) {
	f.length++
	switch {
	case r == 0x9c, r == '\a' && f.state == osc, r == 0x18, r == 0x1a, f.length > maxString:
		f.finish(false)
	case r == '\x1b':
		// ESC \ is the terminator; any other character begins a sequence of its own.
		f.dropped++
		f.begin(escaped, "\x1b")
		f.length = -1
	}
}

// finish ends a sequence and lets it through if it is allowed.
func (f *Filter) finish(ok bool) {
	if ok {
		f.out = append(f.out, f.held...)
	} else if !f.terminator() {
		f.dropped++
	}
	f.state, f.length = ground, 0
}

// terminator reports whether the sequence is the ESC \ that ends a string already counted.
func (f *Filter) terminator() bool {
	return f.state == escaped && f.length < 0 && string(f.held) == "\x1b\\"
}

// abandon drops a sequence that r cannot continue, and handles r as text.
func (f *Filter) abandon(r rune) {
	f.dropped++
	f.state, f.length = ground, 0
	f.text(r)
}

// note remembers what a control sequence changes beyond its line.
func (f *Filter) note(body []byte, ok bool) {
	if !ok {
		return
	}
	switch string(body) {
	case "?47h", "?1047h", "?1049h":
		f.alternate = true
	case "?47l", "?1047l", "?1049l":
		f.alternate = false
	}
	if body[len(body)-1] == 'r' {
		f.margins = true
	}
}
