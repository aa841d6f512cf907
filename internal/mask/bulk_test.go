package mask_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/mask/masktest"
)

// TestBulkIsAsByteByByte: texts long enough to be skipped over, with an operator's rules, beginnings and ends of values, and
// sequences that paint and move, are masked alike in one write, in some, and byte by byte.
func TestBulkIsAsByteByByte(t *testing.T) {
	values := []string{"p4ssw0rd-of-db", "postgres://u:p4ssw0rd-of-db@db/x", "abababac", "aaaaabaaaab1", "0123456789abcdef0123456789abcdeg"}
	rules := rulesWith(t, mask.Config{
		Off:      []string{"jwt"},
		Literals: []mask.Literal{{Name: "lit", Text: "blue-heron-project"}},
		Patterns: []mask.Pattern{
			{Name: "customer", Literal: "CUST-", Expression: "[0-9]{8}", MaxLength: 8},
			{Name: "lines", Literal: "aba", Expression: `[ab\n]{3,9}c`, MaxLength: 12},
		},
	}, values...)
	pieces := slices.Concat(values, masktest.Paint, masktest.Moves, []string{
		"blue-heron-project", "CUST-12345678", "CUST-1234", "password=", "password: ", "\"token\":\"", "://user:", "@", " 4111 1111", " 1111", "'", "\n", "\r\n", "\n\n",
		strings.Repeat("x", 70), strings.Repeat("a line of a log that says nothing at all. ", 30) + "\n", "\x00\xff", "é",
	})
	rng := rand.New(rand.NewPCG(31, 32))
	for range 300 {
		var text []byte
		for range 1 + rng.IntN(30) {
			piece := pieces[rng.IntN(len(pieces))]
			from := 0
			if piece[0] != '\x1b' && rng.IntN(4) == 0 {
				from = rng.IntN(len(piece))
			}
			text = append(text, piece[from:]...)
		}
		want := pass(t, rules.NewStream(), text)
		for _, cut := range [][][]byte{bytesOf(text), masktest.Split(rng, text, 200)} {
			got := pass(t, rules.NewStream(), cut...)
			if !bytes.Equal(got.User, want.User) || !bytes.Equal(got.Record, want.Record) || !slices.Equal(got.Hits, want.Hits) {
				t.Fatalf("text %q\nuser   %q\n   cut %q\nrecord %q\n   cut %q", text, want.User, got.User, want.Record, got.Record)
			}
		}
	}
}

// TestBulkWhereBlocksMeet: a value is masked wherever in a large write it stands, also across the blocks that are looked at one by one.
func TestBulkWhereBlocksMeet(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 31
	}
	for _, value := range []string{"Xk29Qa7m", "Xk29Qa7mXk29Qa7", "Xk29Qa7m-Xk29Qa7", "Xk29Qa7m-Xk29Qa7m-Xk29Qa7m-Xk29Qa7m"} {
		rules := rulesWith(t, mask.Config{}, value)
		line := "a line of a log that says nothing at all. "
		for at := 4000; at < 8300; at += step {
			text := []byte(strings.Repeat(line, 300))
			copy(text[at:], value)
			got := pass(t, rules.NewStream(), text)
			if bytes.Contains(got.Record, []byte(value[:4])) || bytes.Contains(got.User, []byte(value[len(value)-4:])) {
				t.Fatalf("%q at %d is in clear", value, at)
			}
		}
	}
}

// nearly are pieces of which much opens and little is found: numbers and names, beginnings within beginnings, quotes that hide names.
var nearly = []string{
	"eyJabcdefgh.", "eyJabcdefgh.eyJabcdefgh.", "eyJ", "abcdefghijkl", " 4111 1111", " 4111-1111-1111-1111", "4111111111111111", " 4012888888881881",
	" DE89 3704", " NO9386011117947", " eyJabcdefgh.eyJabcdefgh.abcdefghijkl ", " DE89370400440532013000", " GB82 WEST 1234", " DE89 ", "5698 7654 32", "pw=", "pw='", `pw="`, `"`, "'", "a", "abc", "abcde", "abcdefg",
	"password: ", "password=", `"token": "`, "secret=x", "--password ", "<token>", "</token>", "=", ":", " ", "  ", "\t", "\n", "/", "-", "\\", "&", ";", "Authorization: ",
	"://u:p", "://u@", "@", "://", "ghp_", "sk-", "AKIA", "AKIAB", "1111", ".", "Pwd=", "*", "password=null ",
}

// FuzzBulk: what is skipped over because nothing comes of it is what is masked byte by byte.
func FuzzBulk(f *testing.F) {
	all := settings()
	with := make([]*mask.Rules, 0, len(all))
	for _, s := range all {
		compiled, _ := compile(s.texts...)
		with = append(with, mask.Default().With(compiled))
	}
	for i := range uint64(2000) {
		f.Add(i, i)
	}
	filling := strings.Repeat("nothing to be found here. ", 3)
	f.Fuzz(func(t *testing.T, seed, more uint64) {
		rng := rand.New(rand.NewPCG(seed, more))
		s := all[seed%uint64(len(all))]
		rules := with[seed%uint64(len(all))]
		var text []byte
		for range 1 + rng.IntN(5) {
			text = append(text, filling[:rng.IntN(len(filling))]...)
			text = append(text, masktest.Tangle(rng, s.rules.Specs(), slices.Concat(nearly, s.texts)...)...)
			for range rng.IntN(8) {
				text = append(text, nearly[rng.IntN(len(nearly))]...)
			}
		}
		text = append(text, filling...)
		want := pass(t, rules.NewStream(), bytesOf(text)...)
		got := pass(t, rules.NewStream(), text)
		if !bytes.Equal(got.User, want.User) || !bytes.Equal(got.Record, want.Record) || !slices.Equal(got.Hits, want.Hits) {
			t.Fatalf("text   %q\nbytes  %q\nbulk   %q\nrecord %q\nbulk   %q\n%v\n%v", text, want.User, got.User, want.Record, got.Record, want.Hits, got.Hits)
		}
	})
}

// TestStrangeValues: values of line ends, blanks, escapes, and bytes that are no text neither end a stream nor change its length.
func TestStrangeValues(t *testing.T) {
	rng := rand.New(rand.NewPCG(33, 34))
	masked := 0
	for i := range 2000 {
		value := make([]byte, 6+rng.IntN(12))
		for k := range value {
			value[k] = "ab9 \n\r\x1b\x00\xff"[rng.IntN(9)]
		}
		compiled, _ := mask.NewValues([]mask.Value{{Rule: "x", Text: value, Plain: i%2 == 0}})
		text := slices.Concat([]byte(strings.Repeat("plain text ", 20)), value, []byte(" tail\n"))
		if got := pass(t, mask.Default().With(compiled).NewStream(), text); !bytes.Equal(got.Record, text) {
			masked++
		}
	}
	if masked < 150 {
		t.Errorf("only %d of them were masked", masked)
	}
}

func rulesWith(tb testing.TB, c mask.Config, texts ...string) *mask.Rules {
	tb.Helper()
	compiled, ignored := compile(texts...)
	if len(ignored) > 0 {
		tb.Fatalf("ignored: %v", ignored)
	}
	rules, err := mask.New(c)
	if err != nil {
		tb.Fatal(err)
	}
	return rules.With(compiled)
}

func compile(texts ...string) (*mask.Values, []mask.Ignored) {
	values := make([]mask.Value, 0, len(texts))
	for _, text := range texts {
		values = append(values, mask.Value{Rule: "secret/s/k", Text: []byte(text)})
	}
	return mask.NewValues(values)
}
