package mask_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/mask/masktest"
)

// knowing returns the rules with exact values.
func knowing(tb testing.TB, texts []string) *mask.Rules {
	tb.Helper()
	var values []mask.Value
	for _, text := range texts {
		values = append(values, mask.Value{Rule: "value", Text: []byte(text)})
		if len(mask.FormsOf(text)) > 1 {
			continue
		}
		for _, form := range masktest.Forms(text) {
			values = append(values, mask.Value{Rule: "value", Text: form})
		}
	}
	compiled, ignored := mask.NewValues(values)
	if len(ignored) > 0 {
		tb.Fatalf("values are ignored: %v", ignored)
	}
	return mask.Default().With(compiled)
}

// tally is what became of the secrets of one kind of output.
type tally struct{ planted, user, record, over, bytes int }

// TestCorpus plants secrets of every rule, and exact values, in output of every kind, and looks for them in what comes out.
func TestCorpus(t *testing.T) {
	t.Parallel()
	enough := 10_000
	if testing.Short() {
		enough = 1000
	}
	rng := rand.New(rand.NewPCG(2026, 11))
	texts := masktest.Values(rng, 500)
	rules := knowing(t, texts)
	specs := rules.Specs()
	kinds := masktest.Outputs()
	counts := make([]tally, len(kinds))
	ruled := map[string]int{}
	fewest := func() int { // the rules come in the order of how often they have been planted
		slices.SortStableFunc(specs, func(a, b masktest.Rule) int { return ruled[a.Name] - ruled[b.Name] })
		return ruled[specs[0].Name]
	}
	for planted, page := 0, 0; fewest() == 0 && planted < 2*enough || planted < enough; page++ {
		k := page % len(kinds)
		kind := kinds[k]
		p := kind.Print(rng, specs[:8], texts, 9)
		c := &counts[k]
		c.planted += 9
		c.bytes += len(p.Text)
		user, record := run(rules, masktest.Split(rng, p.Text, []int{1, 7, 64, 4096}[page/len(kinds)%4])...)
		// P6. What is masked stays as it is when it is masked again. (In texts in which a beginning touches the end of a secret
		// it may not: behind an asterisk it is one, behind the last letter of a token it was none.)
		if _, again := run(rules, record); !kind.Has("dump") && !bytes.Equal(again, record) {
			t.Errorf("%s: masked again, %.300q becomes %.300q", kind.Name, record, again)
		}
		unchangedBut(t, p.Text, user)
		unchangedBut(t, p.Text, record)
		leaks := [2][]masktest.Mark{p.Leaks(user, true), p.Leaks(record, false)}
		c.user, c.record, c.over = c.user+len(leaks[0]), c.record+len(leaks[1]), c.over+p.Over(record)
		planted += 9
		for _, m := range p.Marks {
			ruled[m.Secret.Rule]++
			if p.Seen(m, record) {
				t.Errorf("%s: of %+v all is in the recording", kind.Name, m.Secret)
			}
		}
		for i, who := range []string{"the person sees", "the recording has"} {
			for _, m := range leaks[i] {
				t.Errorf("%s: %s some of %+v:\n%q\n%q", kind.Name, who, m.Secret, p.Text[m.From:m.To], [][]byte{user, record}[i][m.From:m.To])
			}
		}
		if t.Failed() {
			return
		}
	}
	for _, r := range specs {
		if ruled[r.Name] == 0 {
			t.Errorf("no secret of %s was planted", r.Name)
		}
	}
	for k, c := range counts {
		t.Logf("%-26s %5d secrets, %4d and %4d seen by person and recording; %.2f %% of other bytes masked", kinds[k].Name, c.planted, c.user, c.record, 100*float64(c.over)/float64(c.bytes))
	}
}

func unchangedBut(t *testing.T, in, out []byte) {
	t.Helper()
	if len(in) != len(out) {
		t.Fatalf("%d bytes went in, %d came out", len(in), len(out))
	}
	for i := range in {
		if in[i] != out[i] && out[i] != '*' {
			t.Fatalf("byte %d became %q", i, out[i])
		}
	}
}

// run writes parts to a stream of its own and returns all that came out.
func run(rules *mask.Rules, parts ...[]byte) (user, record []byte) {
	s := rules.NewStream()
	for _, p := range parts {
		out := s.Write(p)
		user, record = append(user, out.User...), append(record, out.Record...)
	}
	out := s.Flush()
	return append(user, out.User...), append(record, out.Record...)
}
