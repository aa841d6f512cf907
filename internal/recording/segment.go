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
//
//nolint:gochecknoglobals // made at start: what EncodeAll makes at its first call would belong to that caller's synctest bubble
var encoder = newEncoder()

func newEncoder() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		panic(fmt.Sprintf("recording: constant options of zstd are refused: %v", err))
	}
	e.EncodeAll(nil, nil)
	return e
}

// frame is a run of whole records, as JSON, on its way into a segment.
type frame struct {
	json  []byte
	last  uint64 // sequence number of its last record
	bytes int64  // of data
	seal  bool   // it is the last of its segment
	after tally  // if seal: all counts up to its last record
}

// segment is a finished object on its way to the store.
type segment struct {
	number int
	object []byte
	body   objectstore.Body // of object, once it is sealed
	first  uint64
	last   uint64
	bytes  int64
	after  tally // all counts up to its last record
}

// The pools reuse memory across segments and sessions, so that an idle session
// holds none.
var (
	framePool   = sync.Pool{New: func() any { return new(frame) }}
	segmentPool = sync.Pool{New: func() any { return new(segment) }}
)

func newFrame() *frame {
	f, ok := framePool.Get().(*frame)
	if !ok {
		f = new(frame)
	}
	*f = frame{json: f.json[:0]}
	return f
}

func (f *frame) add(l *line) {
	f.json = appendLine(f.json, l)
	f.last = l.n
	f.bytes += int64(len(l.data))
}

// builder turns frames into segments. It knows the chain.
type builder struct {
	next    header   // of the next segment
	current *segment // nil before the first frame of a segment
}

// add takes a frame, and returns the segment that it ends, if any.
func (b *builder) add(f *frame) (*segment, error) {
	if b.current == nil {
		if err := b.begin(); err != nil {
			return nil, err
		}
	}
	s := b.current
	if len(f.json) > 0 {
		s.object = encoder.EncodeAll(f.json, s.object)
		s.last = f.last
		s.bytes += f.bytes
	}
	if !f.seal {
		return nil, nil //nolint:nilnil // no segment is finished, and nothing is wrong
	}
	s.body, s.after = objectstore.NewBody(s.object), f.after
	b.current = nil
	b.next.Segment++
	b.next.Prev, b.next.First = s.body.SHA256(), s.last+1
	return s, nil
}

func (b *builder) begin() error {
	if b.next.Segment > maxSegments {
		return fmt.Errorf("recording has %d segments, the most there can be", maxSegments)
	}
	text, err := json.Marshal(b.next)
	if err != nil {
		return fmt.Errorf("encoding a segment header: %w", err)
	}
	s, ok := segmentPool.Get().(*segment)
	if !ok {
		s = new(segment)
	}
	*s = segment{number: b.next.Segment, object: s.object[:0], first: b.next.First}
	s.object = encoder.EncodeAll(append(text, '\n'), s.object)
	b.current = s
	return nil
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
