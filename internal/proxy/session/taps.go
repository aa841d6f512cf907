package session

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/sallyport-dev/sallyport/internal/echo"
	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/streaming"
)

// taps are the recorded streams of a session.
type taps struct {
	streams streaming.Streams
	stops   []func() // each lets nothing more in, and waits for nobody
	closers []func() error
	last    func()     // waits for what a person had sent before they went
	archive *unpacking // nil for none
}

func (s *Session) taps(ctx context.Context, client streaming.Client, end func(error)) *taps {
	t := &taps{streams: streaming.Streams{TTY: s.TTY}, last: func() {}}
	in := &typed{recorder: s.Recorder, masker: s.rules().masker()}
	tap := func(name recording.Stream, to io.Writer) io.Writer {
		o := &output{stream: name, recorder: s.Recorder, to: to, filter: &masked{stream: name, recorder: s.Recorder, masker: s.rules().masker()}, fail: end}
		ended := func() error { return nil }
		if s.Archive != nil && s.Archive.Stream == name {
			t.archive = newUnpacking(*s.Archive, s.Recorder, s.rules())
			o.filter, ended = t.archive, t.archive.end
		}
		if in.echo != nil && name == recording.Stdout {
			o.typed = in
		}
		o.start()
		t.stops, t.closers = append(t.stops, o.stop), append(t.closers, o.close, ended)
		return o
	}
	if s.TTY && client.Stdin != nil {
		in.echo = &echo.Judge{}
	}
	if client.Stdout != nil {
		t.streams.Stdout = tap(recording.Stdout, client.Stdout)
	}
	if client.Stderr != nil {
		t.streams.Stderr = tap(recording.Stderr, client.Stderr)
	}
	switch {
	case client.Stdin == nil:
	case s.Archive != nil && s.Archive.Stream == recording.Stdin:
		t.archive = newUnpacking(*s.Archive, s.Recorder, s.rules())
		i := &archiveInput{from: client.Stdin, filter: t.archive, fail: end}
		i.start()
		t.streams.Stdin = i
		t.stops, t.closers = append(t.stops, i.queue.stop), append(t.closers, i.close)
	default:
		i := &input{recorder: s.Recorder, from: client.Stdin, typed: in, fail: end}
		i.start()
		t.last = i.queue.last
		t.streams.Stdin = i
		t.stops, t.closers = append(t.stops, i.queue.stop), append(t.closers, i.close)
	}
	if client.Resize != nil {
		t.streams.Resize = s.recordSizes(ctx, client.Resize, end)
	}
	return t
}

// errCut says that nothing is lost but the end of an archive, which did not come.
var errCut = errors.New("the archive ends without its end mark")

// stop lets nothing more pass in either direction but the output that waits already, however long that does.
func (t *taps) stop() {
	for _, stop := range t.stops {
		stop()
	}
}

// close waits until nothing passes any more, and records the rest.
func (t *taps) close() error {
	var errs []error
	for _, c := range t.closers {
		errs = append(errs, c())
	}
	err := errors.Join(errs...)
	if err == nil && t.archive != nil && t.archive.cut() {
		return errCut
	}
	return err
}

// output carries one stream from the container to the person: masked, recorded, and delivered once the record is durable.
// The container's side goes on while a piece is delivered, as long as the queue has room.
//
// BUG(session): stdout and stderr wait apart. What the container wrote to one can be recorded, and seen, before what it
// wrote to the other a moment earlier.
type output struct {
	stream   recording.Stream
	recorder *recording.Recorder
	to       io.Writer
	fail     func(error)
	filter   filter
	typed    *typed // whose echo it holds; nil for none

	queue, ready         *queue        // what waits to be recorded; what is durable and waits to be delivered
	recorded, delivered  chan struct{} // closed when nothing will be any more
	unrecorded, unpassed error         // why bytes were lost, if any were; set before these are closed
}

func (o *output) start() {
	o.queue, o.ready = newQueue(), newQueue()
	o.recorded, o.delivered = make(chan struct{}), make(chan struct{})
	go o.record()
	go o.deliver()
}

// Write returns once p waits to pass, which is no promise that it will.
func (o *output) Write(p []byte) (int, error) {
	if o.typed != nil {
		if err := o.echo(p); err != nil {
			return 0, err
		}
	}
	return o.queue.Write(p)
}

// echo tells the record of the input what the terminal shows. A panic in it ends this session and no other.
func (o *output) echo(p []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = o.panicked(p)
			o.queue.end(err)
		}
	}()
	if err = o.typed.printed(p); err != nil {
		o.fail(recordingFailed(err))
	}
	return err
}

func (o *output) stop() { o.queue.end(io.ErrClosedPipe) }

// close lets out what waits and what the filter holds, and nothing after it. It returns why bytes were lost, if any were.
func (o *output) close() error {
	o.stop()
	<-o.recorded
	<-o.delivered
	if o.unpassed != nil {
		return o.unpassed
	}
	return o.unrecorded
}

// record filters and records pieces until the end, and lets pass what is durable.
func (o *output) record() {
	defer close(o.recorded)
	defer o.ready.end(io.EOF)
	defer func() {
		if p := recover(); p != nil {
			o.unrecorded = o.panicked(p)
			o.queue.end(o.unrecorded)
		}
	}()
	for {
		piece, err := o.queue.next()
		if errors.Is(err, io.EOF) {
			o.unrecorded = o.pass(o.filter.flush())
			return
		}
		if o.unrecorded = o.pass(o.filter.write(piece)); o.unrecorded != nil {
			o.queue.end(o.unrecorded)
			return
		}
		if o.queue.taken(len(piece)) {
			o.filter.trim()
		}
	}
}

func (o *output) pass(free []byte, why error) error {
	if len(free) > 0 {
		if err := o.recorder.Commit(); err != nil {
			o.fail(recordingFailed(err))
			return fmt.Errorf("recording %s: %w", o.stream, err)
		}
		if _, err := o.ready.Write(free); err != nil {
			return err
		}
	}
	if why != nil {
		o.fail(endBy(why))
	}
	return why
}

// deliver gives the person what is durable, until the end. The next piece becomes so meanwhile.
func (o *output) deliver() {
	defer close(o.delivered)
	defer func() {
		if p := recover(); p != nil {
			o.unpassed = o.panicked(p)
			o.ready.end(o.unpassed)
		}
	}()
	for {
		piece, err := o.ready.next()
		if err != nil {
			return
		}
		if _, o.unpassed = o.to.Write(piece); o.unpassed != nil {
			o.fail(clientGone())
			o.ready.end(o.unpassed)
			return
		}
		o.ready.taken(len(piece))
	}
}

// panicked makes a panic end this session, and no other.
func (o *output) panicked(p any) error {
	err := caughtPanic("passing "+string(o.stream)+" on", p)
	o.fail(err)
	return err
}

func record(r *recording.Recorder, stream recording.Stream, out mask.Output) error {
	if len(out.Record) == 0 && len(out.Hits) == 0 {
		return nil
	}
	if err := r.Record(stream, out.Record, out.Hits...); err != nil {
		return fmt.Errorf("recording %s: %w", stream, err)
	}
	return nil
}
