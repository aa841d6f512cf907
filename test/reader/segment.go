package reader

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
)

// chain is the state between two segments.
type chain struct {
	open     *opened
	head     string // hash of the last object
	segments int
	records  []Record
	streams  map[string][]byte
	totals   map[string]total
	masked   map[string]int64
}

type total struct{ records, bytes int64 }

func newChain(open *opened) *chain {
	return &chain{open: open, head: open.hash, streams: map[string][]byte{}, totals: map[string]total{}, masked: map[string]int64{}}
}

// span is what the manifest says of the records of a segment.
type span struct{ first, last, bytes int64 }

// add verifies the segment after the last one, and adds its records.
func (c *chain) add(stored []byte) (span, error) {
	lines, err := decompress(stored)
	if err != nil {
		return span{}, err
	}
	s := span{first: int64(len(c.records)) + 1}
	header := parse(lines[0])
	expect(header, "format", format)
	expect(header, "session", c.open.session)
	expect(header, "segment", c.segments+1)
	expect(header, "open", c.open.hash)
	expect(header, "prev", c.head)
	expect(header, "first", s.first)
	if header.err != nil {
		return span{}, fmt.Errorf("header: %w", header.err)
	}
	if len(lines) == 1 {
		return span{}, errors.New("no record follows the header")
	}
	for _, line := range lines[1:] {
		record, err := c.record(line)
		if err != nil {
			return span{}, fmt.Errorf("record %d: %w", len(c.records)+1, err)
		}
		s.bytes += int64(len(record.Data))
	}
	s.last = int64(len(c.records))
	c.segments++
	c.head = hash(stored)
	return s, nil
}

// decoder is stateless, and gives up when a segment becomes larger than maxSegment.
var decoder = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxSegment))
})

func decompress(stored []byte) ([][]byte, error) {
	zstd, err := decoder()
	if err != nil {
		return nil, err
	}
	text, err := zstd.DecodeAll(stored, nil)
	if err != nil {
		return nil, err
	}
	if !bytes.HasSuffix(text, []byte("\n")) {
		return nil, errors.New("the last line does not end")
	}
	lines := bytes.Split(text[:len(text)-1], []byte("\n"))
	for _, line := range lines {
		if len(line) > maxLine {
			return nil, errors.New("a line is longer than 1 MiB")
		}
	}
	return lines, nil
}

// record verifies a line by itself and against the records before it.
func (c *chain) record(line []byte) (Record, error) {
	f := parse(line)
	expect(f, "n", int64(len(c.records))+1)
	expect(f, "s", c.open.username)
	record := Record{
		N:       need[int64](f, "n"),
		Time:    moment(f, "t"),
		Offset:  time.Duration(need[int64](f, "o")),
		Subject: c.open.username,
		Stream:  need[string](f, "c"),
	}
	record.Data = content(f)
	masked := may[[]fields](f, "m")
	if f.err != nil {
		return Record{}, f.err
	}
	if record.Stream == "" {
		return Record{}, errors.New("it belongs to no stream")
	}
	if len(record.Data) > maxRecord {
		return Record{}, fmt.Errorf("%d bytes of data are more than a record holds", len(record.Data))
	}
	if err := c.follows(record); err != nil {
		return Record{}, err
	}
	if err := knownStream(record); err != nil {
		return Record{}, err
	}
	c.streams[record.Stream] = append(c.streams[record.Stream], record.Data...)
	for i := range masked {
		mark, err := c.mark(record.Stream, &masked[i])
		if err != nil {
			return Record{}, fmt.Errorf("field \"m\": %w", err)
		}
		record.Masked = append(record.Masked, mark)
		c.masked[mark.Rule]++
	}
	sum := c.totals[record.Stream]
	c.totals[record.Stream] = total{sum.records + 1, sum.bytes + int64(len(record.Data))}
	c.records = append(c.records, record)
	return record, nil
}

// content returns b decoded, then d, then e decoded.
func content(f *fields) []byte {
	var data []byte
	for _, name := range []string{"b", "d", "e"} {
		part := []byte(may[string](f, name))
		if name != "d" {
			decoded, err := base64.StdEncoding.Strict().DecodeString(string(part))
			if err != nil && f.err == nil {
				f.err = fmt.Errorf("field %q: %w", name, err)
			}
			part = decoded
		}
		data = append(data, part...)
	}
	return data
}

func (c *chain) follows(record Record) error {
	if len(c.records) == 0 {
		if record.Offset < 0 {
			return errors.New("it is before the start")
		}
		return nil
	}
	before := c.records[len(c.records)-1]
	if record.Offset < before.Offset {
		return errors.New("its offset is less than that of the record before")
	}
	if before.Stream == "exit" {
		return errors.New("it follows the exit")
	}
	return nil
}

var (
	sizeForm        = regexp.MustCompile(`^\d+x\d+$`)
	fingerprintForm = regexp.MustCompile(`^[0-9a-f]{16}$`)
)

// knownStream checks data that has a form; streams that the document does not name pass.
func knownStream(record Record) error {
	switch record.Stream {
	case "resize":
		if !sizeForm.Match(record.Data) {
			return fmt.Errorf("%q is no size of a terminal", record.Data)
		}
	case "secret":
		return checkSecretChange(record.Data)
	case "exit":
		return verifyExit(record.Data)
	}
	return nil
}

func verifyExit(data json.RawMessage) error {
	f := parse(data)
	may[int](f, "code")
	may[string](f, "reason")
	may[string](f, "message")
	may[string](f, "processDetail")
	killed := may[bool](f, "killed")
	process := need[string](f, "process")
	if f.err == nil && killed && process != "exited" {
		return fmt.Errorf("exit: the process was killed, and is %q", process)
	}
	if f.err == nil && process != "exited" && process != "running" && process != "unknown" {
		return fmt.Errorf("exit: the process is %q", process)
	}
	return f.err
}

// mark verifies one entry of m: it ends in this record or before it, and begins and ends with a star.
func (c *chain) mark(stream string, f *fields) (Masked, error) {
	mark := Masked{Rule: need[string](f, "r"), At: need[int64](f, "at"), Length: need[int64](f, "len"), Fingerprint: may[string](f, "fp")}
	if f.has("fp") && f.err == nil && !fingerprintForm.MatchString(mark.Fingerprint) {
		f.err = fmt.Errorf("%q is no fingerprint", mark.Fingerprint)
	}
	if f.err != nil {
		return Masked{}, f.err
	}
	data, end := c.streams[stream], mark.At+mark.Length
	if mark.At < 0 || mark.Length < 1 || mark.At > int64(len(data)) || mark.Length > int64(len(data)) || end > int64(len(data)) {
		return Masked{}, fmt.Errorf("bytes %d to %d do not end in this record, nor before", mark.At, end)
	}
	if data[mark.At] != '*' || data[end-1] != '*' {
		return Masked{}, fmt.Errorf("bytes %d to %d are not masked", mark.At, end)
	}
	return mark, nil
}
