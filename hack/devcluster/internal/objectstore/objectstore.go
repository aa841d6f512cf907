// Package objectstore prepares MinIO: a bucket with object lock and two users, of whom none can
// delete what is locked.
//
//	recorder  puts and reads objects and sets their retention; cannot delete, nor bypass governance
//	auditor   reads objects, their versions and their retention; cannot write
//
// Credentials are random for each node and lie in NAME.env files that a shell can source.
package objectstore

import (
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/layout"
)

// Users in the order in which they are made. The first is MinIO's own root user.
var Users = []string{"root", "recorder", "auditor"}

//go:embed recorder.json auditor.json
var policies embed.FS

const alias = "store"

// Store is the object store of one node.
type Store struct {
	Layout layout.Layout
}

// WriteCredentials makes the users' credentials, unless they are there, and the files that MinIO
// and mc read them from.
func (s Store) WriteCredentials() error {
	for _, user := range Users {
		if err := s.writeEnv(user); err != nil {
			return err
		}
		if err := s.writeClientConfig(user); err != nil {
			return err
		}
	}
	root, err := s.credentials("root")
	if err != nil {
		return err
	}
	content := fmt.Sprintf("MINIO_ROOT_USER=%s\nMINIO_ROOT_PASSWORD=%s\n", root.id, root.secret)
	return write(s.Layout.ObjectStore("minio.env"), []byte(content), 0o600)
}

type credentials struct {
	id, secret string
}

func (s Store) envFile(user string) string { return s.Layout.ObjectStore(user + ".env") }

func (s Store) writeEnv(user string) error {
	c, err := s.credentials(user)
	if err != nil {
		c = credentials{id: user, secret: rand.Text() + rand.Text()[:6]}
	}
	content := fmt.Sprintf("AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\nS3_ENDPOINT=%s\nS3_BUCKET=%s\nS3_CA_FILE=%s\n",
		c.id, c.secret, layout.ObjectStoreURL, layout.Bucket, s.Layout.PKI("ca.crt"))
	return write(s.envFile(user), []byte(content), 0o600)
}

// credentials reads a user's file. It fails if the file is missing or incomplete.
func (s Store) credentials(user string) (credentials, error) {
	content, err := os.ReadFile(s.envFile(user))
	if err != nil {
		return credentials{}, fmt.Errorf("reading credentials of %s: %w", user, err)
	}
	var c credentials
	for line := range strings.SplitSeq(string(content), "\n") {
		switch name, value, _ := strings.Cut(line, "="); name {
		case "AWS_ACCESS_KEY_ID":
			c.id = value
		case "AWS_SECRET_ACCESS_KEY":
			c.secret = value
		}
	}
	if c.id == "" || len(c.secret) < 16 {
		return credentials{}, fmt.Errorf("reading credentials of %s: %s is incomplete", user, s.envFile(user))
	}
	return c, nil
}

// writeClientConfig makes a configuration directory for mc in which the alias "store" is the object
// store as this user sees it.
func (s Store) writeClientConfig(user string) error {
	c, err := s.credentials(user)
	if err != nil {
		return err
	}
	config, err := json.MarshalIndent(map[string]any{
		"version": "10",
		"aliases": map[string]any{
			alias: map[string]string{"url": layout.ObjectStoreURL, "accessKey": c.id, "secretKey": c.secret, "api": "s3v4", "path": "on"},
		},
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("writing configuration of mc: %w", err)
	}
	dir := s.Layout.ObjectStore("mc", user)
	if err := write(filepath.Join(dir, "config.json"), config, 0o600); err != nil {
		return err
	}
	ca, err := os.ReadFile(s.Layout.PKI("ca.crt"))
	if err != nil {
		return fmt.Errorf("writing configuration of mc: %w", err)
	}
	return write(filepath.Join(dir, "certs", "CAs", "ca.crt"), ca, 0o644)
}

// Prepare makes the bucket, the policies and the users in a running MinIO. It can be repeated.
func (s Store) Prepare(ctx context.Context) error {
	if err := s.mc(ctx, "stat", alias+"/"+layout.Bucket); err != nil {
		if err := s.mc(ctx, "mb", "--with-lock", "--ignore-existing", alias+"/"+layout.Bucket); err != nil {
			return fmt.Errorf("making bucket %s: %w", layout.Bucket, err)
		}
	}
	for _, user := range Users[1:] {
		if err := s.prepareUser(ctx, user); err != nil {
			return fmt.Errorf("making user %s of the object store: %w", user, err)
		}
	}
	return nil
}

func (s Store) prepareUser(ctx context.Context, user string) error {
	policy, err := policies.ReadFile(user + ".json")
	if err != nil {
		return err
	}
	file := s.Layout.ObjectStore(user + "-policy.json")
	done := file + ".applied"
	if have, err := os.ReadFile(done); err == nil && bytes.Equal(have, policy) {
		return nil
	}
	if err := write(file, policy, 0o644); err != nil {
		return err
	}
	c, err := s.credentials(user)
	if err != nil {
		return err
	}
	for _, args := range [][]string{
		{"admin", "policy", "create", alias, "sallyport-" + user, file},
		{"admin", "user", "add", alias, c.id, c.secret},
	} {
		if err := s.mc(ctx, args...); err != nil {
			return err
		}
	}
	// mc fails if the policy is attached already.
	err = s.mc(ctx, "admin", "policy", "attach", alias, "sallyport-"+user, "--user", c.id)
	if err != nil && !strings.Contains(err.Error(), "already in effect") {
		return err
	}
	return write(done, policy, 0o644)
}

// mc runs MinIO's client as root user. Its arguments can hold a password, so errors show only the
// first two.
func (s Store) mc(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, s.Layout.Bin("mc"), append([]string{"--config-dir", s.Layout.ObjectStore("mc", "root"), "--quiet"}, args...)...)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + s.Layout.ObjectStore("mc")}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("mc %s: %w: %s", strings.Join(args[:2], " "), err, strings.TrimSpace(output.String()))
	}
	return nil
}

func write(path string, content []byte, mode os.FileMode) error {
	if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, content) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.WriteFile(path, content, mode); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
