//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/test/reader"
)

// TestSecondReader reads a real recording by the reader that was written from docs/recording-format.md alone, and
// compares it with what the person got.
func TestSecondReader(t *testing.T) {
	g := active(t, grant{Pod: "app-0"})
	in := strings.Repeat("typed by the user\n", 500)
	r := through("developer").Reading(in).Kubectl("exec", "-i", "-n", namespace, "app-0", "--",
		"sh", "-c", "cat; head -c 300000 /dev/urandom; echo key=${AWS_ACCESS_KEY_ID?} >&2; exit 3")
	if r.Code != 3 {
		t.Fatal(r.Code, r.Stderr)
	}
	_, prefix := lastSession(t, g)
	versions := openStore(t, "auditor").Versions(prefix)
	recording, err := reader.Read(versions)
	if err != nil {
		t.Fatal(err)
	}
	if recording.Outcome != "closed" || recording.Subject != "developer" || len(recording.Remarks) > 0 {
		t.Errorf("%s %s %s", recording.Outcome, recording.Subject, recording.Remarks)
	}
	got := recording.Streams
	if string(got["stdin"]) != in || string(got["stdout"]) != r.Stdout || !strings.Contains(r.Stderr, string(got["stderr"])) {
		t.Errorf("recorded are %d bytes of input and %d of output, and %q; passed have %d and %d, and %q",
			len(got["stdin"]), len(got["stdout"]), got["stderr"], len(in), len(r.Stdout), r.Stderr)
	}
	if string(got["stderr"]) != maskedKey {
		t.Errorf("recorded is %q, want %q", got["stderr"], maskedKey)
	}
	for i := range versions {
		versions[i].Data[len(versions[i].Data)/2] ^= 1
		if r, err := reader.Read(versions); err == nil && len(r.Remarks) == 0 {
			t.Errorf("%s verifies with another byte", versions[i].Key)
		}
		versions[i].Data[len(versions[i].Data)/2] ^= 1
	}
}
