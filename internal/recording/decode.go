package recording

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

// Record is one line of a segment.
type Record struct {
	N      uint64        // sequence, gapless from 1
	Time   time.Time     // UTC; the proxy's clock, may step
	Offset time.Duration // since the session's start, by a clock that does not step
	By     string        // the subject's username
	Stream Stream
	// Connection is the number of the forwarded connection that it is of; 0 for none.
	Connection uint64
	Data       []byte     // the exact bytes
	Hits       []mask.Hit // secrets whose masking ended in this record
}

// header is the first line of a segment: it ties the segment to its session and
// to what came before it.
type header struct {
	Format  string `json:"format"`
	Session string `json:"session"`
	Segment int    `json:"segment"` // from 1
	Open    string `json:"open"`    // SHA-256 of the open object
	Prev    string `json:"prev"`    // SHA-256 of the segment before; of the open object in the first
	First   uint64 `json:"first"`   // sequence number of the first record
}

type jsonHit struct {
	Rule   string `json:"r"`
	Offset int64  `json:"at"`
	Length int64  `json:"len"`
	Print  string `json:"fp"`
}

type jsonRecord struct {
	N      uint64    `json:"n"`
	Time   time.Time `json:"t"`
	Offset int64     `json:"o"`
	By     string    `json:"s"`
	Stream Stream    `json:"c"`
	Conn   uint64    `json:"k"`
	Before []byte    `json:"b"`
	Text   string    `json:"d"`
	After  []byte    `json:"e"`
	Hits   []jsonHit `json:"m"`
}

// parseRecord reads one line. Fields it does not know are ignored.
func parseRecord(line []byte) (Record, error) {
	var j jsonRecord
	if err := json.Unmarshal(line, &j); err != nil {
		return Record{}, fmt.Errorf("parsing a record: %w", err)
	}
	switch {
	case j.N == 0:
		return Record{}, errors.New("record without sequence number")
	case j.Stream == "":
		return Record{}, errors.New("record without stream")
	case j.Offset < 0:
		return Record{}, errors.New("record with a negative offset")
	}
	r := Record{N: j.N, Time: j.Time.UTC(), Offset: time.Duration(j.Offset), By: j.By, Stream: j.Stream, Connection: j.Conn}
	r.Data = append(append(j.Before, j.Text...), j.After...)
	for _, h := range j.Hits {
		hit := mask.Hit{Rule: h.Rule, Offset: h.Offset, Length: h.Length}
		if h.Print != "" {
			raw, err := hex.DecodeString(h.Print)
			if err != nil || copy(hit.Fingerprint[:], raw) != len(raw) || hit.Fingerprint.String() != h.Print {
				return Record{}, errors.New("record with a fingerprint that is none")
			}
		}
		r.Hits = append(r.Hits, hit)
	}
	return r, nil
}
