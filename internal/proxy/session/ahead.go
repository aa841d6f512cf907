package session

import (
	"io"
	"sync/atomic"
	"time"
)

// ahead reads what a person sends before the container asks for it, as far as its queue has room.
type ahead struct {
	*queue

	fed   chan struct{}         // closed when no more will come
	cause atomic.Pointer[error] // why from ended

	stopped atomic.Bool // what is here does not get further
}

// readAhead begins. A panic in from is given to panicked, and stops the queue.
func readAhead(from io.Reader, panicked func(any) error) *ahead {
	a := &ahead{queue: newQueue(), fed: make(chan struct{})}
	go a.feed(from, panicked)
	return a
}

func (a *ahead) feed(from io.Reader, panicked func(any) error) {
	defer close(a.fed)
	defer func() {
		if p := recover(); p != nil {
			_ = panicked(p)
			a.stop()
		}
	}()
	_, err := io.Copy(onlyWriter{a.queue}, from)
	if err == nil {
		err = io.EOF
	}
	a.cause.Store(&err)
	a.end(err)
}

// onlyWriter hides whatever else a writer can do from io.Copy.
type onlyWriter struct{ io.Writer }

// next is that of the queue; after the last piece it returns why no more came.
func (a *ahead) next() ([]byte, error) {
	piece, err := a.queue.next()
	if cause := a.cause.Load(); err != nil && cause != nil {
		err = *cause
	}
	return piece, err
}

// stop takes nothing more, and lets nothing more get to the container. It waits for nobody.
func (a *ahead) stop() {
	a.stopped.Store(true)
	a.end(io.ErrClosedPipe)
}

// last waits until everything that a person had sent before they went is here.
func (a *ahead) last() {
	select {
	case <-a.fed:
	case <-time.After(lastTime):
	}
}
