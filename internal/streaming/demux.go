package streaming

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gorilla/websocket"
	"k8s.io/apimachinery/pkg/util/remotecommand"
)

// read takes the client's messages apart until the connection ends.
func (l *webSocketLeg) read() {
	err := l.demultiplex()
	if !errors.Is(err, ErrProtocol) {
		err = ErrClientGone
	}
	l.err = err
	close(l.sizes)
	close(l.pings)
	l.stdin.end(err)
	close(l.done)
}

func (l *webSocketLeg) demultiplex() error {
	for {
		// Text and binary messages are the same here, as they are to the API server.
		_, message, err := l.conn.NextReader()
		if err != nil {
			return readError(err)
		}
		if err := lendChunk(func(buffer []byte) error { return l.receive(message, buffer) }); err != nil {
			return err
		}
	}
}

// readError tells a frame that is none from a connection that ended. The library has no type for the first; it has then
// answered with a close frame that says why.
func readError(err error) error {
	if _, closed := errors.AsType[*websocket.CloseError](err); !closed && strings.HasPrefix(err.Error(), "websocket: ") {
		return fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	return fmt.Errorf("reading from the client: %w", err)
}

func (l *webSocketLeg) receive(message io.Reader, buffer []byte) error {
	if _, err := io.ReadFull(message, buffer[:1]); err != nil {
		// A message without a channel says nothing; a connection that broke says so again at the next read.
		return nil //nolint:nilerr // see above
	}
	channel := buffer[0]
	if !l.wire.base64 && channel == remotecommand.StreamClose {
		return l.halfClose(message, buffer)
	}
	if l.wire.base64 {
		channel -= '0'
		message = base64.NewDecoder(base64.StdEncoding, message)
	}
	switch channel {
	case remotecommand.StreamStdIn:
		return l.receiveStdin(message, buffer)
	case remotecommand.StreamResize:
		if !l.opts.TTY {
			return nil
		}
		return l.sizes.decode(message)
	default:
		return fmt.Errorf("%w: data on channel %d", ErrProtocol, channel)
	}
}

func (l *webSocketLeg) receiveStdin(message io.Reader, buffer []byte) error {
	if !l.opts.Stdin {
		return nil
	}
	err := deliverWhole(l.stdin, message, buffer)
	if _, corrupt := errors.AsType[base64.CorruptInputError](err); corrupt {
		return fmt.Errorf("%w: malformed base64", ErrProtocol)
	}
	// Any other error is that nobody reads stdin any more: what comes is thrown away with the message.
	return nil
}

// halfClose takes the signal that a channel ends. Before v5 it says nothing, as at the API server; client-go sends it all
// the same.
func (l *webSocketLeg) halfClose(message io.Reader, buffer []byte) error {
	n, err := io.ReadFull(message, buffer[:2])
	if n != 1 || err == nil {
		return fmt.Errorf("%w: a close signal of %d bytes", ErrProtocol, n+1)
	}
	switch channel := buffer[0]; {
	case channel > remotecommand.StreamResize:
		return fmt.Errorf("%w: a close signal for channel %d", ErrProtocol, channel)
	case channel == remotecommand.StreamStdIn && l.wire.halfClose:
		l.stdin.end(io.EOF)
		return nil
	default:
		return nil
	}
}
