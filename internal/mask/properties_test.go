// Package mask_test holds the masker against its oracle and against itself. The properties, each checked on random texts and by a fuzz
// target:
//
//   - P1: how a text is cut into writes changes nothing.
//   - P2, P7: what is masked is what the oracle says.
//   - P3: out comes what went in, but for asterisks.
//   - P4: no more is held than may be.
//   - P5: sequences that paint change nothing, unless they are part of a value.
//   - P6: what is masked is left as it is when it is masked again.
//   - P8: the work for a byte is bounded. It is counted.
//   - P10: after its end a stream is as new.
//   - P11: streams do not know each other.
//   - P12: values may change at any write.
//
// # Where masking again changes something
//
// P6 holds for exact values that have no asterisk in any form, wherever no byte of an escape sequence is masked: where one is, what a
// terminal takes for the sequence is another one after that, and other bytes come next to each other.
//
// It holds for rules where secrets are apart: where no secret touches another beginning, or lies over another secret. Behind
// an asterisk there may be a beginning that was none behind a letter; a rule that followed an earlier beginning ends sooner at
// an asterisk, and takes notice of a later one; and if an exact value covers the quote, the separator or the end of another
// secret, that one is not found again, or goes on to another end. In each case more is masked the second time, and never less.
package mask_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/mask/masktest"
)

// setting is an engine that knows some exact values, and an oracle that knows the same.
type setting struct {
	texts      []string
	escaped    bool // the texts hold escape sequences
	rules      *mask.Rules
	valuesOnly *mask.Rules
	oracle     *masktest.Oracle
}

// expressions are an operator's: of one length, over line ends, that overlap themselves, of bytes that are no text.
var expressions = []mask.Pattern{
	{Name: "customer", Literal: "CUST-", Expression: "[0-9]{8}", MaxLength: 8},
	{Name: "lines", Literal: "aba", Expression: `[ab\n]{3,9}c?`, MaxLength: 12},
	{Name: "ends", Literal: "bab", Expression: `(?:ab|ba|a{3,5}b)+`, MaxLength: 9},
	{Name: "bytes", Literal: "cde", Expression: `[^ \n]{2,7}(?:@|\xff|\xc3\xa9)|(?i:.f)`, MaxLength: 300},
	{Name: "number", Literal: "11-", Expression: `1{1,4}(?:[ -]1{4}){0,3}`, MaxLength: 20},
}

// settings are one for each set of small values, made once: that takes seconds under -race.
var settings = sync.OnceValue(func() []setting {
	var all []setting
	known, err := mask.New(mask.Config{Patterns: expressions})
	if err != nil {
		panic(err)
	}
	bare, err := mask.New(mask.Config{Off: mask.Default().Names()})
	if err != nil {
		panic(err)
	}
	for i, texts := range slices.Concat(masktest.SmallValues, masktest.EscapedValues) {
		var values []mask.Value
		for i, text := range texts {
			values = append(values, mask.Value{Rule: strconv.Itoa(i), Text: []byte(text)})
		}
		compiled, ignored := mask.NewValues(values)
		var forms [][]byte
		for i, text := range texts {
			if !slices.ContainsFunc(ignored, func(g mask.Ignored) bool { return g.Rule == strconv.Itoa(i) }) {
				forms = append(forms, mask.FormsOf(text)...)
			}
		}
		rules := known.With(compiled)
		oracle := masktest.NewOracle(rules.Specs(), mask.StopWords(), forms)
		all = append(all, setting{texts, i >= len(masktest.SmallValues), rules, bare.With(compiled), oracle})
	}
	return all
})

// withoutValues is a setting like another that knows no values.
func (s setting) withoutValues() setting {
	s.rules = s.rules.With(nil)
	s.oracle = masktest.NewOracle(s.rules.Specs(), mask.StopWords(), nil)
	return s
}

// passed is what a stream let pass.
type passed struct {
	User, Record []byte
	Hits         []mask.Hit
}

// pass writes parts to a stream and checks what holds after each: the person is not behind the recording, nor too far ahead of it; no
// more is held than may be; what came out is what went in but for asterisks; and who is denied a byte is not alone.
func pass(tb testing.TB, s *mask.Stream, parts ...[]byte) passed {
	tb.Helper()
	return passing(tb, s, parts, func(int) {})
}

// passing is pass with something to be done before each write.
func passing(tb testing.TB, s *mask.Stream, parts [][]byte, before func(i int)) passed {
	tb.Helper()
	var in []byte
	var p passed
	take := func(out mask.Output) {
		p.User, p.Record, p.Hits = append(p.User, out.User...), append(p.Record, out.Record...), append(p.Hits, out.Hits...)
		if ahead := len(p.User) - len(p.Record); ahead != s.Ahead() || ahead < 0 {
			tb.Fatalf("after %q the person has %d bytes, the recording %d, and Ahead says %d", in, len(p.User), len(p.Record), s.Ahead())
		}
		if held := len(in) - len(p.Record); held > mask.MaxHeld || len(p.User) > len(in) {
			tb.Fatalf("after %q the person has %d bytes, the recording %d", in, len(p.User), len(p.Record))
		}
	}
	for i, part := range parts {
		before(i)
		in = append(in, part...)
		kept := bytes.Clone(part)
		take(s.Write(part))
		if !bytes.Equal(part, kept) {
			tb.Fatalf("%q was changed to %q", kept, part)
		}
	}
	take(s.Flush())
	if len(p.User) != len(in) || len(p.Record) != len(in) {
		tb.Fatalf("of %q %d bytes came out for the person, %d for the recording", in, len(p.User), len(p.Record))
	}
	for i, b := range in {
		if p.Record[i] != b && p.Record[i] != '*' || p.User[i] != b && p.User[i] != '*' || p.User[i] == '*' && p.Record[i] != '*' {
			tb.Fatalf("byte %d of %q became %q for the person and %q in the recording", i, in, p.User[i], p.Record[i])
		}
	}
	slices.SortFunc(p.Hits, func(a, b mask.Hit) int {
		return cmp.Or(int(a.Offset-b.Offset), int(a.Length-b.Length), strings.Compare(a.Rule, b.Rule))
	})
	return p
}

func bytesOf(text []byte) [][]byte { return slices.Collect(slices.Chunk(text, 1)) }

// isAsOracleSays: P2 and P7. Nothing that is secret is seen, and what is masked on the screen and of escape sequences is what the oracle
// says. What a string in an escape sequence holds may be masked with a secret that it stands in, the blank of a margin may be or not.
func (s setting) isAsOracleSays(tb testing.TB, text []byte) {
	tb.Helper()
	want := s.oracle.Mask(text)
	got := pass(tb, s.rules.NewStream(), text)
	if at := differ(text, got, want, want); at >= 0 {
		tb.Errorf("byte %d\nvalues %q\ntext   %q\nuser   %q\noracle %q\nrecord %q\noracle %q", at, s.texts, text, got.User, want.User, got.Record, want.Record)
	}
}

// differ returns the first byte of a text that is masked though it must not be, or not though it must; -1 for none.
func differ(text []byte, got passed, least, most masktest.Masked) int {
	places := masktest.Places(text)
	wrong := func(i int, got, least, most []byte) bool {
		return places[i] != masktest.InMargin && (got[i] != '*' && least[i] == '*' || got[i] == '*' && most[i] != '*' && places[i] != masktest.InString)
	}
	for i := range text {
		if wrong(i, got.User, least.Least, most.User) || wrong(i, got.Record, least.Record, most.Record) {
			return i
		}
	}
	return -1
}

// isCutAnywhere: P1, P3, P4 and P10. A text that is cut otherwise is masked alike; after its end a stream is as new.
func (s setting) isCutAnywhere(tb testing.TB, text []byte, parts [][]byte) {
	tb.Helper()
	stream := s.rules.NewStream()
	want := pass(tb, stream, text)
	for i, cut := range [][][]byte{bytesOf(text), parts, {text}} {
		from := s.rules.NewStream()
		if i == 2 {
			from = stream
		}
		got := pass(tb, from, cut...)
		if i == 2 {
			for k := range got.Hits {
				got.Hits[k].Offset -= int64(len(text))
			}
		}
		if !bytes.Equal(got.User, want.User) || !bytes.Equal(got.Record, want.Record) || !slices.Equal(got.Hits, want.Hits) {
			tb.Errorf("values %q\ntext %q\ncut  %q (-whole +cut):\n%s", s.texts, text, cut, gocmp.Diff(want, got))
		}
	}
}

// isStable: P6, of a text that no rule knows.
func (s setting) isStable(tb testing.TB, text []byte) {
	tb.Helper()
	once := pass(tb, s.valuesOnly.NewStream(), text).Record
	for i, place := range masktest.Places(text) {
		if place == masktest.InSequence && once[i] != text[i] {
			return
		}
	}
	if again := pass(tb, s.valuesOnly.NewStream(), once); !bytes.Equal(again.Record, once) || !bytes.Equal(again.User, once) {
		tb.Errorf("values %q\ntext  %q\nonce  %q\nagain %q", s.texts, text, once, again.Record)
	}
}

// isSeenThroughPaint: P5. Sequences that paint change nothing about what is masked, unless they are part of a value.
func (s setting) isSeenThroughPaint(tb testing.TB, text, painted []byte) {
	tb.Helper()
	if s.escaped || masktest.Margins(text) != masktest.Margins(painted) {
		return
	}
	want, got := pass(tb, s.rules.NewStream(), text), pass(tb, s.rules.NewStream(), painted)
	if !bytes.Equal(masktest.Strip(want.User), masktest.Strip(got.User)) || !bytes.Equal(masktest.Strip(want.Record), masktest.Strip(got.Record)) {
		tb.Errorf("values %q\ntext    %q\nuser    %q\nrecord  %q\npainted %q\nuser    %q\nrecord  %q", s.texts, text, want.User, want.Record, painted, got.User, got.Record)
	}
}

// isApart: P11. Two streams of a session do not know each other.
func (s setting) isApart(tb testing.TB, text []byte, parts [][]byte) {
	tb.Helper()
	want := pass(tb, s.rules.NewStream(), text)
	out, err := s.rules.NewStream(), s.rules.NewStream()
	var user, other []byte
	for i, part := range parts {
		user = append(user, out.Write(part).User...)
		other = append(other, err.Write(parts[len(parts)-1-i]).User...)
	}
	user = append(user, out.Flush().User...)
	other = append(other, err.Flush().User...)
	slices.Reverse(parts)
	backwards := pass(tb, s.rules.NewStream(), slices.Concat(parts...))
	if !bytes.Equal(user, want.User) || !bytes.Equal(other, backwards.User) {
		tb.Errorf("values %q\ntext %q cut as %q: %q and %q", s.texts, text, parts, user, other)
	}
}

// TestFoundByFuzzing are texts with which the engine and the oracle once differed.
func TestFoundByFuzzing(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"if the end of a value is a backslash, then it is part of it":      `PWD=\"abcdefghijklmnop1234\`,
		"if no issuer has such cards, then they hide no other":             "6395 4711 3086 3891 2361 4172 5541 61",
		"if a number before a card is apart, then it has not all the room": "411111\x0011111111111111111111\x004111111111111111",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) { settings()[0].isAsOracleSays(t, []byte(text)) })
	}
}

// TestPropertiesOfTangles holds texts of pieces of rules and values against every property.
func TestPropertiesOfTangles(t *testing.T) {
	t.Parallel()
	n := 600
	if testing.Short() {
		n = 200
	}
	rng := rand.New(rand.NewPCG(13, 14))
	all := settings()
	for i := range n {
		s := all[i%len(all)]
		text := masktest.Tangle(rng, s.rules.Specs(), s.texts...)
		s.holds(t, rng, text)
		if t.Failed() {
			return
		}
	}
}

// TestPropertiesOfNumbers does so with texts of cards, accounts and an operator's patterns alone.
func TestPropertiesOfNumbers(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(19, 20))
	all := settings()
	masked := 0
	for i := range 600 {
		s := all[i%len(all)]
		text := masktest.Tangle(rng, slices.DeleteFunc(s.rules.Specs(), func(r masktest.Rule) bool { return r.Kind < masktest.Card }), s.texts...)
		if bytes.Contains(s.oracle.Mask(text).Record, []byte("****")) {
			masked++
		}
		s.holds(t, rng, text)
		if t.Failed() {
			return
		}
	}
	if masked < 200 {
		t.Errorf("only in %d texts was anything to be masked", masked)
	}
}

// TestSecretsApartAreMaskedOnce: P6, of secrets of every rule that are apart.
func TestSecretsApartAreMaskedOnce(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(21, 22))
	for i := range 40 {
		s := settings()[i%len(masktest.SmallValues)]
		var text []byte
		for _, r := range s.rules.Specs() {
			secret := masktest.Grow(rng, r, false)
			text = fmt.Appendf(text, "and %s%s%s\n", secret.Before, secret.Text, secret.After)
		}
		once := pass(t, s.rules.NewStream(), text).Record
		if again := pass(t, s.rules.NewStream(), once).Record; !bytes.Equal(once, again) {
			t.Fatalf("once  %q\nagain %q", once, again)
		}
	}
}

// TestPropertiesOfSmallTexts does so with texts of few letters.
func TestPropertiesOfSmallTexts(t *testing.T) {
	t.Parallel()
	n := 600
	if testing.Short() {
		n = 200
	}
	rng := rand.New(rand.NewPCG(15, 16))
	all := settings()
	for i := range n {
		s := all[i%len(all)]
		raw := make([]byte, 1+rng.IntN(60))
		for k := range raw {
			raw[k] = byte(rng.IntN(256))
		}
		s.holds(t, rng, masktest.Small(raw, s.texts))
		if t.Failed() {
			return
		}
	}
}

func (s setting) holds(tb testing.TB, rng *rand.Rand, text []byte) {
	tb.Helper()
	s.isAsOracleSays(tb, text)
	parts := masktest.Split(rng, text, 20)
	s.isCutAnywhere(tb, text, parts)
	s.isApart(tb, text, parts)
	s.isStable(tb, text)
	s.isSeenThroughPaint(tb, text, masktest.Sow(rng, text, masktest.Paint, 5))
	s.isAsOracleSays(tb, masktest.Sow(rng, text, slices.Concat(masktest.Paint, masktest.Moves), 8))
	wrapped := masktest.Wrap(rng, text, 2+rng.IntN(30))
	s.isAsOracleSays(tb, wrapped)
	s.isCutAnywhere(tb, wrapped, masktest.Split(rng, wrapped, 20))
}
