package mask

import "strings"

// assignPhase is where behind its separator an assignment is. A machine in the first two is in the lead's slot, one in the
// others in the value's.
type assignPhase uint8

const (
	leading  assignPhase = iota // blanks, opening quote
	escaping                    // after a backslash that may belong to a quote
	valuing                     // undecided
	masking                     // a secret
)

const (
	maxLead     = 16
	minValue    = 6  // shorter values are not taken for secrets
	decideValue = 12 // so many bytes are a secret without knowing the end
	maxName     = 48 // a value that may be the name of a function is held for so long
)

// assigned is what a machine knows of a value.
type assigned struct {
	phase   assignPhase
	quote   byte          // that ends the value; 0 for none
	escaped bool          // the quote is written with a backslash
	slash   bool          // the byte before was a backslash that escapes
	xml     bool          // the value ends at "<"
	blank   bool          // a blank stands before the value
	call    bool          // it begins as a call does, or a composite literal
	head    [maxName]byte // the value, until decided
	last    int64         // the position after the last byte taken
	before  int64         // and after the one before that
}

// stepLead accepts the rest of the separator, blanks, and the start of the value.
func (m *machine) stepLead(s *Stream, t *track, b byte) bool {
	r := &s.rules.rules[m.rule]
	switch {
	case m.phase == escaping:
		return m.escape(s, t, b)
	case m.n == 0 && (b == '=' || b == '>' || b == ':'):
		m.n++
		return true
	case b == ' ' || b == '\t':
		m.n++
		m.blank = true
		return m.n <= maxLead
	case m.xml && b == '`': // `<token>`, as text names it
		return false
	case b < ' ' || (b == '/' && r.noPath) || (b == '-' && r.value):
		return false
	case isQuote(b):
		m.quote = b
		m.begin(t, s.pos+1)
		return false
	case b == '\\':
		m.phase, m.hold = escaping, s.pos
		return true
	default:
		if v := m.begin(t, s.pos); v != nil && !v.stepValue(s, b) {
			t.value = false
			v.end(s)
		}
		return false
	}
}

// escape decides what a backslash before the value was.
func (m *machine) escape(s *Stream, t *track, b byte) bool {
	if isQuote(b) {
		m.quote, m.escaped = b, true
		m.begin(t, s.pos+1)
		return false
	}
	if v := m.begin(t, m.hold); v != nil {
		v.take(s, '\\', m.hold)
		if !v.stepValue(s, b) {
			t.value = false
			v.end(s)
		}
	}
	return false
}

// begin moves the machine to the value's slot, unless a value is being followed
// already: then this one lies inside that, and shares its fate.
func (m *machine) begin(t *track, at int64) *machine {
	if t.value {
		return nil
	}
	v := &t.valuing
	room := v.secret.empty()
	*v = *m
	v.secret = room
	v.phase, v.n, v.hold, v.last, v.before = valuing, 0, at, at, at
	t.value = true
	return v
}

func (m *machine) stepValue(s *Stream, b byte) bool {
	slash := m.slash
	m.slash = false
	switch {
	case b < ' ' && b != '\t':
		return m.closeValue(s)
	case m.quote != 0 && slash && m.escaped && b == m.quote:
		m.n, m.last = m.n-1, m.before // the backslash belongs to the quote
		m.secret.drop()
		return m.closeValue(s)
	case m.quote != 0 && m.blank && m.n == 0 && b == ' ' && m.phase == valuing:
		return false // "Password: " ends here, and the quote was its last byte
	case m.quote != 0 && slash:
	case m.quote != 0 && b == m.quote:
		return m.closeValue(s)
	case m.quote != 0:
		m.slash = b == '\\'
	case b == '\t' || b == ' ' && !m.isScheme(s), b == 0x7f, isQuote(b), b == '&', b == '<' && m.xml:
		return !m.call && m.closeValue(s)
	case b == ';' && s.rules.rules[m.rule].field && m.head[0] != '{':
		return m.closeValue(s)
	}
	if b == ' ' && m.isScheme(s) {
		m.n, m.hold, m.last, m.before = 0, s.pos+1, s.pos+1, s.pos+1
		m.secret = m.secret.empty()
		return true
	}
	return m.take(s, b, s.pos)
}

// take adds the byte at position at to the value.
func (m *machine) take(s *Stream, b byte, at int64) bool {
	m.before, m.last = m.last, at+1
	m.secret.add(s, b)
	if m.phase == masking {
		if m.hold < 0 {
			m.hold = at
		}
		if m.escaped && m.slash {
			return true // masked with the next byte, if that is no quote
		}
		m.found(s, at+1)
		return true
	}
	m.head[m.n] = b
	m.n++
	if m.n == 2 && isTemplate(m.head[:2]) {
		return false
	}
	if m.isCode() && (b == '(' || b == '{') && m.n > 2 && isPath(m.head[:m.n-1]) {
		m.call = true
	}
	if m.call { // token := parser.Next(), but a password may have one bracket
		return b != ')' && b != '}' && m.n < maxName
	}
	if m.n >= decideValue && m.n < maxName && (m.isCode() && isPath(m.head[:m.n]) || isVariable(m.head[:m.n])) {
		return true
	}
	if m.n >= decideValue && !(m.escaped && m.slash) {
		if m.isStop(m.n) {
			return false
		}
		m.found(s, at+1)
		m.phase = masking
	}
	return true
}

// closeValue ends a value, and reports false.
func (m *machine) closeValue(s *Stream) bool {
	if m.phase == masking {
		if m.hold >= 0 { // a backslash behind which no quote came
			m.found(s, m.last)
		}
		return false
	}
	if isVariable(m.head[:m.n]) || m.isCode() && isOpening(m.head[:m.n]) || m.call && strings.IndexByte("({[,+|&", m.head[m.n-1]) >= 0 {
		return false
	}
	word := m.n // without what may be punctuation, or the end of the secret
	for word > 0 && strings.IndexByte(",;)}]", m.head[word-1]) >= 0 {
		word--
	}
	if word >= minValue && !m.isStop(word) {
		m.found(s, m.last)
	}
	return false
}

// isScheme reports whether the value so far is the name of an HTTP
// authentication scheme, or nothing, in a header where one may stand.
func (m *machine) isScheme(s *Stream) bool {
	if !s.rules.rules[m.rule].scheme || m.phase == masking {
		return false
	}
	word := folded(m.head)
	switch string(word[:m.n]) {
	case "", "bearer", "basic", "token", "digest", "negotiate", "apikey":
		return true
	default:
		return false
	}
}

// isCode reports whether the value stands where source code has an expression.
func (m *machine) isCode() bool { return m.blank && m.quote == 0 }

// isPath reports whether a text may be the name of a function or a type in source code. Names with digits are left out:
// they look like passwords.
func isPath(text []byte) bool {
	for _, b := range text {
		if !isLetter(b) && strings.IndexByte("_.[]*&:{", b) < 0 {
			return false
		}
	}
	return true
}

// isOpening reports whether a text is the start of an index or of a mapping: os.environ["TOKEN"], {path: token}.
func isOpening(text []byte) bool {
	if len(text) < 2 || !isPath(text) {
		return false
	}
	last := text[len(text)-1]
	return last == '[' || last == ':' && text[0] == '{'
}

// isVariable reports whether a text is the name of a variable of the shell, which stands where its value will.
func isVariable(text []byte) bool {
	if len(text) < 2 || text[0] != '$' {
		return false
	}
	for _, b := range text[1:] {
		if b != '_' && (b < 'A' || b > 'Z') {
			return false
		}
	}
	return true
}

func isTemplate(start []byte) bool {
	switch string(start) {
	case "${", "$(", "{{":
		return true
	default:
		return false
	}
}

// isStop reports whether the first n bytes of the value are a word that stands
// where a secret is absent, or are masked already.
func (m *machine) isStop(n int) bool {
	masked := true
	for _, b := range m.head[:n] {
		masked = masked && b == '*'
	}
	word := folded(m.head)
	return masked || stopWords[string(word[:n])]
}

func folded(head [maxName]byte) [maxName]byte {
	for i, b := range head {
		head[i] = fold(b)
	}
	return head
}

var stopWords = func() map[string]bool {
	words := map[string]bool{}
	for w := range strings.FieldsSeq(`undefined required optional default string boolean number object opaque
		redacted <redacted> [redacted] masked <masked> hidden <hidden> <none> <unset> <invalid> <unknown>
		enabled disabled present missing invalid expired unknown revoked rejected accepted changed
		password secret(s) secrets token(s) tokens bearer kubernetes.io
		<secret> <string> <token> <password> <value> <your-token> <your-key>
		[]byte []string nullable integer include same-origin omitempty prompt inherit
		context connection unexpected malformed failed cannot signature status request response denied
		permission timeout network server certificate illegal parsing decoding reading getting creating
		unauthorized forbidden lookup remote expected encrypted incorrect mismatch characters character`) {
		words[w] = true
	}
	return words
}()
