package session

import (
	"errors"
	"fmt"
	"io"
	"sync"

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
func (o *output) Write(p []byte) (int, error) { return o.queue.Write(p) }

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

// input carries stdin from the person to the container. The record of it is masked; what goes on is not altered. The
// person's side goes on while a piece is recorded, as long as the queue has room.
//
// BUG(session): the masker's tail, bytes that may still become a secret, is in the container before it is in the record:
// holding it back would stop people's typing. It is recorded with the next bytes, or at the end.
type input struct {
	recorder *recording.Recorder
	from     io.Reader
	fail     func(error)
	queue    *ahead

	mu     sync.Mutex
	masker *mask.Stream
	piece  []byte // recorded, and not yet read, in the queue
	err    error  // a panic
}

func (i *input) start() { i.queue = readAhead(i.from, i.panicked) }

// Read returns bytes whose record is durable. A panic in it ends this session and no other: the target reads in a
// goroutine of its own.
func (i *input) Read(p []byte) (n int, err error) {
	defer func() {
		if p := recover(); p != nil {
			n, err = 0, i.panicked(p)
			i.queue.stop()
		}
	}()
	piece, err := i.unread()
	if err != nil {
		return 0, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.queue.stopped.Load() {
		return 0, io.EOF
	}
	n = copy(p, piece)
	i.piece = i.piece[n:]
	if i.queue.taken(n) {
		i.masker.Trim()
	}
	return n, nil
}

// unread is what is recorded and not read; it waits for a piece, and records it, if there is nothing.
func (i *input) unread() ([]byte, error) {
	i.mu.Lock()
	piece := i.piece
	i.mu.Unlock()
	if len(piece) > 0 {
		return piece, nil
	}
	piece, err := i.queue.next()
	if err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.queue.stopped.Load() {
		return nil, io.EOF
	}
	if err = record(i.recorder, recording.Stdin, i.masker.Write(piece)); err == nil {
		err = i.recorder.Commit()
	}
	if err != nil {
		i.queue.taken(len(piece)) // what of it is recorded is recorded once
		i.fail(recordingFailed(err))
		return nil, err
	}
	i.piece = piece
	return piece, nil
}

func (i *input) panicked(p any) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.err = caughtPanic("passing stdin on", p)
	i.fail(i.err)
	return i.err
}

func (i *input) close() error {
	i.queue.stop()
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err != nil {
		return i.err
	}
	if len(i.piece) > 0 {
		i.queue.taken(len(i.piece))
	}
	// The person sent it, and it did not get further.
	var err error
	for err == nil {
		piece, end := i.queue.next()
		if end != nil {
			break
		}
		err = record(i.recorder, recording.Stdin, i.masker.Write(piece))
		i.queue.taken(len(piece))
	}
	if err = errors.Join(err, record(i.recorder, recording.Stdin, i.masker.Flush())); err != nil {
		i.fail(recordingFailed(err))
	}
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
