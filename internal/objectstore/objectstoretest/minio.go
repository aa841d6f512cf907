package objectstoretest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"
)

// MinIOBinary is the environment variable that names a MinIO program for tests.
const MinIOBinary = "SALLYPORT_MINIO"

// MinIO is a server that lives as long as a test.
type MinIO struct {
	Endpoint  string // http://127.0.0.1:port
	AccessKey string
	SecretKey string
}

// StartMinIO starts the program that MinIOBinary names, on a loopback port and a
// temporary directory, and stops it when the test ends. Without the variable the
// test is skipped.
func StartMinIO(t *testing.T) MinIO {
	t.Helper()
	binary := os.Getenv(MinIOBinary)
	if binary == "" {
		t.Skipf("%s names no MinIO program; the memory store alone is tested", MinIOBinary)
	}
	m := MinIO{Endpoint: "http://" + freePort(t), AccessKey: "sallyport-test", SecretKey: "sallyport-test-only"}
	cmd := exec.Command(binary, "server", "--quiet", "--address", m.Endpoint[len("http://"):], t.TempDir())
	cmd.Env = append(os.Environ(), "MINIO_ROOT_USER="+m.AccessKey, "MINIO_ROOT_PASSWORD="+m.SecretKey, "MINIO_BROWSER=off", "MINIO_UPDATE=off")
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting MinIO: %v", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // killed, or found out by await
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		<-ended
	})
	if err := m.await(t.Context(), ended); err != nil {
		t.Fatal(err)
	}
	return m
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // only its number is wanted
	return l.Addr().String()
}

// await returns once the server answers.
func (m MinIO) await(ctx context.Context, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.Endpoint+"/minio/health/cluster", nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close() // empty
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ended:
			return errors.New("MinIO ended by itself")
		case <-ctx.Done():
			return fmt.Errorf("waiting for MinIO: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
