// Package vt tells which bytes of a terminal's stream are visible: the 7-bit forms of ECMA-48 (fifth edition, 1991) and what
// xterm adds. 8-bit controls are not known: in UTF-8 those bytes are parts of characters.
//
// # What a byte is
//
//   - Visible: not part of an escape sequence. That includes CR, LF and other single controls, but BEL.
//   - Hidden: part of a sequence, or BEL, which line editors ring in the midst of a word. Characters that are inserted or deleted at
//     the cursor (ICH, DCH) leave it where it is: what is printed goes on there.
//   - Gap: the last byte of a sequence that moves the cursor right (CUF), which programs write for blanks.
//   - Move: the last byte of any other sequence after which output goes on elsewhere: cursor addressing, scrolling,
//     inserting and deleting lines, saving and restoring the cursor, reset; and the one that sets or resets bracketed paste: what
//     follows is by another program.
//   - Enter: the last byte that begins a string (OSC, DCS, SOS, PM, APC). What follows, up to Leave, is Visible, but
//     it is not text on the screen: titles, links, the clipboard.
//   - Leave: the byte that ends a string: BEL (of an OSC only), CAN, SUB, or ESC, which may be that of ST.
//
// A control sequence has at most MaxParameters bytes after its introducer. Those that follow are Visible, as is any byte that has
// no place in a sequence; the sequence is then over. A string has no bound: what it holds is Visible.
package vt

import "strings"

// Class is what a byte is.
type Class uint8

// The classes of bytes.
const (
	Visible Class = iota
	Hidden
	Gap
	Move
	Enter
	Leave
)

// MaxParameters bounds the parameter and intermediate bytes of a control sequence.
const MaxParameters = 64

type state uint8

const (
	ground  state = iota
	escape        // after ESC
	charset       // after ESC and an intermediate byte
	csi
	osc // in an OSC string
	str // in a DCS, SOS, PM or APC string
)

const (
	can = 0x18
	sub = 0x1a
	// Esc begins every sequence.
	Esc = 0x1b
	// Bel rings, and ends an OSC.
	Bel = 0x07
)

// Parser reads one stream. Its zero value is ready.
type Parser struct {
	state state
	n     uint8 // bytes of the control sequence
	paste uint8 // of them, those that begin as pasteMode does
}

// Ground reports whether the next byte is Visible, unless it is Esc or Bel.
func (p *Parser) Ground() bool { return p.state == ground }

// Step takes the next byte.
func (p *Parser) Step(b byte) Class {
	switch p.state {
	case ground:
		switch b {
		case Esc:
			p.state, p.n = escape, 0
			return Hidden
		case Bel:
			return Hidden
		default:
			return Visible
		}
	case escape:
		return p.escape(b)
	case charset:
		return p.charset(b)
	case csi:
		return p.csi(b)
	case osc, str:
		return p.text(b)
	default:
		return Visible
	}
}

func (p *Parser) escape(b byte) Class {
	p.state = ground
	switch {
	case b == '[':
		p.state, p.paste = csi, 0
		return Hidden
	case b == ']':
		p.state = osc
		return Enter
	case b == 'P' || b == 'X' || b == '^' || b == '_':
		p.state = str
		return Enter
	case b == Esc:
		p.state = escape
		return Hidden
	case b >= 0x20 && b < 0x30:
		p.state = charset
		return Hidden
	case b == '7' || b == '8' || b == 'D' || b == 'E' || b == 'M' || b == 'c':
		return Move // DECSC, DECRC, IND, NEL, RI, RIS
	case strings.IndexByte(pairs, b) >= 0:
		return Hidden
	default:
		return Visible
	}
}

// pairs are the other bytes that end a sequence of two: keypad modes, tab stop, shifts, ST; and those that end any.
const pairs = "=><HNOZno|}~\\\x07\x18\x1a"

func (p *Parser) charset(b byte) Class {
	switch {
	case b >= 0x20 && b < 0x30 && p.n < MaxParameters:
		p.n++
		return Hidden
	case b == Esc:
		p.state, p.n = escape, 0
		return Hidden
	}
	p.state = ground
	if b >= 0x30 && b < 0x7f || b == can || b == sub || b == Bel {
		return Hidden
	}
	return Visible
}

func (p *Parser) csi(b byte) Class {
	switch {
	case b >= 0x20 && b < 0x40 && p.n < MaxParameters:
		if p.paste == p.n && int(p.n) < len(pasteMode) && b == pasteMode[p.n] {
			p.paste++
		}
		p.n++
		return Hidden
	case b == Esc:
		p.state, p.n = escape, 0
		return Hidden
	}
	p.state = ground
	switch {
	case p.paste == p.n && int(p.n) == len(pasteMode) && (b == 'h' || b == 'l'):
		return Move
	case b == 'C' || b == 'a':
		return Gap // CUF, HPR
	case moves[b]:
		return Move
	case b >= 0x40 && b < 0x7f, b == can, b == sub, b == Bel:
		return Hidden
	default:
		return Visible
	}
}

// pasteMode are the parameters of the mode that a line editor sets before its prompt, and resets behind what was typed.
const pasteMode = "?2004"

// moves are the final bytes of control sequences after which output goes on elsewhere.
var moves = func() (set [256]bool) {
	for _, b := range []byte("ABDEFGHILMSTZ^`defjkrsu") {
		set[b] = true
	}
	return set
}()

// text reads a string.
func (p *Parser) text(b byte) Class {
	switch {
	case b == Esc:
		p.state, p.n = escape, 0
		return Leave
	case b == Bel && p.state == osc, b == can, b == sub:
		p.state = ground
		return Leave
	default:
		return Visible
	}
}
