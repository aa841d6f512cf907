//go:build e2e

package node

import (
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/objectstore/s3"
	"github.com/sallyport-dev/sallyport/test/reader"
)

// Store is the object store seen by one of its users, by the store's own client.
type Store struct {
	t      *testing.T
	Bucket string
	env    []string
	values map[string]string
}

// OpenStore takes the credentials of a user: root, recorder or auditor.
func OpenStore(t *testing.T, user string) Store {
	t.Helper()
	env, err := os.ReadFile(filepath.Join(State, "object-store", user+".env"))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for line := range strings.Lines(string(env)) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			values[k] = strings.Trim(v, `"'`)
		}
	}
	config := filepath.Join(Work, "mc-"+user)
	certs := filepath.Join(config, "certs", "CAs")
	ca, err := os.ReadFile(values["S3_CA_FILE"])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(certs, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(certs, "ca.crt"), ca, 0o600); err != nil {
		t.Fatal(err)
	}
	s := Store{t: t, Bucket: "store/" + values["S3_BUCKET"], env: append(os.Environ(), "MC_CONFIG_DIR="+config), values: values}
	for k, v := range values {
		s.env = append(s.env, k+"="+v)
	}
	if out, err := s.MC("-q", "alias", "set", "store", values["S3_ENDPOINT"], values["AWS_ACCESS_KEY_ID"], values["AWS_SECRET_ACCESS_KEY"]); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return s
}

// MC runs the store's own client.
func (s Store) MC(args ...string) ([]byte, error) {
	cmd := exec.CommandContext(s.t.Context(), mc, args...)
	cmd.Env = s.env
	return cmd.CombinedOutput()
}

// Cat reads one object.
func (s Store) Cat(key string) []byte {
	s.t.Helper()
	out, err := s.MC("cat", s.Bucket+"/"+key)
	if err != nil {
		s.t.Fatalf("reading %s: %v: %s", key, err, out)
	}
	return out
}

// Plugin runs kubectl sallyport with the store's credentials, and without a cluster.
func (s Store) Plugin(args ...string) (string, error) {
	cmd := exec.CommandContext(s.t.Context(), "kubectl-sallyport", args...)
	cmd.Env = slices.Concat(s.env, []string{"KUBECONFIG=/dev/null"})
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Versions lists a recording as the second reader wants it: every version with its bytes and its retention, the oldest of
// a key first.
func (s Store) Versions(prefix string) []reader.Version {
	s.t.Helper()
	bucket := s.open()
	var versions []reader.Version
	for listed := range s.List(strings.TrimSuffix(prefix, "/") + "/") {
		version := reader.Version{Key: listed.Key, ID: listed.ID, Marker: listed.DeleteMarker}
		if !version.Marker {
			data, got, err := bucket.Get(s.t.Context(), listed.Key, listed.ID)
			if err != nil {
				s.t.Fatal(err)
			}
			version.Data, version.Mode, version.Until = data, string(got.Retention.Mode), got.Retention.Until
		}
		versions = append(versions, version)
	}
	slices.Reverse(versions) // the newest of a key is listed first
	return versions
}

// List yields every version of the objects below a prefix, or fails the test.
func (s Store) List(prefix string) iter.Seq[objectstore.Version] {
	return func(yield func(objectstore.Version) bool) {
		for v, err := range s.open().List(s.t.Context(), prefix, "") {
			if err != nil {
				s.t.Fatal(err)
			}
			if !yield(v) {
				return
			}
		}
	}
}

// open is the bucket by Sallyport's own client.
func (s Store) open() *s3.Store {
	s.t.Helper()
	bucket, err := s3.New(s3.Options{
		Now: time.Now, Endpoint: s.values["S3_ENDPOINT"], Bucket: s.values["S3_BUCKET"], CAFile: s.values["S3_CA_FILE"],
		AccessKey: s.values["AWS_ACCESS_KEY_ID"], SecretKey: s.values["AWS_SECRET_ACCESS_KEY"],
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return bucket
}
