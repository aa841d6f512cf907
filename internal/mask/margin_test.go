package mask_test

import (
	"cmp"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

// TestMargins: what a line editor writes at the right margin hides nothing from the record, and from the person nothing behind it.
func TestMargins(t *testing.T) {
	token := "ghp_" + strings.Repeat("x9", 18)
	stars := func(n int) string { return strings.Repeat("*", n) }
	for name, c := range map[string]struct{ text, user, record string }{
		"if readline wraps a token, then all of it is masked": {
			"$ a " + token[:20] + " \r" + token[20:] + " b", "$ a " + token[:4] + stars(16) + " \r" + stars(20) + " b", "",
		},
		"if it does so early in it, then what follows is": {
			"$ a " + token[:9] + " \r" + token[9:] + " b", "$ a ghp_" + stars(5) + " \r" + stars(31) + " b", "",
		},
		"if it wraps the beginning, then that is one": {"$ a gh \rp_" + token[4:], "$ a gh \rp_" + stars(36), ""},
		"if readline wraps an exact value": {
			"$ a blue-heron-p \rroject b", "$ a blue******** \r****** b", "$ a ************ \r****** b",
		},
		"if it does so twice": {
			"$ a blue \r-heron-p \rroject b", "$ a blue \r******** \r****** b", "$ a **** \r******** \r****** b",
		},
		"if it wraps at a blank of a value":                                          {"a my  \rquoted pass-phrase b", "", "a *** \r****************** b"},
		"if the selection is painted":                                                {"\x1b[7m: blue-heron-\x1b[27m\x1b[7mp\x1b[27m\r\x1b[7mproject", "", "\x1b[7m: ***********\x1b[27m\x1b[7m*\x1b[27m\r\x1b[7m*******"},
		"if there is no UTF-8, then the byte that is twice is":                       {": blue-heron-p\rproject", "", ": ************\r*******"},
		"if vim wraps an exact value":                                                {"\x1b[1;1Hblue-heron-pp\x1b[2;1Hroject", "", "\x1b[1;1H*************\x1b[2;1H******"},
		"if the byte that is twice is its last":                                      {"blue-heron-projectt\x1b[2;1H and", "", "*******************\x1b[2;1H and"},
		"if busybox wraps a token":                                                   {"AKIA7U6RCBJEN\r\r\nBUKQPZV ", "", "AKIA*********\r\r\n******* "},
		"if busybox wraps a password":                                                {"export DB_PASSWORD=Zq7-hunte \b22-Xy9 ok", "", "export DB_PASSWORD=********* \b****** ok"},
		"if a short beginning of one is before the margin, then the person has that": {"export PASSWORD=Zq7 \r-hun-ter ok", "export PASSWORD=Zq7 \r******** ok", "export PASSWORD=*** \r******** ok"},
		"if a name is wrapped":                                                       {"export DB_PASS \rWORD=Zq7-hunter22 ok", "export DB_PASS \rWORD=************ ok", ""},
		"if a line ends in a blank, then that is no margin":                          {"PASSWORD=Zq7-hunter22 \r\nok", "PASSWORD=************ \r\nok", ""},
		"if a CR too many is at a line end, then it is none":                         {"PASSWORD=Zq7-hunter22 \r\r\nok", "PASSWORD=************ \r\r\nok", ""},
		"if the stream ends there":                                                   {"PASSWORD=Zq7-hunter22 \r", "PASSWORD=************ \r", ""},
		"if the cursor goes to another column, then it is none":                      {"PASSWORD=Zq7-hunterr\x1b[2;3H22", "PASSWORD=***********\x1b[2;3H22", ""},
		"if a spinner goes on":                                                       {"Fetched 1: \rFetched 2: done", "Fetched 1: \rFetched 2: done", ""},
		"if a blank stands in the last column of vim, then a password goes on":       {"PASSWORD=\"correct  \x1b[3;1Hhorse battery\" end", "", "PASSWORD=\"*********\x1b[3;1H*************\" end"},
		"if it stands there in busybox, then one does":                               {"PASSWORD=\"correct \r\r\nhorse battery\" end", "", "PASSWORD=\"********\r\r\n*************\" end"},
		"if a card is wrapped there, then it is found":                               {"at 4111  \x1b[3;1H1111 1111 1111 end", "", "at 4111  \x1b[3;1H11** **** **** end"},
		"if a header is":                                                             {"Authorization: Bearer \r\r\nZq7hunter22Xy9abcd end", "", "Authorization: Bearer \r\r\n****************** end"},
		"if CR stands many times behind one, then a value goes on":                   {"x blue \b" + strings.Repeat("\r", 9) + "-heron-project y", "", "x **** \b" + strings.Repeat("\r", 9) + "************** y"},
		"if the bell rings in the midst of a value, then that is none of it":         {"ls blue-\aheron-pro\aject ", "ls blue*\a*********\a**** ", "ls *****\a*********\a**** "},
		"if nothing is there":                                                        {" \r \b \r\n \r", " \r \b \r\n \r", ""},
	} {
		t.Run(name, func(t *testing.T) {
			rules := rulesWith(t, mask.Config{}, "my quoted pass-phrase", "blue-heron-project")
			filling := strings.Repeat("nothing to be found here. ", 10) + "\n"
			for _, before := range []string{"", filling} {
				for _, parts := range [][][]byte{{[]byte(before + c.text)}, bytesOf([]byte(before + c.text))} {
					got := pass(t, rules.NewStream(), parts...)
					user, record := string(got.User), string(got.Record)
					if c.user != "" && user != before+c.user {
						t.Errorf("%d writes of %q:\nuser   %q\nwant   %q", len(parts), c.text, user[len(before):], c.user)
					}
					if want := cmp.Or(c.record, c.user); record != before+want {
						t.Errorf("%d writes of %q:\nrecord %q\nwant   %q", len(parts), c.text, record[len(before):], want)
					}
				}
			}
		})
	}
}

// TestABlankIsNotWaitedFor: what follows a blank decides what it is, but a prompt waits for nothing.
func TestABlankIsNotWaitedFor(t *testing.T) {
	rules := rulesWith(t, mask.Config{}, "my quoted pass-phrase", "blue-heron-project")
	for _, text := range []string{
		"$ ", "ls ", "Password: ", "TOKEN=abcdefghijkl ", "x my ", "Delete secret: db-main? ", "Use token: [y/n] ", "Fetching token: \rNo token: done\r\n",
		"foo \rll", "foo \rls ", "< header: x\r\r\n$ ", "x\rx$ ", "Password: \r\x1b[KPassword: ", "Verifying token: \r(50%)", "-----BEGIN PUBLIC KEY-----\r\r\n$ ",
		"token: 100%\r\r\n$ ", "Password for https://host:8443: ", "curl http://host:8080 ", "Fetching token: \r", "AWS secret access key [none]: ", "Overwrite key: 'a'? ", "(aa", "PASSWORD=Zq7-hunter22 \r\n$ ", "$ echo blue-heron-p \rroject\r\nblue\r\n$ ",
	} {
		s := rules.NewStream()
		for i := range len(text) {
			s.Write([]byte(text[i : i+1]))
		}
		if got := s.Held(); got != 0 {
			t.Errorf("behind %q %d bytes are held", text, got)
		}
	}
}

// TestAPromptIsNoValue: what a line editor begins with ends what stands before it.
func TestAPromptIsNoValue(t *testing.T) {
	in := "Password: \x1b[?2004hsh-5.2.15$ ls\r\n"
	if got := pass(t, mask.Default().NewStream(), []byte(in)); string(got.User) != in {
		t.Errorf("%q becomes %q", in, got.User)
	}
}

// TestASecretAtAMarginIsOne: it is told of once as a whole, with the fingerprint that it has elsewhere.
func TestASecretAtAMarginIsOne(t *testing.T) {
	rules := rulesWith(t, mask.Config{}, "blue-heron-project").Keyed([]byte("key"))
	for name, c := range map[string]struct{ text, margins string }{
		"if a token goes on":               {"ghp_" + strings.Repeat("x9", 18) + " ", "ghp_x9x9 \r" + strings.Repeat("x9", 16) + " "},
		"if an exact value does":           {"blue-heron-project.", "blue-heron-p\rproject."},
		"if a password does":               {"pwd=Zq7-hun-ter ", "pwd=Zq \r7-hun-ter "},
		"if it is over when another began": {"x \ry pwd=Zq7-hun-ter z", "x \ry pwd=Zq7-hun-ter z"},
	} {
		t.Run(name, func(t *testing.T) {
			want, got := pass(t, rules.NewStream(), []byte(c.text)).Hits, pass(t, rules.NewStream(), []byte(c.margins)).Hits
			if len(want) != 1 || len(got) != 1 || got[0].Fingerprint != want[0].Fingerprint {
				t.Errorf("%q: %+v\n%q: %+v", c.text, want, c.margins, got)
			}
		})
	}
}

// TestAStatusIsShown: what is written over and over, and texts whose lines end in CR LF on a terminal that adds a CR, look like margins. What
// a name and its separator stand before is masked in the record only.
func TestAStatusIsShown(t *testing.T) {
	for name, text := range map[string]string{
		"a prompt that is written again": "Password: \r\x1b[KPassword: ",
		"a spinner":                      "Fetching token: \r-Fetching token: \r\\Fetching token: done\r\n",
		"a status":                       "Checking password: \rVerified, welcome\r\n",
		"a status, padded":               "Pulling secret: \rPulled   \r\n",
		"a status, longer":               "Reading secret: \rCreating...\r\n",
		"headers":                        "> Authorization: Basic\r\r\n> User-Agent: curl/8.1\r\r\n< x-token: abc\r\r\nconnection: close\r\r\n\r\r\n",
		"an empty password":              "[db]\r\r\nuser=root\r\r\npassword=\r\r\nhost=db.example.com\r\r\n",
		"a short one":                    "password=root\r\r\nhost=db.example.com\r\r\n",
		"none":                           "API_TOKEN=null\r\r\nREGION=eu-west-1\r\r\n",
		"a map":                          "password:\r\r\nusername: admin\r\r\n",
		"a port, and an address":         "url=http://host:8080\r\r\nmail=joe@example.com\r\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			for _, parts := range [][][]byte{{[]byte(text)}, bytesOf([]byte(text))} {
				if got := pass(t, mask.Default().NewStream(), parts...); string(got.User) != text {
					t.Errorf("text %q\nuser %q", text, got.User)
				}
			}
		})
	}
}
