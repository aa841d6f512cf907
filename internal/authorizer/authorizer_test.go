package authorizer

import (
	"slices"
	"testing"
)

func TestOnlyAllowIsCalledAllow(t *testing.T) {
	tests := map[string]struct {
		outcome Outcome
		want    string
	}{
		"if nothing was decided, then it is a denial":    {Outcome(0), "Deny"},
		"if the outcome is unknown, then it is a denial": {Outcome(99), "Deny"},
		"if it is negative, then it is a denial":         {Outcome(-1), "Deny"},
		"if people have to agree, then it says so":       {NeedsApproval, "NeedsApproval"},
		"if it is allowed, then it says so":              {Allow, "Allow"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tc.outcome.String(); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestCommandDigestIsStable(t *testing.T) {
	// Computed by hand: printf '\0\0\0\0\0\0\0\2ls\0\0\0\0\0\0\0\1/' | sha256sum
	const want = "sha256:04b7e5a9bd357b0576cfd1a626ea6343216721fdcc54986f7d043711f1b60eda"
	if got := CommandDigest([]string{"ls", "/"}); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzCommandDigestTellsVectorsApart(f *testing.F) {
	f.Add("a", "b", "ab", "")
	f.Add("", "", "", "")
	f.Add("a\x00", "b", "a", "\x00b")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		vectors := [][]string{nil, {a}, {a, b}, {a + b}, {c, d}, {c, d, a}, {c + d + a}}
		for _, x := range vectors {
			for _, y := range vectors {
				if same := CommandDigest(x) == CommandDigest(y); same != slices.Equal(x, y) {
					t.Errorf("%q and %q: same digest is %t", x, y, same)
				}
			}
		}
	})
}
