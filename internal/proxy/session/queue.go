package session

import (
	"io"
	"sync"

	"github.com/sallyport-dev/sallyport/internal/streaming"
)

const (
	// pieceBytes is the most that is masked, recorded and delivered at once: it shares one write to the disk.
	pieceBytes = 8 * streaming.MessageBytes
	// queueBytes bounds what waits.
	queueBytes = 2 * pieceBytes
)

// queues lends memory to streams that are busy, so that an idle session holds none.
var queues = sync.Pool{New: func() any { return new([queueBytes]byte) }}

// queue is a bounded ring of bytes between one writer and one reader. While the reader is busy the writer goes on, and
// what it wrote meanwhile is read as one piece.
type queue struct {
	mu      sync.Mutex
	changed sync.Cond // of L = &mu
	ring    *[queueBytes]byte
	from    int // where the first byte lies
	n       int // bytes that wait
	ended   error
}

func newQueue() *queue {
	q := &queue{}
	q.changed.L = &q.mu
	return q
}

// Write returns once all of p waits to be read, or the queue has ended.
func (q *queue) Write(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	written := 0
	for written < len(p) {
		for q.n == queueBytes && q.ended == nil {
			q.changed.Wait()
		}
		if q.ended != nil {
			return written, q.ended
		}
		if q.ring == nil {
			q.ring, _ = queues.Get().(*[queueBytes]byte)
		}
		at := (q.from + q.n) % queueBytes
		n := copy(q.ring[at:min(queueBytes, at+queueBytes-q.n)], p[written:])
		written += n
		q.n += n
		q.changed.Broadcast()
	}
	return written, nil
}

// next waits for bytes and returns a piece of them, valid until taken is called. After the end it returns what is left,
// and then io.EOF.
func (q *queue) next() ([]byte, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.n == 0 {
		if q.ended != nil {
			return nil, io.EOF
		}
		q.changed.Wait()
	}
	return q.ring[q.from:min(queueBytes, q.from+min(q.n, pieceBytes))], nil
}

// taken makes room for n more bytes, and reports whether nothing waits any more.
func (q *queue) taken(n int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.n -= n
	q.from = (q.from + n) % queueBytes
	if q.n == 0 {
		queues.Put(q.ring)
		q.ring, q.from = nil, 0
	}
	q.changed.Broadcast()
	return q.n == 0
}

// end lets no more in; err is what further writes are told.
func (q *queue) end(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended == nil {
		q.ended = err
	}
	q.changed.Broadcast()
}
