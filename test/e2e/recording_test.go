//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// lastSession is the newest session of a grant, when its recording is closed: its name and its key prefix.
func lastSession(t *testing.T, grant string) (name, prefix string) {
	t.Helper()
	eventually(t, "the session of "+grant+" has ended", 20*time.Second, func() bool {
		out := as("admin").Must(t, "get", "xs", "-n", namespace, "--sort-by=.metadata.creationTimestamp",
			"-o", `jsonpath={range .items[?(@.spec.grantRef.name=="`+grant+`")]}{.metadata.name} {.spec.recording} {.status.state}{"\n"}{end}`)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		fields := strings.Fields(lines[len(lines)-1])
		if len(fields) != 3 || fields[2] != "Ended" {
			return false
		}
		name, prefix = fields[0], strings.TrimSuffix(fields[1], "/")
		return true
	})
	return name, prefix
}

func TestRecording(t *testing.T) {
	g := active(t, grant{Pod: "app-0"})
	r := through("developer").Reading("typed by the user\n").Kubectl("exec", "-i", "-n", namespace, "app-0", "--",
		"sh", "-c", "cat; env | grep AWS_; echo to-stderr >&2; printf 'bin\\377ary'; exit 3")
	if !strings.Contains(r.Stdout, "typed by the user") {
		t.Fatal(r)
	}
	name, prefix := lastSession(t, g)
	auditor := openStore(t, "auditor")

	t.Run("if it is read, then it says who, what, when and who agreed", func(t *testing.T) {
		open := string(auditor.Cat(prefix + "/open.json"))
		for _, want := range []string{`"developer"`, `"developers"`, `"app-0"`, `"main"`, `"approver"`, "by the end-to-end test", "end-to-end test", "env | grep AWS_", g} {
			if !strings.Contains(open, want) {
				t.Errorf("the open object does not hold %s", want)
			}
		}
	})
	t.Run("if it is verified, then it holds, and its log has every line", func(t *testing.T) {
		log, err := auditor.Plugin("sessions", "show", name, "--log")
		if err != nil {
			t.Fatalf("%v: %s", err, log)
		}
		for _, want := range []string{"typed by the user", "to-stderr", "developer"} {
			if !strings.Contains(log, want) {
				t.Errorf("the log does not hold %q:\n%s", want, log)
			}
		}
	})
	t.Run("if it is played, then it shows what the person saw, masked", func(t *testing.T) {
		out, err := auditor.Plugin("play", name)
		if err != nil || !strings.Contains(out, "typed by the user") || strings.Contains(out, "ENDTOENDTEST") {
			t.Errorf("%v: %s", err, out)
		}
		cast, err := auditor.Plugin("play", name, "--cast", "-")
		header, _, _ := strings.Cut(cast, "\n")
		if err != nil || !strings.Contains(header, `"version":3`) {
			t.Errorf("%v: %s", err, cast)
		}
	})
	t.Run("if the bucket is searched, then the secret is nowhere", func(t *testing.T) {
		dir := t.TempDir()
		if out, err := auditor.MC("cp", "-q", "--recursive", auditor.Bucket+"/"+prefix+"/", dir); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		objects, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil || len(objects) < 3 {
			t.Fatalf("%v %v", objects, err)
		}
		for _, object := range objects {
			data, err := os.ReadFile(object)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(object, ".zst") {
				if data, err = exec.CommandContext(t.Context(), "zstd", "-dc", object).Output(); err != nil {
					t.Fatal(err)
				}
			}
			if bytes.Contains(data, []byte("ENDTOENDTEST")) {
				t.Errorf("%s holds the secret", filepath.Base(object))
			}
		}
	})
	t.Run("if anybody deletes it, then the store refuses", func(t *testing.T) { undeletable(t, prefix) })
}

func undeletable(t *testing.T, prefix string) {
	root := openStore(t, "root")
	for _, object := range []string{"open.json", "close.json"} {
		out, err := root.MC("stat", "--json", root.Bucket+"/"+prefix+"/"+object)
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		var stat struct {
			VersionID string            `json:"versionID"`
			Metadata  map[string]string `json:"metadata"`
		}
		if err := json.Unmarshal(out, &stat); err != nil || stat.VersionID == "" {
			t.Fatalf("%v: %s", err, out)
		}
		if mode := stat.Metadata["X-Amz-Object-Lock-Mode"]; mode != "COMPLIANCE" {
			t.Errorf("%s: lock mode %q: %s", object, mode, out)
		}
		for _, user := range []string{"root", "recorder", "auditor"} {
			s := openStore(t, user)
			if out, err := s.MC("rm", "--bypass", "--version-id", stat.VersionID, s.Bucket+"/"+prefix+"/"+object); err == nil {
				t.Errorf("%s deleted %s: %s", user, object, out)
			}
		}
		if _, err := root.MC("stat", "--version-id", stat.VersionID, root.Bucket+"/"+prefix+"/"+object); err != nil {
			t.Errorf("%s is gone: %v", object, err)
		}
	}
}
