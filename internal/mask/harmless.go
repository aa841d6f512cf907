package mask

import "bytes"

// harmless reports whether all that opens at a place in p comes to nothing, and nothing that the machine would have kept from
// starting meanwhile comes to more: most URLs have no password, most numbers are not long enough for a card's, most names no value.
// It looks at as few bytes as show it, and is false where more would be needed. p has no escapes.
func (s *Stream) harmless(p []byte, at place) bool {
	a := s.rules.search
	rest := p[at.offset+1:]
	for _, e := range a.Ends(a.Step(at.state, p[at.offset])) {
		o := s.rules.openings[e]
		if !comesToNothing(&s.rules.rules[o.rule], o.form, rest) {
			return false
		}
	}
	return true
}

func comesToNothing(r *rule, f form, rest []byte) bool {
	switch r.kind {
	case kindToken:
		return endsEarly(r, rest)
	case kindAssignment:
		return assignsNothing(r, f, rest)
	case kindJWT:
		return isNoJWT(rest)
	case kindURL:
		return isNoPassword(rest)
	case kindCard:
		return isNoCard(rest)
	case kindIBAN:
		return isNoIBAN(rest)
	case kindPEM, kindPattern:
		return false
	default:
		return false
	}
}

// endsEarly reports whether a token is too short.
func endsEarly(r *rule, rest []byte) bool {
	for _, b := range rest[:min(len(rest), max(r.decide, r.exactly))] {
		if !r.class[b] {
			return true
		}
	}
	return false
}

// assignsNothing reports whether no value of minValue bytes follows, in the plain cases.
func assignsNothing(r *rule, f form, rest []byte) bool {
	i, separated := 0, f != separated
	for i < min(len(rest), maxLead) {
		b := rest[i]
		if blank := b == ' ' || b == '\t'; !blank && (separated || b != '=' && b != '>' && b != ':') {
			break
		}
		separated = true
		i++
	}
	rest = rest[i:]
	switch {
	case len(rest) == 0 || r.scheme || i == maxLead:
		return false
	case rest[0] < ' ' || rest[0] == '/' && r.noPath || rest[0] == '-' && r.value:
		return true
	case isQuote(rest[0]):
		return endsShort(rest[1:], rest[:1])
	default:
		return endsShort(rest, []byte("\t \x7f\"'`&"))
	}
}

// endsShort reports whether one of some bytes, or a line, ends a value before it has minValue bytes, none of which another value
// could begin with.
func endsShort(value, ends []byte) bool {
	for _, b := range value[:min(len(value), minValue)] {
		switch {
		case b < ' ' && b != '\t' || bytes.IndexByte(ends, b) >= 0:
			return true
		case !isAlnum(b):
			return false
		}
	}
	return false
}

// isNoJWT reports whether what follows is not a header, or no payload follows that.
func isNoJWT(rest []byte) bool {
	n := 0
	for n < len(rest) && isBase64URL(rest[n]) {
		n++
	}
	if n == len(rest) || n >= jwtMaxHeader {
		return false
	}
	if rest[n] != '.' || n < jwtMinHeader {
		return true
	}
	payload := rest[n+1:]
	for _, b := range payload[:min(len(payload), len("ey"))] {
		if !isBase64URL(b) && b != '.' {
			return true
		}
	}
	return false
}

func isNoPassword(rest []byte) bool {
	for _, b := range rest[:min(len(rest), urlMaxUser)] {
		switch {
		case endsURL(b):
			return true
		case b == '@':
			return false
		}
	}
	return false
}

func isNoCard(rest []byte) bool {
	n := clearCard
	for i, b := range rest {
		switch {
		case isDigit(b):
			if n++; n == minCard {
				return false
			}
		case b != ' ' && b != '-' || i > 0 && !isDigit(rest[i-1]):
			return true
		}
	}
	return false
}

// minIBAN is the length of the shortest.
const minIBAN = 15

func isNoIBAN(rest []byte) bool {
	n := clearIBAN
	for i, b := range rest {
		switch {
		case isDigit(b) || b >= 'A' && b <= 'Z':
			if n++; n == minIBAN {
				return false
			}
		case b != ' ' || i > 0 && rest[i-1] == ' ':
			return true
		}
	}
	return false
}
