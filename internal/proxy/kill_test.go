package proxy

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
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
		"if it listens, TERM ends it":                 {accessv1alpha1.OnEndKill, []string{"sleep", "9"}, []string{"1 17 2\n", "1 17 0\n"}, 1, "", accessv1alpha1.ProcessKilled, "TERM was sent to process 17 and its session, 2 in all"},
		"if it does not, KILL does":                   {accessv1alpha1.OnEndKill, []string{"sleep", "9"}, []string{"1 17 2\n", "1 17 1\n"}, 2, "", accessv1alpha1.ProcessKilled, "; then KILL to 1"},
		"if it is not found, it goes on":              {accessv1alpha1.OnEndKill, []string{"sleep", "9"}, []string{none}, 0, "", accessv1alpha1.ProcessRunning, "no process in the container began with the session"},
		"if two fit, both go on":                      {accessv1alpha1.OnEndKill, []string{"sleep", "9"}, []string{"2 0 0\n"}, 0, "", accessv1alpha1.ProcessRunning, "2 processes in the container began with the session"},
		"if the answer lies, it is not believed":      {accessv1alpha1.OnEndKill, []string{"sleep", "9"}, []string{"1 17 1\n", "1 17 0\n"}, 0, "", accessv1alpha1.ProcessRunning, "TERM was sent to process 17"},
		"if the answer is no answer, it is not shown": {accessv1alpha1.OnEndKill, []string{"sleep", "9"}, []string{"\x1b[2J 1 17 1\n"}, 0, "", accessv1alpha1.ProcessRunning, "no proper answer"},
		"if the webhook refuses, it goes on":          {accessv1alpha1.OnEndKill, []string{"sleep", "9"}, nil, 0, "no", accessv1alpha1.ProcessRunning, "the webhook says: no"},
		"if the grant says Leave, none is searched":   {accessv1alpha1.OnEndLeave, []string{"sleep", "9"}, nil, 0, "", accessv1alpha1.ProcessRunning, "still running"},
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

// A colleague's process is never taken for the session's: where one may have begun at the same time, nothing is searched.
func TestNothingIsKilledBesideAnotherSession(t *testing.T) {
	for name, change := range map[string]func(*world){
		"if another session began with it, then nothing is searched": func(w *world) {
			w.others = []accessv1alpha1.ExecutionSession{{
				ObjectMeta: metav1.ObjectMeta{Name: "other", UID: "u-other"},
				Spec:       accessv1alpha1.ExecutionSessionSpec{Action: accessv1alpha1.ActionExec, Container: "app", PodRef: accessv1alpha1.ObjectReference{UID: "u-web"}},
			}}
		},
		"if nobody can tell, then nothing is searched": func(w *world) { w.unlisted = errors.New("no answer") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.onEnd = accessv1alpha1.OnEndKill
			change(w)
			screen := w.expired(t, []string{"sleep", "9"}, "")
			if w.last.Process != accessv1alpha1.ProcessRunning || len(w.searches) > 0 || !strings.Contains(screen, "other") {
				t.Errorf("%s, searched %q, the screen shows %q", w.last.Process, w.searches, screen)
			}
		})
	}
}

func TestMayBeTakenFor(t *testing.T) {
	const sure = 6 * time.Second // more than besideTime
	began := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) *metav1.Time { return &metav1.Time{Time: began.Add(d)} }
	session := func(change func(*accessv1alpha1.ExecutionSession)) *accessv1alpha1.ExecutionSession {
		s := &accessv1alpha1.ExecutionSession{
			ObjectMeta: metav1.ObjectMeta{Name: "s", UID: "u", CreationTimestamp: *at(0)},
			Spec:       accessv1alpha1.ExecutionSessionSpec{Action: accessv1alpha1.ActionExec, Container: "app", PodRef: accessv1alpha1.ObjectReference{UID: "p"}},
			Status:     accessv1alpha1.ExecutionSessionStatus{State: accessv1alpha1.SessionLive, StartTime: at(0)},
		}
		change(s)
		return s
	}
	own := session(func(s *accessv1alpha1.ExecutionSession) { s.UID = "own" })
	for name, tc := range map[string]struct {
		change func(*accessv1alpha1.ExecutionSession)
		want   bool
	}{
		"if it began at the same time, then yes": {func(*accessv1alpha1.ExecutionSession) {}, true},
		"if it is the session itself, then no":   {func(s *accessv1alpha1.ExecutionSession) { s.UID = "own" }, false},
		"if it is a copy, then yes":              {func(s *accessv1alpha1.ExecutionSession) { s.Spec.Action = accessv1alpha1.ActionCopy }, true},
		"if it starts no process, then no":       {func(s *accessv1alpha1.ExecutionSession) { s.Spec.Action = accessv1alpha1.ActionAttach }, false},
		"if it is in another pod, then no":       {func(s *accessv1alpha1.ExecutionSession) { s.Spec.PodRef.UID = "q" }, false},
		"if it is in another container, then no": {func(s *accessv1alpha1.ExecutionSession) { s.Spec.Container = "side" }, false},
		"if its process has exited, then no":     {func(s *accessv1alpha1.ExecutionSession) { s.Status.Process = accessv1alpha1.ProcessExited }, false},
		"if its process goes on, then yes":       {func(s *accessv1alpha1.ExecutionSession) { s.Status.Process = accessv1alpha1.ProcessRunning }, true},
		"if it began a little later, then yes":   {func(s *accessv1alpha1.ExecutionSession) { s.CreationTimestamp = *at(4 * time.Second) }, true},
		"if it began well later, then no":        {func(s *accessv1alpha1.ExecutionSession) { s.CreationTimestamp = *at(sure) }, false},
		"if it began well before, then no": {func(s *accessv1alpha1.ExecutionSession) {
			s.CreationTimestamp, s.Status.StartTime = *at(-sure), at(-sure)
		}, false},
		"if it was connected late, then yes": {func(s *accessv1alpha1.ExecutionSession) { s.CreationTimestamp = *at(-time.Hour) }, true},
		"if it is not connected, then yes": {func(s *accessv1alpha1.ExecutionSession) {
			s.CreationTimestamp, s.Status.StartTime = *at(-time.Hour), nil
		}, true},
		"if it ended long ago, unconnected, then no":   {func(s *accessv1alpha1.ExecutionSession) { s.Status.StartTime, s.Status.EndTime = nil, at(-sure) }, false},
		"if it ended just before, unconnected, so yes": {func(s *accessv1alpha1.ExecutionSession) { s.Status.StartTime, s.Status.EndTime = nil, at(0) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := mayBeTakenFor(session(tc.change), own, began); got != tc.want {
				t.Error(got)
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
