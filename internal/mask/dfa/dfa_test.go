package dfa_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-dev/sallyport/internal/mask/dfa"
)

// found lists "expression@end" for every end.
func found(t *testing.T, text string, expressions ...string) []string {
	t.Helper()
	s, err := dfa.NewSearch(expressions)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	state := uint32(0)
	for i := range len(text) {
		if state = s.Step(state, text[i]); state >= s.Hot {
			for _, e := range s.Ends(state) {
				out = append(out, fmt.Sprintf("%d@%d", e, i+1))
			}
		}
	}
	return out
}

func TestSearch(t *testing.T) {
	tests := map[string]struct {
		text        string
		expressions []string
		want        []string
	}{
		"if expressions overlap, then all are found":          {"abcab", []string{"ab", "bc", "abc"}, []string{"0@2", "1@3", "2@3", "0@5"}},
		"if one fails late, then another still begins inside": {"aab", []string{"aac", "ab"}, []string{"1@3"}},
		"if case is folded, then both are found":              {"PassWord", []string{"(?i)password"}, []string{"0@8"}},
		"if a byte must stand before, then the start is one":  {"hf_ xhf_ -hf_", []string{"[^a-z]hf_"}, []string{"0@3", "0@13"}},
		"if bytes are no UTF-8, then classes hold them":       {"\xffab\xe4", []string{"[^x]ab", `\xe4`}, []string{"0@3", "1@4"}},
		"if there are repeats, then each end is one":          {"a11=", []string{"a[0-9]{0,3}="}, []string{"0@4"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, found(t, tc.text, tc.expressions...)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for expression, want := range map[string]string{"a+": "no bound", "a{2,}": "no bound", "a?": "nothing", "^a": "assertion", `a\b`: "assertion", "ä": "ASCII", "(": "parse"} {
		if _, err := dfa.NewSearch([]string{"fine", expression}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("searching %q: %v, want %q", expression, err, want)
		}
	}
	for expression, want := range map[string]string{"a*": "nothing", "a$": "assertion", "é": "ASCII", "[": "parse"} {
		if _, err := dfa.NewMatch(expression); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("matching %q: %v, want %q", expression, err, want)
		}
	}
	if _, err := dfa.NewMatch("(?:a|b)*a(?:a|b){16}"); !errors.Is(err, dfa.ErrTooLarge) {
		t.Errorf("an exponential expression: %v", err)
	}
}

// TestSearchEqualsRegexp compares ends, and states after a late start, with package regexp.
func TestSearchEqualsRegexp(t *testing.T) {
	expressions := []string{"ab", "[^a]ba{1,3}", "(?i)ABC?", "c[bc]{2}a", "aa|bb"}
	s, err := dfa.NewSearch(expressions)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		text := make([]byte, 1+rng.IntN(30))
		for i := range text {
			text[i] = "abcA"[rng.IntN(4)]
		}
		state := uint32(0)
		for i := range text {
			state = s.Step(state, text[i])
			var got []int
			if state >= s.Hot {
				got = s.Ends(state)
			}
			var want []int
			for e, expression := range expressions {
				if regexp.MustCompile("(?:" + expression + ")$").Match(append([]byte("\n"), text[:i+1]...)) {
					want = append(want, e)
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("after %q: %v, want %v", text[:i+1], got, want)
			}
			late := uint32(0)
			for _, b := range text[max(0, i+1-s.Longest) : i+1] {
				late = s.Step(late, b)
			}
			if i+1 >= s.Longest && late != state {
				t.Fatalf("the last %d bytes of %q do not give its state", s.Longest, text[:i+1])
			}
		}
	}
}

// TestMatchEqualsRegexp compares the longest match at the beginning with package regexp.
func TestMatchEqualsRegexp(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, expression := range []string{"[ab]{2,4}c?", "(?:ab|abc|bcb)+", "a(?:b|c)*d", "[^b]{3}"} {
		m, err := dfa.NewMatch(expression)
		if err != nil {
			t.Fatal(err)
		}
		re := regexp.MustCompile("^(?:" + expression + ")")
		re.Longest()
		for range 1000 {
			text := make([]byte, rng.IntN(12))
			for i := range text {
				text[i] = "abcd"[rng.IntN(4)]
			}
			got, s := 0, dfa.State(0)
			for i, b := range text {
				if m.Over(s) {
					break
				}
				if s = m.Step(s, b); m.Accepts(s) {
					got = i + 1
				}
			}
			if want := len(re.Find(text)); got != want {
				t.Fatalf("%q matches %d bytes of %q, want %d", expression, got, text, want)
			}
		}
	}
}
