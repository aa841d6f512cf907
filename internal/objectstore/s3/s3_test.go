package s3_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/objectstore/objectstoretest"
	"github.com/sallyport-dev/sallyport/internal/objectstore/s3"
)

// server returns a store's address and, for what no Store method does, a client.
// It is the server that SALLYPORT_TEST_S3_ENDPOINT, _ACCESS_KEY, _SECRET_KEY,
// _CA_FILE name, or a MinIO started for the test.
func server(t *testing.T) (s3.Options, *minio.Client) {
	t.Helper()
	env := func(name string) string { return os.Getenv("SALLYPORT_TEST_S3_" + name) }
	o := s3.Options{Now: time.Now, Endpoint: env("ENDPOINT"), AccessKey: env("ACCESS_KEY"), SecretKey: env("SECRET_KEY"), CAFile: env("CA_FILE")}
	if o.Endpoint == "" {
		m := objectstoretest.StartMinIO(t)
		o.Endpoint, o.AccessKey, o.SecretKey = m.Endpoint, m.AccessKey, m.SecretKey
	}
	host, secure := strings.CutPrefix(o.Endpoint, "https://")
	c, err := minio.New(strings.TrimPrefix(host, "http://"), &minio.Options{Creds: credentials.NewStaticV4(o.AccessKey, o.SecretKey, ""), Secure: secure, Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	return o, c
}

func bucket(t *testing.T, c *minio.Client, name string, lock bool) string {
	t.Helper()
	name += "-" + time.Now().Format("20060102-150405.000000")
	if err := c.MakeBucket(t.Context(), name, minio.MakeBucketOptions{ObjectLocking: lock}); err != nil {
		t.Fatal(err)
	}
	return name
}

func open(t *testing.T, o s3.Options) *s3.Store {
	t.Helper()
	s, err := s3.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	o, c := server(t)
	o.Bucket = bucket(t, c, "conformance", true)
	objectstoretest.Run(t, objectstoretest.Harness{
		Store: open(t, o), Now: time.Now, Prefix: "suite/",
		Remove: func(ctx context.Context, key, versionID string) error {
			return c.RemoveObject(ctx, o.Bucket, key, minio.RemoveObjectOptions{VersionID: versionID, GovernanceBypass: true})
		},
		Overwrite: func(ctx context.Context, key string, body []byte) error {
			_, err := c.PutObject(ctx, o.Bucket, key, bytes.NewReader(body), int64(len(body)), minio.PutObjectOptions{SendContentMd5: true})
			return err
		},
	})
}

func TestProbeRefuses(t *testing.T) {
	o, c := server(t)
	plain := bucket(t, c, "plain", false)
	versioned := bucket(t, c, "versioned", false)
	if err := c.EnableVersioning(t.Context(), versioned); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		change func(*s3.Options)
		says   string
		locked bool // the error is not ErrNotLocked
	}{
		"if the bucket is plain, then it says so":         {func(o *s3.Options) { o.Bucket = plain }, "no object lock", false},
		"if it has versions but no lock, then it says so": {func(o *s3.Options) { o.Bucket = versioned }, "no object lock", false},
		"if it does not exist, then it says so":           {func(o *s3.Options) { o.Bucket = "none-such" }, "does not exist", true},
		"if the credentials are wrong, then it says so":   {func(o *s3.Options) { o.Bucket, o.SecretKey = plain, "wrong-secret" }, "cannot keep evidence", true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			changed := o
			tc.change(&changed)
			err := open(t, changed).Probe(t.Context())
			if err == nil || !strings.Contains(err.Error(), tc.says) || errors.Is(err, objectstore.ErrNotLocked) == tc.locked {
				t.Errorf("Probe: %v, want %q", err, tc.says)
			}
			if err != nil && strings.Contains(err.Error(), changed.SecretKey) {
				t.Error("the error tells the secret")
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]func(*s3.Options){
		"if there is no clock, then it is refused":              func(o *s3.Options) { o.Now = nil },
		"if there is no bucket, then it is refused":             func(o *s3.Options) { o.Bucket = "" },
		"if there are no credentials, then it is refused":       func(o *s3.Options) { o.SecretKey = "" },
		"if the endpoint has no scheme, then it is refused":     func(o *s3.Options) { o.Endpoint = "minio:9000" },
		"if the endpoint has a path, then it is refused":        func(o *s3.Options) { o.Endpoint = "https://minio/bucket" },
		"if the endpoint has credentials, then it is refused":   func(o *s3.Options) { o.Endpoint = "https://a:b@minio" },
		"if the CA file is missing, then it is refused":         func(o *s3.Options) { o.CAFile = filepath.Join(dir, "none") },
		"if the CA file has no certificate, then it is refused": func(o *s3.Options) { o.CAFile = empty },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			o := s3.Options{Now: time.Now, Endpoint: "https://minio:9000", Bucket: "b", AccessKey: "a", SecretKey: "s3cr3t"}
			if _, err := s3.New(o); err != nil {
				t.Fatalf("unchanged: %v", err)
			}
			change(&o)
			if _, err := s3.New(o); err == nil || strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("New: %v", err)
			}
		})
	}
}
