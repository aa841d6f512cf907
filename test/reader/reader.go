// Package reader reads the recordings of Sallyport a second time. It was written from docs/recording-format.md alone and
// shares no code with the recorder or with the reader in internal/recording: what both agree on, the document says.
//
// It verifies everything that the document promises, and is stricter than a reader needs to be: a field that is there
// twice, in other letters, in another type, or a time that is not in UTC, is an error, because two readers could take it
// for two things.
package reader

import (
	"fmt"
	"regexp"
	"slices"
	"time"
)

const (
	format     = "sallyport.recording/v1"
	maxObject  = 16 << 20
	maxSegment = 64 << 20
	maxLine    = 1 << 20
	maxRecord  = 65536
)

// Version is one version of an object of the recording, or a delete marker.
type Version struct {
	Key    string
	ID     string
	Marker bool
	Data   []byte
	Mode   string    // of the retention, empty if there is none
	Until  time.Time // of the retention
}

// Record is one record, with the bytes that its fields b, d and e stand for.
type Record struct {
	N       int64
	Time    time.Time
	Offset  time.Duration
	Subject string
	Stream  string
	Data    []byte
	Masked  []Masked
}

// Masked is one masked secret: length bytes of the record's stream from at on.
type Masked struct {
	Rule   string
	At     int64
	Length int64
	// Fingerprint is equal for equal secrets; empty if there is none.
	Fingerprint string
}

// Recording is what verified.
type Recording struct {
	Session string
	Subject string
	Outcome string // closed, aborted, or empty if there is no close object
	// Durability is where each byte was recorded before it passed: Spool, Store, or empty if the recording does not say.
	Durability string
	Records    []Record
	Streams    map[string][]byte
	Remarks    []string // what the document says to report without failing
}

// Read verifies one recording, given every version of each of its objects, the oldest version of a key first. An error
// names the rule that does not hold.
func Read(versions []Version) (*Recording, error) {
	store, err := newStore(versions)
	if err != nil {
		return nil, err
	}
	open, err := readOpen(store)
	if err != nil {
		return nil, fmt.Errorf("open object: %w", err)
	}
	chain := newChain(open)
	closing, err := readClose(store)
	if err != nil {
		return nil, fmt.Errorf("close object: %w", err)
	}
	if closing != nil {
		if err := closing.verify(store, chain); err != nil {
			return nil, err
		}
	}
	for store.has(store.segment(chain.segments + 1)) {
		stored, err := store.get(store.segment(chain.segments + 1))
		if err != nil {
			return nil, err
		}
		if _, err := chain.add(stored); err != nil {
			return nil, fmt.Errorf("segment %d: %w", chain.segments+1, err)
		}
	}
	if closing != nil && closing.outcome == "closed" && chain.segments != len(closing.segments) {
		return nil, fmt.Errorf("%d segments are there, the manifest of a closed session lists %d", chain.segments, len(closing.segments))
	}
	if err := store.finish(open); err != nil {
		return nil, err
	}
	recording := &Recording{Session: store.session, Subject: open.username, Durability: open.durability, Records: chain.records, Streams: chain.streams, Remarks: store.remarks}
	if closing != nil {
		recording.Outcome = closing.outcome
	}
	return recording, nil
}

// store holds the objects of one recording, and remembers which have been read.
type store struct {
	prefix   string // up to the session's id and its slash
	session  string
	versions map[string][]Version
	named    map[string]string // version ids by key, from the manifest
	read     map[string]Version
	remarks  []string
}

var (
	keyForm     = regexp.MustCompile(`^((?:.*/)?sessions/(\d{4}/\d{2}/\d{2})/([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})/)[^/]+$`)
	segmentForm = regexp.MustCompile(`/segment-\d{8}\.ndjson\.zst$`)
)

func newStore(versions []Version) (*store, error) {
	s := &store{versions: map[string][]Version{}, named: map[string]string{}, read: map[string]Version{}}
	for _, version := range versions {
		match := keyForm.FindStringSubmatch(version.Key)
		if match == nil {
			return nil, fmt.Errorf("key %q is not that of an object of a session", version.Key)
		}
		if s.prefix == "" {
			s.prefix, s.session = match[1], match[3]
		}
		if match[1] != s.prefix {
			return nil, fmt.Errorf("keys of more than one session: %q", version.Key)
		}
		if day := dayOf(match[3]); day != match[2] {
			return nil, fmt.Errorf("key %q has another day than its session's id, %s", version.Key, day)
		}
		s.versions[version.Key] = append(s.versions[version.Key], version)
	}
	return s, nil
}

// dayOf returns the UTC day of the milliseconds in the first 48 bits of a session's id.
func dayOf(session string) string {
	var high, low int64
	if _, err := fmt.Sscanf(session, "%8x-%4x", &high, &low); err != nil {
		return err.Error()
	}
	return time.UnixMilli(high<<16 | low).UTC().Format("2006/01/02")
}

func (s *store) segment(number int) string {
	return fmt.Sprintf("%ssegment-%08d.ndjson.zst", s.prefix, number)
}

// has tells whether a key has a version that is no marker.
func (s *store) has(key string) bool {
	return slices.ContainsFunc(s.versions[key], func(v Version) bool { return !v.Marker })
}

// get returns the bytes of the version that counts: the one that the manifest names, else the oldest.
func (s *store) get(key string) ([]byte, error) {
	objects := slices.DeleteFunc(slices.Clone(s.versions[key]), func(v Version) bool { return v.Marker })
	if len(objects) == 0 {
		return nil, fmt.Errorf("%s is missing", key)
	}
	counts := objects[0]
	if id, ok := s.named[key]; ok {
		named := slices.IndexFunc(objects, func(v Version) bool { return v.ID == id })
		if named >= 0 {
			counts = objects[named]
		} else {
			s.remark("%s has no version %q, which the manifest names", key, id)
		}
	}
	if len(counts.Data) > maxObject {
		return nil, fmt.Errorf("%s is larger than 16 MiB", key)
	}
	s.read[key] = counts
	return counts.Data, nil
}

// finish refuses segments that no chain reached, and remarks on everything else that is beside the recording.
func (s *store) finish(open *opened) error {
	for key, versions := range s.versions {
		counts, ok := s.read[key]
		if !ok && segmentForm.MatchString(key) {
			return fmt.Errorf("%s does not follow the segment before it", key)
		}
		for _, version := range versions {
			switch {
			case version.Marker:
				s.remark("%s has a delete marker", key)
			case !ok:
				s.remark("%s is no object of a recording", key)
			case version.ID != counts.ID:
				s.remark("%s has another version, %q", key, version.ID)
			}
		}
		if ok && (counts.Until.Before(open.until) || firmness[counts.Mode] < firmness[open.mode]) {
			s.remark("%s is retained less than the open object says: %q until %s", key, counts.Mode, counts.Until.Format(time.RFC3339))
		}
	}
	slices.Sort(s.remarks)
	return nil
}

var firmness = map[string]int{"GOVERNANCE": 1, "COMPLIANCE": 2}

func (s *store) remark(format string, args ...any) {
	s.remarks = append(s.remarks, fmt.Sprintf(format, args...))
}
