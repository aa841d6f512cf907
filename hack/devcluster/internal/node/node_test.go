package node

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/config"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/layout"
)

var now = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

func token(payload string) string {
	return "h." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".s"
}

func TestTokenLives(t *testing.T) {
	expiring := func(in time.Duration) string { return token(fmt.Sprintf(`{"exp":%d}`, now.Add(in).Unix())) }
	tests := map[string]struct {
		token string
		want  bool
	}{
		"if it has months, then it lives":      {expiring(90 * 24 * time.Hour), true},
		"if it has less than a week, then not": {expiring(6 * 24 * time.Hour), false},
		"if it expired, then not":              {expiring(-time.Hour), false},
		"if it does not say when, then not":    {token(`{}`), false},
		"if it is no token, then not":          {"abc", false},
		"if there is none, then not":           {"", false},
		"if its payload is damaged, then not":  {"h.???.s", false},
		"if its payload is no JSON, then not":  {token("exp"), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tokenLives(tt.token, now); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestTokenOfReadsWhatKubeconfigWrites(t *testing.T) {
	if got := tokenOf(config.Kubeconfig("pipeline", []byte("ca"), nil, nil, "a.b.c")); got != "a.b.c" {
		t.Errorf("got %q", got)
	}
	if got := tokenOf(config.Kubeconfig("admin", []byte("ca"), []byte("c"), []byte("k"), "")); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestCertificatesAreSeparate(t *testing.T) {
	names := make(map[string]string)
	for authority, requests := range issued() {
		for _, r := range requests {
			if other, taken := names[r.Name]; taken {
				t.Errorf("%s is issued by %s and by %s", r.Name, authority, other)
			}
			names[r.Name] = authority
			if len(r.Organization) > 0 && r.Organization[0] == "system:masters" && r.Name != "super-admin" {
				t.Errorf("%s is in system:masters", r.Name)
			}
		}
	}
	if names["front-proxy-client"] == names["developer"] || names["apiserver-etcd-client"] == names["developer"] {
		t.Error("a user's certificate is signed by the authority of the front proxy or of etcd")
	}
}

func TestEveryComponentHasAProbe(t *testing.T) {
	for _, c := range config.Components(config.Values{}) {
		if c.Name != "containerd" && probes[c.Name] == "" {
			t.Errorf("%s has none", c.Name)
		}
	}
}

func newTestNode(t *testing.T, state string) *Node {
	t.Helper()
	return New(layout.Layout{State: state, Cache: t.TempDir()}, nil, func() time.Time { return now }, nil)
}

func TestClaimTakesNoForeignDirectory(t *testing.T) {
	state := t.TempDir()
	if err := os.WriteFile(filepath.Join(state, "letter.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	n := newTestNode(t, state)
	if err := n.claim(); err == nil || n.isState() {
		t.Errorf("a directory with other things in it was taken: %v", err)
	}
}

func TestRemoveStateLeavesNothingThatWasMade(t *testing.T) {
	tests := map[string]struct {
		neighbour string // a file that somebody else put beside
		want      string // what is left
	}{
		"if nothing else is there, then all parents that were made go": {want: ""},
		"if somebody put a file beside, then its directory stays":      {neighbour: "a/other", want: "a/other"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			n := newTestNode(t, filepath.Join(root, "a", "b", "node"))
			if err := n.claim(); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(n.Layout.Path("data"), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
			if tt.neighbour != "" {
				if err := os.WriteFile(filepath.Join(root, tt.neighbour), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := removeState(n.Layout.State); err != nil {
				t.Fatal(err)
			}
			if exists(n.Layout.State) || !exists(root) {
				t.Error("the state is there, or a directory is gone that was not made for it")
			}
			if tt.want == "" && exists(filepath.Join(root, "a")) {
				t.Error("a parent that was made is left")
			}
			if tt.want != "" && !exists(filepath.Join(root, tt.want)) {
				t.Error("somebody else's file is gone")
			}
		})
	}
}

func TestRemoveStateRefusesWithoutMarker(t *testing.T) {
	dir := t.TempDir()
	if err := removeState(dir); err == nil || !exists(dir) {
		t.Errorf("a directory that is no state was removed: %v", err)
	}
}

func TestDigestChangesWithConfiguration(t *testing.T) {
	dir := t.TempDir()
	input, program := filepath.Join(dir, "config"), filepath.Join(dir, "program")
	for _, file := range []string{input, program} {
		if err := os.WriteFile(file, []byte("1"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := config.Component{Name: "x", Path: program, Args: []string{"--a"}, Inputs: []string{input}}
	of := func(c config.Component) string {
		d, err := digest(c)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	before := of(c)
	if of(c) != before {
		t.Fatal("the digest changes by itself")
	}
	other := c
	other.Args = []string{"--b"}
	if of(other) == before {
		t.Error("another argument has the same digest")
	}
	if err := os.WriteFile(input, []byte("2"), 0o644); err != nil {
		t.Fatal(err)
	}
	if of(c) == before {
		t.Error("another configuration has the same digest")
	}
}

func TestEnvIsQuoted(t *testing.T) {
	n := newTestNode(t, "/it's here")
	var out strings.Builder
	if err := n.Env(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if want := `export SALLYPORT_NODE='/it'\''s here'` + "\n"; !strings.Contains(out.String(), want) {
		t.Errorf("lacks %s in\n%s", want, out.String())
	}
}
