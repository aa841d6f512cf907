package streaming

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/gorilla/websocket"
	"k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/rest"
)

const (
	// maxStatusBytes bounds the exit status.
	maxStatusBytes = 64 << 10
	// fewBytes are more than a person types at once.
	fewBytes = 512
)

// streamWebSocket speaks version 5 to the API server. client-go's executor is not used for it: its pings, sent while the
// server closes behind a backlog of output, reset the connection and lose the backlog, and its deadlines end a session
// whose person or process reads nothing for a minute. TCP's keep-alive finds dead peers.
func (t Target) streamWebSocket(ctx context.Context, config *rest.Config, s Streams) error {
	conn, err := t.API.dial(ctx, config, t.URL, remotecommand.StreamProtocolV5Name)
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
	for {
		_, message, err := w.conn.NextReader()
		if err != nil {
			return w.end(err)
		}
		if err := lendChunk(func(buffer []byte) error { return w.deliver(message, buffer) }); err != nil {
			return err
		}
	}
}

func (w *webSocketTarget) deliver(message io.Reader, buffer []byte) error {
	if _, err := io.ReadFull(message, buffer[:1]); err != nil {
		return nil //nolint:nilerr // an empty message says nothing, a broken connection says so again
	}
	channel := buffer[0]
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

// sendStdin copies until the end of stdin, which it passes on, or of the connection. Only while there is much to read it
// holds memory for that.
func (w *webSocketTarget) sendStdin() {
	few := make([]byte, 1+fewBytes)
	for {
		n, err := w.sendRead(few)
		if n == fewBytes {
			err = lendChunk(func(many []byte) error {
				for n, err = len(many)-1, nil; n == len(many)-1 && err == nil; {
					n, err = w.sendRead(many)
				}
				return err
			})
		}
		if err != nil {
			// If the connection is over, the other direction says so.
			_ = w.send([]byte{remotecommand.StreamClose, remotecommand.StreamStdIn})
			return
		}
	}
}

// sendRead sends what one read of stdin gives.
func (w *webSocketTarget) sendRead(buffer []byte) (int, error) {
	buffer[0] = remotecommand.StreamStdIn
	n, err := w.streams.Stdin.Read(buffer[1:])
	if n > 0 {
		err = cmp.Or(w.send(buffer[:1+n]), err)
	}
	return n, err
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
