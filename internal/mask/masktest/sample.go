package masktest

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// grownCard is the number of a card.
func grownCard(rng *rand.Rand) []byte {
	for {
		r := pick(rng, issuers...)
		if r.lengths == nil {
			continue
		}
		n := pick(rng, r.lengths...)
		number := []byte(letters(rng, digits, n))
		first := r.from + rng.IntN(r.to-r.from+1)
		for i := 3; i >= 0; i-- {
			number[i], first = byte('0'+first%10), first/10
		}
		for !luhn(number) {
			number[n-1] = '0' + (number[n-1]-'0'+1)%10
		}
		return number
	}
}

// grownIBAN is an account.
func grownIBAN(rng *rand.Rand, lengths map[string]int) []byte {
	country := pick(rng, slices.Sorted(maps.Keys(lengths))...)
	for {
		account := []byte(country + letters(rng, digits, 2) + letters(rng, digits+digits+capital, lengths[country]-4))
		for check := range 97 {
			account[2], account[3] = byte('0'+check/10), byte('0'+check%10)
			if chars, _, whole := accountAt(account, 0, len(account)); whole && remainder(account, chars) {
				return account
			}
		}
	}
}

// grouped writes a number with separators between groups of the given sizes, the last of which goes on to the end.
func grouped(number []byte, sep string, sizes ...int) []byte {
	var groups [][]byte
	for _, n := range sizes {
		if n < len(number) {
			groups, number = append(groups, number[:n]), number[n:]
		}
	}
	return bytes.Join(append(groups, number), []byte(sep))
}

// sample is what stands behind a literal of a rule, more or less; for cards and accounts it is all.
func sample(rng *rand.Rand, r Rule) string {
	var text []byte
	switch r.Kind {
	case Token:
		return body(rng, r)
	case Pattern:
		return strings.ReplaceAll(matching(rng, parsed(r.Expression)), "\x1b", "") // sequences are sown
	case Card:
		for range 1 + rng.IntN(4)*rng.IntN(3) {
			number := grownCard(rng)
			sep := pick(rng, "", " ", " ", "-", "--")
			number = bent(rng, grouped(number, sep, layout(len(number))...))
			text = append(append(text, number...), pick(rng, sep, " ", " ", "")...)
		}
		return string(text)
	case IBAN:
		text = grownIBAN(rng, r.Lengths)
		if rng.IntN(2) == 0 {
			text = grouped(text, " ", 4, 4, 4, 4, 4, 4, 4, 4)
		}
		return string(bent(rng, text)) + pick(rng, "", "", " ", "A", "7", " EUR ", " 0000")
	case Assignment, JWT, URL, PEM:
	}
	return ""
}

// bent is a text that may not be quite right.
func bent(rng *rand.Rand, text []byte) []byte {
	at := rng.IntN(len(text))
	switch rng.IntN(12) {
	case 0:
		text = slices.Delete(text, at, at+1)
	case 1:
		text = slices.Insert(text, at, pick(rng, []byte(" -0145AZ_.\n\x00")...))
	case 2:
		text[at] = digits[rng.IntN(10)]
	case 3:
		text = text[at:]
	case 4:
		text = text[:at]
	}
	return text
}

// opener is a beginning of a rule.
func opener(rng *rand.Rand, r Rule) string {
	if len(r.Literals) == 0 {
		return ""
	}
	return pick(rng, r.Literals...)
}

// grownMatch is something that an expression matches, all of it.
func grownMatch(rng *rand.Rand, r Rule) string {
	whole := longest(r.Expression)
	for {
		text := matching(rng, parsed(r.Expression))
		if text != "" && len(text) <= r.Longest && len(whole.FindString(text)) == len(text) && !strings.ContainsAny(text, "\r\n") {
			return text
		}
	}
}
