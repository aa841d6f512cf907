package objectstore

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/layout"
)

func TestCredentialsAreKeptAndDiffer(t *testing.T) {
	s := newStore(t)
	if err := s.WriteCredentials(); err != nil {
		t.Fatal(err)
	}
	before := secrets(t, s)
	for i, secret := range before {
		if len(secret) < 32 || slices.Contains(before[i+1:], secret) {
			t.Errorf("secret %d is short or used twice", i)
		}
	}
	if err := s.WriteCredentials(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, secrets(t, s)); diff != "" {
		t.Error("credentials changed")
	}
}

func TestCredentialsAreForOneUserOnly(t *testing.T) {
	s := newStore(t)
	if err := s.WriteCredentials(); err != nil {
		t.Fatal(err)
	}
	files := []string{s.Layout.ObjectStore("minio.env")}
	for _, user := range Users {
		files = append(files, s.envFile(user), s.Layout.ObjectStore("mc", user, "config.json"))
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", file, info.Mode().Perm())
		}
	}
}

func TestDamagedCredentialsAreMadeAnew(t *testing.T) {
	s := newStore(t)
	if err := os.MkdirAll(filepath.Dir(s.envFile("auditor")), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.envFile("auditor"), []byte("AWS_ACCESS_KEY_ID=auditor\nAWS_SECRET"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.WriteCredentials(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.credentials("auditor"); err != nil {
		t.Error(err)
	}
}

type policy struct {
	Statement []struct {
		Effect   string   `json:"Effect"`
		Action   []string `json:"Action"`
		Resource []string `json:"Resource"`
	} `json:"Statement"`
}

func TestPolicies(t *testing.T) {
	forbidden := map[string][]string{
		"recorder": {"*", "Delete", "Bypass", "PutBucket", "PutObjectLegalHold"},
		"auditor":  {"*", "Delete", "Bypass", "Put", "Abort"},
	}
	for user, words := range forbidden {
		content, err := policies.ReadFile(user + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var p policy
		if err := json.Unmarshal(content, &p); err != nil {
			t.Fatal(err)
		}
		for _, statement := range p.Statement {
			for _, resource := range statement.Resource {
				if name, _, _ := strings.Cut(resource, "/"); name != "arn:aws:s3:::"+layout.Bucket {
					t.Errorf("%s may act on %s", user, resource)
				}
			}
			for _, action := range statement.Action {
				for _, word := range words {
					if statement.Effect == "Allow" && strings.Contains(action, word) {
						t.Errorf("%s may %s", user, action)
					}
				}
			}
		}
	}
}

func newStore(t *testing.T) Store {
	t.Helper()
	s := Store{Layout: layout.Layout{State: t.TempDir(), Cache: t.TempDir()}}
	if err := os.MkdirAll(filepath.Dir(s.Layout.PKI("ca.crt")), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.Layout.PKI("ca.crt"), []byte("ca"), 0o644); err != nil {
		t.Fatal(err)
	}
	return s
}

func secrets(t *testing.T, s Store) []string {
	t.Helper()
	var all []string
	for _, user := range Users {
		c, err := s.credentials(user)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c.secret)
	}
	return all
}
