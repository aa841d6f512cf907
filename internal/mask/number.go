package mask

import "strings"

// number is a card's or an account's: characters in groups. Positions are of the stream.
type number struct {
	chars  [maxNumber]byte
	at     [maxNumber]int64
	n      int
	groups [maxNumber / 2]int // where each group begins
	count  int                // of groups
	sep    byte               // between groups; 0 until there is one
	gap    bool               // a separator was last
}

const (
	maxNumber  = 34 // of an IBAN
	clearCard  = 6  // ISO/IEC 7812: the issuer; PCI DSS lets it be shown
	clearIBAN  = 4  // country and check digits
	minCard    = 13
	maxCard    = 19
	maxCardRun = 32
)

// cardOpening is the first six digits of a number that an issuer of cards could have given. What stands before is no part of a
// longer number, name or version.
const cardOpening = `[^0-9A-Za-z._-](?:4[0-9]{3}|5[0-8][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720|` +
	`3[4-9][0-9]{2}|30[0-5][0-9]|3095|6[0-9]{3})[ -]?[0-9]{2}`

// begin takes what the opening has: six digits with a separator behind four, or country and check digits.
func (u *number) begin(t *track, k kind) {
	*u = number{count: 1}
	last := func(i uint) byte { return t.recent[(t.count-1-i)%recentBytes] }
	n := clearCard
	if k == kindIBAN {
		n = clearIBAN
	}
	i := uint(0)
	for u.n < n {
		if b := last(i); b == ' ' || b == '-' {
			u.sep, u.groups[1], u.count = b, 4, 2
		} else {
			u.chars[n-1-u.n] = b
			u.n++
		}
		i++
	}
}

func (m *machine) stepNumber(s *Stream, u *number, b byte) bool {
	switch {
	case u.gap && m.kind == kindIBAN && u.n == ibanLength[string(u.chars[:2])]:
		m.closeNumber(s, u) // a word that follows is none of it
	case isDigit(b) || m.kind == kindIBAN && b >= 'A' && b <= 'Z':
		if u.n == maxNumber || m.kind == kindCard && u.n == maxCardRun {
			m.closeGroups(s, u)
			return false
		}
		if u.gap {
			u.groups[u.count], u.gap = u.n, false
			u.count++
		}
		if m.hold < 0 {
			m.hold = s.pos
		}
		u.chars[u.n], u.at[u.n] = b, s.pos
		u.n++
		return true
	case !u.gap && u.separates(m.kind, b):
		u.sep, u.gap = b, true
		return true
	case u.gap || !isAlnum(b) && b != '_':
		m.closeNumber(s, u)
	default:
		m.closeGroups(s, u)
	}
	return false
}

// closeGroups decides on the groups of a card that are whole: the last one, unless a separator is behind it, is part of something else.
func (m *machine) closeGroups(s *Stream, u *number) {
	switch {
	case m.kind != kindCard:
	case u.gap:
		m.closeNumber(s, u)
	case u.count > 1:
		u.count--
		u.n = u.groups[u.count]
		m.closeNumber(s, u)
	}
}

// separates reports whether b may stand between groups here.
func (u *number) separates(k kind, b byte) bool {
	if k == kindIBAN {
		return b == ' ' && u.n%4 == 0 && u.count < len(u.groups)
	}
	return u.sep != 0 && b == u.sep && u.count < len(u.groups)
}

// closeNumber decides on a number whose end has come.
func (m *machine) closeNumber(s *Stream, u *number) {
	if m.kind == kindIBAN {
		if isIBAN(u.chars[:u.n]) {
			m.foundNumber(s, u, clearIBAN, u.n)
		}
		return
	}
	for from := 0; from < u.count; from++ {
		for to := u.count; to > from; to-- {
			end := u.n
			if to < u.count {
				end = u.groups[to]
			}
			if u.isCard(from, to, end) {
				m.foundNumber(s, u, u.groups[from]+clearCard, end)
				from = to - 1
				break
			}
		}
	}
}

func (m *machine) foundNumber(s *Stream, u *number, from, to int) {
	if m.to == m.from {
		m.from = u.at[from]
	}
	for i := from; i < to; i++ {
		s.mask(u.at[i], u.at[i]+1)
		m.secret.add(s, u.chars[i])
	}
	m.to = u.at[to-1] + 1
	m.secret.keep()
}

// isCard reports whether groups from to to, which end before character end, are a card number: the lengths of ISO/IEC
// 7812, the groups that are printed on cards, and the check digit of Luhn.
func (u *number) isCard(from, to, end int) bool {
	start := u.groups[from]
	digits := u.chars[start:end]
	if len(digits) < minCard || len(digits) > maxCard || !issued(digits) || !luhn(digits) {
		return false
	}
	for i := from + 1; i < to; i++ {
		at := u.groups[i] - start
		if fours := len(digits) >= 16; fours && at != 4*(i-from) || !fours && at != [...]int{4, 10}[min(i-from-1, 1)] {
			return false
		}
	}
	return to-from == 1 || to-from == (len(digits)+3)/4 || len(digits) < 16 && to-from == 3
}

// issued reports whether an issuer's numbers of this length begin so.
func issued(d []byte) bool {
	n := len(d)
	four := int(d[0]-'0')*1000 + int(d[1]-'0')*100 + int(d[2]-'0')*10 + int(d[3]-'0')
	two := four / 100
	switch {
	case d[0] == '4':
		return n == 13 || n == 16 || n == 19
	case two >= 51 && two <= 55, four >= 2221 && four <= 2720:
		return n == 16
	case two == 34 || two == 37:
		return n == 15
	case two == 36, two == 38, two == 39, four >= 3000 && four <= 3059, four == 3095:
		return n == 14 || n >= 16
	case two == 35, two == 60, two == 62, two == 64, two == 65:
		return n >= 16
	case two == 50, two >= 56 && two <= 58, two == 63, two == 67:
		return n == 16 || n == 18 || n == 19
	default:
		return false
	}
}

// luhn is the check of ISO/IEC 7812-1 annex B.
func luhn(digits []byte) bool {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// ibanLengths are those of the IBAN registry (ISO 13616), by country.
const ibanLengths = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 " +
	"ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 " +
	"LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 " +
	"RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"

var ibanLength = func() map[string]int {
	lengths := map[string]int{}
	for entry := range strings.FieldsSeq(ibanLengths) {
		lengths[entry[:2]] = int(entry[2]-'0')*10 + int(entry[3]-'0')
	}
	return lengths
}()

// ibanOpening is a country and two check digits.
var ibanOpening = func() string {
	var countries []string
	for entry := range strings.FieldsSeq(ibanLengths) {
		countries = append(countries, entry[:2])
	}
	return "[^0-9A-Za-z](?:" + strings.Join(countries, "|") + ")[0-9]{2}"
}()

// isIBAN checks the length for the country, and the remainder by 97 (ISO 13616, ISO/IEC 7064).
func isIBAN(chars []byte) bool {
	if len(chars) < clearIBAN || ibanLength[string(chars[:2])] != len(chars) {
		return false
	}
	rest := 0
	for i := range chars {
		c := chars[(i+clearIBAN)%len(chars)]
		if isDigit(c) {
			rest = (rest*10 + int(c-'0')) % 97
		} else {
			rest = (rest*100 + int(c-'A') + 10) % 97
		}
	}
	return rest == 1
}
