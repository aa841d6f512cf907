package mask

import "strings"

// assignPhase is where in name, separator, value an assignment is. A machine in
// the first three is in the name's slot, one in the others in the value's.
type assignPhase uint8

const (
	named    assignPhase = iota // after the name: closing quote, blanks, separator
	leading                     // after the separator: blanks, opening quote
	escaping                    // after a backslash that may belong to a quote
	valuing                     // undecided
	masking                     // a secret
)

const (
	maxNameTail = 8
	maxLead     = 16
	minValue    = 6  // shorter values are not taken for secrets
	decideValue = 12 // so many bytes are a secret without knowing the end
)

// assigned is what a machine knows of a value.
type assigned struct {
	phase   assignPhase
	quote   byte                  // that ends the value; 0 for none
	escaped bool                  // the quote is written with a backslash
	slash   bool                  // the byte before was a backslash that escapes
	xml     bool                  // the value ends at "<"
	head    [decideValue + 1]byte // the value, until decided
}

func (m *machine) stepAssignment(s *Stream, b byte) bool {
	switch m.phase {
	case named:
		return m.name(b)
	case leading:
		return m.lead(s, b)
	case escaping:
		return m.escape(s, b)
	case valuing, masking:
		return m.value(s, b)
	default:
		return false
	}
}

// name accepts what may stand between a name and its separator: "password" =,
// ["password"]:, \"password\":, <password>.
func (m *machine) name(b byte) bool {
	switch {
	case b == '=' || b == ':':
		m.phase, m.n = leading, 0
		return true
	case b == '>' && m.n == 0:
		m.phase, m.n, m.xml = leading, 1, true
		return true
	case isQuote(b) || b == '\\' || b == ']' || b == ' ' || b == '\t':
		m.n++
		return m.n <= maxNameTail
	default:
		return false
	}
}

// lead accepts the rest of the separator, blanks, and the start of the value.
func (m *machine) lead(s *Stream, b byte) bool {
	r := &s.rules.rules[m.rule]
	switch {
	case m.n == 0 && (b == '=' || b == '>' || b == ':'):
		m.n++
		return true
	case b == ' ' || b == '\t':
		m.n++
		return m.n <= maxLead
	case b < ' ' || (b == '/' && r.noPath) || (b == '-' && r.value):
		return false
	case isQuote(b):
		m.quote = b
		m.begin(s, s.pos+1)
		return false
	case b == '\\':
		m.phase, m.hold = escaping, s.pos
		return true
	default:
		if v := m.begin(s, s.pos); v != nil && !v.value(s, b) {
			s.end(s.valueSlot())
		}
		return false
	}
}

// escape decides what a backslash before the value was.
func (m *machine) escape(s *Stream, b byte) bool {
	if isQuote(b) {
		m.quote, m.escaped = b, true
		m.begin(s, s.pos+1)
		return false
	}
	if v := m.begin(s, m.hold); v != nil {
		v.take(s, '\\', s.pos-1)
		if !v.value(s, b) {
			s.end(s.valueSlot())
		}
	}
	return false
}

// begin moves the machine to the value's slot, unless a value is being followed
// already: then this one lies inside that, and shares its fate.
func (m *machine) begin(s *Stream, at int64) *machine {
	slot := s.valueSlot()
	if s.active&(1<<slot) != 0 {
		return nil
	}
	v := &s.slots[slot]
	*v = *m
	v.phase, v.n, v.hold = valuing, 0, at
	s.active |= 1 << slot
	return v
}

func (m *machine) value(s *Stream, b byte) bool {
	slash := m.slash
	m.slash = false
	switch {
	case b < ' ' && b != '\t':
		return m.closeValue(s, m.n)
	case m.quote != 0 && slash && m.escaped && b == m.quote:
		return m.closeValue(s, m.n-1) // the backslash belongs to the quote
	case m.quote != 0 && slash:
	case m.quote != 0 && b == m.quote:
		return m.closeValue(s, m.n)
	case m.quote != 0:
		m.slash = b == '\\'
	case b == '\t' || b == ' ' && !m.isScheme(s), b == 0x7f, isQuote(b), b == '&', b == '<' && m.xml:
		return m.closeValue(s, m.n)
	}
	if b == ' ' && m.isScheme(s) {
		m.n, m.hold = 0, s.pos+1
		return true
	}
	return m.take(s, b, s.pos)
}

// take adds the byte at position at to the value.
func (m *machine) take(s *Stream, b byte, at int64) bool {
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
	if m.n >= decideValue && !(m.escaped && m.slash) {
		if m.isStop(m.n) {
			return false
		}
		m.found(s, at+1)
		m.phase = masking
	}
	return true
}

// closeValue ends a value of n bytes, and reports false.
func (m *machine) closeValue(s *Stream, n int) bool {
	if m.phase == masking {
		return false
	}
	word := n // without what may be punctuation, or the end of the secret
	for word > 0 && strings.IndexByte(",;)}]", m.head[word-1]) >= 0 {
		word--
	}
	if word >= minValue && !m.isStop(word) {
		m.found(s, m.hold+int64(n))
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

func folded(head [decideValue + 1]byte) [decideValue + 1]byte {
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
		password secret(s) token(s) bearer kubernetes.io`) {
		words[w] = true
	}
	return words
}()
