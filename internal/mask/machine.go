package mask

import "github.com/sallyport-dev/sallyport/internal/mask/dfa"

// machine follows what comes after one opening. All positions are from the stream's start.
type machine struct {
	rule int
	kind kind

	hold int64 // first byte held back; -1 for none
	from int64 // the masked span so far: [from, to)
	to   int64

	n        int       // bytes taken, in the phase if there is one
	mixed    bool      // kindToken: a digit or an upper-case letter was seen
	dashes   int       // kindPEM: so many are held
	pem      pemLine   // kindPEM
	jwt      jwtPhase  // kindJWT
	url      urlPhase  // kindURL
	body     dfa.State // kindPattern
	assigned           // kindAssignment
	secret   secret
}

// open starts at the byte after an opening, which is the one after s.pos.
func (m *machine) open(s *Stream, o opening, r *rule) {
	*m = machine{rule: o.rule, kind: r.kind, hold: -1, secret: m.secret.empty()}
	at := s.pos + 1
	switch r.kind {
	case kindToken, kindPattern:
		m.hold = at
	case kindAssignment:
		m.phase, m.xml = leading, o.form == closed
		if o.form != separated {
			m.n = 1
		}
	case kindPEM:
		m.from, m.to = at, at
	case kindJWT, kindURL, kindCard, kindIBAN:
	}
}

// become makes m what another machine is.
func (m *machine) become(o *machine) {
	seen := append(m.secret.bytes[:0], o.secret.bytes...) //nolint:gocritic // m's memory
	*m = *o
	m.secret.bytes = seen
}

// step takes the byte at s.pos, which is in the stream's buffers already. It reports false when
// the machine's work is over; that byte is then no part of a secret.
func (m *machine) step(s *Stream, t *track, b byte) bool {
	switch m.kind {
	case kindToken:
		return m.stepToken(s, b)
	case kindPattern:
		return m.stepPattern(s, b)
	case kindJWT:
		return m.stepJWT(s, b)
	case kindURL:
		return m.stepURL(s, b)
	case kindPEM:
		return m.stepPEM(s, b)
	case kindCard:
		return m.stepNumber(s, &t.card, b)
	case kindIBAN:
		return m.stepNumber(s, &t.iban, b)
	case kindAssignment: // see stepLead and stepValue
		return false
	default:
		return false
	}
}

// finish is the end of the sequence.
func (m *machine) finish(s *Stream, t *track) {
	switch m.kind {
	case kindToken:
		m.closeToken(s, 0)
	case kindCard:
		m.closeNumber(s, &t.card)
	case kindIBAN:
		m.closeNumber(s, &t.iban)
	case kindAssignment, kindJWT, kindURL, kindPEM, kindPattern:
	default:
	}
}

// found masks everything held up to the byte before position to.
func (m *machine) found(s *Stream, to int64) {
	if m.to == m.from {
		m.from = m.hold
	}
	s.mask(m.hold, to)
	m.hold, m.to = -1, to
	m.secret.keep()
}

// more masks the current byte as a further one of the secret.
func (m *machine) more(s *Stream, b byte) {
	m.secret.add(s, b)
	s.mask(s.pos, s.pos+1)
	m.to = s.pos + 1
	m.secret.keep()
}

// end reports what the machine masked.
func (m *machine) end(s *Stream) {
	if m.to > m.from {
		s.report(Hit{
			Rule: s.rules.rules[m.rule].name, Offset: m.from, Length: m.to - m.from, Fingerprint: m.secret.fingerprint(s),
		})
	}
}

// maxTokenHold is how long a token may lack what makes it one.
const maxTokenHold = 64

func (m *machine) stepToken(s *Stream, b byte) bool {
	r := &s.rules.rules[m.rule]
	if !r.class[b] {
		m.closeToken(s, b)
		return false
	}
	if m.hold < 0 {
		m.more(s, b)
		return true
	}
	m.secret.add(s, b)
	m.n++
	m.mixed = m.mixed || isDigit(b) || (b >= 'A' && b <= 'Z')
	if r.exactly > 0 {
		return m.n <= r.exactly
	}
	if m.n >= r.decide && (m.mixed || !r.mixed) {
		m.found(s, s.pos+1)
		return true
	}
	return m.n < maxTokenHold
}

// closeToken decides on a token of an exact length, whose end has come. A letter or digit after it makes it part of
// something longer.
func (m *machine) closeToken(s *Stream, next byte) {
	r := &s.rules.rules[m.rule]
	if r.exactly > 0 && m.n == r.exactly && (m.mixed || !r.mixed) && !isAlnum(next) {
		m.found(s, s.pos)
	}
}

// stepPattern masks what an operator's expression matches, leftmost and longest: what is a match already stays masked
// while it may become a longer one.
func (m *machine) stepPattern(s *Stream, b byte) bool {
	r := &s.rules.rules[m.rule]
	if m.n >= r.longest {
		return false
	}
	if m.hold < 0 {
		m.hold = s.pos
	}
	m.n++
	m.body = r.body.Step(m.body, b)
	m.secret.add(s, b)
	if r.body.Accepts(m.body) {
		m.found(s, s.pos+1)
	}
	return !r.body.Over(m.body)
}

// The phases of a JSON web token. The header says nothing but the algorithm: it
// is neither held nor masked. Payload and signature are masked.
type jwtPhase uint8

const (
	jwtHeader jwtPhase = iota
	jwtPayload
	jwtMasked
)

const (
	jwtMinHeader = 8
	jwtMaxHeader = 4096
	jwtDecide    = 12
)

func (m *machine) stepJWT(s *Stream, b byte) bool {
	inClass := isBase64URL(b)
	switch {
	case m.jwt == jwtHeader && b == '.' && m.n >= jwtMinHeader:
		m.jwt, m.n, m.hold = jwtPayload, 0, s.pos+1
	case m.jwt == jwtHeader:
		m.n++
		return inClass && m.n < jwtMaxHeader
	case m.jwt == jwtPayload && inClass:
		m.secret.add(s, b)
		if m.n++; m.n == jwtDecide {
			m.found(s, s.pos+1)
			m.jwt = jwtMasked
		}
	case m.jwt == jwtMasked && (inClass || b == '.'):
		m.more(s, b)
	default:
		return false
	}
	return true
}

// The phases of the authority of a URL.
type urlPhase uint8

const (
	urlUser urlPhase = iota // may turn out to be a host
	urlPassword
	urlHost // after "@": another "@" makes what lies between part of the password
	urlOver // the password was too long to be held
)

const (
	urlMaxUser = 128
	urlMaxHold = 256
)

// endsURL reports whether a byte ends the authority.
func endsURL(b byte) bool {
	return b <= ' ' || b == 0x7f || b == '/' || isQuote(b) || b == '<' || b == '>'
}

func (m *machine) stepURL(s *Stream, b byte) bool {
	if endsURL(b) {
		return false
	}
	m.n++
	switch m.url {
	case urlUser:
		if b == ':' {
			m.url, m.n, m.hold = urlPassword, 0, s.pos+1
		}
		return m.n < urlMaxUser
	case urlPassword, urlHost:
		if b == '@' && (m.n > 1 || m.url == urlHost) {
			m.found(s, s.pos)
			m.url, m.hold, m.n = urlHost, s.pos, 0
			m.secret.add(s, b)
			return true
		}
		m.secret.add(s, b)
		if m.n < urlMaxHold {
			return true
		}
		if m.url == urlHost {
			return false
		}
		m.found(s, s.pos+1)
		m.url = urlOver
	case urlOver:
		m.more(s, b)
	default:
		return false
	}
	return true
}
