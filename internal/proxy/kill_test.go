package proxy

import (
	"bytes"
	"io"
	"strings"
	"testing"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/leftover"
	"github.com/sallyport-dev/sallyport/internal/proxy/session"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

// Where the grant says Kill, the gateway looks for the process as itself, and the process's own exit status tells whether it
// has ended.
func TestWhatIsLeftIsKilledIfTheGrantSaysSo(t *testing.T) {
	const none = "0 0 0\n"
	tests := map[string]struct {
		onEnd   accessv1alpha1.OnEnd
		argv    []string
		answers []string // of the container's shell, one a search
		kills   int      // the search at which the process ends
		refusal string
		want    accessv1alpha1.SessionProcess
		says    string
	}{
		"if it listens, TERM ends it":                  {accessv1alpha1.OnEndKill, []string{"sleep", "9"}, []string{"1 17 2\n", "1 17 0\n"}, 1, "", accessv1alpha1.ProcessKilled, "TERM was sent to process 17 and its session, 2 in all"},
		"if it does not, KILL does":                    {accessv1alpha1.OnEndKill, []string{"sleep", "9"}, []string{"1 17 2\n", "1 17 1\n"}, 2, "", accessv1alpha1.ProcessKilled, "; then KILL to 1"},
		"if it is not found, it goes on":               {accessv1alpha1.OnEndKill, []string{"sleep", "9"}, []string{none}, 0, "", accessv1alpha1.ProcessRunning, "no process in the container fits it"},
		"if two fit, both go on":                       {accessv1alpha1.OnEndKill, []string{"sleep", "9"}, []string{"2 0 0\n"}, 0, "", accessv1alpha1.ProcessRunning, "2 processes in the container fit it"},
		"if the answer lies, it is not believed":       {accessv1alpha1.OnEndKill, []string{"sleep", "9"}, []string{"1 17 1\n", "1 17 0\n"}, 0, "", accessv1alpha1.ProcessRunning, "TERM was sent to process 17"},
		"if the answer is no answer, it is not shown":  {accessv1alpha1.OnEndKill, []string{"sleep", "9"}, []string{"\x1b[2J 1 17 1\n"}, 0, "", accessv1alpha1.ProcessRunning, "no proper answer"},
		"if the command is too long, none is searched": {accessv1alpha1.OnEndKill, []string{"sleep", strings.Repeat("9", leftover.MaxCommand)}, nil, 0, "", accessv1alpha1.ProcessRunning, "too long to be looked for"},
		"if the webhook refuses, it goes on":           {accessv1alpha1.OnEndKill, []string{"sleep", "9"}, nil, 0, "no", accessv1alpha1.ProcessRunning, "the webhook says: no"},
		"if the grant says Leave, none is searched":    {accessv1alpha1.OnEndLeave, []string{"sleep", "9"}, nil, 0, "", accessv1alpha1.ProcessRunning, "still running"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.onEnd = tc.onEnd
			w.search = func(string) string {
				n := len(w.searches)
				if n == tc.kills {
					close(w.killed)
				}
				if n > len(tc.answers) {
					t.Errorf("search %d", n)
					return ""
				}
				return tc.answers[n-1]
			}
			screen := w.expired(t, tc.argv, tc.refusal)
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.last.Process != tc.want || !strings.Contains(screen, tc.says) || strings.Contains(screen, "\x1b") {
				t.Errorf("reported %+v, the screen shows %q", w.last, screen)
			}
			if len(w.searches) != len(tc.answers) {
				t.Errorf("searched %q", w.searches)
			}
			if s := w.sessions[0]; s.Spec.OnEnd != tc.onEnd {
				t.Errorf("the executionsession says %q", s.Spec.OnEnd)
			}
			r, text := w.recorded()
			killed := tc.want == accessv1alpha1.ProcessKilled
			if r.Manifest.Exit.Killed != killed || (r.Manifest.Exit.Process == recording.ProcessExited) != killed || !strings.Contains(text, "note:sallyport: ") {
				t.Errorf("recorded %+v: %s", r.Manifest.Exit, text)
			}
		})
	}
}

// expired runs a command until its grant is revoked, and returns what the person reads.
func (w *world) expired(t *testing.T, argv []string, refusal string) string {
	t.Helper()
	r, out := io.Pipe()
	go func() {
		_, _ = io.ReadFull(r, make([]byte, len("started")))
		w.mu.Lock()
		w.refusal = refusal
		w.mu.Unlock()
		w.registry.EndIf(func(f session.Facts) *session.End { return session.Revoked(f.Grant) })
		_, _ = io.Copy(io.Discard, r)
	}()
	var stderr bytes.Buffer
	err := w.exec("WebSocket", nil, out, &stderr, "exec", argv...)
	out.Close()
	if err == nil || !strings.Contains(err.Error(), "revoked") {
		t.Errorf("got %v", err)
	}
	<-w.ended
	return stderr.String()
}
