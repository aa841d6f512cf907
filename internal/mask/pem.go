package mask

import "strings"

// The body of a private key is masked up to the dashes of its end line, but not its line ends, and up to its largest size. From a byte
// on that is in no key and around none, only what looks like a line of one is (pemFrame), so that a header alone, as grep prints it, does
// not swallow what follows.
const (
	pemMaxBody = 16 << 10
	pemNever   = "$#@~><|{}\"'`;!?%^&*"
	pemDashes  = 5
	// pemBefore may stand before what a line has of a key, in any number: blanks, a line's number, a mark of diff.
	pemBefore = " \t0123456789:+"
	// pemAfter may stand behind a quote that ends a line, or behind the mark of a line's end.
	pemAfter = " \t+,;)\\.M$"
	// pemRest is how long the rest of a header line with a quote may be: "\r\n" in a source text.
	pemRest = 4
)

// pemLine tells what a line of a key may go on with. How the header's line ends tells how the others do: with "$" or "^M$" (cat -A),
// or quoted.
type pemLine struct {
	phase  pemPhase
	marked bool // the header line ends with "$"
	quoted bool // it ends with a quote
	quote  bool // the line begins with one
	arrow  bool // the line begins with "> " or "< ": no blank is in it
	rest   int  // bytes of the header line
	frame  pemFrame
}

type pemPhase uint8

const (
	pemHead  pemPhase = iota // behind the header
	pemStart                 // before what a line has of the key
	pemArrow                 // behind ">"
	pemBody
	pemBehind
)

// next is a line end.
func (l *pemLine) next() { l.phase, l.quote, l.arrow = pemStart, false, false }

// takes reports whether a line may go on with b, which is no dash and no line end.
func (l *pemLine) takes(b byte) bool {
	switch l.phase {
	case pemHead:
		if l.rest++; isQuote(b) && l.rest <= pemRest+1 {
			l.phase, l.quoted = pemBehind, true
			return true
		}
		l.marked = b == '$' || b == '^'
		return l.body(b)
	case pemStart:
		return l.start(b)
	case pemArrow:
		l.phase, l.arrow = pemStart, true
		return b == ' '
	case pemBody:
		return l.body(b)
	case pemBehind:
		return strings.IndexByte(pemAfter, b) >= 0
	default:
		return false
	}
}

func (l *pemLine) start(b byte) bool {
	switch {
	case strings.IndexByte(pemBefore, b) >= 0:
		return true
	case l.quoted:
		l.phase, l.quote = pemBody, true
		return isQuote(b)
	case l.marked && b == '^': // "^I" is a tab
		l.phase = pemBody
		return true
	case b == '>' || b == '<':
		l.phase = pemArrow
		return true
	default:
		l.phase = pemBody
		return l.body(b)
	}
}

func (l *pemLine) body(b byte) bool {
	if l.quote && isQuote(b) || l.marked && (b == '$' || b == '^') || l.arrow && (b == ' ' || b == '\t') {
		l.phase = pemBehind
		return true
	}
	return strings.IndexByte(pemNever, b) < 0
}

func (m *machine) stepPEM(s *Stream, b byte) bool {
	f := &m.pem.frame
	if b == '-' && !f.on {
		if m.hold < 0 {
			m.hold, m.dashes = s.pos, 0
		}
		f.see(b)
		m.secret.add(s, b)
		m.dashes++
		return m.dashes < pemDashes
	}
	end := b == '\r' || b == '\n'
	if b != '-' {
		m.n++
	}
	if m.n > pemMaxBody {
		return false
	}
	if !f.on && !end && !m.pem.takes(b) {
		f.on, m.dashes = true, 0
		m.letGo()
	}
	if f.on {
		return m.stepFrame(s, b)
	}
	if m.hold >= 0 {
		m.found(s, s.pos)
	}
	if b == '\n' {
		m.pem.next()
		f.next()
		return true
	}
	f.see(b)
	if !end {
		m.hold = s.pos
		m.secret.add(s, b)
		m.found(s, s.pos+1)
	}
	return true
}
