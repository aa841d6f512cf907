package asciicast

import (
	"errors"
	"io"
	"time"
)

// Version is a version of the file format.
type Version int

const (
	V2 Version = 2 // absolute times
	V3 Version = 3 // times relative to the previous event
)

// Code says what an event is.
type Code string

const (
	Output Code = "o"
	Input  Code = "i"
	Resize Code = "r" // data is COLSxROWS
	Marker Code = "m"
	Exit   Code = "x" // data is the exit status in decimal; v3 only
)

// Header describes a cast.
type Header struct {
	Version   Version
	Cols      int
	Rows      int
	Timestamp time.Time // whole seconds; zero for none
	Title     string
	Command   string
	Env       map[string]string
}

// Event is one line of a cast.
type Event struct {
	At   time.Duration // since the start of the cast
	Code Code
	Data string
}

// Encoder writes a cast.
type Encoder struct{}

// NewEncoder writes the header and returns an encoder for the events.
func NewEncoder(w io.Writer, h Header) (*Encoder, error) {
	return nil, errors.New("asciicast: under construction")
}

// Encode writes one event.
func (e *Encoder) Encode(ev Event) error { return errors.New("asciicast: under construction") }

// Decoder reads a cast of version 2 or 3.
type Decoder struct{}

// NewDecoder reads the header.
func NewDecoder(r io.Reader) (*Decoder, error) {
	return nil, errors.New("asciicast: under construction")
}

// Header returns the header.
func (d *Decoder) Header() Header { return Header{} }

// Next returns the next event, or io.EOF after the last.
func (d *Decoder) Next() (Event, error) { return Event{}, io.EOF }
