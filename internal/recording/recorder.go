package recording

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

// ErrClosed says that the recording has ended.
var ErrClosed = errors.New("recording is closed")

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

const (
	defaultFlushEvery   = 5 * time.Second
	defaultSegmentBytes = 8 << 20
	maxSegmentBytes     = 12 << 20 // leaves room below objectstore.MaxObjectBytes for one frame
)

// Options of a Recorder. Zero values of the sizes and times mean the defaults.
type Options struct {
	Now          func() time.Time      // required
	Retention    objectstore.Retention // required; of every object of the recording
	FlushEvery   time.Duration         // longest time that a record is only in memory; default 5 s
	SegmentBytes int                   // JSON in a segment, uncompressed; default 8 MiB, at most 12 MiB
}

func (o *Options) complete() error {
	if o.Now == nil {
		return errors.New("recording options have no clock")
	}
	if o.FlushEvery <= 0 {
		o.FlushEvery = defaultFlushEvery
	}
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = defaultSegmentBytes
	}
	o.SegmentBytes = min(o.SegmentBytes, maxSegmentBytes)
	return nil
}

// Recorder writes one recording. It is safe for concurrent use. A started
// Recorder must be closed, whatever happens.
type Recorder struct {
	opts    Options
	session string
	prefix  string
	by      []byte // the username as a JSON string
	open    Segment
	start   time.Time // with its monotonic reading
	up      *uploader

	mu     sync.Mutex
	closed bool
	tally  tally
	offset time.Duration // of the last record
	frame  *frame        // being filled; nil for none
	sealed int           // segments
	raw    int           // JSON in the segment being filled; 0 if there is nothing to seal
	timer  *time.Timer   // seals that segment

	closeOnce sync.Once
	manifest  Manifest
	closeErr  error
}

// Start puts the open object and returns once the store has acknowledged it. It
// sets open's Format, Started and Retention. ctx bounds Start only; its values
// are used for uploads.
func Start(ctx context.Context, store objectstore.Store, opts Options, open Open) (*Recorder, error) {
	if err := opts.complete(); err != nil {
		return nil, err
	}
	prefix, err := Prefix(open.Session)
	if err != nil {
		return nil, err
	}
	by, err := json.Marshal(open.Subject.Username)
	if err != nil {
		return nil, fmt.Errorf("encoding the subject: %w", err)
	}
	start := opts.Now()
	open.Format, open.Started, open.Retention = Format, start.UTC(), opts.Retention.Rounded()
	body, err := json.Marshal(open)
	if err != nil {
		return nil, fmt.Errorf("encoding the open object: %w", err)
	}
	v, err := store.PutNew(ctx, OpenKey(prefix), objectstore.NewBody(append(body, '\n')), open.Retention)
	if err != nil {
		return nil, fmt.Errorf("putting the open object of session %s: %w", open.Session, err)
	}
	first := header{Format: Format, Session: open.Session, Segment: 1, Open: v.SHA256, Prev: v.SHA256, First: 1}
	return &Recorder{
		opts: opts, session: open.Session, prefix: prefix, by: by, start: start, tally: newTally(),
		open: Segment{Key: v.Key, VersionID: v.ID, SHA256: v.SHA256, Size: v.Size},
		up:   startUploader(context.WithoutCancel(ctx), store, prefix, open.Retention, first),
	}, nil
}

// Record appends data, and the secrets whose masking ended in it, to a stream.
// It copies data. It blocks while segments that are ready wait for the store. Once an upload has failed it returns that error for ever: nothing more
// may then pass in the session.
func (r *Recorder) Record(stream Stream, data []byte, hits ...mask.Hit) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return ErrClosed
	}
	return r.record(stream, data, hits)
}

func (r *Recorder) record(stream Stream, data []byte, hits []mask.Hit) error {
	for {
		n := min(len(data), maxRecordBytes)
		if err := r.recordOne(stream, data[:n], hits); err != nil {
			return err
		}
		if data, hits = data[n:], nil; len(data) == 0 {
			return nil
		}
	}
}

func (r *Recorder) recordOne(stream Stream, data []byte, hits []mask.Hit) error {
	if err := r.Err(); err != nil {
		return err
	}
	if r.frame == nil {
		r.frame = newFrame()
	}
	if r.raw == 0 {
		number := r.sealed
		r.timer = time.AfterFunc(r.opts.FlushEvery, func() { r.sealIfStill(number) })
	}
	now := r.opts.Now()
	r.offset = max(r.offset, now.Sub(r.start))
	r.tally.add(now, stream, len(data), hits)
	before := len(r.frame.json)
	r.frame.add(&line{n: r.tally.records, time: now, offset: r.offset, by: r.by, stream: stream, data: data, hits: hits})
	r.raw += len(r.frame.json) - before
	switch {
	case r.raw >= r.opts.SegmentBytes:
		return r.seal()
	case len(r.frame.json) >= frameBytes:
		return r.send()
	default:
		return nil
	}
}

// send hands the frame on.
func (r *Recorder) send() error {
	f := r.frame
	r.frame = nil
	return r.up.send(f)
}

// seal ends the segment with the frame, which may be empty.
func (r *Recorder) seal() error {
	r.timer.Stop()
	if r.frame == nil {
		r.frame = newFrame()
	}
	r.frame.seal, r.frame.after = true, r.tally.clone()
	r.sealed++
	r.raw = 0
	return r.send()
}

// sealIfStill seals a segment when its time is up, unless its size was up before.
func (r *Recorder) sealIfStill(number int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sealed == number && r.raw > 0 && !r.closed {
		_ = r.seal() // Failed and every later call tell
	}
}

// Resize records the size of the terminal, in characters.
func (r *Recorder) Resize(cols, rows uint16) error {
	return r.Record(Resize, fmt.Appendf(nil, "%dx%d", cols, rows))
}

// Note records a line that the proxy told the person.
func (r *Recorder) Note(text string) error { return r.Record(Note, []byte(text)) }

// Failed is closed when the recording can no longer be kept: end the session.
func (r *Recorder) Failed() <-chan struct{} { return r.up.failed }

// Err returns why the recording failed, or nil.
func (r *Recorder) Err() error { return r.up.failure() }
