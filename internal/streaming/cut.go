package streaming

import (
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// cutter ends a network connection after a time.
type cutter struct {
	conn net.Conn

	mu    sync.Mutex
	timer *time.Timer
}

// in cuts the connection after d. A later call replaces an earlier one that has not cut yet.
func (c *cutter) in(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil && !c.timer.Stop() {
		return
	}
	c.timer = time.AfterFunc(d, c.now)
}

// now cuts. A deadline in the past fails a blocked write at once, which Close alone would wait for over TLS.
func (c *cutter) now() {
	_ = c.conn.SetDeadline(time.Unix(1, 0))
	_ = c.conn.Close()
}

// stop keeps the connection's timer from outliving it.
func (c *cutter) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
}

// network returns what lies below TLS and corks: closing it ends what waits for a client that does not read, while TLS
// would first say good-bye behind it.
func network(conn net.Conn) net.Conn {
	for {
		switch c := conn.(type) {
		case *corkable:
			conn = c.Conn
		case *tls.Conn:
			conn = c.NetConn()
		default:
			return conn
		}
	}
}
