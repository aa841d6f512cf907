package authorizer

import (
	"context"
	"errors"
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
	// Computed by hand: printf '\0\0\0\0\0\0\0\2ls\0\0\0\0\0\0\0\1/' | openssl dgst -sha256 -hmac k
	const want = "hmac-sha256:dbc720118f76457362ad9042550fb2cfcc3366a97c7f7862e47a57e77a64165b"
	if got := CommandKey("k").Digest([]string{"ls", "/"}); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzCommandDigestTellsVectorsApart(f *testing.F) {
	f.Add("a", "b", "ab", "")
	f.Add("", "", "", "")
	f.Add("a\x00", "b", "a", "\x00b")
	key := CommandKey("k")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		vectors := [][]string{nil, {a}, {a, b}, {a + b}, {c, d}, {c, d, a}, {c + d + a}}
		for _, x := range vectors {
			for _, y := range vectors {
				if same := key.Digest(x) == key.Digest(y); same != slices.Equal(x, y) {
					t.Errorf("%q and %q: same digest is %t", x, y, same)
				}
			}
		}
	})
}

// table answers by action; what is not in it fails.
type table map[string]Decision

var errNoAnswer = errors.New("no answer")

func (t table) Authorize(_ context.Context, a Attributes) (Decision, error) {
	d, ok := t[a.Action]
	if !ok {
		return Decision{Outcome: Allow}, errNoAnswer
	}
	return d, nil
}

func TestDecide(t *testing.T) {
	allow := func(name string) Decision { return Decision{Outcome: Allow, Grant: GrantRef{Name: name}} }
	deny := func(why string) Decision { return Decision{Reasons: []string{why}} }
	tests := map[string]struct {
		action  string
		answers table
		want    string // the action
		outcome Outcome
		says    string
		err     error
	}{
		"if a copy may pass, then as a copy":                {"Copy", table{"Copy": allow("c"), "Exec": allow("e")}, "Copy", Allow, "c", nil},
		"if only the command may, then as an exec":          {"Copy", table{"Copy": deny("no copy"), "Exec": allow("e")}, "Exec", Allow, "e", nil},
		"if neither may, then why it may not as a copy":     {"Copy", table{"Copy": deny("no copy"), "Exec": deny("no exec")}, "Copy", Deny, "no copy", nil},
		"if an exec is asked for, then never as a copy":     {"Exec", table{"Copy": allow("c"), "Exec": deny("no exec")}, "Exec", Deny, "no exec", nil},
		"if another way is asked for, then nothing else":    {"Attach", table{"Attach": deny("no"), "Exec": allow("e")}, "Attach", Deny, "no", nil},
		"if the first answer fails, then there is none":     {"Copy", table{"Exec": allow("e")}, "", Deny, "", errNoAnswer},
		"if the second answer fails, then it is no allowed": {"Copy", table{"Copy": deny("no copy")}, "", Deny, "", errNoAnswer},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			a, d, err := Decide(t.Context(), tc.answers, Attributes{Action: tc.action})
			if !errors.Is(err, tc.err) {
				t.Fatalf("got %v", err)
			}
			if err != nil {
				if d.Outcome != Deny {
					t.Errorf("got %s with an error", d.Outcome)
				}
				return
			}
			says := d.Grant.Name
			if len(d.Reasons) > 0 {
				says = d.Reasons[0]
			}
			if a.Action != tc.want || d.Outcome != tc.outcome || says != tc.says {
				t.Errorf("got %s, %s, %q", a.Action, d.Outcome, says)
			}
		})
	}
}
