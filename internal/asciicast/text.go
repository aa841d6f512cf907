package asciicast

import (
	"strings"
	"unicode/utf8"
)

// Text turns the chunks of one byte stream into valid UTF-8. Cutting the stream
// elsewhere does not change the text. The zero value is ready for use.
type Text struct {
	carry string // the start of a character, at most three bytes
}

// Decode returns the text of the next chunk. It holds back a character that the
// chunk's end cuts, and gives U+FFFD for every byte that is part of none.
func (t *Text) Decode(p []byte) string {
	s := t.carry + string(p)
	end := len(s)
	for i := max(0, len(s)-(utf8.UTFMax-1)); i < len(s); i++ {
		if utf8.RuneStart(s[i]) && !utf8.FullRuneInString(s[i:]) {
			end = i
			break
		}
	}
	t.carry = s[end:]
	return valid(s[:end])
}

// Flush returns what is held back at the end of the stream.
func (t *Text) Flush() string {
	s := valid(t.carry)
	t.carry = ""
	return s
}

func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		b.WriteRune(r)
	}
	return b.String()
}
