package mask_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

// fake is a run of n bytes that looks like a key to these rules and like nothing
// to a scanner of repositories: it is assembled, and says what it is.
func fake(n int) string { return strings.Repeat("FAKE0fake1", n/10+1)[:n] }

func upper(n int) string { return strings.ToUpper(fake(n)) }

// mark wraps what must be masked; expect turns the marks into input and output.
func mark(secret string) string { return "\x01" + secret + "\x02" }

func expect(marked string) (in, out string) {
	for {
		before, rest, ok := strings.Cut(marked, "\x01")
		in, out = in+before, out+before
		if !ok {
			return in, out
		}
		secret, after, _ := strings.Cut(rest, "\x02")
		in += secret
		for line := range strings.Lines(secret) { // line ends stay
			text := strings.TrimRight(line, "\r\n")
			out += strings.Repeat("*", len(text)) + line[len(text):]
		}
		marked = after
	}
}

// split marks every other part.
func split(mark func(string) string, parts ...string) string {
	var out strings.Builder
	for i, p := range parts {
		if i%2 == 0 {
			p = mark(p)
		}
		out.WriteString(p)
	}
	return out.String()
}

func maskAll(text string, counts map[string]int) string {
	s := mask.Default().NewStream()
	var out strings.Builder
	take := func(o mask.Output) {
		out.Write(o.User)
		for _, h := range o.Hits {
			counts[h.Rule]++
		}
	}
	take(s.Write([]byte(text)))
	take(s.Flush())
	return out.String()
}

func TestRules(t *testing.T) {
	for _, name := range mask.Default().Names() {
		t.Run(name, func(t *testing.T) {
			ex, ok := examples[name]
			if !ok || len(ex.yes) < 2 || len(ex.no) < 2 {
				t.Fatal("the rule has too few examples")
			}
			for _, marked := range ex.yes {
				in, want := expect(marked)
				counts := map[string]int{}
				if diff := cmp.Diff(want, maskAll(in, counts)); diff != "" {
					t.Errorf("%q (-want +got):\n%s", in, diff)
				}
				if again := maskAll(want, map[string]int{}); again != want {
					t.Errorf("masking %q again gives %q", want, again)
				}
				if counts[name] != 1 {
					t.Errorf("%q: counted %v", in, counts)
				}
			}
			for _, in := range ex.no {
				counts := map[string]int{}
				if diff := cmp.Diff(in, maskAll(in, counts)); diff != "" || len(counts) > 0 {
					t.Errorf("clean %q, counted %v (-want +got):\n%s", in, counts, diff)
				}
			}
		})
	}
	if len(examples) != len(mask.Default().Names()) {
		t.Errorf("%d examples for %d rules", len(examples), len(mask.Default().Names()))
	}
}

func TestDigest(t *testing.T) {
	if d := mask.Default().Digest(); len(d) != 64 || d != mask.Default().Digest() {
		t.Errorf("digest %q", d)
	}
}

// Rules without literals have a digest that anybody can compute; that of a literal takes the key.
func TestKeyedDigest(t *testing.T) {
	rules := func(text string) *mask.Rules {
		r, err := mask.New(mask.Config{Literals: []mask.Literal{{Name: "codename", Text: text}}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	key, other := []byte("a key"), []byte("another")
	heron := rules("blue-heron-project").Keyed(key).Digest()
	for name, tc := range map[string]struct {
		digest, as string
		same       bool
	}{
		"if there is no literal, then the key does not matter": {mask.Default().Keyed(key).Digest(), mask.Default().Digest(), true},
		"if it is the same, then it is the same":               {rules("blue-heron-project").Keyed(key).Digest(), heron, true},
		"if it is another, then it is another":                 {rules("grey-heron-project").Keyed(key).Digest(), heron, false},
		"if the key is another, then it is another":            {rules("blue-heron-project").Keyed(other).Digest(), heron, false},
		"if there is no key, then it is another":               {rules("blue-heron-project").Digest(), heron, false},
	} {
		t.Run(name, func(t *testing.T) {
			if same := tc.digest == tc.as; same != tc.same {
				t.Errorf("the digests are the same: %t", same)
			}
		})
	}
}

func TestStrings(t *testing.T) {
	tests := map[string]struct{ in, want []string }{
		"if nothing is secret, then nothing changes":         {[]string{"ls", "-l", "--color=auto", ""}, []string{"ls", "-l", "--color=auto", ""}},
		"if an option takes a secret, then it is masked":     {[]string{"mysql", "--password=abc", "--user=bob"}, []string{"mysql", "--password=***", "--user=bob"}},
		"if a secret follows an option, then it is masked":   {[]string{"x", "--db-password", "a b", "y"}, []string{"x", "--db-password", "***", "y"}},
		"if an option follows an option, then it stays":      {[]string{"x", "--token", "--verbose"}, []string{"x", "--token", "--verbose"}},
		"if a variable is secret, then its value is masked":  {[]string{"env", "DB_PASSWORD=x", "A=b"}, []string{"env", "DB_PASSWORD=*", "A=b"}},
		"if a script holds a secret, then that is masked":    {[]string{"sh", "-c", "mysql --password hunter2 -h db"}, []string{"sh", "-c", "mysql --password ******* -h db"}},
		"if a word only mentions a secret, then it stays":    {[]string{"grep", "password", "app.log"}, []string{"grep", "password", "app.log"}},
		"if an argument is a token, then its body is masked": {[]string{"ghp_" + fake(36)}, []string{"ghp_" + strings.Repeat("*", 36)}},
		"if the last option has no value, then it stays":     {[]string{"x", "--token"}, []string{"x", "--token"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, mask.Default().Strings(tc.in)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
