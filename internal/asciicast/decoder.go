package asciicast

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
	"unicode/utf8"
)

// longest bounds the time of an event: a hundred years.
const longest = 100 * 365 * 24 * time.Hour

// Decoder reads a cast of version 2 or 3.
type Decoder struct {
	lines  *bufio.Scanner
	header Header
	number int // of the current line
	last   time.Duration
}

// NewDecoder reads the header.
func NewDecoder(r io.Reader) (*Decoder, error) {
	d := &Decoder{lines: bufio.NewScanner(r)}
	d.lines.Buffer(nil, MaxLine)
	if !d.lines.Scan() {
		if err := d.lines.Err(); err != nil {
			return nil, fmt.Errorf("reading the header: %w", err)
		}
		return nil, fmt.Errorf("reading the header: %w", io.ErrUnexpectedEOF)
	}
	d.number = 1
	return d, d.parseHeader(d.lines.Bytes())
}

func (d *Decoder) parseHeader(line []byte) error {
	var wire wireHeader
	if err := json.Unmarshal(line, &wire); err != nil {
		return fmt.Errorf("parsing the header: %w", err)
	}
	h := Header{Version: wire.Version, Command: wire.Command, Title: wire.Title, Env: wire.Env}
	switch {
	case wire.Version == V2:
		h.Cols, h.Rows = wire.Width, wire.Height
	case wire.Version == V3 && wire.Term != nil:
		h.Cols, h.Rows = wire.Term.Cols, wire.Term.Rows
	case wire.Version == V3:
		return errors.New("the header has no terminal size")
	default:
		return fmt.Errorf("asciicast version %d is unknown", wire.Version)
	}
	if err := checkSize(h.Cols, h.Rows); err != nil {
		return err
	}
	limit, err := seconds(wire.IdleLimit)
	if err != nil {
		return fmt.Errorf("idle time limit: %w", err)
	}
	h.IdleLimit = limit
	if wire.Timestamp != 0 {
		h.Timestamp = time.Unix(wire.Timestamp, 0).UTC()
	}
	d.header = h
	return nil
}

// Header returns the header.
func (d *Decoder) Header() Header { return d.header }

// Next returns the next event, or io.EOF after the last. Codes that this package
// does not know are passed on.
func (d *Decoder) Next() (Event, error) {
	for d.lines.Scan() {
		d.number++
		line := bytes.TrimSpace(d.lines.Bytes())
		if len(line) == 0 || (line[0] == '#' && d.header.Version == V3) {
			continue
		}
		ev, err := d.parseEvent(line)
		if err != nil {
			return Event{}, fmt.Errorf("line %d: %w", d.number, err)
		}
		return ev, nil
	}
	if err := d.lines.Err(); err != nil {
		return Event{}, fmt.Errorf("line %d: %w", d.number+1, err)
	}
	return Event{}, io.EOF
}

func (d *Decoder) parseEvent(line []byte) (Event, error) {
	var fields []json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		return Event{}, fmt.Errorf("parsing an event: %w", err)
	}
	if len(fields) != 3 {
		return Event{}, fmt.Errorf("event has %d fields, not 3", len(fields))
	}
	var t *float64
	var code, data *string
	for i, into := range []any{&t, &code, &data} {
		if err := json.Unmarshal(fields[i], into); err != nil {
			return Event{}, fmt.Errorf("parsing an event: %w", err)
		}
	}
	if t == nil || code == nil || data == nil {
		return Event{}, errors.New("event has a null field")
	}
	at, err := d.advance(*t)
	if err != nil {
		return Event{}, err
	}
	ev := Event{At: at, Code: Code(*code), Data: *data}
	return ev, ev.check()
}

// advance returns the absolute time of the next event.
func (d *Decoder) advance(t float64) (time.Duration, error) {
	at, err := seconds(t)
	if err != nil {
		return 0, err
	}
	if d.header.Version == V3 {
		at += d.last
	}
	if at < d.last {
		return 0, errors.New("event is earlier than the one before")
	}
	if at > longest {
		return 0, fmt.Errorf("event after %s is out of bounds", longest)
	}
	d.last = at
	return at, nil
}

func seconds(t float64) (time.Duration, error) {
	if math.IsNaN(t) || t < 0 || t > longest.Seconds() {
		return 0, fmt.Errorf("time %g is out of bounds", t)
	}
	return time.Duration(math.Round(t * float64(time.Second))), nil
}

func (ev Event) check() error {
	if utf8.RuneCountInString(string(ev.Code)) != 1 {
		return fmt.Errorf("event code %q is not one character", ev.Code)
	}
	if ev.Code == Resize {
		if _, _, err := ev.Size(); err != nil {
			return err
		}
	}
	return nil
}

// Size returns the columns and rows of a Resize event.
func (ev Event) Size() (cols, rows int, err error) {
	if _, err := fmt.Sscanf(ev.Data, "%dx%d", &cols, &rows); err != nil || fmt.Sprintf("%dx%d", cols, rows) != ev.Data {
		return 0, 0, fmt.Errorf("size %q is not COLSxROWS", ev.Data)
	}
	return cols, rows, checkSize(cols, rows)
}
