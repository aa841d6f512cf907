package mask_test

import (
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

// TestValuesAmongEscapes: an exact value is found where a sequence is part of it, or swallows its beginning.
func TestValuesAmongEscapes(t *testing.T) {
	const esc, plain = "\x1b[31mred-secret\x1b[0m", "4815162342-numbers"
	stars := func(seen string, n int) string { return seen + strings.Repeat("*", n) }
	for name, c := range map[string]struct{ text, user, record string }{
		"if a value has sequences in it":          {"a " + esc + " b", "a " + stars("\x1b[31", 15) + " b", "a " + stars("", 19) + " b"},
		"if they are others":                      {"\x1b[32mred-secret\x1b[0m b", "\x1b[32mred-secret\x1b[0m b", "\x1b[32mred-secret\x1b[0m b"},
		"if a sequence swallows the beginning":    {"\x1b[" + plain, "\x1b[" + stars("4815", 14), "\x1b[" + stars("", 18)},
		"if a string swallows all":                {"\x1b]" + plain + "\a", "\x1b]" + stars("4815", 14) + "\a", "\x1b]" + stars("", 18) + "\a"},
		"if a string ends in the value":           {"\x1b]0;\x1b[31mred-secret\x1b[0m b", "\x1b]0;" + stars("\x1b[31", 15) + " b", "\x1b]0;" + stars("", 19) + " b"},
		"if lines wrap in a value with sequences": {"\x1b[31mred-\r\nsecret\x1b[0m b", stars("\x1b[31", 5) + "\r\n" + stars("", 10) + " b", stars("", 9) + "\r\n" + stars("", 10) + " b"},
		"if a value is painted":                   {"48151623\x1b[7m42-numbers", "4815****\x1b[7m**********", "********\x1b[7m**********"},
		"if a sequence is all that there is":      {"\x1b[31m", "\x1b[31m", "\x1b[31m"},
	} {
		t.Run(name, func(t *testing.T) {
			rules := rulesWith(t, mask.Config{}, esc, plain)
			for _, parts := range [][][]byte{{[]byte(c.text)}, bytesOf([]byte(c.text))} {
				got := pass(t, rules.NewStream(), parts...)
				if string(got.User) != c.user || string(got.Record) != c.record {
					t.Errorf("%d writes of %q:\nuser   %q\nwant   %q\nrecord %q\nwant   %q", len(parts), c.text, got.User, c.user, got.Record, c.record)
				}
			}
		})
	}
}
