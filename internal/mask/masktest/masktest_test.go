package masktest

import (
	"math/rand/v2"
	"strings"
	"testing"
)

var someRules = []Rule{
	{Name: "token", Literals: []string{"ghp_"}, Exact: true, Boundary: true, Class: alnum, Decide: 20},
	{Name: "mixed", Literals: []string{"bearer "}, Boundary: true, Class: alnum, Decide: 16, Mixed: true},
	{Name: "exactly", Literals: []string{"SK"}, Exact: true, Boundary: true, Class: alnum, Exactly: 32},
	{Name: "jwt", Kind: JWT, Literals: []string{"eyJ"}, Exact: true, Boundary: true},
	{Name: "url", Kind: URL, Literals: []string{"://"}},
	{Name: "key", Kind: PEM, Literals: []string{"-----BEGIN PRIVATE KEY-----"}, Exact: true},
	{Name: "assignment", Kind: Assignment, Literals: []string{"password", "token"}},
	{Name: "flag", Kind: Assignment, Literals: []string{"--password "}, Value: true},
	{Name: "card", Kind: Card},
	{Name: "iban", Kind: IBAN, Lengths: map[string]int{"GB": 22, "NO": 15, "BE": 16}},
	{Name: "pattern", Kind: Pattern, Literals: []string{"CUST-"}, Exact: true, Expression: "[0-9]{4}(?:-[0-9]{2,4})*", Longest: 12},
	{Name: "header", Kind: Assignment, Literals: []string{"authorization"}, Scheme: true},
}

// TestOracleFindsWhatIsPlanted holds the two halves of this package against each other.
func TestOracleFindsWhatIsPlanted(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	values := Values(rng, 120)
	var forms [][]byte
	for _, v := range values {
		forms = append(forms, Forms(v)...)
	}
	oracle := NewOracle(someRules, nil, forms)
	for _, k := range Outputs() {
		if k.Has("dump") {
			continue
		}
		for range 8 {
			p := k.Print(rng, someRules, values, 9)
			if len(p.Marks) < 9 {
				t.Fatalf("%s: %d secrets were planted", k.Name, len(p.Marks))
			}
			masked := oracle.Mask(p.Text)
			for i, out := range [][]byte{masked.User, masked.Record} {
				for _, m := range p.Leaks(out, i == 0) {
					t.Errorf("%s: %+v\n%q\n%q", k.Name, m.Secret, p.Text[m.From:m.To], out[m.From:m.To])
				}
			}
			if t.Failed() {
				return
			}
		}
	}
}

func TestOracle(t *testing.T) {
	long := "0123456789abcdefghijklmnopqrstuvwxyz"
	oracle := NewOracle(someRules, map[string]bool{"undefined": true}, [][]byte{[]byte("secsecret"), []byte("hunter"), []byte(long)})
	tests := map[string]struct{ in, user, record string }{
		"if a value overlaps itself, then it is found":                {"secsecsecret", "secse*******", "sec*********"},
		"if a value is short, then less of it is clear":               {"hunter", "h*****", "******"},
		"if 24 bytes of a value stand there, then they are masked":    {long[:24] + "!", long[:4] + stars(20) + "!", stars(24) + "!"},
		"if 23 bytes of a value stand there, then they are not":       {long[:23] + "!", long[:23] + "!", long[:23] + "!"},
		"if a value is wrapped, then the line end stays":              {"hun\r\nter", "h**\r\n***", "***\r\n***"},
		"if an empty line is in between, then it is no value":         {"hun\n\nter", "hun\n\nter", "hun\n\nter"},
		"if an empty line has a CR, then it is empty":                 {"hun\n\r\nter", "hun\n\r\nter", "hun\n\r\nter"},
		"if a colour is inside, then it stays":                        {"hu\x1b[1mnter", "h*\x1b[1m****", "**\x1b[1m****"},
		"if the cursor moves, then a value goes on":                   {"hu\x1b[9;1Hnter", "h*\x1b[9;1H****", "**\x1b[9;1H****"},
		"if the cursor moves, then a rule ends":                       {"password=abc\x1b[9;1Hdef", "password=abc\x1b[9;1Hdef", "password=abc\x1b[9;1Hdef"},
		"if a colour is in what a rule follows, then it goes on":      {"pass\x1b[mword=abc\x1b[1mdef", "pass\x1b[mword=***\x1b[1m***", "pass\x1b[mword=***\x1b[1m***"},
		"if a title is set inside, then it is a text of its own":      {"hu\x1b]0;hunter\x07nter", "h*\x1b]0;h*****\x07****", "**\x1b]0;******\x07****"},
		"if a token has an exact length, then no longer one is":       {"SK" + of("a", 32) + " SK" + of("a", 33), "SK" + stars(32) + " SK" + of("a", 33), "SK" + stars(32) + " SK" + of("a", 33)},
		"if a value is a word, then it is none":                       {"password=undefined token=abcdefg", "password=undefined token=*******", "password=undefined token=*******"},
		"if a scheme precedes a value, then it stays":                 {"Authorization: Basic abcdef", "Authorization: Basic ******", "Authorization: Basic ******"},
		"if a password has an at sign, then the last one ends it":     {"a://b:c@d@e", "a://b:***@e", "a://b:***@e"},
		"if a key has no end, then what no key holds ends it":         {"-----BEGIN PRIVATE KEY-----\nAA\n--x$ ls", "-----BEGIN PRIVATE KEY-----\n**\n***$ ls", "-----BEGIN PRIVATE KEY-----\n**\n***$ ls"},
		"if a web token has no payload, then its header stays":        {"eyJabcdefgh.short", "eyJabcdefgh.short", "eyJabcdefgh.short"},
		"if a card is in groups, then its issuer and separators stay": {"4111 1111 1111 1111", "4111 11** **** ****", "4111 11** **** ****"},
		"if cards stand on end, then all are found":                   {"4111-1111-1111-1111-3782-822463-10005.", "4111-11**-****-****-3782-82****-*****.", "4111-11**-****-****-3782-82****-*****."},
		"if the check digit is wrong, then it is no card":             {"4111111111111112", "4111111111111112", "4111111111111112"},
		"if a letter is behind, then the last group is not of it":     {"4111 1111 1111 1111 1x", "4111 11** **** **** 1x", "4111 11** **** **** 1x"},
		"if a group is not as printed, then it is no card":            {"4111 111 11111 1111", "4111 111 11111 1111", "4111 111 11111 1111"},
		"if a name is before, then it is no card":                     {"v_4111111111111111", "v_4111111111111111", "v_4111111111111111"},
		"if an account is in groups, then the blanks stay":            {"GB82 WEST 1234 5698 7654 32 ", "GB82 **** **** **** **** ** ", "GB82 **** **** **** **** ** "},
		"if an account is whole, then a word behind is none of it":    {"BE68 5390 0754 7034 1234", "BE68 **** **** **** 1234", "BE68 **** **** **** 1234"},
		"if an account is longer than there are, then it is none":     {"GB82WEST123456987654321", "GB82WEST123456987654321", "GB82WEST123456987654321"},
		"if a pattern can be longer, then the longest counts":         {"CUST-1234-12345", "CUST-*********5", "CUST-*********5"},
		"if a pattern is over its length, then it is cut":             {"CUST-1234-12-34-56", "CUST-**********-56", "CUST-**********-56"},
		"if a quote does not close, then the line end ends a value":   {"token: 'abc def\nx", "token: '*******\nx", "token: '*******\nx"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			masked := oracle.Mask([]byte(tc.in))
			if string(masked.User) != tc.user || string(masked.Record) != tc.record {
				t.Errorf("%q: %q and %q, want %q and %q", tc.in, masked.User, masked.Record, tc.user, tc.record)
			}
		})
	}
}

func TestOracleOfTheStreamAsItIs(t *testing.T) {
	long := "0123456789\x1b[38;5;208mabcdefghijklmnop"
	oracle := NewOracle(someRules, nil, [][]byte{[]byte("hun\x1b[1mter"), []byte("Hunter12"), []byte("]0;hunter"), []byte(long)})
	tests := map[string]struct{ in, user, record string }{
		"if a value has a sequence, then that is masked":        {"hun\x1b[1mter", "hu********", "**********"},
		"if it is wrapped, then the line end stays":             {"hun\x1b[1\r\nmter", "hu****\r\n****", "******\r\n****"},
		"if a value ends a sequence, then it is masked with it": {"\x1b[2Hunter12", "\x1b[2Hu******", "\x1b[2********"},
		"if a value is in a string, then with what begins that": {"\x1b]0;hunter\x07", "\x1b]0*******\x07", "\x1b*********\x07"},
		"if there is an empty line in it, then it is no value":  {"hun\x1b[1\n\nmter", "hun\x1b[1\n\nmter", "hun\x1b[1\n\nmter"},
		"if it is alone on a line, then that is not empty":      {"hun\n\x1b[1m\nter", "hu*\n****\n***", "***\n****\n***"},
		"if 24 bytes of it are there, then they are masked":     {long[:24] + "!", long[:4] + stars(20) + "!", stars(24) + "!"},
		"if 23 bytes of it are there, then they are not":        {long[:23] + "!", long[:23] + "!", long[:23] + "!"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			masked := oracle.Mask([]byte(tc.in))
			if string(masked.User) != tc.user || string(masked.Record) != tc.record {
				t.Errorf("%q: %q and %q, want %q and %q", tc.in, masked.User, masked.Record, tc.user, tc.record)
			}
		})
	}
}

func of(s string, n int) string { return strings.Repeat(s, n) }
func stars(n int) string        { return of("*", n) }
