package streaming

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/remotecommand"
)

// wire is how a WebSocket subprotocol puts channels into messages.
type wire struct {
	base64     bool
	jsonStatus bool
	halfClose  bool
}

const (
	v4 = "v4."

	channelProtocol = "channel.k8s.io"
	base64Protocol  = "base64.channel.k8s.io"
)

// webSocketWire returns the wire of a subprotocol. A client may offer none: that is the first version.
func webSocketWire(subprotocol string) (wire, bool) {
	switch subprotocol {
	case "", channelProtocol:
		return wire{}, true
	case base64Protocol:
		return wire{base64: true}, true
	case v4 + channelProtocol:
		return wire{jsonStatus: true}, true
	case v4 + base64Protocol:
		return wire{jsonStatus: true, base64: true}, true
	case remotecommand.StreamProtocolV5Name:
		return wire{jsonStatus: true, halfClose: true}, true
	default:
		return wire{}, false
	}
}

var errNotOffered = errors.New("no subprotocol in common")

// chooseSubprotocol takes the first that the client prefers and the gateway speaks, as the API server does.
func chooseSubprotocol(offered []string) (string, wire, error) {
	if len(offered) == 0 {
		offered = []string{""}
	}
	for _, name := range offered {
		if w, ok := webSocketWire(name); ok {
			return name, w, nil
		}
	}
	return "", wire{}, errNotOffered
}

// These are shared by all connections, so that a quiet one holds none: a buffer is lent while a message is written, or read.
var (
	writeBuffers       sync.Pool // of webSocketLeg
	targetWriteBuffers sync.Pool // of API
	chunks             = sync.Pool{New: func() any { return new([chunkBytes]byte) }}
)

// lendChunk lends use a buffer.
func lendChunk(use func(buffer []byte) error) error {
	chunk, _ := chunks.Get().(*[chunkBytes]byte)
	defer chunks.Put(chunk)
	return use(chunk[:])
}

type webSocketLeg struct {
	conn  *websocket.Conn
	wire  wire
	opts  Options
	cut   *cutter
	sizes sizes
	pings chan string // what they said

	stdin *pipe

	write sync.Mutex
	corks corks
	done  chan struct{}
	err   error // set before done is closed
}

func acceptWebSocket(w http.ResponseWriter, r *http.Request, o Options) (leg, error) {
	offered := websocket.Subprotocols(r)
	name, wire, err := chooseSubprotocol(offered)
	if err != nil {
		return nil, refuse(w, http.StatusBadRequest,
			fmt.Sprintf("the gateway speaks none of the WebSocket subprotocols %s", strings.Join(offered, ", ")))
	}
	conn, err := upgrader(name).Upgrade(w, r, nil)
	if err != nil {
		return nil, fmt.Errorf("upgrading to WebSocket: %w", err)
	}
	l := &webSocketLeg{
		conn: conn, wire: wire, opts: o, cut: &cutter{conn: network(conn.NetConn())}, corks: corksOf(conn.NetConn()),
		sizes: newSizes(), stdin: newPipe(), pings: make(chan string, 1), done: make(chan struct{}),
	}
	conn.SetPingHandler(l.ping)
	go l.answerPings()
	go l.read()
	// An empty message tells the client that the connection stands.
	if err := l.message(l.firstChannel(), nil); err != nil {
		l.abort()
		return nil, fmt.Errorf("greeting the client: %w", err)
	}
	return l, nil
}

// upgrader speaks one subprotocol.
func upgrader(subprotocol string) *websocket.Upgrader {
	return &websocket.Upgrader{
		// For reading, that of the HTTP server is taken over.
		WriteBufferSize: 1 + MessageBytes, WriteBufferPool: &writeBuffers,
		Subprotocols: []string{subprotocol},
		// No credential of the gateway travels by itself with a browser, so that an origin says nothing.
		CheckOrigin: func(*http.Request) bool { return true },
		Error: func(w http.ResponseWriter, _ *http.Request, _ int, err error) {
			_ = refuse(w, http.StatusBadRequest, err.Error())
		},
	}
}

func (l *webSocketLeg) firstChannel() byte {
	switch {
	case l.opts.Stdout:
		return remotecommand.StreamStdOut
	case l.opts.Stderr:
		return remotecommand.StreamStdErr
	default:
		return remotecommand.StreamErr
	}
}

func (l *webSocketLeg) client() Client {
	c := Client{Cut: l.cut.in}
	if l.opts.Stdin {
		c.Stdin = l.stdin
	}
	if l.opts.Stdout {
		c.Stdout = channelWriter{l, remotecommand.StreamStdOut}
	}
	if l.opts.Stderr {
		c.Stderr = channelWriter{l, remotecommand.StreamStdErr}
	}
	if l.opts.TTY {
		c.Resize = l.sizes
	}
	return c
}

func (l *webSocketLeg) gone() <-chan struct{} { return l.done }
func (l *webSocketLeg) cause() error          { return l.err }

func (l *webSocketLeg) finish(status metav1.Status) {
	l.cut.in(lingerTime)
	late := time.After(lingerTime)
	// From here on input is read to be thrown away: bytes left unread would reset the connection under the output.
	l.stdin.end(io.ErrClosedPipe)
	body, err := encodeStatus(status, l.wire.jsonStatus)
	if err == nil && len(body) > 0 {
		err = l.message(remotecommand.StreamErr, body)
	}
	if err == nil {
		l.write.Lock()
		err = l.conn.WriteMessage(websocket.CloseMessage, l.farewell())
		l.write.Unlock()
	}
	if err == nil {
		select {
		case <-l.done:
		case <-late: // whoever took the last of stdin has not come back
		}
	}
	l.abort()
}

// maxCloseReason is what a control frame has room for, beside the code.
const maxCloseReason = 123

// farewell is the content of the close frame.
func (l *webSocketLeg) farewell() []byte {
	select {
	case <-l.done:
		if errors.Is(l.err, ErrProtocol) {
			why := l.err.Error()
			return websocket.FormatCloseMessage(websocket.CloseProtocolError, why[:min(len(why), maxCloseReason)])
		}
	default:
	}
	return websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
}

func (l *webSocketLeg) abort() {
	l.cut.stop()
	l.cut.now()
	l.stdin.end(io.ErrClosedPipe)
}

// ping leaves a ping to answerPings, unless one waits there already, behind a message that the client does not read.
func (l *webSocketLeg) ping(said string) error {
	select {
	case l.pings <- said:
	default:
	}
	return nil
}

// answerPings takes turns with the messages. The answer that gorilla/websocket gives comes between them, with a deadline
// of a second for the connection: a message that waits for a slow client would fail by it.
func (l *webSocketLeg) answerPings() {
	for said := range l.pings {
		l.write.Lock()
		// If the connection is over, reading from it says so.
		_ = l.conn.WriteControl(websocket.PongMessage, []byte(said), time.Time{})
		l.write.Unlock()
	}
}

type channelWriter struct {
	leg     *webSocketLeg
	channel byte
}

func (w channelWriter) Write(p []byte) (int, error) {
	sent := 0
	for sent < len(p) {
		chunk := p[sent:min(len(p), sent+w.leg.chunk())]
		if err := w.leg.message(w.channel, chunk); err != nil {
			return sent, err
		}
		sent += len(chunk)
	}
	return sent, nil
}

// chunk is how many bytes fit into one unfragmented message: some clients take a fragment for a message.
func (l *webSocketLeg) chunk() int {
	if l.wire.base64 {
		return base64.StdEncoding.DecodedLen(MessageBytes)
	}
	return MessageBytes
}

func (l *webSocketLeg) message(channel byte, p []byte) error {
	l.write.Lock()
	defer l.write.Unlock()
	return l.corks.together(func() error { return l.writeMessage(channel, p) })
}

func (l *webSocketLeg) writeMessage(channel byte, p []byte) error {
	kind := websocket.BinaryMessage
	if l.wire.base64 {
		kind, channel = websocket.TextMessage, '0'+channel
	}
	w, err := l.conn.NextWriter(kind)
	if err != nil {
		return fmt.Errorf("writing to the client: %w", err)
	}
	_, err = w.Write([]byte{channel})
	if err == nil && l.wire.base64 {
		encoder := base64.NewEncoder(base64.StdEncoding, w)
		_, err = encoder.Write(p)
		err = errors.Join(err, encoder.Close())
	} else if err == nil {
		_, err = w.Write(p)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("writing to the client: %w", err)
	}
	return nil
}
