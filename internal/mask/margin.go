package mask

import (
	"bytes"

	"github.com/sallyport-dev/sallyport/internal/mask/vt"
)

// margin looks for what programs write where text reaches the right edge of a terminal and goes on in the next row:
//
//   - a blank and CR, behind which neither CR nor LF comes: readline;
//   - a blank and BS: the shell of busybox;
//   - a byte, CR, and that byte again: readline, where the locale is C;
//   - a byte or a blank, CR twice, and LF: the shell of busybox, where the terminal adds a CR of its own;
//   - a byte or a blank twice, and the cursor addressed to the first column: vim.
//
// Sequences that paint may stand between; all of it has less than maxMargin bytes. A byte is none of blank and controls.
type margin struct {
	phase marginPhase
	start int64         // where what may be one begins
	blank bool          // with a blank
	lines bool          // it is a line end of a kind
	n     int           // bytes since the first of what may be one
	last  byte          // the last byte of the screen; 0 where something else came since
	at    int64         // where that is
	cup   cursorAddress // in the sequence behind a byte that stands there twice

	twice         byte  // that stands there twice,
	first, second int64 // where, and where again; second is 0 for none
}

// maxMargin is more than any of those programs writes.
const maxMargin = 24

type marginPhase uint8

const (
	noMargin        marginPhase = iota
	marginBlank                 // after a blank
	marginCR                    // after a blank and CR
	marginByteCR                // after a byte and CR
	marginCRCR                  // after a byte, CR, CR
	marginBlankCRCR             // after a blank, CR, CR
	marginTwice                 // after a byte twice
)

// marginIs is what a byte tells of those before it.
type marginIs uint8

const (
	marginNone   marginIs = iota
	marginOpen            // it may become one, or go on to be one
	marginNot             // what was open is none
	marginBefore          // the bytes before this one are one
	marginWith            // they are, with this one
)

// step takes the byte at a position, and reports what becomes of what was open, and whether one may begin with this byte, behind which
// next comes; -1 for what is not known.
func (m *margin) step(b byte, class vt.Class, at int64, next int) (was marginIs, begins bool) {
	if m.phase != noMargin {
		if was = m.decide(b, class, at); was == marginOpen {
			if m.n++; m.n < maxMargin {
				m.see(b, class, at)
				return was, false
			}
			was = marginNot
		}
		m.phase = noMargin
	}
	if was != marginWith && class == vt.Visible && (b == m.last || b == ' ' || b == '\r') {
		begins = m.begin(b, at, next)
	}
	m.see(b, class, at)
	return was, begins
}

// begin reports whether a visible byte may be the first of a margin.
func (m *margin) begin(b byte, at int64, next int) bool {
	open := next < 0 || next == vt.Esc || next == vt.Bel
	m.second, m.cup, m.lines = 0, noAddress, false
	switch {
	case b == ' ' && (open || next == '\r' || next == '\b'):
		if m.phase = marginBlank; m.last == ' ' {
			m.second = at
		}
	case b == '\r' && m.last > ' ' && (open || next == '\r' || next == int(m.last)):
		m.phase = marginByteCR
	case b > ' ' && b == m.last && open:
		m.phase, m.second = marginTwice, at
	default:
		return false
	}
	m.start, m.blank, m.twice, m.first, m.n = at, b == ' ', m.last, m.at, 1
	return true
}

// decide is step where a margin is open.
func (m *margin) decide(b byte, class vt.Class, at int64) marginIs {
	m.cup = m.cup.step(b, class)
	switch {
	case class == vt.Hidden:
		return marginOpen
	case class == vt.Move && m.second > 0 && m.cup == addressed:
		return marginWith
	case class != vt.Visible:
		return marginNot
	case m.phase == marginBlank || m.phase == marginCR:
		return m.decideBlank(b)
	case m.phase == marginByteCR && b == '\r':
		m.phase = marginCRCR
		return marginOpen
	case m.phase == marginByteCR && b == m.twice:
		m.second = at
		return marginWith
	case (m.phase == marginCRCR || m.phase == marginBlankCRCR) && b == '\n':
		m.lines = true
		return marginWith
	default:
		return marginNot
	}
}

// decideBlank is decide after a blank, or a blank and CR.
func (m *margin) decideBlank(b byte) marginIs {
	m.second = 0
	switch {
	case m.phase == marginBlank && b == '\r':
		m.phase = marginCR
		return marginOpen
	case m.phase == marginBlank && b == '\b':
		return marginWith
	case m.phase == marginCR && b == '\r':
		m.phase = marginBlankCRCR
		return marginOpen
	case m.phase == marginCR && b != '\n':
		return marginBefore
	default:
		return marginNot
	}
}

// see notes a byte.
func (m *margin) see(b byte, class vt.Class, at int64) {
	switch class {
	case vt.Visible:
		m.last, m.at = b, at
	case vt.Hidden:
	case vt.Gap, vt.Move, vt.Enter, vt.Leave:
		m.last = 0
	default:
	}
}

// passed notes bytes of the screen that were not stepped over, in which there is no margin; the last of them is at a position.
func (m *margin) passed(p []byte, at int64) {
	if n := len(p); n > 0 {
		m.last, m.at = p[n-1], at
	}
}

// cursorAddress is how much there is of a sequence that addresses the first column of a row: ESC [ row ; 1 H.
type cursorAddress uint8

const (
	noAddress cursorAddress = iota
	addressESC
	addressCSI
	addressRow
	addressSemicolon
	addressOne
	addressed
)

func (a cursorAddress) step(b byte, class vt.Class) cursorAddress {
	switch {
	case class == vt.Hidden && b == vt.Esc:
		return addressESC
	case class == vt.Hidden && b == '[' && a == addressESC:
		return addressCSI
	case class == vt.Hidden && isDigit(b) && (a == addressCSI || a == addressRow):
		return addressRow
	case class == vt.Hidden && b == ';' && a == addressRow:
		return addressSemicolon
	case class == vt.Hidden && b == '1' && a == addressSemicolon:
		return addressOne
	case class == vt.Move && b == 'H' && a == addressOne:
		return addressed
	default:
		return noAddress
	}
}

// clear is how many of the visible bytes of p, of which it is open what follows, stand before the first byte of a margin, or of what
// may become one. bs is what backspace says of p.
func (m *margin) clear(p []byte, bs int) int {
	end := len(p)
	if bs < end {
		end = max(bs-1, 0)
	}
	for i := 0; i < end; i++ {
		n := bytes.IndexByte(p[i:end], '\r')
		if n < 0 {
			break
		}
		i += n
		if from := m.edge(p, i); from >= 0 {
			return from
		}
	}
	if end == len(p) && end > 0 && (p[end-1] == ' ' || p[end-1] > ' ' && p[end-1] == m.prior(p, end-1)) {
		end--
	}
	return end
}

// backspace is where BS first stands behind a blank in p; len(p) for nowhere.
func (m *margin) backspace(p []byte) int {
	for i := 0; i < len(p); i++ {
		n := bytes.IndexByte(p[i:], '\b')
		if n < 0 {
			break
		}
		if i += n; m.prior(p, i) == ' ' {
			return i
		}
	}
	return len(p)
}

// edge is where what may be a margin begins that has its CR at an offset of p; -1 for none.
func (m *margin) edge(p []byte, cr int) int {
	before, last := m.prior(p, cr), cr+1 == len(p)
	switch {
	case before == ' ' && (last || p[cr+1] != '\n'):
		return max(cr-1, 0)
	case before > ' ' && (last || p[cr+1] == before || p[cr+1] == '\r'):
		return cr
	default:
		return -1
	}
}

// prior is the byte before an offset of p.
func (m *margin) prior(p []byte, i int) byte {
	if i == 0 {
		return m.last
	}
	return p[i-1]
}
