package streaming

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/streaming/pkg/httpstream"
)

const (
	// MaxForwards bounds the connections that one client has open, halves of them included.
	MaxForwards = 100
	// maxRequestID bounds a client's name for one of them.
	maxRequestID = 64
)

// pairs joins the two streams of each forwarded connection: one for data, one for what goes wrong.
type pairs struct {
	ready chan Forward // has room for all, so that add never blocks
	send  sender
	told  atomic.Bool

	mu   sync.Mutex
	conn httpstream.Connection
	open map[string]*pair // by the client's name for it
	last uint64
}

type pair struct {
	all     *pairs
	name    string
	port    uint16
	waiting *time.Timer // for the other stream
	data    httpstream.Stream
	failure httpstream.Stream
	reset   sync.Once
}

func newPairs() *pairs {
	return &pairs{ready: make(chan Forward, MaxForwards), open: map[string]*pair{}}
}

// serve tells the connection that the streams are of.
func (s *pairs) serve(conn httpstream.Connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = conn
}

// add takes a stream, or refuses it, which resets it. Like the collector's it must not block.
func (s *pairs) add(stream httpstream.Stream, _ <-chan struct{}) error {
	kind, name, port, err := forwardHeaders(stream.Headers())
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.open[name]
	if p == nil {
		if len(s.open) == MaxForwards {
			return fmt.Errorf("more than %d connections are forwarded at once", MaxForwards)
		}
		p = &pair{all: s, name: name, port: port}
		p.waiting = time.AfterFunc(createTimeout, p.Reset)
		s.open[name] = p
	}
	half := &p.data
	if kind == corev1.StreamTypeError {
		half = &p.failure
	}
	if p.port != port || *half != nil {
		return errors.New("two streams of one kind, or for two ports, have one request ID")
	}
	*half = stream
	if p.data != nil && p.failure != nil && p.waiting.Stop() {
		s.last++
		s.ready <- Forward{Pipe: p, ID: s.last, Port: port, End: p.end}
	}
	return nil
}

// forwardHeaders reads what a stream is. What is missing, given twice or malformed is an error.
func forwardHeaders(h http.Header) (kind, name string, port uint16, err error) {
	for _, key := range []string{corev1.StreamType, corev1.PortHeader, corev1.PortForwardRequestIDHeader} {
		if len(h.Values(key)) != 1 {
			return "", "", 0, fmt.Errorf("a stream with %d headers %q", len(h.Values(key)), key)
		}
	}
	kind, name = h.Get(corev1.StreamType), h.Get(corev1.PortForwardRequestIDHeader)
	number, err := strconv.ParseUint(h.Get(corev1.PortHeader), 10, 16)
	switch {
	case err != nil || number == 0:
		return "", "", 0, errors.New("a stream for a port that is none")
	case kind != corev1.StreamTypeData && kind != corev1.StreamTypeError:
		return "", "", 0, errors.New("a stream that is neither data nor error")
	case name == "" || len(name) > maxRequestID:
		return "", "", 0, fmt.Errorf("a request ID of %d bytes", len(name))
	}
	return kind, name, uint16(number), nil
}

// stop lets no timer outlive the connection.
func (s *pairs) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.open {
		p.waiting.Stop()
	}
}

func (p *pair) Read(b []byte) (int, error)  { return p.data.Read(b) }
func (p *pair) Write(b []byte) (int, error) { return p.all.send.write(p.data, b) }
func (p *pair) CloseWrite() error           { return p.data.Close() }

func (p *pair) end(why string) {
	if why != "" {
		p.all.told.Store(true)
		_, _ = p.all.send.write(p.failure, []byte(why)) // a client that has left is not told
	}
	_ = p.failure.Close()
	_ = p.data.Close()
}

// Reset also makes room for another connection.
func (p *pair) Reset() {
	p.reset.Do(func() {
		s := p.all
		s.mu.Lock()
		delete(s.open, p.name)
		conn, halves := s.conn, []httpstream.Stream{p.data, p.failure}
		s.mu.Unlock()
		for _, half := range halves {
			if half == nil {
				continue
			}
			_ = half.Reset()
			if conn != nil {
				conn.RemoveStreams(half)
			}
		}
	})
}
