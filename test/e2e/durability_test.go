//go:build e2e

package e2e

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/test/node"
)

// endOf waits until the newest session of a grant is over, and returns its status and its recording's key prefix.
func endOf(t *testing.T, grant string, within time.Duration) (name, state, reason, prefix string) {
	t.Helper()
	eventually(t, "the session of "+grant+" is over", within, func() bool {
		out := as("admin").Must(t, "get", "xs", "-n", namespace, "--sort-by=.metadata.creationTimestamp",
			"-o", `jsonpath={range .items[?(@.spec.grantRef.name=="`+grant+`")]}{.metadata.name}|{.status.state}|{.status.reason}|{.spec.recording}|{.status.recordingState}{"\n"}{end}`)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		fields := strings.Split(lines[len(lines)-1], "|")
		if len(fields) != 5 || fields[1] != "Ended" && fields[1] != "Failed" || fields[4] == "Waiting" {
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
	return recordedUpTo(t, name, math.MaxUint64)
}

// recordedUpTo is recordedStdout up to and with the record of a number.
func recordedUpTo(t *testing.T, name string, last uint64) string {
	t.Helper()
	lines, err := openStore(t, "auditor").Plugin("sessions", "show", name, "--json")
	if err != nil {
		t.Fatalf("%v: %s", err, lines)
	}
	var all strings.Builder
	for line := range strings.Lines(lines) {
		if strings.HasPrefix(line, "warning: ") {
			continue // on standard error: the recording was aborted
		}
		var rec struct {
			N      uint64 `json:"n"`
			Stream string `json:"stream"`
			Text   string `json:"text"`
		}
		if err := json.Unmarshal([]byte(line), &rec); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if rec.Stream == "stdout" && rec.N <= last {
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
		g := active(t, grant{Pod: "app-0"})
		done := make(chan result, 1)
		go func() {
			c := through("developer")
			c.Timeout = 60 * time.Second
			done <- c.Kubectl("exec", "-n", namespace, "app-0", "--", "sh", "-c", counting)
		}()
		eventually(t, "the session is live", 20*time.Second, func() bool {
			return strings.Contains(as("admin").Must(t, "get", "xs", "-n", namespace, "-o", "jsonpath={range .items[*]}{.spec.grantRef.name}={.status.state} {end}"), g+"=Live")
		})
		time.Sleep(rand.N(3 * time.Second))
		killProxy(t)
		r := <-done
		if r.Code <= 0 {
			t.Errorf("the person was told of no trouble: exit code %d", r.Code)
		}
		name, state, reason, prefix := endOf(t, g, 90*time.Second)
		if state != "Ended" || !strings.HasPrefix(reason, "recorder-died") {
			t.Errorf("%s: %s", state, reason)
		}
		if !strings.Contains(string(openStore(t, "auditor").Cat(prefix+"/close.json")), `"outcome":"aborted"`) {
			t.Error("the recording does not say that it was aborted")
		}
		recorded := recordedStdout(t, name)
		if r.Stdout == "" || !strings.HasPrefix(recorded, r.Stdout) {
			t.Errorf("the person read %d bytes, the recording holds %d, and not the same", len(r.Stdout), len(recorded))
		}
	}
}

// TestStoreOutage takes the object store away in the middle of a session: it goes on, and nothing is missing afterwards.
func TestStoreOutage(t *testing.T) {
	g := active(t, grant{Pod: "app-0"})
	done := make(chan result, 1)
	go func() {
		c := through("developer")
		c.Timeout = 120 * time.Second
		done <- c.Kubectl("exec", "-n", namespace, "app-0", "--", "sh", "-c", "i=0; while [ $i -lt 260 ]; do echo line $i; i=$((i+1)); sleep 0.2; done; exit 7")
	}()
	eventually(t, "the session is live", 20*time.Second, func() bool {
		return strings.Contains(as("admin").Must(t, "get", "xs", "-n", namespace, "-o", "jsonpath={range .items[*]}{.spec.grantRef.name}={.status.state} {end}"), g+"=Live")
	})
	signal(t, "minio", syscall.SIGSTOP)
	wake := func() { signal(t, "minio", syscall.SIGCONT) }
	t.Cleanup(wake)
	eventually(t, "an event says so", 60*time.Second, func() bool {
		return strings.Contains(as("admin").Must(t, "get", "events", "-n", namespace, "--field-selector", "reason=RecordingStoreOut"), "executionsession/")
	})
	r := <-done
	if r.Code != 7 || strings.Count(r.Stdout, "line ") != 260 {
		t.Errorf("the session did not go on: %s", r)
	}
	if !strings.Contains(r.Stderr, "is stored later") {
		t.Errorf("the person was not told: %s", r.Stderr)
	}
	of := `jsonpath={range .items[?(@.spec.grantRef.name=="` + g + `")]}{.metadata.name} {end}`
	objects := func() string { return strings.TrimSpace(as("admin").Must(t, "get", "xs", "-n", namespace, "-o", of)) }
	name := objects()
	through("developer").Refused(t, []string{"recording", "store"}, execID...)
	eventually(t, "nothing is left of the session that was refused", 20*time.Second, func() bool { return objects() == name })
	wake()
	status := func() string {
		return as("admin").Must(t, "get", "xs", "-n", namespace, name, "-o", "jsonpath={.status.state}: {.status.reason}")
	}
	eventually(t, "the recording is stored", 120*time.Second, func() bool { return status() == "Ended: completed" })
	if recorded := recordedStdout(t, name); recorded != r.Stdout {
		t.Errorf("the person read %d bytes, the recording holds %d", len(r.Stdout), len(recorded))
	}
}

// TestDurability takes the object store away for good while a command prints. Under a grant with the durability Store nobody
// ever reads a byte that the store had not taken by then; with Spool they read all of it.
func TestDurability(t *testing.T) {
	t.Run("if the grant says Store, then a byte is in the bucket before the client has it", func(t *testing.T) {
		r, read, stored, open := printedInAnOutage(t, "Store")
		if r.Code <= 0 || !strings.Contains(r.Stderr, "the object store does not answer") {
			t.Errorf("the person was not told: %s", r)
		}
		if !strings.HasPrefix(r.Stdout, read) || !strings.HasPrefix(stored, r.Stdout) {
			t.Errorf("the client read %d bytes, the bucket held %d then", len(r.Stdout), len(stored))
		}
		if !strings.Contains(open, `"durability":"Store"`) {
			t.Errorf("the recording says otherwise: %s", open)
		}
	})
	t.Run("if it says Spool, then the session goes on", func(t *testing.T) {
		r, _, stored, open := printedInAnOutage(t, "Spool")
		if r.Code != 0 || strings.Count(r.Stdout, "line ") != 60 || !strings.HasPrefix(r.Stdout, stored) || len(stored) == len(r.Stdout) {
			t.Errorf("the bucket held %d bytes: %s", len(stored), r)
		}
		if !strings.Contains(open, `"durability":"Spool"`) {
			t.Errorf("the recording says otherwise: %s", open)
		}
	})
}

// printedInAnOutage runs a command that prints lines, stops the object store once some of them were read, and returns how
// the command went, what had been read by then, what of the output the store held while it was stopped, and the open object.
func printedInAnOutage(t *testing.T, durability string) (r result, read, stored, open string) {
	t.Helper()
	g := active(t, grant{Pod: "app-0", Durability: durability})
	cmd := through("developer").Command(t.Context(), "exec", "-n", namespace, "app-0", "--", "sh", "-c",
		"i=0; while [ $i -lt 60 ]; do echo line $i; i=$((i+1)); sleep 0.2; done")
	var stdout, stderr locked
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	eventually(t, "lines are read", 20*time.Second, func() bool { return strings.Contains(stdout.String(), "line 5\n") })
	signal(t, "minio", syscall.SIGSTOP)
	stopped := time.Now()
	wake := sync.OnceFunc(func() { signal(t, "minio", syscall.SIGCONT) })
	t.Cleanup(wake)
	read = stdout.String()
	_ = cmd.Wait() // its exit code tells
	r = result{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}
	wake()
	name, _, _, prefix := endOf(t, g, 120*time.Second)
	auditor := openStore(t, "auditor")
	// A session can be over before its recording is: what the spool has of it comes at the resumer's next round.
	eventually(t, "the recording is ended", 90*time.Second, func() bool {
		_, err := auditor.MC("stat", auditor.Bucket+"/"+prefix+"/close.json")
		return err == nil
	})
	if manifest := string(auditor.Cat(prefix + "/close.json")); !strings.Contains(manifest, `"outcome":"closed"`) {
		t.Errorf("an outage alone has lost the end of the session: %s", manifest)
	}
	return r, read, recordedUpTo(t, name, lastRecord(t, auditor, prefix, stopped)), string(auditor.Cat(prefix + "/open.json"))
}

// lastRecord is the last record in the segments that were stored before a moment, as the store's clock and the manifest say.
func lastRecord(t *testing.T, s node.Store, prefix string, before time.Time) uint64 {
	t.Helper()
	out, err := s.MC("ls", "--json", s.Bucket+"/"+prefix+"/")
	if err != nil {
		t.Fatalf("listing %s: %v: %s", prefix, err, out)
	}
	at := map[string]time.Time{}
	for line := range strings.Lines(string(out)) {
		var object struct {
			Key          string    `json:"key"`
			LastModified time.Time `json:"lastModified"`
		}
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		at[object.Key] = object.LastModified
	}
	var manifest struct {
		Segments []struct {
			Key  string `json:"key"`
			Last uint64 `json:"last"`
		} `json:"segments"`
	}
	if err := json.Unmarshal(s.Cat(prefix+"/close.json"), &manifest); err != nil {
		t.Fatal(err)
	}
	last := uint64(0)
	for _, segment := range manifest.Segments {
		stored, ok := at[filepath.Base(segment.Key)]
		if !ok {
			t.Fatalf("%s is not listed: %s", segment.Key, out)
		}
		if stored.Before(before) {
			last = segment.Last
		}
	}
	return last
}

// locked is what a command has printed so far.
type locked struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
