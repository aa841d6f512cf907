package streaming

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/gorilla/websocket"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	constants "k8s.io/apimachinery/pkg/util/portforward"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// tellTime is how long a client may take to read why its connections ended.
const tellTime = time.Second

// Pipe is the data of one forwarded connection, as one of its ends sees it.
type Pipe interface {
	// Read ends with io.EOF when the far end half-closes or is gone.
	io.ReadWriter
	// CloseWrite half-closes.
	CloseWrite() error
	// Reset ends both directions at once, and whatever is blocked in them. It may be called more than once.
	Reset()
}

// Forward is one connection that a client wants to a port of the pod. It is to be reset at last.
type Forward struct {
	Pipe

	// ID counts the connections of a client, from 1.
	ID   uint64
	Port uint16
	// End ends the data to the client, and tells it why unless that is empty.
	End func(why string)
}

// ServeForward upgrades the connection of r to a client's port-forward, and runs h on it. Its errors are those of Serve.
func ServeForward(w http.ResponseWriter, r *http.Request, h Handler) error {
	l, err := acceptForward(w, r)
	if err != nil {
		return err
	}
	run(r, l, h)
	return nil
}

// forwardLeg is one accepted client, whatever carries its SPDY.
type forwardLeg struct {
	conn  httpstream.Connection
	limit *frameLimit
	cut   *cutter
	pairs *pairs
	done  chan struct{}
}

func acceptForward(w http.ResponseWriter, r *http.Request) (leg, error) {
	var l *forwardLeg
	var err error
	switch {
	case websocket.IsWebSocketUpgrade(r):
		l, err = tunnelForward(w, r)
	case strings.EqualFold(r.Header.Get("Upgrade"), spdy.HeaderSpdy31):
		l, err = spdyForward(w, r)
	default:
		return nil, refuseUpgrade(w, r)
	}
	if err != nil {
		return nil, err
	}
	l.pairs.serve(l.conn)
	go func() {
		<-l.conn.CloseChan()
		close(l.done)
	}()
	return l, nil
}

func spdyForward(w http.ResponseWriter, r *http.Request) (*forwardLeg, error) {
	if _, err := httpstream.Handshake(r, w, []string{constants.PortForwardV1Name}); err != nil {
		return nil, fmt.Errorf("negotiating the SPDY subprotocol: %w", err)
	}
	hijacker := &hijacker{ResponseWriter: w}
	pairs := newPairs()
	conn := spdy.NewResponseUpgrader().UpgradeResponse(hijacker, r, pairs.add)
	if conn == nil {
		return nil, fmt.Errorf("upgrading to SPDY failed")
	}
	pairs.send.corks = corksOf(hijacker.conn)
	return &forwardLeg{
		conn: conn, limit: hijacker.limit, cut: &cutter{conn: network(hijacker.conn)}, pairs: pairs, done: make(chan struct{}),
	}, nil
}

// tunnelForward speaks SPDY inside the binary messages of a WebSocket.
func tunnelForward(w http.ResponseWriter, r *http.Request) (*forwardLeg, error) {
	const protocol = constants.WebsocketsSPDYTunnelingPortForwardV1
	if !slices.Contains(websocket.Subprotocols(r), protocol) {
		return nil, refuse(w, http.StatusBadRequest, "the gateway forwards ports over the WebSocket subprotocol "+protocol+" only")
	}
	conn, err := upgrader(protocol).Upgrade(w, r, nil)
	if err != nil {
		return nil, fmt.Errorf("upgrading to WebSocket: %w", err)
	}
	tunnel := tunnelOver(conn)
	pairs := newPairs()
	pairs.send.corks = append(corksOf(conn.NetConn()), tunnel)
	limit := &frameLimit{r: tunnel}
	server, err := spdy.NewServerConnection(bounded{tunnel, limit}, pairs.add)
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("beginning SPDY inside of WebSocket: %w", err)
	}
	return &forwardLeg{
		conn: server, limit: limit, cut: &cutter{conn: network(conn.NetConn())}, pairs: pairs, done: make(chan struct{}),
	}, nil
}

// bounded is a network connection that is read through a limit.
type bounded struct {
	net.Conn

	limit *frameLimit
}

func (b bounded) Read(p []byte) (int, error) { return b.limit.Read(p) }

// tunnelOver makes a WebSocket a network connection for SPDY. It can gather a frame, which SPDY writes in three parts, into
// one message. It does not log: what it would log are people's bytes.
func tunnelOver(conn *websocket.Conn) *corkable {
	return &corkable{Conn: portforward.NewTunnelingConnectionWithLogger(logr.Discard(), conn)}
}

func (l *forwardLeg) client() Client { return Client{Forwards: l.pairs.ready, Cut: l.cut.in} }

func (l *forwardLeg) gone() <-chan struct{} { return l.done }

func (l *forwardLeg) cause() error {
	if l.limit.over.Load() {
		return errFrame
	}
	return ErrClientGone
}

// finish gives a client that was told something the time to read it. The protocol has no status for the whole.
func (l *forwardLeg) finish(metav1.Status) {
	l.cut.in(tellTime)
	if l.pairs.told.Load() {
		<-l.done
	}
	l.abort()
}

func (l *forwardLeg) abort() {
	l.cut.stop()
	l.cut.now()
	l.pairs.stop()
	_ = l.conn.Close()
}
