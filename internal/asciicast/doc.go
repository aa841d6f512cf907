// Package asciicast writes and reads terminal recordings in the asciicast
// formats, version 2 and 3, that asciinema and its players understand.
//
// A cast is lines of JSON: a header, then events [time, code, data]. In version 3
// time is the seconds since the previous event, in version 2 since the start.
// The encoder writes version 3 in whole milliseconds, rounding the absolute time
// and writing differences, so that a long cast does not drift.
//
// A cast holds text only. Terminals deal in bytes, and a read ends anywhere; Text
// joins the halves of a character cut by that, and replaces what is no UTF-8 by
// U+FFFD. A cast is therefore a view, never evidence.
//
// Reading is strict where a player would show something wrong (time running
// backwards, a malformed size) and lenient where the formats are: unknown header
// fields and unknown one-letter codes are passed over or on. Input is untrusted;
// a line is at most MaxLine bytes.
package asciicast

import "time"

// Version is a version of the file format.
type Version int

const (
	V2 Version = 2
	V3 Version = 3
)

// Code says what an event is: one character.
type Code string

const (
	Output Code = "o"
	Input  Code = "i"
	Resize Code = "r" // data is COLSxROWS
	Marker Code = "m" // data is a label
	Exit   Code = "x" // data is the exit status in decimal; version 3 only
)

// MaxLine bounds a line, in bytes.
const MaxLine = 16 << 20

// Header describes a cast.
type Header struct {
	Version   Version
	Cols      int           // 1 to 65535
	Rows      int           // 1 to 65535
	Timestamp time.Time     // of the start, whole seconds; zero for none
	IdleLimit time.Duration // longest pause a player should keep; zero for none
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
