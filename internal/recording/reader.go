package recording

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/sallyport-dev/sallyport/internal/asciicast"
	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

// State says what the store holds of a recording.
type State string

const (
	StateOpen    State = "open"    // no close object: the session lives, or was cut off
	StateClosed  State = "closed"  // complete
	StateAborted State = "aborted" // ended with records missing
)

// Record is one line of a segment.
type Record struct {
	N      uint64        // sequence, gapless from 1
	Time   time.Time     // UTC
	Offset time.Duration // monotonic, since the session's start
	By     string        // the subject's username
	Stream Stream
	Data   []byte // exact bytes
}

// Finding is something that an honest store would not hold, and that did not
// harm the recording: a delete marker, a second version.
type Finding struct {
	Key       string
	VersionID string
	Problem   string
}

// Recording is a verified recording.
type Recording struct {
	ID       string
	State    State
	Open     Open
	Manifest *Manifest // nil while open
	Segments []Segment
	Findings []Finding
}

// Load reads and verifies everything of one recording.
func Load(ctx context.Context, store objectstore.Store, id string) (*Recording, error) {
	return nil, errConstruction
}

// Records yields the records in order.
func (r *Recording) Records(ctx context.Context) iter.Seq2[Record, error] { return nil }

// ListOptions bounds a listing to sessions started in [From, To).
type ListOptions struct {
	From, To time.Time
	Limit    int // 0 for no limit
}

// Summary is one recording in a listing; its content is not verified.
type Summary struct {
	ID       string
	State    State
	Open     Open
	Manifest *Manifest
}

// List yields recordings, newest first.
func List(ctx context.Context, store objectstore.Store, opts ListOptions) iter.Seq2[Summary, error] {
	return nil
}

// Cast writes the recording as an asciicast.
func Cast(ctx context.Context, w io.Writer, r *Recording, v asciicast.Version) error {
	return errConstruction
}
