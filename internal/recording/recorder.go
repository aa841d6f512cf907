package recording

import (
	"context"
	"errors"
	"time"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

var errConstruction = errors.New("recording: under construction")

// Stream names what a record carries.
type Stream string

const (
	Stdin  Stream = "stdin"
	Stdout Stream = "stdout"
	Stderr Stream = "stderr"
	Resize Stream = "resize" // data is COLSxROWS
	Note   Stream = "note"   // data is a line that the proxy told the person
	Ended  Stream = "exit"   // data is an Exit as JSON; the last record
)

// Options of a Recorder. Zero values of the sizes and times mean the defaults.
type Options struct {
	Now          func() time.Time      // required
	Retention    objectstore.Retention // required
	FlushEvery   time.Duration         // longest time that a record is only in memory; default 5 s
	SegmentBytes int                   // stream data in a segment; default 4 MiB, at most 8 MiB
}

// Recorder writes one recording. It is safe for concurrent use.
type Recorder struct{}

// Start puts the open object and returns once the store has acknowledged it.
func Start(ctx context.Context, store objectstore.Store, opts Options, open Open) (*Recorder, error) {
	return nil, errConstruction
}

// Record appends data to a stream. It copies data, and blocks while too many
// segments are on their way to the store.
func (r *Recorder) Record(stream Stream, data []byte, hits ...mask.Hit) error { return errConstruction }

// Resize records the size of the terminal.
func (r *Recorder) Resize(cols, rows uint16) error { return errConstruction }

// Note records a line that the proxy told the person.
func (r *Recorder) Note(text string) error { return errConstruction }

// Close seals the recording and puts the manifest, once; later calls return
// what the first returned.
func (r *Recorder) Close(ctx context.Context, exit Exit) (Manifest, error) {
	return Manifest{}, errConstruction
}

// Failed is closed when the recording can no longer be kept: end the session.
func (r *Recorder) Failed() <-chan struct{} { return nil }

// Err returns why the recording failed, or nil.
func (r *Recorder) Err() error { return nil }
