package streaming

import (
	"errors"
	"io"
	"sync"
)

// pipe is what io.Pipe is, for one writer and one reader, and hands what was written on where it lies (WriteTo): who waits
// for a quiet person needs no buffer.
type pipe struct {
	written chan []byte
	taken   chan int // how much of it; one for each of written

	once  sync.Once
	ended chan struct{} // closed after err is set
	err   error
}

func newPipe() *pipe {
	return &pipe{written: make(chan []byte), taken: make(chan int), ended: make(chan struct{})}
}

// Write returns once p was taken, or the pipe has ended. It is done with p then.
func (p *pipe) Write(b []byte) (int, error) {
	sent := 0
	for sent < len(b) {
		if err := p.over(); err != nil {
			return sent, err
		}
		select {
		case p.written <- b[sent:]:
			sent += <-p.taken
		case <-p.ended:
		}
	}
	return sent, nil
}

// take waits for what is written, and gives it to use, which says how many bytes it took.
func (p *pipe) take(use func([]byte) (int, error)) (int, error) {
	if err := p.over(); err != nil {
		return 0, err
	}
	select {
	case b := <-p.written:
		n := 0
		defer func() { p.taken <- n }()
		var err error
		n, err = use(b)
		return n, err
	case <-p.ended:
		return 0, p.err
	}
}

func (p *pipe) Read(b []byte) (int, error) {
	return p.take(func(written []byte) (int, error) { return copy(b, written), nil })
}

func (p *pipe) WriteTo(w io.Writer) (int64, error) {
	total := int64(0)
	for {
		n, err := p.take(w.Write)
		total += int64(n)
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err //nolint:wrapcheck // the reader's or the writer's own
		}
	}
}

// end ends the pipe for both sides; the first error stays.
func (p *pipe) end(err error) {
	p.once.Do(func() {
		p.err = err
		close(p.ended)
	})
}

func (p *pipe) over() error {
	select {
	case <-p.ended:
		return p.err
	default:
		return nil
	}
}
