package masktest

import (
	"slices"
	"strings"
)

// SmallValues are sets of values of few letters that overlap themselves and each other: what a matcher that forgets where else it
// could be gets wrong.
var SmallValues = [][]string{
	{"secsecret", "secretsec", "pass-pass-word"},
	{"abababab", "abababababababababababababab", "babababb"},
	{"aaaaaaaab", "aaaaaaaaaaaab", "baaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
	{"abcdefgh", "cdefghijklmn", "abcdefghijklmnopqrstuvwx", "abcdefghijklmnopqrstuvwxyabcdef"},
	{"aabbaabbaabb", "abbaabbaabba", "bbaabbaabbaabbaabbaabbaabbaabbaab", "aabb\nbbaa\nabab"},
	{"ghp_abababababababababab", "password=abab", "https://ab:abab@ab", "ab cd ab cd ef"},
}

// EscapedValues are sets of values that hold escape sequences, or parts of them: found only in the stream as it is.
var EscapedValues = [][]string{
	{"ab\x1b[0mab\x1b[1mab", "mababab\x1b[0ma", "\x1b[A\x1bM\x1b[0mab"},
	{"]0;abab\x07ab", "abab\x1b\\ab\x1b]0;ab", "ab\x1b]8;;\x1b\\abab\x1b]8;;\x1b\\"},
	{"\x1b\x1b[[\x1b\x1b[[", "[\x1b\x1b[[\x1b\x1b[[\x1b\x1b[[\x1b\x1b[[\x1b\x1b[[\x1b\x1b[[\x1b\x1b[[", "[[\x1b[a\n\n[[\x1b[a", "CaCa\n[[\x1b"},
	{"Cabababa", "Hababa;1H", "0;1Hababababababababababababababab", "1;1;1;1H", "7777cccc"},
}

// numbers are pieces of cards and accounts, and of what an operator's pattern finds.
var numbers = []string{
	"4111 1111 1111 1111", "4111111111111111", "4111", " 1111", "-1111", "3782 822463 10005", "11", "1", "2", "-",
	"GB82WEST12345698765432", "GB82", " WEST 1234", " 5698 7654 32", "A", "CUST-", "aba", "ab",
}

// Small makes a text from any bytes: each stands for a letter of the values, a piece or the whole of one, a line end, something that
// a rule knows, or an escape sequence, of which there may be none.
func Small(raw []byte, values []string, escapes ...string) []byte {
	letters := slices.Compact(slices.Sorted(slices.Values([]byte(strings.Join(values, "")))))
	others := []string{" \r", " \b", "\r\r\n", "\n", "\r", "\r\n", "\n\n", "\n\r\n", " ", "password=", "ghp_", "token: '", "://a:", "@", "eyJ", "."}
	others = append(append(others, numbers...), escapes...)
	var text []byte
	for i, b := range raw {
		n := int(b)
		switch {
		case n < 150:
			text = append(text, letters[n%len(letters)])
		case n < 180:
			text = append(text, values[n%len(values)]...)
		case n < 200:
			v := values[n%len(values)]
			text = append(text, v[:len(v)-1-n%7]...)
		default:
			n += int(raw[(i+1)%len(raw)]) // fewer than 56 there are not
			text = append(text, others[n%len(others)]...)
		}
	}
	return text
}
