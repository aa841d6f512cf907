//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/test/reader"
)

// versions lists a recording as the second reader wants it: every version with its bytes and its retention.
func (s store) versions(prefix string) []reader.Version {
	s.t.Helper()
	out, err := s.mc("ls", "--versions", "--recursive", "--json", s.bucket+"/"+prefix+"/")
	if err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
	var versions []reader.Version
	for line := range bytes.Lines(out) {
		var listed struct {
			Key            string `json:"key"`
			VersionID      string `json:"versionId"`
			IsDeleteMarker bool   `json:"isDeleteMarker"`
		}
		if err := json.Unmarshal(line, &listed); err != nil {
			s.t.Fatalf("%v: %s", err, line)
		}
		version := reader.Version{Key: prefix + "/" + listed.Key, ID: listed.VersionID, Marker: listed.IsDeleteMarker}
		if !version.Marker {
			s.fill(&version)
		}
		versions = append(versions, version)
	}
	slices.Reverse(versions) // the newest of a key is listed first
	return versions
}

func (s store) fill(version *reader.Version) {
	s.t.Helper()
	at := []string{"--version-id", version.ID, s.bucket + "/" + version.Key}
	stat, err := s.mc(append([]string{"stat", "--json"}, at...)...)
	var object struct {
		Metadata map[string]string `json:"metadata"`
	}
	if err != nil || json.Unmarshal(stat, &object) != nil {
		s.t.Fatalf("%v: %s", err, stat)
	}
	version.Mode = object.Metadata["X-Amz-Object-Lock-Mode"]
	if version.Until, err = time.Parse(time.RFC3339, object.Metadata["X-Amz-Object-Lock-Retain-Until-Date"]); err != nil {
		s.t.Fatalf("%v: %s", err, stat)
	}
	if version.Data, err = s.mc(append([]string{"cat"}, at...)...); err != nil {
		s.t.Fatalf("%v: %s", err, version.Data)
	}
}

// TestSecondReader reads a real recording by the reader that was written from docs/recording-format.md alone, and
// compares it with what the person got.
func TestSecondReader(t *testing.T) {
	g := active(t, grant{pod: "app-0"})
	in := strings.Repeat("typed by the user\n", 500)
	r := through("developer").reading(in).kubectl("exec", "-i", "-n", namespace, "app-0", "--",
		"sh", "-c", "cat; head -c 300000 /dev/urandom; echo key=${AWS_ACCESS_KEY_ID?} >&2; exit 3")
	if r.code != 3 {
		t.Fatal(r.code, r.stderr)
	}
	_, prefix := lastSession(t, g)
	versions := openStore(t, "auditor").versions(prefix)
	recording, err := reader.Read(versions)
	if err != nil {
		t.Fatal(err)
	}
	if recording.Outcome != "closed" || recording.Subject != "developer" || len(recording.Remarks) > 0 {
		t.Errorf("%s %s %s", recording.Outcome, recording.Subject, recording.Remarks)
	}
	got := recording.Streams
	if string(got["stdin"]) != in || string(got["stdout"]) != r.stdout || !strings.Contains(r.stderr, string(got["stderr"])) {
		t.Errorf("recorded are %d bytes of input and %d of output, and %q; passed have %d and %d, and %q",
			len(got["stdin"]), len(got["stdout"]), got["stderr"], len(in), len(r.stdout), r.stderr)
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
