package sessionid

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

const id = "019ab034-5d00-7abc-8def-0123456789ab"

func TestParse(t *testing.T) {
	tests := map[string]struct {
		in    string
		ok    bool
		whole bool
	}{
		"if whole, then whole":                 {id, true, true},
		"if whole in capitals, then canonical": {strings.ToUpper(id), true, true},
		"if whole without hyphens, then whole": {strings.ReplaceAll(id, "-", ""), true, true},
		"if a beginning, then not whole":       {"019ab034-5d", true, false},
		"if the shortest, then taken":          {"019a", true, false},
		"if shorter, then refused":             {"019", false, false},
		"if empty, then refused":               {"", false, false},
		"if no digits, then refused":           {"latest", false, false},
		"if longer, then refused":              {id + "0", false, false},
		"if a path, then refused":              {"../../019ab034", false, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := Parse(tc.in)
			if (err == nil) != tc.ok {
				t.Fatalf("error = %v", err)
			}
			if got, whole := p.Whole(); whole != tc.whole || (whole && got != id) {
				t.Errorf("Whole = %q, %t", got, whole)
			}
			if tc.ok && !p.Matches(id) {
				t.Errorf("%q does not match", tc.in)
			}
		})
	}
}

func TestMatches(t *testing.T) {
	p, err := Parse("019ab034-5d01")
	if err != nil || p.Matches(id) {
		t.Errorf("matches another (%v)", err)
	}
}

func TestSpan(t *testing.T) {
	made := time.UnixMilli(0x019ab0345d00).UTC()
	for n := MinLength; n <= length; n++ {
		digits := strings.ReplaceAll(id, "-", "")[:n]
		p, err := Parse(digits)
		if err != nil {
			t.Fatal(err)
		}
		from, to := p.Span()
		if made.Before(from) || !made.Before(to) {
			t.Errorf("%s: %s is not in [%s, %s)", digits, made, from, to)
		}
		if n >= timeLength && to.Sub(from) != time.Millisecond {
			t.Errorf("%s: the span is %s", digits, to.Sub(from))
		}
	}
	p, _ := Parse("019ab034")
	if from, to := p.Span(); to.Sub(from) != 65536*time.Millisecond {
		t.Errorf("eight digits span %s", to.Sub(from))
	}
}

func FuzzSpan(f *testing.F) {
	f.Add(id)
	f.Add("ffffffffffff")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := Parse(s)
		if err != nil {
			return
		}
		if from, to := p.Span(); !from.Before(to) {
			t.Errorf("%q spans [%s, %s)", s, from, to)
		}
		if whole, ok := p.Whole(); ok {
			if u, err := uuid.Parse(whole); err != nil || u.String() != whole {
				t.Errorf("%q became %q (%v)", s, whole, err)
			}
		}
	})
}
