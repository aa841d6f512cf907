package recording

import (
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

// frameBytes is how much JSON makes a zstd frame.
const frameBytes = 256 << 10

// encoder compresses frames for all sessions. EncodeAll is safe for concurrent
// use and keeps no state between calls.
var encoder = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		panic(fmt.Sprintf("recording: constant options of zstd are refused: %v", err))
	}
	return e
})

// segment is one being built, then one on its way to the store.
type segment struct {
	number int
	buf    *buffers
	raw    int // bytes of JSON, compressed ones included
	first  uint64
	last   uint64
	bytes  int64  // of stream data
	sum    string // set by seal
	after  tally  // all counts up to and including this segment; set by seal
}

// buffers are reused across segments and sessions, so that an idle session
// holds none.
type buffers struct {
	json   []byte // lines not yet in a frame
	object []byte // finished frames
}

var bufferPool = sync.Pool{New: func() any { return new(buffers) }}

// newSegment starts a segment with its header line.
func newSegment(h header) (*segment, error) {
	lineBytes, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("encoding a segment header: %w", err)
	}
	b, ok := bufferPool.Get().(*buffers)
	if !ok {
		b = new(buffers)
	}
	b.json = append(append(b.json[:0], lineBytes...), '\n')
	b.object = b.object[:0]
	return &segment{number: h.Segment, buf: b, raw: len(b.json), first: h.First, last: h.First - 1}, nil
}

// add appends a record, and a frame when there is enough for one.
func (s *segment) add(l *line) {
	before := len(s.buf.json)
	s.buf.json = appendLine(s.buf.json, l)
	s.raw += len(s.buf.json) - before
	s.last = l.n
	s.bytes += int64(len(l.data))
	if len(s.buf.json) >= frameBytes {
		s.frame()
	}
}

func (s *segment) frame() {
	s.buf.object = encoder().EncodeAll(s.buf.json, s.buf.object)
	s.buf.json = s.buf.json[:0]
}

// seal makes the object final.
func (s *segment) seal(after tally) {
	if len(s.buf.json) > 0 {
		s.frame()
	}
	s.sum = objectstore.Sum(s.buf.object)
	s.after = after.clone()
}

// release gives the buffers back; the segment must not be used after.
func (s *segment) release() {
	bufferPool.Put(s.buf)
	s.buf = nil
}

// tally counts what a recording holds.
type tally struct {
	records uint64
	last    time.Time // of the last record
	totals  map[Stream]Total
	masked  map[string]int
}

func newTally() tally {
	return tally{totals: map[Stream]Total{}, masked: map[string]int{}}
}

func (t *tally) add(at time.Time, stream Stream, data int, hits []mask.Hit) {
	t.records++
	t.last = at
	total := t.totals[stream]
	total.Records++
	total.Bytes += int64(data)
	t.totals[stream] = total
	for _, h := range hits {
		t.masked[h.Rule]++
	}
}

func (t *tally) clone() tally {
	return tally{records: t.records, last: t.last, totals: maps.Clone(t.totals), masked: maps.Clone(t.masked)}
}
