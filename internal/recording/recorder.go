package recording

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
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
	maxSegmentBytes     = 12 << 20 // leaves room below objectstore.MaxObjectBytes for what is recorded between two commits
	// maxPending bounds the JSON that is recorded and not committed.
	maxPending = 1 << 20
)

// Options of a Recorder. Zero values of the sizes and times mean the defaults.
type Options struct {
	Now          func() time.Time      // required
	Retention    objectstore.Retention // required; of every object of the recording
	Journal      Journal               // required; the recorder removes it when all is stored, and else leaves it
	Durability   Durability            // at least; the open object may ask for more
	FlushEvery   time.Duration         // longest time that a record is not on its way to the store; default 5 s
	SegmentBytes int                   // JSON in a segment, uncompressed; default 8 MiB, at most 12 MiB
	// Trouble is told why when the store begins to take nothing, and nil when nothing waits for it any more. Optional.
	Trouble func(error)
}

func (o *Options) complete() error {
	switch {
	case o.Now == nil:
		return errors.New("recording options have no clock")
	case o.Journal == nil:
		return errors.New("recording options have no journal")
	}
	if o.FlushEvery <= 0 {
		o.FlushEvery = defaultFlushEvery
	}
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = defaultSegmentBytes
	}
	if o.Trouble == nil {
		o.Trouble = func(error) {}
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

	mu      sync.Mutex
	closed  bool
	tally   tally
	offset  time.Duration // of the last record
	pending *[]byte       // JSON that is not in the journal; nil for none
	cursors cursors
	raw     int // JSON in the segment being filled, pending included

	commit  sync.Mutex // held while the journal is written
	durable tally      // counts up to the last record in the journal
	told    uint64     // changes of the cursors that are in the journal
	sealed  uint64     // last record of the segments that have ended
	timer   *time.Timer

	broken   atomic.Pointer[error] // why the journal takes nothing more; see fail
	haltOnce sync.Once
	failed   chan struct{} // closed after err is set
	err      error

	closeOnce sync.Once
	manifest  Manifest
	closeErr  error
}

// Start puts the open object and returns once the store has acknowledged it. It
// sets open's Format, Started and Retention, and raises its Durability to that of opts. ctx bounds Start only; its values
// are used for uploads. If it fails the journal is left: the store may have taken
// the open object all the same, and Resume finds out.
func Start(ctx context.Context, store objectstore.Store, opts Options, open Open) (*Recorder, error) {
	r, err := start(ctx, store, opts, open)
	if err != nil && opts.Journal != nil {
		opts.Journal.Leave()
	}
	return r, err
}

func start(ctx context.Context, store objectstore.Store, opts Options, open Open) (*Recorder, error) {
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
	if opts.Durability, err = stricter(opts.Durability, open.Durability); err != nil {
		return nil, err
	}
	open.Durability = opts.Durability
	begin := opts.Now()
	open.Format, open.Started, open.Retention = Format, begin.UTC(), opts.Retention.Rounded()
	body, err := json.Marshal(open)
	if err != nil {
		return nil, fmt.Errorf("encoding the open object: %w", err)
	}
	v, err := store.PutNew(ctx, OpenKey(prefix), objectstore.NewBody(append(body, '\n')), open.Retention)
	if err != nil {
		return nil, fmt.Errorf("putting the open object of session %s: %w", open.Session, err)
	}
	r := &Recorder{
		opts: opts, session: open.Session, prefix: prefix, by: by, start: begin, tally: newTally(), durable: newTally(),
		open: Segment{Key: v.Key, VersionID: v.ID, SHA256: v.SHA256, Size: v.Size}, failed: make(chan struct{}),
		cursors: cursors{all: map[place]*cursor{}},
	}
	r.up = &uploader{
		store: store, journal: opts.Journal, prefix: prefix, retention: open.Retention, trouble: opts.Trouble, failed: r.fail,
		next: header{Format: Format, Session: open.Session, Open: v.SHA256, Prev: v.SHA256, First: 1},
	}
	r.up.start(context.WithoutCancel(ctx))
	return r, nil
}

// Record appends data, and the secrets whose masking ended in it, to a stream.
// It copies data. Nothing of it is durable before Commit. Once nothing may pass any more it returns why for ever, but for
// what tells the end of a recording whose journal is whole; see refuses.
func (r *Recorder) Record(stream Stream, data []byte, hits ...mask.Hit) error {
	return r.put(0, stream, data, hits)
}

// put is Record, of a forwarded connection; 0 for none.
func (r *Recorder) put(connection uint64, stream Stream, data []byte, hits []mask.Hit) error {
	r.mu.Lock()
	full, err := r.record(place{connection, stream}, data, hits)
	r.mu.Unlock()
	if err != nil || !full {
		return err
	}
	return r.write(everything, false)
}

// record reports whether so much is pending, or in the segment, that it has to be written.
func (r *Recorder) record(p place, data []byte, hits []mask.Hit) (bool, error) {
	if r.closed {
		return false, ErrClosed
	}
	if err := r.refuses(p.stream); err != nil {
		return false, err
	}
	c := r.cursors.at(p)
	hits = byEnd(hits)
	for {
		n, ending := split(c.recorded, len(data), hits)
		r.recordOne(c, data[:n], hits[:ending])
		if data, hits = data[n:], hits[ending:]; len(data) == 0 && len(hits) == 0 {
			return len(*r.pending) >= maxPending || r.raw >= r.opts.SegmentBytes, nil
		}
	}
}

func (r *Recorder) recordOne(c *cursor, data []byte, hits []mask.Hit) {
	if r.raw == 0 {
		r.timer = time.AfterFunc(r.opts.FlushEvery, r.flush)
	}
	now := r.opts.Now()
	r.offset = max(r.offset, now.Sub(r.start))
	r.tally.add(now, c.stream, len(data), hits)
	if r.pending == nil {
		r.pending = lend(&linePool)
	}
	before := len(*r.pending)
	*r.pending = appendLine(*r.pending, &line{
		n: r.tally.records, time: now, offset: r.offset, by: r.by, stream: c.stream, connection: c.connection, data: data, hits: hits,
	})
	r.raw += len(*r.pending) - before
	c.recorded += int64(len(data))
}

// Totals counts what was recorded until now.
func (r *Recorder) Totals() map[Stream]Total {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.tally.totals)
}

// Resize records the size of the terminal, in characters.
func (r *Recorder) Resize(cols, rows uint16) error {
	return r.Record(Resize, fmt.Appendf(nil, "%dx%d", cols, rows))
}

// Note records a line that the proxy told the person.
func (r *Recorder) Note(text string) error { return r.Record(Note, []byte(text)) }
