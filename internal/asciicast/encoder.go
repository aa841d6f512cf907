package asciicast

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"
)

type term struct {
	Cols int `json:"cols"`
	Rows int `json:"rows"`
}

// wireHeader is the header line; version 2 has width and height, version 3 has
// term.
type wireHeader struct {
	Version   Version           `json:"version"`
	Width     int               `json:"width,omitempty"`
	Height    int               `json:"height,omitempty"`
	Term      *term             `json:"term,omitempty"`
	Timestamp int64             `json:"timestamp,omitempty"`
	IdleLimit float64           `json:"idle_time_limit,omitempty"`
	Command   string            `json:"command,omitempty"`
	Title     string            `json:"title,omitempty"`
	Env       map[string]string `json:"env,omitempty"`
}

// Encoder writes a cast.
type Encoder struct {
	w       io.Writer
	version Version
	last    time.Duration // of the last event, as written
	line    []byte
}

// NewEncoder writes the header and returns an encoder for the events.
func NewEncoder(w io.Writer, h Header) (*Encoder, error) {
	if err := checkSize(h.Cols, h.Rows); err != nil {
		return nil, err
	}
	wire := wireHeader{Version: h.Version, IdleLimit: h.IdleLimit.Seconds(), Command: h.Command, Title: h.Title, Env: h.Env}
	switch h.Version {
	case V2:
		wire.Width, wire.Height = h.Cols, h.Rows
	case V3:
		wire.Term = &term{Cols: h.Cols, Rows: h.Rows}
	default:
		return nil, fmt.Errorf("asciicast version %d is unknown", h.Version)
	}
	if !h.Timestamp.IsZero() {
		wire.Timestamp = h.Timestamp.Unix()
	}
	line, err := marshal(wire)
	if err != nil {
		return nil, fmt.Errorf("encoding the header: %w", err)
	}
	if _, err := w.Write(line); err != nil {
		return nil, fmt.Errorf("writing the header: %w", err)
	}
	return &Encoder{w: w, version: h.Version}, nil
}

// Encode writes one event. An event before the one before it is written at the
// same time as that. Version 2 has no exit status: there such an event is left
// out. Data that is no UTF-8 gets U+FFFD; chunks of a byte stream belong through
// Text first.
func (e *Encoder) Encode(ev Event) error {
	if utf8.RuneCountInString(string(ev.Code)) != 1 {
		return fmt.Errorf("event code %q is not one character", ev.Code)
	}
	if ev.Code == Exit && e.version == V2 {
		return nil
	}
	e.line = append(e.line[:0], '[')
	e.line = e.appendTime(e.line, max(ev.At, e.last))
	for _, s := range []string{string(ev.Code), ev.Data} {
		text, err := marshal(s)
		if err != nil {
			return fmt.Errorf("encoding an event: %w", err)
		}
		e.line = append(append(e.line, ", "...), bytes.TrimSuffix(text, []byte("\n"))...)
	}
	e.line = append(e.line, ']', '\n')
	if _, err := e.w.Write(e.line); err != nil {
		return fmt.Errorf("writing an event: %w", err)
	}
	return nil
}

// appendTime appends at as this version wants it and remembers what was written:
// rounding at itself, not the interval, keeps the error under half a unit.
func (e *Encoder) appendTime(dst []byte, at time.Duration) []byte {
	if e.version == V2 {
		e.last = at.Round(time.Microsecond)
		return strconv.AppendFloat(dst, e.last.Seconds(), 'f', 6, 64)
	}
	at = at.Round(time.Millisecond)
	interval := at - e.last
	e.last = at
	return strconv.AppendFloat(dst, interval.Seconds(), 'f', 3, 64)
}

// marshal is json.Marshal, with a newline and without escapes for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

func checkSize(cols, rows int) error {
	if cols < 1 || cols > 65535 || rows < 1 || rows > 65535 {
		return fmt.Errorf("terminal size %dx%d is out of bounds", cols, rows)
	}
	return nil
}
