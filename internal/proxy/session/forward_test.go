package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/streaming"
)

// wirePipe is one end of a connection in memory that can be half-closed.
type wirePipe struct {
	io.Reader
	io.Writer

	closeWrite, reset func()
}

func (p *wirePipe) CloseWrite() error { p.closeWrite(); return nil }
func (p *wirePipe) Reset()            { p.reset() }

// wire returns the two ends of a connection.
func wire() (near, far *wirePipe) {
	nearIn, farOut := io.Pipe()
	farIn, nearOut := io.Pipe()
	return newWirePipe(nearIn, nearOut), newWirePipe(farIn, farOut)
}

func newWirePipe(in *io.PipeReader, out *io.PipeWriter) *wirePipe {
	closeWrite := func() { _ = out.Close() }
	return &wirePipe{in, out, closeWrite, func() {
		_ = in.Close()
		closeWrite()
	}}
}

// forwardFixture is a session whose pod serves each connection by serve, which returns what the node says at its end.
type forwardFixture struct {
	*fixture
	Forward

	forwards chan streaming.Forward
	lost     chan bool
}

func newForward(t *testing.T, serve func(port uint16, c *wirePipe) string) *forwardFixture {
	t.Helper()
	f := &forwardFixture{fixture: newFixture(t, nil), forwards: make(chan streaming.Forward), lost: make(chan bool)}
	f.Forward = Forward{Session: f.fixture.Session, Lost: f.lost}
	f.Forward.Session.Waits = false
	f.Dial = func(_ uint64, port uint16) (streaming.Remote, error) {
		if serve == nil {
			return streaming.Remote{}, errors.New("no")
		}
		near, far := wire()
		texts := make(chan string, 1)
		go func() {
			text := serve(port, far)
			far.CloseWrite()
			texts <- text
		}()
		return streaming.Remote{Pipe: near, Failure: texts}, nil
	}
	return f
}

// connect is what a client does to open a connection. told gives the text of its end.
func (f *forwardFixture) connect(id uint64, port uint16) (c *wirePipe, told <-chan string) {
	near, far := wire()
	texts := make(chan string, 1)
	f.forwards <- streaming.Forward{Pipe: near, ID: id, Port: port, End: func(why string) {
		texts <- why
		_ = near.CloseWrite()
	}}
	return far, texts
}

func (f *forwardFixture) run(ctx context.Context) <-chan Result {
	results := make(chan Result, 1)
	go func() {
		results <- f.Forward.Run(ctx, streaming.Client{Forwards: f.forwards, Cut: func(time.Duration) {}})
	}()
	return results
}

// connections returns the streams of each connection, as they were recorded, and the events in order.
func (f *forwardFixture) connections(t *testing.T) (data map[string]string, events []string) {
	t.Helper()
	r, err := recording.Load(t.Context(), f.store, f.id)
	if err != nil {
		t.Fatal(err)
	}
	data = map[string]string{}
	for record, err := range r.Records(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if record.Stream == recording.Forward {
			events = append(events, fmt.Sprint(record.Connection, " ", string(record.Data)))
		} else if record.Connection > 0 {
			data[fmt.Sprint(record.Stream, " ", record.Connection)] += string(record.Data)
		}
	}
	return data, events
}

// shout answers with all it was sent, in capitals.
func shout(_ uint16, c *wirePipe) string {
	all, err := io.ReadAll(c)
	if err != nil {
		return err.Error()
	}
	_, _ = io.WriteString(c, strings.ToUpper(string(all)))
	return ""
}

func TestForwardedBytesAreRecordedMaskedAndPassUnaltered(t *testing.T) {
	f := newForward(t, shout)
	ctx, leave := context.WithCancelCause(t.Context())
	results := f.run(ctx)
	for id, port := range map[uint64]uint16{1: 80, 2: 5432} {
		c, told := f.connect(id, port)
		text := fmt.Sprint("to ", port, " with ", secret, " and more AKIAEN") // the end may become a secret
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		c.CloseWrite()
		got, err := io.ReadAll(c)
		if want := strings.ToUpper(text); err != nil || string(got) != want {
			t.Errorf("connection %d: got %q, %v", id, got, err)
		}
		if why := <-told; why != "" {
			t.Errorf("connection %d: told %q", id, why)
		}
	}
	leave(streaming.ErrClientGone)
	result := <-results
	if result.Exit.Reason != ReasonClientGone || result.Sealed != nil {
		t.Errorf("ended with %+v", result)
	}
	data, events := f.connections(t)
	masked := "AKIA" + strings.Repeat("*", len(secret)-4)
	want := map[string]string{
		"forward-in 1": "to 80 with " + masked + " and more AKIAEN", "forward-out 1": "TO 80 WITH " + masked + " AND MORE AKIAEN",
		"forward-in 2": "to 5432 with " + masked + " and more AKIAEN", "forward-out 2": "TO 5432 WITH " + masked + " AND MORE AKIAEN",
	}
	if diff := cmp.Diff(want, data); diff != "" {
		t.Errorf("recorded (-want +got): %s", diff)
	}
	for _, event := range []string{
		`1 {"event":"opened","port":80}`, `1 {"event":"closed","port":80}`, `2 {"event":"opened","port":5432}`, `2 {"event":"closed","port":5432}`,
	} {
		if !strings.Contains(strings.Join(events, "\n"), event) {
			t.Errorf("no event %s in %q", event, events)
		}
	}
}

func TestWhatTheNodeSaysReachesTheClientAndTheRecordMasked(t *testing.T) {
	f := newForward(t, func(uint16, *wirePipe) string { return "refused by " + secret })
	ctx, leave := context.WithCancel(t.Context())
	results := f.run(ctx)
	_, told := f.connect(1, 80)
	want := "refused by AKIA" + strings.Repeat("*", len(secret)-4)
	if why := <-told; why != want {
		t.Errorf("told %q", why)
	}
	leave()
	<-results
	if _, events := f.connections(t); len(events) != 2 || !strings.Contains(events[1], want) {
		t.Errorf("events %q", events)
	}
}

func TestAPortThatCannotBeReachedIsTold(t *testing.T) {
	f := newForward(t, nil)
	ctx, leave := context.WithCancel(t.Context())
	results := f.run(ctx)
	c, told := f.connect(1, 80)
	go c.CloseWrite()
	if why := <-told; !strings.Contains(why, "could not be opened") {
		t.Errorf("told %q", why)
	}
	leave()
	<-results
}

// parrot answers at once, for as long as it is let.
func parrot(_ uint16, c *wirePipe) string {
	_, _ = io.Copy(c, c)
	return ""
}

func TestForwardEnds(t *testing.T) {
	tests := map[string]struct {
		end    func(f *forwardFixture, end context.CancelCauseFunc)
		reason string
		told   string
	}{
		"if the grant's time is over, then every connection is told": {
			func(*forwardFixture, context.CancelCauseFunc) {}, ReasonExpired, "sallyport: grant shop/g has expired",
		},
		"if the grant is revoked, then every connection is told": {
			func(_ *forwardFixture, end context.CancelCauseFunc) {
				end(Revoked(authorizer.GrantRef{Namespace: "shop", Name: "g"}))
			}, ReasonRevoked, "sallyport: grant shop/g was revoked",
		},
		"if the pod goes, then every connection is told": {
			func(_ *forwardFixture, end context.CancelCauseFunc) { end(PodGone("shop", "web")) }, ReasonPodGone, "sallyport: pod shop/web is being deleted",
		},
		"if somebody deletes the session, then every connection is told": {
			func(_ *forwardFixture, end context.CancelCauseFunc) { end(Deleted()) }, ReasonDeleted, "sallyport: somebody ended the session",
		},
		"if the API server is lost, then every connection is told": {
			func(f *forwardFixture, _ context.CancelCauseFunc) { close(f.lost) }, ReasonConnectionLost, "sallyport: the connection to the container was lost",
		},
		"if the client breaks the protocol, then the session ends": {
			func(_ *forwardFixture, end context.CancelCauseFunc) { end(streaming.ErrProtocol) }, ReasonProtocol, "sallyport: the client broke",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f := newForward(t, parrot)
			f.Forward.Session.Left = time.Hour
			if tc.reason == ReasonExpired {
				f.Forward.Session.Left = 300 * time.Millisecond
			}
			ctx, end := context.WithCancelCause(t.Context())
			defer end(nil)
			results := f.run(ctx)
			var told []<-chan string
			for id := range uint64(3) {
				c, texts := f.connect(id+1, 80)
				told = append(told, texts)
				if _, err := io.WriteString(c, "before"); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(c, make([]byte, len("before"))); err != nil {
					t.Fatal(err)
				}
			}
			tc.end(f, end)
			for _, texts := range told {
				select {
				case why := <-texts:
					if !strings.HasPrefix(why, tc.told) {
						t.Errorf("told %q", why)
					}
				case <-time.After(time.Second):
					t.Error("a connection lives a second after the end")
				}
			}
			if result := <-results; result.Exit.Reason != tc.reason || result.Sealed != nil {
				t.Errorf("ended with %+v", result)
			}
			data, events := f.connections(t)
			if len(events) != 6 || data["forward-in 2"] != "before" || data["forward-out 3"] != "before" {
				t.Errorf("recorded %q, events %q", data, events)
			}
		})
	}
}

func TestNothingIsForwardedUnrecorded(t *testing.T) {
	reached := make(chan string, 1)
	f := newForward(t, func(_ uint16, c *wirePipe) string {
		all, _ := io.ReadAll(c)
		reached <- string(all)
		return ""
	})
	results := f.run(t.Context())
	c, told := f.connect(1, 80)
	f.journal.fail(syscall.ENOSPC)
	go func() { _, _ = io.WriteString(c, "never recorded") }()
	if why := <-told; !strings.Contains(why, "no space left on device; no session without a recording") {
		t.Errorf("told %q", why)
	}
	if got := <-reached; got != "" {
		t.Errorf("%q reached the pod", got)
	}
	if result := <-results; result.Exit.Reason != ReasonRecordingFailed || result.Sealed == nil {
		t.Errorf("ended with %+v", result)
	}
}

func TestAfterTheEndNothingIsForwarded(t *testing.T) {
	f := newForward(t, parrot)
	d := &direction{recorder: f.Forward.Recorder, id: 1, stream: recording.ForwardIn, masker: newRules(f.Forward.Rules).masker()}
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
	var to strings.Builder
	if err := d.copy(&to, strings.NewReader("late")); !errors.Is(err, errOver) || to.Len() > 0 {
		t.Errorf("passed %q, %v", to.String(), err)
	}
}

func TestAPanicInAConnectionEndsItsSessionOnly(t *testing.T) {
	f := newForward(t, nil)
	f.Dial = func(uint64, uint16) (streaming.Remote, error) {
		return streaming.Remote{Pipe: &wirePipe{Reader: panicking{}, Writer: io.Discard, closeWrite: func() {}, reset: func() {}}}, nil
	}
	results := f.run(t.Context())
	f.connect(1, 80)
	if result := <-results; result.Exit.Reason != ReasonInternal || result.Sealed == nil {
		t.Errorf("ended with %+v", result)
	}
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("a bug") }

func TestForwardLeavesNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 5 {
		f := newForward(t, parrot)
		ctx, leave := context.WithCancel(t.Context())
		results := f.run(ctx)
		for id := range uint64(4) {
			c, _ := f.connect(id+1, 80)
			_, _ = io.WriteString(c, "x")
		}
		leave()
		<-results
	}
	for deadline := time.Now().Add(30 * time.Second); runtime.NumGoroutine() > before+2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
		}
	}
}
