//go:build e2e

package e2e

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// killProxy kills every process of this node that is a Sallyport proxy, as the kernel does when memory runs out.
func killProxy(t *testing.T) {
	t.Helper()
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	killed := 0
	for _, path := range commands {
		command, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(string(command), "/proxy\x00--namespace=sallyport-system\x00") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		killed++
	}
	if killed == 0 {
		t.Fatal("no proxy runs")
	}
}

// endOf waits until the newest session of a grant is over, and returns its status and its recording's key prefix.
func endOf(t *testing.T, grant string, within time.Duration) (name, state, reason, prefix string) {
	t.Helper()
	eventually(t, "the session of "+grant+" is over", within, func() bool {
		out := as("admin").must(t, "get", "xs", "-n", namespace, "--sort-by=.metadata.creationTimestamp",
			"-o", `jsonpath={range .items[?(@.spec.grantRef.name=="`+grant+`")]}{.metadata.name}|{.status.state}|{.status.reason}|{.spec.recording}{"\n"}{end}`)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		fields := strings.Split(lines[len(lines)-1], "|")
		if len(fields) != 4 || fields[1] != "Ended" && fields[1] != "Failed" || strings.Contains(fields[2], "waits in the spool") {
			return false
		}
		name, state, reason, prefix = fields[0], fields[1], fields[2], strings.TrimSuffix(fields[3], "/")
		return true
	})
	return name, state, reason, prefix
}

// recordedStdout is what a verified recording holds of the standard output.
func recordedStdout(t *testing.T, name string) string {
	t.Helper()
	lines, err := openStore(t, "auditor").plugin("sessions", "show", name, "--json")
	if err != nil {
		t.Fatalf("%v: %s", err, lines)
	}
	var all strings.Builder
	for line := range strings.Lines(lines) {
		if strings.HasPrefix(line, "warning: ") {
			continue // on standard error: the recording was aborted
		}
		var rec struct {
			Stream string `json:"stream"`
			Text   string `json:"text"`
		}
		if err := json.Unmarshal([]byte(line), &rec); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if rec.Stream == "stdout" {
			all.WriteString(rec.Text)
		}
	}
	return all.String()
}

const counting = `i=0; while true; do echo "line $i"; i=$((i+1)); done`

// TestProxyKilled kills the proxy at some moment of a session. Whatever the person has read by then is in the recording,
// which the next start of the proxy ends.
func TestProxyKilled(t *testing.T) {
	for range 2 {
		g := active(t, grant{pod: "app-0"})
		done := make(chan result, 1)
		go func() {
			c := through("developer")
			c.timeout = 60 * time.Second
			done <- c.kubectl("exec", "-n", namespace, "app-0", "--", "sh", "-c", counting)
		}()
		eventually(t, "the session is live", 20*time.Second, func() bool {
			return strings.Contains(as("admin").must(t, "get", "xs", "-n", namespace, "-o", "jsonpath={range .items[*]}{.spec.grantRef.name}={.status.state} {end}"), g+"=Live")
		})
		time.Sleep(rand.N(3 * time.Second))
		killProxy(t)
		r := <-done
		if r.code <= 0 {
			t.Errorf("the person was told of no trouble: exit code %d", r.code)
		}
		name, state, reason, prefix := endOf(t, g, 90*time.Second)
		if state != "Ended" || !strings.HasPrefix(reason, "recorder-died") {
			t.Errorf("%s: %s", state, reason)
		}
		if !strings.Contains(string(openStore(t, "auditor").cat(prefix+"/close.json")), `"outcome":"aborted"`) {
			t.Error("the recording does not say that it was aborted")
		}
		recorded := recordedStdout(t, name)
		if r.stdout == "" || !strings.HasPrefix(recorded, r.stdout) {
			t.Errorf("the person read %d bytes, the recording holds %d, and not the same", len(r.stdout), len(recorded))
		}
	}
}

// TestStoreOutage takes the object store away in the middle of a session: it goes on, and nothing is missing afterwards.
func TestStoreOutage(t *testing.T) {
	g := active(t, grant{pod: "app-0"})
	done := make(chan result, 1)
	go func() {
		c := through("developer")
		c.timeout = 60 * time.Second
		done <- c.kubectl("exec", "-n", namespace, "app-0", "--", "sh", "-c", "i=0; while [ $i -lt 60 ]; do echo line $i; i=$((i+1)); sleep 0.2; done; exit 7")
	}()
	eventually(t, "the session is live", 20*time.Second, func() bool {
		return strings.Contains(as("admin").must(t, "get", "xs", "-n", namespace, "-o", "jsonpath={range .items[*]}{.spec.grantRef.name}={.status.state} {end}"), g+"=Live")
	})
	signal(t, "minio", syscall.SIGSTOP)
	wake := func() { signal(t, "minio", syscall.SIGCONT) }
	t.Cleanup(wake)
	r := <-done
	if r.code != 7 || strings.Count(r.stdout, "line ") != 60 {
		t.Errorf("the session did not go on: %s", r)
	}
	if !strings.Contains(r.stderr, "is stored later") {
		t.Errorf("the person was not told: %s", r.stderr)
	}
	through("developer").refused(t, []string{"recording", "store"}, execID...)
	wake()
	name, state, reason, _ := endOf(t, g, 120*time.Second)
	if state != "Ended" || !strings.HasPrefix(reason, "completed") {
		t.Errorf("%s: %s", state, reason)
	}
	if recorded := recordedStdout(t, name); recorded != r.stdout {
		t.Errorf("the person read %d bytes, the recording holds %d", len(r.stdout), len(recorded))
	}
}
