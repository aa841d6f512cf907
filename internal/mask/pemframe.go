package mask

// pemFrame finds the lines of a key among whatever stands around them: the columns of a table, a program's name, a comment's mark. Such a
// line has a run of pemRun base64 digits, and the run is masked. A line without one is the last, unless it is the header's own, or of the
// first few before the body: those have a colon and a blank ("DEK-Info: "), or nothing behind what stands before the lines, so that no
// letter and no digit is their last byte.
//
// Nobody who types is kept waiting behind a header alone: a run's first digits are clear where none is known to be of the key. They are
// those of a key's first line, and the same in all keys: its version and lengths. Where the line before had its run, one is masked as it
// comes, so is the short last one. Of others that are too short one counts that stands in the same line behind a longer one, directly
// before the dashes of the end.
type pemFrame struct {
	on bool

	line   int  // its number; that of the header's is 0
	column int  // bytes of the line
	colon  bool // a colon and a blank are in it
	last   byte
	full   bool // a run in it is long enough

	run   int // digits of the run, so far
	start int // its column
	from  int64
	sure  bool // it is where the line before had its run

	body bool // a line of the key was found
	at   int  // the column of its run

	waits bool // a short run behind the longer one is held: up to
	to    int64
	gap   int // bytes behind it
}

const (
	pemRun    = 40
	pemPublic = 8
	pemLead   = 4 // lines before the body
	pemWord   = 4 // digits: fewer are of a separator, as in "&#10;"
	pemGap    = 8 // bytes of a separator
	pemShift  = 1 // columns: line 10 begins later than line 9
)

func isBase64(b byte) bool { return isAlnum(b) || b == '+' || b == '/' || b == '=' }

// see counts a byte that is no line end.
func (f *pemFrame) see(b byte) {
	f.colon = f.colon || f.last == ':' && b == ' '
	if b != '\r' {
		f.last = b
	}
	if !isBase64(b) {
		f.run = 0
	} else {
		if f.run == 0 {
			f.start = f.column
		}
		f.run++
		if f.run == pemRun && !f.full {
			f.full, f.body, f.at = true, true, f.start
		}
	}
	f.column++
}

// next is a line end, and reports whether the key may go on.
func (f *pemFrame) next() bool {
	lead := !f.body && f.line <= pemLead && (f.colon || !isAlnum(f.last))
	more := f.line == 0 || f.full || lead
	*f = pemFrame{on: f.on, line: f.line + 1, body: f.body, at: f.at}
	return more
}

func (m *machine) stepFrame(s *Stream, b byte) bool {
	f := &m.pem.frame
	if b == '\n' {
		m.dashes = 0
		m.letGo()
		return f.next()
	}
	before := f.run
	f.see(b)
	if isBase64(b) {
		m.dashes = 0
		m.stepRun(s, b)
		return true
	}
	m.behindRun(s, before)
	if b != '-' {
		m.dashes = 0
		return true
	}
	m.dashes++
	if m.dashes == pemDashes && f.waits {
		m.found(s, f.to)
	}
	return m.dashes < pemDashes
}

func (m *machine) stepRun(s *Stream, b byte) {
	f := &m.pem.frame
	if f.run == 1 {
		f.from, f.sure = s.pos, f.body && max(f.start-f.at, f.at-f.start) <= pemShift
	}
	if !f.sure && !f.full && f.run <= pemPublic {
		return
	}
	if f.waits {
		if f.gap++; f.run == pemWord || f.gap > pemGap+pemDashes {
			f.waits, m.hold = false, f.from
		}
	}
	if m.hold < 0 {
		m.hold = s.pos
	}
	m.secret.add(s, b)
	if f.sure || f.run >= pemRun {
		m.found(s, s.pos+1)
	}
}

// behindRun takes a byte that is in no run; before it one of so many digits may have ended.
func (m *machine) behindRun(s *Stream, digits int) {
	f := &m.pem.frame
	switch {
	case m.hold < 0:
	case f.waits:
		if f.gap++; f.gap > pemGap+pemDashes {
			m.letGo()
		}
	case f.full && digits >= pemWord:
		f.waits, f.to, f.gap = true, s.pos, 1
	default:
		m.letGo()
	}
}

// letGo leaves clear what is held.
func (m *machine) letGo() {
	m.hold, m.pem.frame.waits = -1, false
	for m.secret.total > m.secret.kept {
		m.secret.drop()
	}
}
