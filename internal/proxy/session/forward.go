package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/streaming"
)

const (
	// forwardBytes is the most that one direction of a connection passes on at once.
	forwardBytes = 32 << 10
	// afterEnd is how long the two ends of a connection may take to agree that it is over.
	afterEnd = time.Second
)

// Forward is a session that carries connections to the ports of a pod.
//
// Every byte of each is recorded, masked, and passed on unaltered once the record is durable: what speaks over a port is a program, which
// an altered byte would break. Who was told why a connection ended is recorded too. The session lasts until the client
// leaves, or what ends any session does; then every connection ends, and the client is told why on each that is open.
//
// Bytes that may still become a secret pass at once, too: their number is durable then, and they are recorded once it is
// known what they are.
type Forward struct {
	Session // Target is not used

	// Dial opens a connection to a port of the pod; see streaming.Forwarding.
	Dial func(id uint64, port uint16) (streaming.Remote, error)
	// Lost is closed when no connection can live any more.
	Lost <-chan bool
}

// Run carries the client's connections to the session's end.
func (f *Forward) Run(ctx context.Context, client streaming.Client) Result {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	f.rules() // which the session below shares
	s := f.Session
	s.Target = func(ctx context.Context, _ streaming.Streams) error { return f.carry(ctx, client.Forwards, end) }
	return s.Run(ctx, streaming.Client{Cut: client.Cut})
}

func (f *Forward) carry(ctx context.Context, forwards <-chan streaming.Forward, end func(error)) error {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		select {
		case c := <-forwards:
			all.Go(func() { f.connection(ctx, c, end) })
		case <-f.Lost:
			end(connectionLost())
			return connectionLost()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// connection carries one connection. A panic in it ends this session and no other.
func (f *Forward) connection(ctx context.Context, c streaming.Forward, end func(error)) {
	defer c.Reset()
	defer func() {
		if p := recover(); p != nil {
			end(caughtPanic("forwarding", p))
		}
	}()
	if err := f.Recorder.ForwardEvent(c.ID, recording.ForwardEvent{Event: recording.ForwardOpened, Port: c.Port}); err != nil {
		end(recordingFailed(err))
		return
	}
	why, unread, err := f.exchange(ctx, &c, end)
	if err == nil {
		err = f.Recorder.ForwardEvent(c.ID, recording.ForwardEvent{Event: recording.ForwardClosed, Port: c.Port, Message: why})
	}
	if err != nil {
		end(recordingFailed(err))
	}
	c.End(why)
	// A client that has read its end closes its own side. What it sends until then is read, so that nothing of it stands in
	// the way of other connections.
	select {
	case <-unread:
	case <-ctx.Done():
	case <-time.After(afterEnd):
	}
}

// exchange copies both ways until the connection is over, and returns what the client is told, and what is closed when the
// client's side has ended, too. Its error is one of the recording.
func (f *Forward) exchange(ctx context.Context, c *streaming.Forward, end func(error)) (string, <-chan struct{}, error) {
	unread := make(chan struct{})
	pod, err := f.dial(ctx, c, end)
	if err != nil {
		go func() {
			defer close(unread)
			_, _ = io.Copy(io.Discard, c)
		}()
		return f.why(ctx, "sallyport: the connection to the pod could not be opened"), unread, nil
	}
	defer pod.Reset()
	in := &direction{recorder: f.Recorder, id: c.ID, stream: recording.ForwardIn, masker: f.rules().masker()}
	out := &direction{recorder: f.Recorder, id: c.ID, stream: recording.ForwardOut, masker: f.rules().masker()}
	over := make(chan struct{}, 2)
	f.pass(in, pod, c, end, func(err error) {
		defer close(unread)
		if err == nil {
			err = pod.CloseWrite() // the pod may still have an answer
		}
		if err != nil {
			over <- struct{}{}
			_, _ = io.Copy(io.Discard, c)
		}
	})
	f.pass(out, c, pod, end, func(error) { over <- struct{}{} })
	why := ""
	select {
	case <-over:
		why = f.failure(ctx, pod)
	case <-ctx.Done():
	}
	// After this nothing passes either way.
	err = errors.Join(in.close(), out.close())
	return f.why(ctx, why), unread, err
}

// dial does not wait for a pod longer than the session lasts.
func (f *Forward) dial(ctx context.Context, c *streaming.Forward, end func(error)) (streaming.Remote, error) {
	type answer struct {
		remote streaming.Remote
		err    error
	}
	answers := make(chan answer, 1)
	go func() {
		var a answer
		defer func() {
			if p := recover(); p != nil {
				a.err = caughtPanic("dialling", p)
				end(a.err)
			}
			answers <- a // after the session's end nobody takes it, and it ends with all the others
		}()
		a.remote, a.err = f.Dial(c.ID, c.Port)
	}()
	select {
	case a := <-answers:
		return a.remote, a.err
	case <-ctx.Done():
		return streaming.Remote{}, context.Cause(ctx)
	}
}

// pass copies in the background, and then calls over; without an error if the end was that of from.
func (f *Forward) pass(d *direction, to io.Writer, from io.Reader, end func(error), over func(error)) {
	go func() {
		var err error
		defer func() {
			if p := recover(); p != nil {
				err = caughtPanic("forwarding", p)
				end(err)
			}
			over(err)
		}()
		if err = d.copy(to, from); errors.Is(err, errNotRecorded) {
			end(recordingFailed(err))
		}
	}()
}

// failure is what the node says about the end. It quotes nothing that passed, but may quote what it was asked.
func (f *Forward) failure(ctx context.Context, pod streaming.Remote) string {
	select {
	case text := <-pod.Failure:
		return f.rules().text(text)
	case <-ctx.Done():
	case <-time.After(afterEnd):
	}
	return ""
}

// why prefers the session's end to what that led to.
func (f *Forward) why(ctx context.Context, otherwise string) string {
	if ctx.Err() == nil {
		return otherwise
	}
	return "sallyport: " + endOf(context.Cause(ctx)).Text
}

var (
	errNotRecorded = errors.New("not recorded")
	errOver        = errors.New("the connection is over")
)

// direction is one half of a connection.
type direction struct {
	recorder *recording.Recorder
	id       uint64
	stream   recording.Stream

	mu     sync.Mutex
	masker *masker
	ahead  int // bytes that were taken and are not recorded
	closed bool
}

// copy passes on what is recorded, until from ends, which is no error.
func (d *direction) copy(to io.Writer, from io.Reader) error {
	buffer := make([]byte, forwardBytes)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if err := d.record(buffer[:n]); err != nil {
				return err
			}
			if err := d.recorder.Commit(); err != nil {
				return fmt.Errorf("%w: %s: %w", errNotRecorded, d.stream, err)
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return fmt.Errorf("passing %s on: %w", d.stream, err)
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading %s: %w", d.stream, err)
		}
	}
}

func (d *direction) record(p []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errOver
	}
	if err := d.recorder.Err(); err != nil {
		return fmt.Errorf("%w: %s: %w", errNotRecorded, d.stream, err) // it would be recorded, and not pass
	}
	d.ahead += len(p)
	if err := d.put(d.masker.Write(p)); err != nil {
		return err
	}
	d.recorder.AheadForward(d.id, d.stream, d.ahead)
	return nil
}

// close records what the masker holds. Nothing is recorded after it, and so nothing passes.
func (d *direction) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	return d.put(d.masker.Flush())
}

func (d *direction) put(out mask.Output) error {
	if len(out.Record) == 0 && len(out.Hits) == 0 {
		return nil
	}
	if err := d.recorder.RecordForward(d.id, d.stream, out.Record, out.Hits...); err != nil {
		return fmt.Errorf("%w: %s: %w", errNotRecorded, d.stream, err)
	}
	d.ahead -= len(out.Record)
	return nil
}
