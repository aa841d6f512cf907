package mask_test

import (
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

// TestMargins: what a line editor writes at the right margin hides nothing, and what stands there otherwise is what it was.
func TestMargins(t *testing.T) {
	token := "ghp_" + strings.Repeat("x9", 18)
	for name, c := range map[string][2]string{
		"if readline wraps a token":                 {"$ a " + token[:20] + " \r" + token[20:] + " b", "$ a ghp_" + strings.Repeat("*", 16) + " \r" + strings.Repeat("*", 20) + " b"},
		"if busybox does":                           {"$ a " + token[:20] + " \b" + token[20:] + " b", "$ a ghp_" + strings.Repeat("*", 16) + " \b" + strings.Repeat("*", 20) + " b"},
		"if it wraps the beginning":                 {"$ a gh \rp_" + token[4:], "$ a gh \rp_" + strings.Repeat("*", 36)},
		"if it wraps before a token":                {"$ echoa \r" + token, "$ echoa \rghp_" + strings.Repeat("*", 36)},
		"if it wraps an assignment":                 {"export DB_PASSWORD=Zq7-hunte \rr22-Xy9 ok", "export DB_PASSWORD=********* \r******* ok"},
		"if it wraps a name":                        {"export DB_PASS \rWORD=Zq7-hunter22 ok", "export DB_PASS \rWORD=************ ok"},
		"if it wraps twice":                         {"PASSWORD=Zq7-h \runte \rr22-Xy9 ok", "PASSWORD=***** \r**** \r******* ok"},
		"if it wraps an exact value":                {"$ a my quo \rted pass-phrase b", "$ a my q** \r*************** b"},
		"if it wraps at a blank of one":             {"$ a my  \rquoted pass-phrase b", "$ a my  \rq***************** b"},
		"if a line ends in a blank":                 {"PASSWORD=Zq7-hunter22 \r\nok", "PASSWORD=************ \r\nok"},
		"if a value is over at what looks like one": {"PASSWORD=Zq7-hunter22 \r(", "PASSWORD=************ \r*"},
		"if a token of a length is":                 {"at fc-" + strings.Repeat("7f", 16) + " \rfeed", "at fc-" + strings.Repeat("*", 32) + " \rfeed"},
		"if a card is":                              {"at 4111 1111 1111 1111 \rLoading", "at 4111 11** **** **** \rLoading"},
		"if the stream ends there":                  {"PASSWORD=Zq7-hunter22 \r", "PASSWORD=************ \r"},
		"if an escape follows":                      {"PASSWORD=Zq7-h \r\x1b[Kunter22", "PASSWORD=***** \r\x1b[K*******"},
		"if blanks stand before one":                {"PASSWORD=Zq7-hunter22   \rok", "PASSWORD=************   \rok"},
		"if nothing is there":                       {" \r \b \r\n \r", " \r \b \r\n \r"},
	} {
		t.Run(name, func(t *testing.T) {
			rules := rulesWith(t, mask.Config{}, "my quoted pass-phrase")
			filling := strings.Repeat("nothing to be found here. ", 10) + "\n"
			for _, before := range []string{"", filling} {
				text, want := before+c[0], before+c[1]
				for _, parts := range [][][]byte{{[]byte(text)}, bytesOf([]byte(text))} {
					if got := pass(t, rules.NewStream(), parts...); string(got.User) != want {
						t.Errorf("%d writes of %q:\nuser   %q\nwant   %q", len(parts), text, got.User, want)
					}
				}
			}
		})
	}
}

// TestABlankIsNotWaitedFor: what follows a blank decides what it is, but who types sees it at once where nothing could mask it.
func TestABlankIsNotWaitedFor(t *testing.T) {
	rules := rulesWith(t, mask.Config{}, "my quoted pass-phrase", " begins-with-one")
	for text, held := range map[string]int{"$ ": 0, "ls ": 0, "Password: ": 0, "TOKEN=abcdefghijkl ": 0, "x my ": 0, "x my quoted ": 6, `PASSWORD="abcdefghijkl `: 1} {
		s := rules.NewStream()
		s.Write([]byte(text))
		if got := s.Held(); got != held {
			t.Errorf("behind %q %d bytes are held, want %d", text, got, held)
		}
	}
}
