package session

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/streaming"
)

const (
	// leaveTime is how long a process may take to end after its input has.
	leaveTime = time.Second
	// killTime bounds what is done to end one that has not.
	killTime = 10 * time.Second
)

const noStatus = "its connection ended without an exit status"

// leftover is the container's leg of a session that is over. Its exit status, which comes from the node and not from the
// container, is the one proof that the process has ended; while there is none, it goes on, or what it started holds its
// streams. The zero value is a leg that has ended.
type leftover struct {
	gone   <-chan struct{} // closed when it has ended, after err is set
	err    *error
	hangUp context.CancelFunc
}

func leave(over <-chan error, hangUp context.CancelFunc) leftover {
	gone := make(chan struct{})
	l := leftover{gone, new(error), hangUp}
	go func() {
		*l.err = <-over
		close(gone)
	}()
	return l
}

// follow finds out what has become of the process, ends it if the grant says so, and tells the person. Nothing passes any
// more: to the process its input has ended, and its output is dropped.
func (s *Session) follow(ctx context.Context, client streaming.Client, exit *recording.Exit, left leftover) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killTime)
	defer cancel()
	client.Cut(leaveTime + killTime + leaveTime + farewellTime)
	switch {
	case left.gone == nil && exit.Process == recording.ProcessUnknown:
		exit.Detail = noStatus
	case left.gone == nil:
	case s.Started():
		defer left.hangUp()
		left.wait(exit, leaveTime)
	default:
		left.hangUp()
		left.wait(exit, leaveTime)
		if exit.Process != recording.ProcessExited {
			exit.Process, exit.Detail = recording.ProcessUnknown, "the container had not answered yet"
		}
	}
	if exit.Process == recording.ProcessExited {
		return
	}
	if s.Kill != nil && s.Started() {
		exit.Detail = s.kill(ctx, left.gone)
		if exit.Process == recording.ProcessRunning {
			left.wait(exit, leaveTime)
			exit.Killed = exit.Process == recording.ProcessExited
		}
	}
	s.say(client, exit.ProcessWords())
}

func (s *Session) kill(ctx context.Context, gone <-chan struct{}) string {
	did := make(chan string, 1)
	go func() {
		defer func() {
			if recover() != nil {
				did <- "killing it failed inside the gateway"
			}
		}()
		did <- s.Kill(ctx, gone)
	}()
	select {
	case what := <-did:
		return what
	case <-ctx.Done():
		return "killing it took too long"
	}
}

// wait sets what the leg says until then.
func (l leftover) wait(exit *recording.Exit, limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-l.gone:
		var code streaming.ExitError
		if *l.err == nil || errors.As(*l.err, &code) {
			exit.Code, exit.Process = new(code.Code), recording.ProcessExited
		} else {
			exit.Process, exit.Detail = recording.ProcessUnknown, noStatus
		}
	case <-timer.C:
		exit.Process = recording.ProcessRunning
	}
}

// outlast lets the container's leg go on when ctx has ended and nothing is taken any more.
func (t *taps) outlast(ctx context.Context) {
	if t.streams.Stdout != nil {
		t.streams.Stdout = outlasting{t.streams.Stdout, ctx}
	}
	if t.streams.Stderr != nil {
		t.streams.Stderr = outlasting{t.streams.Stderr, ctx}
	}
}

type outlasting struct {
	io.Writer

	session context.Context //nolint:containedctx // the interface has no room for it
}

func (o outlasting) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	select {
	case <-o.session.Done():
		return len(p), nil
	default:
		return n, err
	}
}
