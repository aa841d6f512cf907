package recording

import (
	"encoding/json"
	"fmt"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

// The streams of a port-forward session. Their records name the connection.
const (
	Forward    Stream = "forward"     // data is a ForwardEvent as JSON
	ForwardIn  Stream = "forward-in"  // bytes from the person to the pod
	ForwardOut Stream = "forward-out" // bytes from the pod to the person
)

// The events of a forwarded connection.
const (
	ForwardOpened = "opened"
	ForwardClosed = "closed"
)

// ForwardEvent says that a forwarded connection begins or ends.
type ForwardEvent struct {
	Event   string `json:"event"`
	Port    uint16 `json:"port"`
	Message string `json:"message,omitempty"` // what the person was told at the end
}

// Words says it for people.
func (e ForwardEvent) Words() string {
	text := fmt.Sprintf("port %d %s", e.Port, e.Event)
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// forwardWords is what a record of Forward says; its data if that does not parse.
func forwardWords(rec Record) string {
	var e ForwardEvent
	if json.Unmarshal(rec.Data, &e) != nil {
		return string(rec.Data)
	}
	return fmt.Sprintf("connection %d to %s", rec.Connection, e.Words())
}

// ForwardEvent records that a forwarded connection begins or ends.
func (r *Recorder) ForwardEvent(connection uint64, e ForwardEvent) error {
	text, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encoding an event of a forwarded connection: %w", err)
	}
	err = r.RecordForward(connection, Forward, text)
	if e.Event == ForwardClosed {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.cursors.forget(connection)
	}
	return err
}

// RecordForward is Record for a stream of one of a session's forwarded connections, which count from 1.
func (r *Recorder) RecordForward(connection uint64, stream Stream, data []byte, hits ...mask.Hit) error {
	return r.put(connection, stream, data, hits)
}
