package session

import (
	"errors"
	"io"
	"sync"

	"github.com/sallyport-dev/sallyport/internal/recording"
)

// input carries stdin from the person to the container. The record of it is masked; what goes on is not altered. The
// person's side goes on while a piece is recorded, as long as the queue has room.
type input struct {
	recorder *recording.Recorder
	from     io.Reader
	fail     func(error)
	typed    *typed
	queue    *ahead

	mu    sync.Mutex
	piece []byte // may pass, and is not yet read; in the queue
	err   error  // a panic
}

func (i *input) start() { i.queue = readAhead(i.from, i.panicked) }

// Read returns bytes whose record, or number, is durable. A panic in it ends this session and no other: the target reads in
// a goroutine of its own.
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
		i.typed.trim()
	}
	return n, nil
}

// unread is what may pass and is not read; it waits for a piece, and records it, if there is nothing.
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
	if err = i.typed.write(piece); err == nil {
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
		err = i.typed.write(piece)
		i.queue.taken(len(piece))
	}
	if err = errors.Join(err, i.typed.end()); err != nil {
		i.fail(recordingFailed(err))
	}
	return err
}
