package recording

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

// maxDecodedBytes bounds what one segment may expand to, against a segment made
// to exhaust its reader. Writers stay near maxSegmentBytes.
const maxDecodedBytes = 64 << 20

//nolint:gochecknoglobals // made at start, as encoder is
var decoder = newDecoder()

func newDecoder() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxDecodedBytes))
	if err != nil {
		panic(fmt.Sprintf("recording: constant options of zstd are refused: %v", err))
	}
	return d
}

// checker holds what the next segment must agree with. Its zero record number
// and empty prev stand before the first segment.
type checker struct {
	session, prefix string
	by              string  // username in every record
	open            Segment // the open object

	prev   string // SHA-256 of the segment before
	n      uint64 // of the last record
	offset time.Duration
}

func (c *checker) fault(key, problem string) error {
	return &Fault{Session: c.session, Key: key, Problem: problem}
}

// names checks what every object says about itself.
func (c *checker) names(key, format, session string) error {
	if format != Format {
		return c.fault(key, fmt.Sprintf("format %q is not %q", format, Format))
	}
	if session != c.session {
		return c.fault(key, fmt.Sprintf("it belongs to session %q", session))
	}
	return nil
}

// opens checks that the manifest means the open object that is there.
func (c *checker) opens(inManifest Segment) error {
	if inManifest.Key != c.open.Key || inManifest.SHA256 != c.open.SHA256 || inManifest.Size != c.open.Size {
		return c.fault(c.open.Key, fmt.Sprintf("SHA-256 %s, %d bytes, but the manifest says %s, %d bytes",
			c.open.SHA256, c.open.Size, inManifest.SHA256, inManifest.Size))
	}
	return nil
}

// segment verifies the n-th segment against the chain, its own records and, if
// it is known from the manifest or an earlier reading, s; else it fills s.
func (c *checker) segment(n int, s *Segment, known bool, body []byte) ([]Record, error) {
	sum := objectstore.Sum(body)
	if known && (s.SHA256 != sum || s.Size != int64(len(body))) {
		return nil, c.fault(s.Key, fmt.Sprintf("SHA-256 %s, %d bytes, but the manifest says %s, %d bytes", sum, len(body), s.SHA256, s.Size))
	}
	raw, err := decoder.DecodeAll(body, nil)
	if err != nil {
		return nil, c.fault(s.Key, "decompressing it: "+err.Error())
	}
	if len(raw) == 0 || raw[len(raw)-1] != '\n' {
		return nil, c.fault(s.Key, "it does not end with a whole line")
	}
	first, rest, _ := bytes.Cut(raw, []byte("\n"))
	if err := c.header(n, s.Key, first); err != nil {
		return nil, err
	}
	got := Segment{Key: s.Key, VersionID: s.VersionID, SHA256: sum, Size: int64(len(body)), First: c.n + 1}
	var records []Record
	for text := range bytes.Lines(rest) {
		rec, err := c.record(s.Key, text)
		if err != nil {
			return nil, err
		}
		got.Bytes += int64(len(rec.Data))
		records = append(records, rec)
	}
	got.Last = c.n
	if len(records) == 0 {
		return nil, c.fault(s.Key, "it holds no records")
	}
	if known && got != *s {
		return nil, c.fault(s.Key, fmt.Sprintf("it holds records %d to %d with %d bytes, but the manifest says %d to %d with %d",
			got.First, got.Last, got.Bytes, s.First, s.Last, s.Bytes))
	}
	*s, c.prev = got, sum
	return records, nil
}

func (c *checker) header(n int, key string, text []byte) error {
	var h header
	if err := json.Unmarshal(text, &h); err != nil {
		return c.fault(key, "its header does not parse: "+err.Error())
	}
	if err := c.names(key, h.Format, h.Session); err != nil {
		return err
	}
	prev := c.prev
	if n == 1 {
		prev = c.open.SHA256
	}
	switch {
	case h.Segment != n:
		return c.fault(key, fmt.Sprintf("it is segment %d", h.Segment))
	case h.Open != c.open.SHA256:
		return c.fault(key, fmt.Sprintf("it follows an open object with SHA-256 %s, not %s", h.Open, c.open.SHA256))
	case h.Prev != prev:
		return c.fault(key, fmt.Sprintf("it follows an object with SHA-256 %s, not %s", h.Prev, prev))
	case h.First != c.n+1:
		return c.fault(key, fmt.Sprintf("it starts at record %d, not %d", h.First, c.n+1))
	}
	return nil
}

func (c *checker) record(key string, text []byte) (Record, error) {
	rec, err := parseRecord(text)
	switch {
	case err != nil:
		return Record{}, c.fault(key, fmt.Sprintf("after record %d: %v", c.n, err))
	case rec.N != c.n+1:
		return Record{}, c.fault(key, fmt.Sprintf("record %d follows record %d", rec.N, c.n))
	case rec.Offset < c.offset:
		return Record{}, c.fault(key, fmt.Sprintf("record %d has a smaller offset than the one before", rec.N))
	case rec.By != c.by:
		return Record{}, c.fault(key, fmt.Sprintf("record %d has subject %q, the session has %q", rec.N, rec.By, c.by))
	}
	c.n, c.offset = rec.N, rec.Offset
	return rec, nil
}

// end checks what the manifest says about everything before it. at is the
// tally, last the last record and head the hash after its last listed segment.
func (c *checker) end(m *Manifest, at tally, last Record, head string) error {
	key := CloseKey(c.prefix)
	switch {
	case m.Head != head:
		return c.fault(key, fmt.Sprintf("head %s, but the chain ends in %s", m.Head, head))
	case m.Records != at.records:
		return c.fault(key, fmt.Sprintf("it counts %d records, the segments hold %d", m.Records, at.records))
	case !maps.Equal(m.Totals, at.totals):
		return c.fault(key, fmt.Sprintf("totals %v, but the segments hold %v", m.Totals, at.totals))
	case !maps.Equal(m.Masked, at.masked):
		return c.fault(key, fmt.Sprintf("masked %v, but the segments hold %v", m.Masked, at.masked))
	case m.Outcome == Closed:
		return c.closed(m, last)
	}
	return nil
}

// closed checks what a manifest may say only if nothing is missing.
func (c *checker) closed(m *Manifest, last Record) error {
	key := CloseKey(c.prefix)
	exit, err := json.Marshal(m.Exit)
	switch {
	case err != nil:
		return c.fault(key, "its exit does not encode: "+err.Error())
	case last.Stream != Ended:
		return c.fault(key, "it says closed, but the last record is not an exit")
	case !bytes.Equal(exit, last.Data):
		return c.fault(key, fmt.Sprintf("exit %s, but the last record says %s", exit, last.Data))
	case !m.Ended.Equal(last.Time):
		return c.fault(key, fmt.Sprintf("ended %s, but the last record is of %s", m.Ended, last.Time))
	case m.Lost != 0 || m.Fault != "" || m.Whole:
		return c.fault(key, "it says closed and speaks of lost records")
	}
	return nil
}
