package mask_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

// everySecret are the examples of all rules, and exact values.
func everySecret() []string {
	texts := []string{"x blue-heron-project y", "x Xk29Qa7mXk29Qa7zz y"}
	for _, ex := range examples {
		for _, marked := range ex.yes {
			if in, _ := expect(marked); len(in) < 500 {
				texts = append(texts, in)
			}
		}
	}
	return texts
}

// wrappedAt is a text with a margin of a kind before each of some bytes, and where its bytes are then. It reports false where no program would
// write that.
func wrappedAt(in string, cuts []int, kind string) (text []byte, at []int, ok bool) {
	for i := range len(in) {
		if slices.Contains(cuts, i) {
			before := in[i-1]
			if in[i] == '\r' || in[i] == '\n' || before <= ' ' && slices.Contains([]string{"byte", "lines", "vim"}, kind) {
				return nil, nil, false
			}
			text = append(text, map[string]string{
				"readline": " \r", "busybox": " \b", "painted": " \x1b[27m\x1b[K\r\x1b[7m",
				"byte": "\r" + in[i-1:i], "lines": "\r\r\n", "vim": in[i-1:i] + "\x1b[12;1H",
			}[kind]...)
		}
		at, text = append(at, len(text)), append(text, in[i])
	}
	return text, at, true
}

var marginKinds = []string{"readline", "busybox", "painted", "byte", "lines", "vim"}

// TestMarginsInEverySecret: with each margin at each place, and with several, the record masks what it masks without margins, the person
// sees none of it from the last margin on if something was masked before the first, and the cut changes nothing.
func TestMarginsInEverySecret(t *testing.T) {
	t.Parallel()
	rules := rulesWith(t, mask.Config{}, "blue-heron-project", "my quoted pass-phrase", "Xk29Qa7mXk29Qa7zz")
	for _, in := range everySecret() {
		want := pass(t, rules.NewStream(), []byte(in))
		for k := 1; k < len(in); k++ {
			cuts := []int{k}
			switch {
			case k%3 == 0 && k+7 < len(in):
				cuts = append(cuts, k+7)
			case k%5 == 0 && k+2 < len(in):
				cuts = append(cuts, k+1, k+2)
			}
			for _, kind := range marginKinds {
				if text, at, ok := wrappedAt(in, cuts, kind); ok {
					isMaskedAsWithout(t, rules, in, text, cuts, at, kind == "lines", want)
				}
			}
			if t.Failed() {
				return
			}
		}
	}
}

func isMaskedAsWithout(t *testing.T, rules *mask.Rules, in string, text []byte, cuts, at []int, lines bool, want passed) {
	t.Helper()
	got, cut := pass(t, rules.NewStream(), text), pass(t, rules.NewStream(), bytesOf(text)...)
	if !bytes.Equal(got.User, cut.User) || !bytes.Equal(got.Record, cut.Record) || !slices.Equal(got.Hits, cut.Hits) {
		t.Errorf("%q: at once %q, %q; in bytes %q, %q", text, got.User, got.Record, cut.User, cut.Record)
	}
	last := cuts[len(cuts)-1]
	begun := !lines && bytes.IndexByte(want.User[:cuts[0]], '*') >= 0 && strings.IndexByte(in[:cuts[0]], '*') < 0
	for i := range in {
		if want.Record[i] == '*' && got.Record[at[i]] != '*' || begun && i >= last && want.User[i] == '*' && got.User[at[i]] != '*' {
			t.Errorf("byte %d of %q\nuser   %q\nrecord %q\nwithout margins %q, %q", i, text, got.User, got.Record, want.User, want.Record)
			return
		}
	}
}

// TestAByteTwiceIsMaskedTwice: also one that is decided late, and one that stands there three times.
func TestAByteTwiceIsMaskedTwice(t *testing.T) {
	t.Parallel()
	values := rulesWith(t, mask.Config{}, "blue-heron-project", "my quoted pass-phrase", "Xk29Qa7mXk29Qa7zz")
	for _, in := range everySecret() {
		for k := 1; k < len(in); k++ {
			b := in[k-1 : k]
			if b <= " " || in[k] == '\r' || in[k] == '\n' {
				continue
			}
			for edge, places := range map[string][]int{"\r" + b: {k + 1}, b + "\x1b[3;1H": {k}, "\r" + b + "\r" + b: {k + 1, k + 3}} {
				for _, rules := range []*mask.Rules{values, mask.Default()} {
					text := in[:k] + edge + in[k:]
					got := pass(t, rules.NewStream(), []byte(text))
					for _, at := range places {
						if got.User[k-1] == '*' && got.User[at] != '*' || got.Record[k-1] == '*' && got.Record[at] != '*' {
							t.Fatalf("byte %d of %q\nuser   %q\nrecord %q", at, text, got.User, got.Record)
						}
					}
				}
			}
		}
	}
}

// TestMarginsWithoutValues: the record has a side of its own from where it must, whatever the cut.
func TestMarginsWithoutValues(t *testing.T) {
	in, want := "export PASSWORD=Zq7 \r-hun-ter ok", "export PASSWORD=*** \r******** ok"
	for _, parts := range [][][]byte{{[]byte(in)}, bytesOf([]byte(in))} {
		if got := pass(t, mask.Default().NewStream(), parts...); string(got.Record) != want {
			t.Errorf("%d writes: record %q", len(parts), got.Record)
		}
	}
}
