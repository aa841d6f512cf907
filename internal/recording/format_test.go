package recording_test

import (
	"errors"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/recording"
)

// script returns the named shell script of docs/recording-format.md.
func script(t *testing.T, name string) string {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "recording-format.md"))
	must(t, err)
	_, rest, ok := strings.Cut(string(doc), "```sh "+name+"\n")
	text, _, closed := strings.Cut(rest, "```\n")
	if !ok || !closed {
		t.Fatalf("the document has no script %q", name)
	}
	return text
}

// run runs a script of the document on the objects of a session.
func run(t *testing.T, name string, objects map[string][]byte) (string, error) {
	t.Helper()
	for _, tool := range []string{"sh", "zstd", "jq", "sha256sum", "base64"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	dir := t.TempDir()
	for key, body := range objects {
		must(t, os.WriteFile(filepath.Join(dir, path.Base(key)), body, 0o600))
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script(t, name))
	cmd.Dir = dir
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), err
}

// TestDocumentedScripts keeps the document true: a stranger's tools read and
// verify what the recorder writes, and refuse what was tampered with.
func TestDocumentedScripts(t *testing.T) {
	f := newFixture(t)
	m := f.sample(t)
	objects := f.bodies(t)
	if out, err := run(t, "verify", objects); err != nil || out != "verified\n" {
		t.Errorf("verify: %q, %v", out, err)
	}
	if out, err := run(t, "stdout", objects); err != nil || int64(len(out)) != m.Totals[recording.Stdout].Bytes || !strings.HasPrefix(out, "out 0 世 \xff\n") {
		t.Errorf("stdout: %q, %v", out, err)
	}
	if out, err := run(t, "log", objects); err != nil || strings.Count(out, "\n") != 16 || !strings.Contains(out, `"stdin","line 0\n"`) {
		t.Errorf("log: %s, %v", out, err)
	}
	second := recording.SegmentKey(f.prefix(t), 2)
	objects[second], objects[recording.SegmentKey(f.prefix(t), 3)] = objects[recording.SegmentKey(f.prefix(t), 3)], objects[second]
	if out, err := run(t, "verify", objects); err == nil {
		t.Errorf("swapped segments verify: %q", out)
	}
	delete(objects, second)
	if out, err := run(t, "verify", objects); err == nil {
		t.Errorf("a missing segment verifies: %q", out)
	}
}
