package proxy

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

// fileOf is an archive of one file.
func fileOf(tb testing.TB, body string) string {
	tb.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "file", Typeflag: tar.TypeReg, Mode: 0o600, Size: int64(len(body))}); err != nil {
		tb.Fatal(err)
	}
	if _, err := io.WriteString(w, body); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

// only allows these actions.
func (w *world) only(actions ...string) {
	w.decide = func(a authorizer.Attributes) (authorizer.Decision, error) {
		if !slices.Contains(actions, a.Action) {
			return authorizer.Decision{Outcome: authorizer.Deny}, nil
		}
		return authorizer.Decision{
			Outcome: authorizer.Allow, Until: time.Now().Add(time.Hour).UnixNano(),
			Grant: authorizer.GrantRef{Namespace: "shop", Name: "g", UID: "u-g"},
		}, nil
	}
}

func TestTarIsNoWayRoundMasking(t *testing.T) {
	file := fileOf(t, "key "+secret)
	hidden := strings.ReplaceAll(file, secret, "AKIA"+strings.Repeat("*", 16))
	out, in := []string{"tar", "cf", "-", "/file"}, []string{"tar", "-xmf", "-", "-C", "/tmp"}
	for name, tc := range map[string]struct {
		actions []string
		command []string
		stdin   bool
		want    string
		action  string
		stream  recording.Stream
	}{
		"if the grant is for Copy, then a file comes out unaltered":            {[]string{"Copy"}, out, false, file, "Copy", recording.Stdout},
		"if the grant is for Exec, then the same command is masked":            {[]string{"Exec"}, out, false, hidden, "Exec", ""},
		"if there are both, then it is a copy":                                 {[]string{"Exec", "Copy"}, out, false, file, "Copy", recording.Stdout},
		"if it has an input, then it is none of kubectl cp, and is masked":     {[]string{"Exec", "Copy"}, out, true, hidden, "Exec", ""},
		"if it is another command, then a grant for Copy changes nothing":      {[]string{"Exec", "Copy"}, []string{"tar", "czf", "-", "/file"}, false, hidden, "Exec", ""},
		"if a directory is asked about, then there is no archive":              {[]string{"Copy"}, []string{"test", "-d", "/"}, false, hidden, "Copy", ""},
		"if a file goes in under Copy, then what tar says of it is masked":     {[]string{"Copy"}, in, true, hidden, "Copy", recording.Stdin},
		"if a file goes in under Exec, then what tar says of it is masked too": {[]string{"Exec"}, in, true, hidden, "Exec", ""},
	} {
		for _, transport := range transports {
			t.Run(name+", "+transport, func(t *testing.T) {
				w := newWorld(t)
				w.only(tc.actions...)
				w.output = file
				var stdin io.Reader
				if tc.stdin {
					stdin = strings.NewReader(file)
				}
				var stdout bytes.Buffer
				if err := w.exec(transport, stdin, &stdout, io.Discard, "exec", tc.command...); err != nil {
					t.Fatal(err)
				}
				if stdout.String() != tc.want {
					t.Errorf("got %q", stdout.String())
				}
				r, text := w.recorded()
				if strings.Contains(text, secret) {
					t.Error("the secret is recorded")
				}
				var stream recording.Stream
				if r.Open.Archive != nil {
					stream = r.Open.Archive.Stream
				}
				listed := strings.Contains(text, `member:{"path":"file"`) && strings.Contains(text, `"whole":true`)
				if r.Open.Action != tc.action || stream != tc.stream || listed != (tc.stream != "") {
					t.Errorf("recorded as %s of %q: %s", r.Open.Action, stream, text)
				}
				if got := w.sessions[0].Spec.Action; string(got) != tc.action {
					t.Errorf("the executionsession says %s", got)
				}
			})
		}
	}
}

func TestWhatIsRecordedOfACopyIsTheGrantsToSay(t *testing.T) {
	w := newWorld(t)
	w.only("Copy")
	w.output = fileOf(t, strings.Repeat("a file that is not recorded\n", 100))
	w.recording = &accessv1alpha1.RecordingPolicy{Copies: accessv1alpha1.RecordedDigestOnly}
	var stdout bytes.Buffer
	if err := w.exec("WebSocket", nil, &stdout, io.Discard, "exec", "tar", "cf", "-", "/file"); err != nil || stdout.String() != w.output {
		t.Fatalf("%v, %d bytes", err, stdout.Len())
	}
	r, text := w.recorded()
	if r.Open.Archive.Recorded != recording.RecordedDigestOnly || strings.Contains(text, "not recorded") || !strings.Contains(text, `"recorded":"DigestOnly"`) {
		t.Errorf("recorded %+v: %s", r.Open.Archive, text)
	}
}

func TestAGrantThatChangesItsActionWhileTheSessionOpens(t *testing.T) {
	w := newWorld(t)
	w.only("Copy")
	first := w.decide
	w.decide = func(a authorizer.Attributes) (authorizer.Decision, error) {
		w.only("Exec")
		return first(a)
	}
	err := w.exec("WebSocket", nil, io.Discard, io.Discard, "exec", "tar", "cf", "-", "/file")
	if err == nil || !strings.Contains(err.Error(), "run the command again") || len(w.calls) > 0 {
		t.Errorf("got %v, %d calls", err, len(w.calls))
	}
}

func TestAnotherGrantWhileTheSessionOpens(t *testing.T) {
	w := newWorld(t)
	decisions := 0
	w.decide = func(authorizer.Attributes) (authorizer.Decision, error) {
		decisions++
		return authorizer.Decision{
			Outcome: authorizer.Allow, Until: time.Now().Add(time.Hour).UnixNano(),
			Grant: authorizer.GrantRef{Namespace: "shop", Name: fmt.Sprint("g", decisions), UID: "u-g"},
		}, nil
	}
	err := w.exec("WebSocket", nil, io.Discard, io.Discard, "exec", "print", "x")
	if err == nil || !strings.Contains(err.Error(), "run the command again") || len(w.calls) > 0 {
		t.Errorf("got %v, %d calls", err, len(w.calls))
	}
}

func TestTheGrantsDurabilityIsTheRecordings(t *testing.T) {
	for name, tc := range map[string]struct {
		grant *accessv1alpha1.RecordingPolicy
		want  recording.Durability
	}{
		"if the grant does not say, then the gateway's":   {nil, recording.Spooled},
		"if it speaks of copies only, then the gateway's": {&accessv1alpha1.RecordingPolicy{Copies: accessv1alpha1.RecordedFull}, recording.Spooled},
		"if it asks for the disk, then the disk":          {&accessv1alpha1.RecordingPolicy{Durability: accessv1alpha1.DurabilitySpool}, recording.Spooled},
		"if it asks for the store, then the store":        {&accessv1alpha1.RecordingPolicy{Durability: accessv1alpha1.DurabilityStore}, recording.Stored},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.recording = tc.grant
			if err := w.exec("WebSocket", nil, io.Discard, io.Discard, "exec", "print", "x"); err != nil {
				t.Fatal(err)
			}
			if r, _ := w.recorded(); r.Open.Durability != tc.want {
				t.Errorf("recorded with %q, want %q", r.Open.Durability, tc.want)
			}
		})
	}
}

func TestADeniedCopyIsToldHow(t *testing.T) {
	w := newWorld(t)
	w.only()
	err := w.exec("WebSocket", nil, io.Discard, io.Discard, "exec", "tar", "cf", "-", "/file")
	const want = "kubectl sallyport request -n shop --pod web -c app --action Copy --reason WHY"
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}
