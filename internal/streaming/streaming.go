// Package streaming terminates the remote-command protocols of Kubernetes on both sides of a session. It is the
// only package that knows SPDY and WebSocket; what crosses its border are plain streams.
//
// # Client leg
//
// Serve answers an upgrade request and calls a Handler with the decoded streams. It speaks
//
//	SPDY       channel.k8s.io, v2, v3 and v4.channel.k8s.io
//	WebSocket  none or channel.k8s.io, base64.channel.k8s.io, v4.channel.k8s.io, v4.base64.channel.k8s.io,
//	           v5.channel.k8s.io (with half-close)
//
// and refuses any other subprotocol. A WebSocket client before v5 cannot say that its input ends: client-go says it
// nevertheless, is not heard, and the command waits for more; the JavaScript client closes the connection, which ends the
// session. The handler's error becomes the exit status: nothing (before v4: text), an exit code (ExitError), or a
// metav1.Status.
//
// ServeForward does the same for port-forward, version portforward.k8s.io: over SPDY, and over SPDY in the binary messages
// of a WebSocket (SPDY/3.1+portforward.k8s.io). A connection is a pair of streams, data and error, with the same port and
// request ID, in either order. A stream that is unknown, malformed, a second of its kind or one too many is reset, as the
// kubelet does; a pair that is not complete within createTimeout is, too. A client may be without connections for as long
// as its session lasts.
//
// # Target leg
//
// Target opens the stream anew at the API server: WebSocket first (v5, or the tunnel), on client-go's transport, and SPDY
// where the server lacks that.
//
// # Invariants
//
//   - Frames are read and written by gorilla/websocket and k8s.io/streaming, never here. Fragments are reassembled: a
//     channel number is read once for each message.
//   - Bytes keep their order within a stream. Memory is bounded: a reader or writer that blocks, blocks its peer.
//   - Everything that was written reaches the client before the exit status, and the status before the connection
//     closes; the connection stays open until the client has closed it, for lingerTime at most.
//   - A client that breaks the protocol, or leaves, ends the handler's context with the cause.
//
// # Threat
//
// The client is any authenticated user with a grant, its bytes are hostile. It may keep a session open without reading
// or writing until the handler ends it; it may not hold one open without its streams (createTimeout).
//
// A SPDY frame is bounded (frameLimit), and so is what the library queues of them: 50 for each of five streams. What the
// client must not send on ends the session, so that only stdin can fill its queue: some 13 MiB.
//
// BUG(streaming): the library also queues headers, inflated. A hostile SPDY client that opens streams and does not read
// the refusals can make one session hold up to 1 MiB for each of 250.
package streaming

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// createTimeout is how long a SPDY client may take to open its streams.
	createTimeout = 30 * time.Second
	// lingerTime is how long a client may take to fetch what is left, and to close.
	lingerTime = 5 * time.Second
	// chunkBytes is the most that is read at once.
	chunkBytes = 32 << 10
)

// MessageBytes is the most that goes to a client in one message. With its channel and header it makes a WebSocket message
// of 64 KiB, and that four full TLS records.
const MessageBytes = 64<<10 - 5

// The reasons for which a client leg ends a handler's context.
var (
	ErrClientGone = errors.New("the client went away")
	ErrProtocol   = errors.New("the client broke the streaming protocol")
)

// TerminalSize is in characters.
type TerminalSize struct {
	Width  uint16 `json:"Width"`
	Height uint16 `json:"Height"`
}

// Options are the streams that a client asks for. With TTY there is no Stderr.
type Options struct {
	Stdin, Stdout, Stderr, TTY bool
}

// Client is the person's side of one session. Streams that were not asked for are nil.
type Client struct {
	// Stdin ends with io.EOF when the client half-closes it, where its protocol can say so.
	Stdin io.Reader
	// Stdout and Stderr block while the client does not read. They may be written to concurrently.
	Stdout, Stderr io.Writer
	// Resize holds the latest size that was not fetched; nil without TTY. It is closed when no more will come.
	Resize <-chan TerminalSize
	// Forwards are the connections of a port-forward, which has no other streams.
	Forwards <-chan Forward
	// Cut ends the connection after this time, unless Serve has ended it by then. A later call replaces an earlier one.
	Cut func(time.Duration)
}

// Handler runs one session. Its context ends with the client, with ErrClientGone or ErrProtocol as the cause. When it
// returns nothing may use the streams any more, but for a read of Stdin that is under way.
type Handler func(ctx context.Context, c Client) error

// leg is one accepted connection.
type leg interface {
	client() Client
	// gone is closed when the connection is over; cause then says why.
	gone() <-chan struct{}
	cause() error
	// finish delivers the status and closes gracefully; it returns within lingerTime.
	finish(status metav1.Status)
	// abort closes at once. It may be called after finish.
	abort()
}

// Serve upgrades the connection of r to the streams that o asks for and runs h on them. It returns an error if the
// client was refused; then it has been answered. r must be authorized already.
func Serve(w http.ResponseWriter, r *http.Request, o Options, h Handler) error {
	l, err := accept(w, r, o)
	if err != nil {
		return err
	}
	run(r, l, h)
	return nil
}

func run(r *http.Request, l leg, h Handler) {
	defer l.abort()
	// A request's own context ends when net/http reads the end of the connection, with no cause; the leg says which.
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.Context()))
	defer cancel(nil)
	go func() {
		select {
		case <-l.gone():
			cancel(l.cause())
		case <-ctx.Done():
		}
	}()
	l.finish(statusOf(h(ctx, l.client())))
}

func accept(w http.ResponseWriter, r *http.Request, o Options) (leg, error) {
	if !o.Stdin && !o.Stdout && !o.Stderr {
		return nil, refuse(w, http.StatusBadRequest, "you must specify at least 1 of stdin, stdout, stderr")
	}
	o.Stderr = o.Stderr && !o.TTY
	switch {
	case websocket.IsWebSocketUpgrade(r):
		return acceptWebSocket(w, r, o)
	case strings.EqualFold(r.Header.Get("Upgrade"), "SPDY/3.1"):
		return acceptSPDY(w, r, o)
	default:
		return nil, refuseUpgrade(w, r)
	}
}

func refuseUpgrade(w http.ResponseWriter, r *http.Request) error {
	return refuse(w, http.StatusBadRequest, fmt.Sprintf("the gateway upgrades to WebSocket and SPDY/3.1, not to %q", r.Header.Get("Upgrade")))
}
