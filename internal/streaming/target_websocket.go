package streaming

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
	"k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/rest"
	clientwebsocket "k8s.io/client-go/transport/websocket"
)

// maxStatusBytes bounds the exit status.
const maxStatusBytes = 64 << 10

// streamWebSocket speaks version 5 to the API server. client-go's executor is not used for it: its pings, sent while the
// server closes behind a backlog of output, reset the connection and lose the backlog, and its deadlines end a session
// whose person or process reads nothing for a minute. TCP's keep-alive finds dead peers.
func (t Target) streamWebSocket(ctx context.Context, config *rest.Config, s Streams) error {
	transport, holder, err := clientwebsocket.RoundTripperFor(config)
	if err != nil {
		return fmt.Errorf("preparing the WebSocket connection to the container: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.URL.String(), nil)
	if err != nil {
		return fmt.Errorf("preparing the WebSocket connection to the container: %w", err)
	}
	conn, err := clientwebsocket.Negotiate(transport, holder, request, remotecommand.StreamProtocolV5Name)
	if err != nil {
		return err
	}
	cut := &cutter{conn: conn.NetConn()}
	// Stream's context ends when it returns, and the connection with it.
	context.AfterFunc(ctx, cut.now)
	w := &webSocketTarget{conn: conn, streams: s}
	if s.Stdin != nil {
		go w.sendStdin()
	}
	if s.TTY && s.Resize != nil {
		go w.sendSizes(ctx)
	}
	err = w.receive()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

type webSocketTarget struct {
	conn    *websocket.Conn
	streams Streams
	status  []byte

	write sync.Mutex
}

// receive delivers what the server sends, and returns what its status says.
func (w *webSocketTarget) receive() error {
	buffer := make([]byte, chunkBytes)
	for {
		_, message, err := w.conn.NextReader()
		if err != nil {
			return w.end(err)
		}
		if _, err := io.ReadFull(message, buffer[:1]); err != nil {
			continue // an empty message says nothing, a broken connection says so again
		}
		if err := w.deliver(buffer[0], message, buffer); err != nil {
			return err
		}
	}
}

func (w *webSocketTarget) deliver(channel byte, message io.Reader, buffer []byte) error {
	var to io.Writer
	switch channel {
	case remotecommand.StreamStdOut:
		to = w.streams.Stdout
	case remotecommand.StreamStdErr:
		to = w.streams.Stderr
	case remotecommand.StreamErr:
		part, err := io.ReadAll(io.LimitReader(message, maxStatusBytes-int64(len(w.status))))
		w.status = append(w.status, part...)
		return err
	default:
	}
	if to == nil {
		return nil // nobody asked for it
	}
	return deliverWhole(to, message, buffer)
}

// deliverWhole writes a message in one piece where it fits into the buffer: what arrives in parts of TLS records would
// else be masked, recorded and sent in as many.
func deliverWhole(to io.Writer, message io.Reader, buffer []byte) error {
	for {
		n, err := io.ReadFull(message, buffer)
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return fmt.Errorf("delivering output: %w", err)
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil // a message that the connection cut short: the next read says so
		default:
			return fmt.Errorf("reading output: %w", err)
		}
	}
}

// end judges by the status, which the server sends last; a connection that ends without one broke.
func (w *webSocketTarget) end(err error) error {
	if len(w.status) > 0 {
		return statusError(w.status)
	}
	if websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		err = errors.New("it was closed without an exit status")
	}
	return fmt.Errorf("the connection to the container ended: %w", err)
}

// sendStdin copies until the end of stdin, which it passes on, or of the connection.
func (w *webSocketTarget) sendStdin() {
	buffer := make([]byte, 1+chunkBytes)
	buffer[0] = remotecommand.StreamStdIn
	for {
		n, err := w.streams.Stdin.Read(buffer[1:])
		if n > 0 && w.send(buffer[:1+n]) != nil {
			return
		}
		if err != nil {
			// If the connection is over, the other direction says so.
			_ = w.send([]byte{remotecommand.StreamClose, remotecommand.StreamStdIn})
			return
		}
	}
}

func (w *webSocketTarget) sendSizes(ctx context.Context) {
	for {
		select {
		case size, ok := <-w.streams.Resize:
			if !ok {
				return
			}
			body, err := json.Marshal(size)
			if err != nil || w.send(append([]byte{remotecommand.StreamResize}, body...)) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func (w *webSocketTarget) send(message []byte) error {
	w.write.Lock()
	defer w.write.Unlock()
	return w.conn.WriteMessage(websocket.BinaryMessage, message)
}
