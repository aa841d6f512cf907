package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/objectstore/memory"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/spool"
	"github.com/sallyport-dev/sallyport/internal/spool/spooltest"
	"github.com/sallyport-dev/sallyport/internal/streaming"
)

const secret = "AKIAENDTOENDTESTABCD"

// brittle is a store that can be broken.
type brittle struct {
	objectstore.Store

	mu     sync.Mutex
	broken error
}

func (b *brittle) breakWith(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = err
}

func (b *brittle) PutNew(ctx context.Context, key string, body objectstore.Body, r objectstore.Retention) (objectstore.Version, error) {
	b.mu.Lock()
	err := b.broken
	b.mu.Unlock()
	if err != nil {
		return objectstore.Version{}, err
	}
	return b.Store.PutNew(ctx, key, body, r)
}

// person is a client leg in memory.
type person struct {
	stdin          io.Reader
	stdout, stderr syncBuffer
	resize         chan streaming.TerminalSize
	cuts           int
	mu             sync.Mutex
}

func (p *person) client() streaming.Client {
	return streaming.Client{
		Stdin: p.stdin, Stdout: &p.stdout, Stderr: &p.stderr, Resize: p.resize,
		Cut: func(time.Duration) { p.mu.Lock(); p.cuts++; p.mu.Unlock() },
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// worn is a journal whose disk can break, or take its time.
type worn struct {
	recording.Journal

	broken  atomic.Pointer[error]
	stalled atomic.Pointer[chan struct{}]
}

func (w *worn) fail(err error)            { w.broken.Store(&err) }
func (w *worn) stall(until chan struct{}) { w.stalled.Store(&until) }

func (w *worn) Append(data []byte) error {
	if until := w.stalled.Load(); until != nil {
		<-*until
	}
	if err := w.broken.Load(); err != nil {
		return *err
	}
	return w.Journal.Append(data)
}

type fixture struct {
	store   *brittle
	spool   *spool.Spool
	journal *worn
	id      string
	Session
}

func newFixture(t *testing.T, target func(context.Context, streaming.Streams) error) *fixture {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{store: &brittle{Store: memory.New(time.Now)}, spool: spooltest.New(t), id: id.String()}
	f.journal = &worn{Journal: spooltest.Journal(t, f.spool, f.id)}
	recorder, err := recording.Start(t.Context(), f.store, recording.Options{
		Now: time.Now, Retention: objectstore.Retention{Mode: objectstore.Compliance, Until: time.Now().Add(time.Hour)},
		SegmentBytes: 1 << 16, Journal: f.journal,
	}, recording.Open{Session: f.id, Subject: recording.Subject{Username: "dev"}})
	if err != nil {
		t.Fatal(err)
	}
	f.Session = Session{
		Recorder: recorder, Rules: mask.Default(), Target: target, Waits: true, Started: func() bool { return true },
		Left: time.Hour, Expiry: Expired(authorizer.GrantRef{Namespace: "shop", Name: "g"}),
	}
	return f
}

// recorded returns each stream of the recording as one text, and how it ended.
func (f *fixture) recorded(t *testing.T) (map[recording.Stream]string, *recording.Manifest) {
	t.Helper()
	r, err := recording.Load(t.Context(), f.store, f.id)
	if err != nil {
		t.Fatal(err)
	}
	got := map[recording.Stream]string{}
	for record, err := range r.Records(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got[record.Stream] += string(record.Data)
	}
	delete(got, recording.Ended)
	return got, r.Manifest
}

func TestWhatIsSeenIsWhatIsRecorded(t *testing.T) {
	masked := "AKIA" + strings.Repeat("*", len(secret)-4)
	f := newFixture(t, func(_ context.Context, s streaming.Streams) error {
		in, err := io.ReadAll(s.Stdin)
		// The container gets what was typed, secrets and all.
		if string(in) != "export KEY="+secret+"\n" {
			return fmt.Errorf("stdin is %q", in)
		}
		for _, part := range []string{"key ", secret[:7], secret[7:], "\n", "tail AKIA"} {
			_, err = io.WriteString(s.Stdout, part)
		}
		_, err2 := io.WriteString(s.Stderr, "trouble")
		return errors.Join(err, err2, streaming.ExitError{Code: 3})
	})
	p := &person{stdin: strings.NewReader("export KEY=" + secret + "\n")}
	result := f.Run(t.Context(), p.client())
	var exit streaming.ExitError
	if !errors.As(result.Status, &exit) || exit.Code != 3 || result.Sealed != nil {
		t.Fatalf("ended with %v, sealed %v", result.Status, result.Sealed)
	}
	got, manifest := f.recorded(t)
	want := map[recording.Stream]string{
		recording.Stdin:  "export KEY=" + masked + "\n",
		recording.Stdout: "key " + masked + "\ntail AKIA",
		recording.Stderr: "trouble",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("recorded (-want +got): %s", diff)
	}
	if p.stdout.String() != got[recording.Stdout] || p.stderr.String() != got[recording.Stderr] {
		t.Errorf("delivered %q and %q, recorded %q and %q", p.stdout.String(), p.stderr.String(), got[recording.Stdout], got[recording.Stderr])
	}
	if manifest.Outcome != recording.Closed || *manifest.Exit.Code != 3 || manifest.Exit.Process != recording.ProcessExited {
		t.Errorf("the manifest says %+v", manifest.Exit)
	}
}

func TestSizesAreRecordedBeforeTheyGoOn(t *testing.T) {
	f := newFixture(t, func(_ context.Context, s streaming.Streams) error {
		for size := range s.Resize {
			if size.Width == 132 {
				return nil
			}
		}
		return errors.New("no size")
	})
	f.TTY = true
	p := &person{resize: make(chan streaming.TerminalSize, 1)}
	p.resize <- streaming.TerminalSize{Width: 132, Height: 43}
	if result := f.Run(t.Context(), p.client()); result.Status != nil {
		t.Fatal(result.Status)
	}
	if got, _ := f.recorded(t); got[recording.Resize] != "132x43" {
		t.Errorf("recorded %q", got[recording.Resize])
	}
}

// forever is a command that writes and waits for its end.
// What is to be said last is, whatever ends the session.
func TestSealing(t *testing.T) {
	for name, target := range map[string]func(context.Context, streaming.Streams) error{
		"if the command ends, then it is recorded":      func(context.Context, streaming.Streams) error { return nil },
		"if the connection is lost, then it is, too":    func(context.Context, streaming.Streams) error { return errors.New("reset") },
		"if the container's side panics, then it is so": func(context.Context, streaming.Streams) error { panic("a bug") },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, target)
			f.Sealing = func() {
				if err := f.Recorder.Note("the last word"); err != nil {
					t.Error(err)
				}
			}
			p := &person{}
			f.Run(t.Context(), p.client())
			if streams, _ := f.recorded(t); !strings.Contains(streams[recording.Note], "the last word") {
				t.Errorf("recorded are %q", streams)
			}
		})
	}
}

func forever(ctx context.Context, s streaming.Streams) error {
	_, _ = io.WriteString(s.Stdout, "started ")
	<-ctx.Done()
	return ctx.Err()
}

func TestEnds(t *testing.T) {
	grant := authorizer.GrantRef{Namespace: "shop", Name: "g"}
	tests := map[string]struct {
		end    func(f *fixture, cancel context.CancelCauseFunc)
		target func(context.Context, streaming.Streams) error
		reason string
		says   string
	}{
		"if the grant's time is over, then the person reads so": {
			end: func(f *fixture, _ context.CancelCauseFunc) { f.Left = time.Millisecond }, reason: ReasonExpired, says: "has expired",
		},
		"if the grant had no time left, then nothing begins": {
			end: func(f *fixture, _ context.CancelCauseFunc) { f.Left = -time.Hour }, reason: ReasonExpired, says: "has expired",
		},
		"if the grant is revoked, then the person reads so": {
			end: func(_ *fixture, cancel context.CancelCauseFunc) { cancel(Revoked(grant)) }, reason: ReasonRevoked, says: "was revoked",
		},
		"if the pod goes, then the person reads so": {
			end: func(_ *fixture, cancel context.CancelCauseFunc) { cancel(PodGone("shop", "web")) }, reason: ReasonPodGone, says: "shop/web is being deleted",
		},
		"if the object is deleted, then the person reads so": {
			end: func(_ *fixture, cancel context.CancelCauseFunc) { cancel(Deleted()) }, reason: ReasonDeleted, says: "executionsession",
		},
		"if the gateway stops, then the person reads so": {
			end: func(_ *fixture, cancel context.CancelCauseFunc) { cancel(Shutdown()) }, reason: ReasonShutdown, says: "shutting down",
		},
		"if the client leaves, then the recording says so": {
			end: func(_ *fixture, cancel context.CancelCauseFunc) { cancel(streaming.ErrClientGone) }, reason: ReasonClientGone, says: "went away",
		},
		"if the client breaks the protocol, then the recording says so": {
			end:    func(_ *fixture, cancel context.CancelCauseFunc) { cancel(fmt.Errorf("%w: x", streaming.ErrProtocol)) },
			reason: ReasonProtocol, says: "broke the streaming protocol",
		},
		"if the connection to the container breaks, then the person reads so": {
			end:    func(*fixture, context.CancelCauseFunc) {},
			target: func(context.Context, streaming.Streams) error { return io.ErrUnexpectedEOF },
			reason: ReasonConnectionLost, says: "connection to the container was lost",
		},
	}
	for name, tc := range tests {
		for _, tty := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", terminal ", tty), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					target := tc.target
					if target == nil {
						target = forever
					}
					f := newFixture(t, target)
					f.TTY = tty
					ctx, cancel := context.WithCancelCause(t.Context())
					tc.end(f, cancel)
					p := &person{stdin: strings.NewReader("")}
					result := f.Run(ctx, p.client())
					var api apierrors.APIStatus
					if !errors.As(result.Status, &api) || !strings.Contains(api.Status().Message, tc.says) {
						t.Errorf("the status is %v", result.Status)
					}
					screen, want := p.stderr.String(), "sallyport: "
					if tty {
						screen, want = p.stdout.String(), "\r\nsallyport: "
					}
					if !strings.Contains(screen, want) || !strings.Contains(screen, tc.says) || p.cuts == 0 {
						t.Errorf("the screen shows %q, %d cuts", screen, p.cuts)
					}
					got, manifest := f.recorded(t)
					if manifest.Exit.Process == recording.ProcessUnknown && manifest.Exit.Detail == "" {
						t.Error("nothing says why nothing is known of the process")
					}
					if manifest.Exit.Reason != tc.reason || manifest.Exit.Code != nil || !strings.Contains(got[recording.Note], tc.says) {
						t.Errorf("recorded %+v, note %q", manifest.Exit, got[recording.Note])
					}
				})
			})
		}
	}
}

func TestARefusalOfTheAPIServerPassesOn(t *testing.T) {
	refusal := apierrors.NewBadRequest("the webhook says no to password=argv0secret999")
	f := newFixture(t, func(context.Context, streaming.Streams) error { return refusal })
	result := f.Run(t.Context(), (&person{}).client())
	_, manifest := f.recorded(t)
	const masked = "the webhook says no to password=**************"
	if !apierrors.IsBadRequest(result.Status) || result.Status.Error() != masked || manifest.Exit.Reason != ReasonRefused || manifest.Exit.Message != masked {
		t.Errorf("status %v, recorded %+v", result.Status, manifest.Exit)
	}
}

func TestNothingPassesUnrecorded(t *testing.T) {
	t.Run("if the store breaks, then the output stops", func(t *testing.T) {
		var f *fixture
		f = newFixture(t, func(ctx context.Context, s streaming.Streams) error {
			_, _ = io.WriteString(s.Stdout, "recorded\n")
			f.store.breakWith(objectstore.ErrRefused)
			line := []byte(strings.Repeat("more ", 1000))
			for ctx.Err() == nil {
				if _, err := s.Stdout.Write(line); err != nil {
					break
				}
			}
			// As client-go does: an error of a writer is swallowed.
			return nil
		})
		p := &person{}
		result := f.Run(t.Context(), p.client())
		var api apierrors.APIStatus
		if !errors.As(result.Status, &api) || !strings.Contains(api.Status().Message, "recording") || result.Sealed == nil {
			t.Errorf("status %v, sealed %v", result.Status, result.Sealed)
		}
		if !strings.Contains(p.stderr.String(), "sallyport: the recording") {
			t.Errorf("the person reads %q", p.stderr.String())
		}
	})
	t.Run("if the store breaks at the end, then the exit code does not claim otherwise", func(t *testing.T) {
		var f *fixture
		f = newFixture(t, func(_ context.Context, s streaming.Streams) error {
			_, err := io.WriteString(s.Stdout, "fine\n")
			f.store.breakWith(objectstore.ErrRefused)
			return err
		})
		result := f.Run(t.Context(), (&person{}).client())
		var api apierrors.APIStatus
		if !errors.As(result.Status, &api) || result.Sealed == nil {
			t.Errorf("status %v, sealed %v", result.Status, result.Sealed)
		}
	})
	t.Run("if the store is out at the end, then the person is told and the exit code stands", func(t *testing.T) {
		var f *fixture
		f = newFixture(t, func(_ context.Context, s streaming.Streams) error {
			f.store.breakWith(errors.New("network on fire"))
			_, err := io.WriteString(s.Stdout, "fine\n")
			return err
		})
		p := &person{}
		result := f.Run(t.Context(), p.client())
		if result.Status != nil || !errors.Is(result.Sealed, recording.ErrPending) || !strings.Contains(p.stderr.String(), "is stored later") {
			t.Errorf("status %v, sealed %v; the person reads %q", result.Status, result.Sealed, p.stderr.String())
		}
		f.store.breakWith(nil)
		j, err := f.spool.Reopen(f.id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := recording.Resume(t.Context(), f.store, time.Now, f.id, j); err != nil {
			t.Fatal(err)
		}
		if got, manifest := f.recorded(t); got[recording.Stdout] != "fine\n" || manifest.Outcome != recording.Closed {
			t.Errorf("recorded %v, %+v", got, manifest)
		}
	})
	t.Run("if the disk breaks, then the person reads what the disk says", func(t *testing.T) {
		f := newFixture(t, func(ctx context.Context, s streaming.Streams) error {
			for ctx.Err() == nil {
				if _, err := io.WriteString(s.Stdout, "more "); err != nil {
					break
				}
			}
			return ctx.Err()
		})
		f.journal.fail(syscall.ENOSPC)
		p := &person{}
		result := f.Run(t.Context(), p.client())
		if result.Exit.Reason != ReasonRecordingFailed || !strings.Contains(p.stderr.String(), "no space left on device") || p.stdout.String() != "" {
			t.Errorf("%+v; the person reads %q and %q", result, p.stdout.String(), p.stderr.String())
		}
	})
	t.Run("if input cannot be recorded, then it does not reach the container", func(t *testing.T) {
		var reached bytes.Buffer
		f := newFixture(t, func(ctx context.Context, s streaming.Streams) error {
			_, _ = io.Copy(&reached, s.Stdin)
			<-ctx.Done()
			return ctx.Err()
		})
		if _, err := f.Recorder.Close(t.Context(), recording.Exit{}); err != nil {
			t.Fatal(err)
		}
		f.Run(t.Context(), (&person{stdin: strings.NewReader("rm -rf /\n")}).client())
		if reached.Len() > 0 {
			t.Errorf("the container got %q", reached.String())
		}
	})
}

// deaf is a person who does not read until the connection is cut.
type deaf struct{ cut chan struct{} }

func (d deaf) Write([]byte) (int, error) {
	<-d.cut
	return 0, io.ErrClosedPipe
}

func TestAPersonWhoDoesNotReadCannotHoldTheSession(t *testing.T) {
	began := make(chan struct{})
	f := newFixture(t, func(_ context.Context, s streaming.Streams) error {
		// As the WebSocket leg does: the end of ctx is seen only when the write returns.
		close(began)
		_, err := io.WriteString(s.Stdout, "blocked\n")
		return err
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	screen := deaf{make(chan struct{})}
	var once sync.Once
	go func() {
		<-began
		cancel(Deleted())
	}()
	result := f.Run(ctx, streaming.Client{
		Stdout: screen, Stderr: screen, Cut: func(time.Duration) { once.Do(func() { close(screen.cut) }) },
	})
	if result.Exit.Reason != ReasonDeleted || result.Sealed != nil {
		t.Errorf("ended with %+v, sealed %v", result.Exit, result.Sealed)
	}
}

// deafAtTheEnd takes "tail ", which passes at once, and nothing of what the masker holds.
type deafAtTheEnd struct{ deaf }

func (d deafAtTheEnd) Write(p []byte) (int, error) {
	if string(p) != "tail " {
		return d.deaf.Write(p)
	}
	return len(p), nil
}

func TestAPersonWhoDoesNotReadTheTailCannotHoldTheSession(t *testing.T) {
	f := newFixture(t, func(_ context.Context, s streaming.Streams) error {
		_, err := io.WriteString(s.Stdout, "tail "+secret[:7])
		return err
	})
	f.Left = 50 * time.Millisecond
	screen := deafAtTheEnd{deaf{make(chan struct{})}}
	var once sync.Once
	result := f.Run(t.Context(), streaming.Client{
		Stdout: screen, Stderr: screen, Cut: func(time.Duration) { once.Do(func() { close(screen.cut) }) },
	})
	if result.Exit.Reason == ReasonCompleted || result.Sealed != nil {
		t.Errorf("ended with %+v, sealed %v", result.Exit, result.Sealed)
	}
}

func TestATargetThatHangsDeliversNothingAfterTheEnd(t *testing.T) {
	began, ended, late := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	f := newFixture(t, func(_ context.Context, s streaming.Streams) error {
		close(began)
		<-ended
		_, err := io.WriteString(s.Stdout, "after the end\n")
		late <- err
		return nil
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-began
		cancel(Revoked(authorizer.GrantRef{Namespace: "shop", Name: "g"}))
	}()
	p := &person{}
	result := f.Run(ctx, p.client())
	close(ended)
	if result.Exit.Reason != ReasonRevoked || result.Sealed != nil {
		t.Errorf("ended with %+v, sealed %v", result.Exit, result.Sealed)
	}
	if err := <-late; err != nil || strings.Contains(p.stdout.String(), "after the end") {
		t.Errorf("a write after the end of the session: %v; delivered: %q", err, p.stdout.String())
	}
}

func TestATargetThatPanicsEndsItsSessionOnly(t *testing.T) {
	f := newFixture(t, func(context.Context, streaming.Streams) error { panic("a bug") })
	if result := f.Run(t.Context(), (&person{}).client()); result.Exit.Reason != ReasonInternal || result.Sealed == nil || result.Cause == nil {
		t.Errorf("ended with %+v", result)
	}
}

func TestAStreamThatPanicsEndsItsSessionOnly(t *testing.T) {
	f := newFixture(t, func(ctx context.Context, s streaming.Streams) error {
		_, err := s.Stdout.Write([]byte("out\n"))
		<-ctx.Done()
		return errors.Join(err, ctx.Err())
	})
	client := (&person{}).client()
	client.Stdout = panics{}
	if result := f.Run(t.Context(), client); result.Exit.Reason != ReasonInternal || result.Sealed == nil || result.Cause == nil {
		t.Errorf("ended with %+v", result)
	}
}

func TestInputThatPanicsEndsItsSessionOnly(t *testing.T) {
	f := newFixture(t, func(ctx context.Context, s streaming.Streams) error {
		go func() { _, _ = io.Copy(io.Discard, s.Stdin) }() // as streaming.Target does
		<-ctx.Done()
		return ctx.Err()
	})
	client := (&person{}).client()
	client.Stdin = panics{}
	if result := f.Run(t.Context(), client); result.Exit.Reason != ReasonInternal || result.Sealed == nil || !strings.Contains(result.Cause.Error(), "a bug") {
		t.Errorf("ended with %+v", result)
	}
}

type panics struct{}

func (panics) Write([]byte) (int, error) { panic("a bug") }
func (panics) Read([]byte) (int, error)  { panic("a bug") }

func TestSessionsLeaveNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 20 {
		f := newFixture(t, forever)
		f.TTY, f.Left = true, time.Millisecond
		f.Run(t.Context(), (&person{stdin: strings.NewReader("x"), resize: make(chan streaming.TerminalSize)}).client())
	}
	for deadline := time.Now().Add(30 * time.Second); runtime.NumGoroutine() > before+2; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
	}
}
