package streaming

import (
	"crypto/tls"
	"fmt"
	"net"
	"sync"
)

// corkBytes is room for one message, with what TLS adds.
const corkBytes = 68 << 10

var corkBuffers = sync.Pool{New: func() any { return new([corkBytes]byte) }}

// corkable is a network connection that can gather what is written to it: TLS and SPDY write a message in many parts,
// each of which would cost a system call, a packet, and as much again at everyone behind.
type corkable struct {
	net.Conn

	mu     sync.Mutex
	buffer *[corkBytes]byte // nil unless corked
	n      int
}

// Listener makes the connections of l gather the parts of a session's messages. Give it to http.Server.ServeTLS.
func Listener(l net.Listener) net.Listener { return corkListener{l} }

type corkListener struct{ net.Listener }

func (l corkListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err //nolint:wrapcheck // http.Server looks at it
	}
	return &corkable{Conn: conn}, nil
}

func (c *corkable) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.buffer == nil {
		return c.Conn.Write(p) //nolint:wrapcheck // it is a net.Conn
	}
	if len(p) > corkBytes-c.n {
		if err := c.flush(); err != nil {
			return 0, err
		}
	}
	if len(p) > corkBytes {
		return c.Conn.Write(p) //nolint:wrapcheck // it is a net.Conn
	}
	c.n += copy(c.buffer[c.n:], p)
	return len(p), nil
}

func (c *corkable) cork() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.buffer == nil {
		c.buffer, _ = corkBuffers.Get().(*[corkBytes]byte)
	}
}

// uncork sends what was gathered.
func (c *corkable) uncork() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.buffer == nil {
		return nil
	}
	err := c.flush()
	corkBuffers.Put(c.buffer)
	c.buffer = nil
	return err
}

func (c *corkable) flush() error {
	if c.n == 0 {
		return nil
	}
	_, err := c.Conn.Write(c.buffer[:c.n])
	c.n = 0
	return err //nolint:wrapcheck // it is a net.Conn
}

// corks are those of one connection, the innermost first.
type corks []*corkable

// corksOf finds them under a connection; there are none where Listener did not make it.
func corksOf(conn net.Conn) corks {
	var found corks
	for conn != nil {
		switch c := conn.(type) {
		case *corkable:
			found = append(corks{c}, found...)
			conn = c.Conn
		case *tls.Conn:
			conn = c.NetConn()
		default:
			return found
		}
	}
	return found
}

// together makes everything that write writes one write to the network. Only one call may be under way at a time.
func (c corks) together(write func() error) error {
	for _, one := range c {
		one.cork()
	}
	err := write()
	for i := range c {
		if failed := c[len(c)-1-i].uncork(); err == nil && failed != nil {
			err = fmt.Errorf("writing to the client: %w", failed)
		}
	}
	return err
}
