//go:build e2e

package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/test/node"
)

func TestStoreDown(t *testing.T) {
	active(t, grant{Pod: "app-0"})
	through("developer").Must(t, execID...)
	signal(t, "minio", syscall.SIGSTOP)
	stopped := true
	wake := func() {
		if stopped {
			signal(t, "minio", syscall.SIGCONT)
			stopped = false
		}
	}
	t.Cleanup(wake)
	through("developer").Refused(t, []string{"recording", "store"}, execID...)
	wake()
	eventually(t, "exec works again once the store does", 60*time.Second, func() bool {
		return through("developer").Kubectl(execID...).Code == 0
	})
}

func TestProxyRestart(t *testing.T) {
	g := active(t, grant{Pod: "app-0"})
	done := make(chan result, 1)
	go func() {
		c := through("developer")
		c.Timeout = 90 * time.Second
		done <- c.Kubectl("exec", "-n", namespace, "app-0", "--", "sh", "-c", "echo started; sleep 300")
	}()
	eventually(t, "the session is live", 20*time.Second, func() bool {
		return strings.Contains(as("admin").Must(t, "get", "xs", "-n", namespace, "-o", "jsonpath={range .items[*]}{.spec.grantRef.name}={.status.state} {end}"), g+"=Live")
	})
	as("admin").Must(t, "rollout", "restart", "-n", "sallyport-system", "deployment/sallyport")
	as("admin").Must(t, "rollout", "status", "-n", "sallyport-system", "deployment/sallyport", "--timeout=120s")
	if r := <-done; r.Code <= 0 || !strings.Contains(r.Stderr, "sallyport") {
		t.Error(r)
	}
	if _, prefix := lastSession(t, g); len(openStore(t, "auditor").Cat(prefix+"/close.json")) == 0 {
		t.Error("the recording of the session that the restart ended is not closed")
	}
	eventually(t, "the same grant opens the door again", 30*time.Second, func() bool {
		return through("developer").Kubectl(execID...).Code == 0
	})
}

func TestAPIServerRestart(t *testing.T) {
	g := active(t, grant{Pod: "app-0", Seconds: 600})
	before := as("admin").Must(t, "get", "xg", "-n", namespace, g, "-o", "jsonpath={.status.activeFrom} {.status.activeUntil}")
	as("admin").Must(t, "delete", "pod", "-n", "sallyport-system", "-l", "app.kubernetes.io/name=sallyport", "--wait=false")
	signal(t, "kube-apiserver", syscall.SIGTERM)
	node.Up(t)
	eventually(t, "the grant that was active still opens the door", 120*time.Second, func() bool {
		return through("developer").Kubectl(execID...).Code == 0
	})
	if after := as("admin").Must(t, "get", "xg", "-n", namespace, g, "-o", "jsonpath={.status.activeFrom} {.status.activeUntil}"); after != before {
		t.Errorf("times before the restart: %s, after it: %s", before, after)
	}
}

// TestBulk moves base64 into a container and out again, and compares every byte. Raw random bytes would now and then hold
// what reads like the assignment of a secret, and arrive masked. So would base64 with "AIza" at the start of a line: here
// it is one line.
func TestBulk(t *testing.T) {
	active(t, grant{Pod: "app-0"})
	want := bulk(64 << 20)
	for name, c := range map[string]client{"WebSocket": through("developer"), "SPDY": through("developer").OverSPDY()} {
		t.Run("in and out over "+name, func(t *testing.T) {
			c.Reading(string(want)).Must(t, "exec", "-i", "-n", namespace, "app-0", "--", "sh", "-c", "cat >/tmp/bulk; true")
			got := []byte(c.Must(t, "exec", "-n", namespace, "app-0", "--", "cat", "/tmp/bulk"))
			if i := firstDifference(got, want); i >= 0 {
				t.Errorf("%d bytes came back of %d; the first difference is at %d", len(got), len(want), i)
			}
		})
	}
}

// bulk is text of n bytes, other at every call.
func bulk(n int) []byte {
	raw := make([]byte, n)
	_, _ = rand.Read(raw)
	return []byte(base64.StdEncoding.EncodeToString(raw)[:n])
}

// firstDifference is the index of the first byte that differs, or -1.
func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	return -1
}
