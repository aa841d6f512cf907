package recording

import (
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

// frameBytes is how much JSON makes a zstd frame, unless a line is longer. What a busy stream commits at once is less.
const frameBytes = 512 << 10

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

// sealed is a segment of the journal that is to be stored.
type sealed struct {
	number int
	after  tally // all counts up to its last record
}

// The pools lend memory to records and segments on their way, so that an idle session holds none.
var (
	linePool    = sync.Pool{New: func() any { return new([]byte) }}
	batchPool   = sync.Pool{New: func() any { return new([]byte) }}
	segmentPool = sync.Pool{New: func() any { return new([]byte) }}
	objectPool  = sync.Pool{New: func() any { return new([]byte) }}
)

func lend(pool *sync.Pool) *[]byte {
	b, ok := pool.Get().(*[]byte)
	if !ok {
		b = new([]byte)
	}
	*b = (*b)[:0]
	return b
}

// object makes the bytes that are stored: a header, then whole lines in zstd frames. Batches that are frames stay as they
// are; the lines between them are compressed together.
func (h header) object(dst []byte, batches [][]byte) ([]byte, error) {
	if h.Segment > maxSegments {
		return nil, fmt.Errorf("recording has %d segments, the most there can be", maxSegments)
	}
	text, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("encoding a segment header: %w", err)
	}
	dst = encoder.EncodeAll(append(text, '\n'), dst)
	var lines []byte
	for _, b := range batches {
		if _, b = cutCursors(b); isLines(b) {
			lines = append(lines, b...)
			continue
		}
		dst = append(appendFrames(dst, lines), b...)
		lines = lines[:0]
	}
	return appendFrames(dst, lines), nil
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

// bytes is the data in all streams.
func (t *tally) bytes() int64 {
	var n int64
	for _, total := range t.totals {
		n += total.Bytes
	}
	return n
}

func (t *tally) clone() tally {
	return tally{records: t.records, last: t.last, totals: maps.Clone(t.totals), masked: maps.Clone(t.masked)}
}
