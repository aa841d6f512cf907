package masktest

import (
	"math/big"
	"slices"
	"strconv"
)

// issuers are the ranges of the first four digits of cards (ISO/IEC 7812), and how many digits theirs have. What has no length only
// begins as a card might.
var issuers = []struct {
	from, to int
	lengths  []int
}{
	{4000, 4999, []int{13, 16, 19}},
	{5100, 5599, []int{16}}, {2221, 2720, []int{16}},
	{3400, 3499, []int{15}}, {3700, 3799, []int{15}},
	{3000, 3059, diners}, {3095, 3095, diners}, {3600, 3699, diners}, {3800, 3999, diners},
	{3500, 3599, others}, {6000, 6099, others}, {6200, 6299, others}, {6400, 6599, others},
	{5000, 5099, debit}, {5600, 5899, debit}, {6300, 6399, debit}, {6700, 6799, debit},
	{6000, 6999, nil},
}

var (
	diners = []int{14, 16, 17, 18, 19}
	others = []int{16, 17, 18, 19}
	debit  = []int{16, 18, 19}
)

const (
	shownOfCard = 6
	shownOfIBAN = 4
	maxDigits   = 32 // of cards on end
	maxGroups   = 17
	maxIBAN     = 34
)

func digit(b byte) bool { return b >= '0' && b <= '9' }

// issuer reports whether some issuer's cards have such digits first, and so many of them; of any number, if n is 0.
func issuer(digits []byte, n int) bool {
	four, err := strconv.Atoi(string(digits[:4]))
	return err == nil && slices.ContainsFunc(issuers, func(r struct {
		from, to int
		lengths  []int
	},
	) bool {
		return four >= r.from && four <= r.to && (n == 0 || slices.Contains(r.lengths, n))
	})
}

// cards are runs of digits, perhaps in groups with one and the same separator between them. A separator can only stand behind the
// first four: elsewhere in the first six none is on a card.
func cards(text []byte) []span {
	return followAll(cardBegins(text), func(at int) ([]span, int) {
		from, sep := at-shownOfCard, byte(0)
		if !digit(text[at-3]) {
			from, sep = from-1, text[at-3]
		}
		groups, ended := digitGroups(text, from, sep)
		return cardsOf(text, groups), ended
	})
}

// cardBegins returns where six digits stand that an issuer's cards begin with, and that are no part of a longer number, name or version.
func cardBegins(text []byte) []begin {
	var found []begin
	for from := range text {
		if from > 0 && (alnum(text[from-1]) || slices.Contains([]byte("._-"), text[from-1])) {
			continue
		}
		if run(text[from:], digit) < 4 || !issuer(text[from:], 0) {
			continue
		}
		i := from + 4
		if i < len(text) && (text[i] == ' ' || text[i] == '-') {
			i++
		}
		if run(text[i:], digit) >= 2 {
			found = append(found, begin{i + 2, i + 2 - from})
		}
	}
	return found
}

// digitGroups returns the groups that are whole, and the index of the byte that is behind them.
func digitGroups(text []byte, i int, sep byte) (groups []span, ended int) {
	for digits := 0; ; {
		n := run(text[i:], digit)
		if digits+n > maxDigits {
			return groups, i + maxDigits - digits
		}
		digits += n
		end := i + n
		if end < len(text) && (alnum(text[end]) || text[end] == '_') {
			return groups, end // this one is part of something else
		}
		groups = append(groups, span{i, end})
		if end == len(text) || sep == 0 || text[end] != sep || len(groups) == maxGroups {
			return groups, end
		}
		if i = end + 1; i == len(text) || !digit(text[i]) {
			return groups, i
		}
	}
}

// cardsOf finds cards among groups, from left to right, the longest first, and returns what of their groups is not to be seen.
func cardsOf(text []byte, groups []span) []span {
	var found []span
	for from := 0; from < len(groups); from++ {
		for to := len(groups); to > from; to-- {
			var digits []byte
			var sizes []int
			for _, g := range groups[from:to] {
				digits, sizes = append(digits, text[g.from:g.to]...), append(sizes, g.to-g.from)
			}
			if n := len(digits); n < 13 || n > 19 || !issuer(digits, n) || !printed(sizes, n) || !luhn(digits) {
				continue
			}
			shown := shownOfCard
			for _, g := range groups[from:to] {
				k := min(shown, g.to-g.from)
				found, shown = append(found, span{g.from + k, g.to}), shown-k
			}
			from = to - 1
			break
		}
	}
	return found
}

// layout is how n digits stand on a card.
func layout(n int) []int {
	if n < 16 {
		return []int{4, 6, n - 10}
	}
	sizes := []int{4, 4, 4, 4}
	if n > 16 {
		sizes = append(sizes, n-16)
	}
	return sizes
}

func printed(sizes []int, n int) bool { return len(sizes) == 1 || slices.Equal(sizes, layout(n)) }

// luhn is the check of ISO/IEC 7812-1: the digits that are doubled count as the sum of theirs.
func luhn(number []byte) bool {
	doubled := [...]int{0, 2, 4, 6, 8, 1, 3, 5, 7, 9}
	sum := 0
	for i, b := range number {
		d := int(b - '0')
		if (len(number)-i)%2 == 0 {
			d = doubled[d]
		}
		sum += d
	}
	return sum%10 == 0
}

// accounts are IBANs: digits and capitals, in one or in groups of four with a blank between them, as many as the country has.
func accounts(text []byte, lengths map[string]int) []span {
	var begins []begin
	for from := range text {
		after := from + shownOfIBAN
		if after > len(text) || from > 0 && alnum(text[from-1]) {
			continue
		}
		if lengths[string(text[from:from+2])] > 0 && digit(text[from+2]) && digit(text[from+3]) {
			begins = append(begins, begin{after, shownOfIBAN})
		}
	}
	return followAll(begins, func(at int) ([]span, int) {
		length := lengths[string(text[at-shownOfIBAN:at-shownOfIBAN+2])]
		chars, ended, whole := accountAt(text, at-shownOfIBAN, length)
		if !whole || len(chars) != length || !remainder(text, chars) {
			return nil, ended
		}
		var pieces []span
		for _, i := range chars[shownOfIBAN:] {
			pieces = append(pieces, span{i, i + 1})
		}
		return pieces, ended
	})
}

// accountAt returns where the characters of what may be an account of a length are, the index of the byte that ended it, and whether it
// is no part of something longer.
func accountAt(text []byte, from, length int) (chars []int, ended int, whole bool) {
	for i := from; i < len(text); i++ {
		b, gap := text[i], i > from && text[i-1] == ' '
		switch {
		case (digit(b) || b >= 'A' && b <= 'Z') && len(chars) == maxIBAN:
			return nil, i, false
		case digit(b) || b >= 'A' && b <= 'Z':
			chars = append(chars, i)
		case b != ' ' || gap || len(chars)%4 != 0:
			return chars, i, gap || !alnum(b) && b != '_'
		case len(chars) == length:
			return chars, i + 1, true // what follows is another word
		}
	}
	return chars, len(text), true
}

// remainder is the check of ISO 13616: letters are numbers from 10 on, the first four characters come last, and by 97 one is left over.
func remainder(text []byte, chars []int) bool {
	var decimal []byte
	for _, i := range slices.Concat(chars[shownOfIBAN:], chars[:shownOfIBAN]) {
		if b := text[i]; digit(b) {
			decimal = append(decimal, b)
		} else {
			decimal = strconv.AppendInt(decimal, int64(b-'A')+10, 10)
		}
	}
	n, ok := new(big.Int).SetString(string(decimal), 10)
	return ok && n.Mod(n, big.NewInt(97)).Int64() == 1
}
