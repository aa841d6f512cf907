package pki_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/pki"
)

var start = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

const day = 24 * time.Hour

func TestIssueMakesWhatIsMissingOrEnds(t *testing.T) {
	server := pki.Request{Name: "server", CommonName: "server", DNSNames: []string{"localhost"}, IPs: []string{"127.0.0.1"}}
	tests := map[string]struct {
		later   time.Duration
		request pki.Request
		disturb func(t *testing.T, dir string)
		want    bool
	}{
		"if nothing changed, then it stays":               {request: server, want: false},
		"if it has over a month to live, then it stays":   {request: server, later: 334 * day, want: false},
		"if it has under a month to live, then a new one": {request: server, later: 336 * day, want: true},
		"if it ended, then a new one":                     {request: server, later: 400 * day, want: true},
		"if the clock is before it, then a new one":       {request: server, later: -2 * time.Hour, want: true},
		"if an address is added, then a new one": {
			request: pki.Request{Name: "server", CommonName: "server", DNSNames: []string{"localhost"}, IPs: []string{"127.0.0.1", "10.0.0.1"}}, want: true,
		},
		"if the organisation changes, then a new one": {
			request: pki.Request{Name: "server", CommonName: "server", Organization: []string{"o"}, DNSNames: []string{"localhost"}, IPs: []string{"127.0.0.1"}},
			want:    true,
		},
		"if the key is damaged, then a new one": {request: server, disturb: overwrite("server.key"), want: true},
		"if the key is another's, then a new one": {request: server, disturb: func(t *testing.T, dir string) {
			t.Helper()
			key, err := os.ReadFile(filepath.Join(dir, "ca.key"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "server.key"), key, 0o600); err != nil {
				t.Fatal(err)
			}
		}, want: true},
		"if the authority is lost, then a new one from the new authority": {request: server, disturb: overwrite("ca.crt"), want: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			now := start
			store := pki.Store{Dir: t.TempDir(), Now: func() time.Time { return now }}
			issue(t, store, server)
			if tt.disturb != nil {
				tt.disturb(t, store.Dir)
			}
			now = now.Add(tt.later)
			if got := issue(t, store, tt.request); got != tt.want {
				t.Errorf("made anew: %v, want %v", got, tt.want)
			}
			verify(t, store.Dir, tt.request, now)
		})
	}
}

func TestAuthorityIsKept(t *testing.T) {
	store := pki.Store{Dir: t.TempDir(), Now: func() time.Time { return start }}
	issue(t, store, pki.Request{Name: "a", CommonName: "a"})
	before := read(t, store.Dir, "ca.crt")
	issue(t, store, pki.Request{Name: "b", CommonName: "b"})
	if !bytes.Equal(before, read(t, store.Dir, "ca.crt")) {
		t.Error("the authority was made anew")
	}
}

func TestKeysAreForOneUserOnly(t *testing.T) {
	store := pki.Store{Dir: t.TempDir(), Now: func() time.Time { return start }}
	issue(t, store, pki.Request{Name: "user", CommonName: "user"})
	if err := store.SigningKey("accounts"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ca.key", "user.key", "accounts.key"} {
		info, err := os.Stat(filepath.Join(store.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode().Perm())
		}
	}
}

func TestSigningKeyIsKept(t *testing.T) {
	store := pki.Store{Dir: t.TempDir(), Now: func() time.Time { return start }}
	if err := store.SigningKey("accounts"); err != nil {
		t.Fatal(err)
	}
	key, public := read(t, store.Dir, "accounts.key"), read(t, store.Dir, "accounts.pub")
	if err := os.Remove(filepath.Join(store.Dir, "accounts.pub")); err != nil {
		t.Fatal(err)
	}
	if err := store.SigningKey("accounts"); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(key, read(t, store.Dir, "accounts.key")) || !bytes.Equal(public, read(t, store.Dir, "accounts.pub")) {
		t.Error("the pair changed")
	}
}

func TestIssueRefusesWhatIsNoAddress(t *testing.T) {
	store := pki.Store{Dir: t.TempDir(), Now: func() time.Time { return start }}
	a, err := store.Authority("ca")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Issue(a, pki.Request{Name: "x", IPs: []string{"10.0.0"}}); err == nil {
		t.Error("no error")
	}
}

func issue(t *testing.T, store pki.Store, r pki.Request) bool {
	t.Helper()
	a, err := store.Authority("ca")
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := store.Issue(a, r)
	if err != nil {
		t.Fatal(err)
	}
	return fresh
}

// verify checks the certificate as its users do.
func verify(t *testing.T, dir string, r pki.Request, now time.Time) {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(read(t, dir, "ca.crt")) {
		t.Fatal("ca.crt holds no certificate")
	}
	block, _ := pem.Decode(read(t, dir, r.Name+".crt"))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(r.DNSNames, r.IPs...) {
		if err := cert.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth} {
		if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
			t.Error(err)
		}
	}
	if len(r.Organization) != len(cert.Subject.Organization) {
		t.Errorf("organisation is %v, want %v", cert.Subject.Organization, r.Organization)
	}
}

func overwrite(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}
