package mask_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/mask/masktest"
)

// changes: P12. The values of a stream change at one of its writes. Those before are followed to their end, those after are found from
// the first byte on before which none is under way. Up to three bytes of a new one that came before that may be masked or not.
func (s setting) changes(tb testing.TB, next setting, parts [][]byte, use int) {
	tb.Helper()
	text, changed := slices.Concat(parts...), len(slices.Concat(parts[:use]...))
	ends := map[int]bool{}
	for i := range parts {
		ends[len(slices.Concat(parts[:i]...))] = true
	}
	coming := func() int {
		if ends[changed] {
			return -1
		}
		return int(text[changed])
	}
	for changed < len(text) && s.oracle.Under(text[:changed], coming()) {
		changed++
	}
	stream := s.rules.NewStream()
	got := passing(tb, stream, parts, func(i int) {
		if i == use {
			stream.Use(next.rules)
		}
	})
	least, most := s.oracle.Change(next.oracle, text, changed)
	if i := differ(text, got, least, most); i >= 0 {
		tb.Errorf("byte %d\nvalues %q, from write %d on, at %d, %q\nparts  %q\ntext   %q\nuser   %q\noracle %q\nrecord %q\noracle %q",
			i, s.texts, use, changed, next.texts, parts, text, got.User, least.User, got.Record, least.Record)
	}
}

// TestChangingValues changes to the values of any other set, also from none.
func TestChangingValues(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(23, 24))
	all := settings()
	none := all[0].withoutValues()
	for range 1500 {
		a, b := all[rng.IntN(len(all))], all[rng.IntN(len(all))]
		if rng.IntN(6) == 0 { // the reverse is not: values are added, and never dropped
			a.rules, a.oracle = none.rules, none.oracle
		}
		raw := make([]byte, 1+rng.IntN(60))
		for k := range raw {
			raw[k] = byte(rng.IntN(256))
		}
		text := masktest.Small(raw, slices.Concat(a.texts, b.texts), sequences()...)
		if rng.IntN(2) == 0 {
			text = masktest.Wrap(rng, text, 2+rng.IntN(30))
		}
		parts := append(masktest.Split(rng, text, 10+rng.IntN(300)), nil)
		a.changes(t, b, parts, rng.IntN(len(parts)))
		if t.Failed() {
			return
		}
	}
}

// TestChangedValuesGoOn: what was begun with the old values is masked, and what begins after that is found.
func TestChangedValuesGoOn(t *testing.T) {
	t.Parallel()
	a, b := settings()[0], settings()[3] // "secsecret", "abcdefgh"
	tests := map[string]struct{ before, after, record string }{
		"if an old value is under way, then it is masked":    {"secs", "ecret|abcdefgh", "*********|********"},
		"if three bytes of it are there, then it is not":     {"sec", "secret|abcdefgh", "secsecret|********"},
		"if nothing is under way, then the new ones are":     {"secsecret|", "secsecret abcdefgh", "*********|secsecret ********"},
		"if a new one has begun, then it is found":           {"|ab", "cdefgh", "|ab******"},
		"if an old one has just ended, then no byte is lost": {"secsecret", "|abcdefgh", "*********|********"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			stream := a.rules.NewStream()
			got := passing(t, stream, [][]byte{[]byte(tc.before), []byte(tc.after)}, func(i int) {
				if i == 1 {
					stream.Use(b.rules)
				}
			})
			if !bytes.Equal(got.Record, []byte(tc.record)) {
				t.Errorf("%q, want %q", got.Record, tc.record)
			}
		})
	}
}
