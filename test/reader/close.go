package reader

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
)

// closing is the manifest.
type closing struct {
	*fields

	outcome  string
	segments []fields
}

// nameVersions takes from the manifest which versions count, before any of them is read.
func (s *store) nameVersions(key string) error {
	data, err := s.get(key)
	if err != nil {
		return err
	}
	f := parse(data)
	entries := append(may[[]fields](f, "segments"), need[fields](f, "open"))
	if f.err != nil {
		return f.err
	}
	for i := range entries {
		s.named[need[string](&entries[i], "key")] = may[string](&entries[i], "versionID")
	}
	return nil
}

// readClose returns nil if there is none.
func readClose(s *store) (*closing, error) {
	key := s.prefix + "close.json"
	if !s.has(key) {
		return nil, nil //nolint:nilnil // a session without an end is no error
	}
	f := parse(s.read[key].Data)
	expect(f, "format", format)
	expect(f, "session", s.session)
	moment(f, "ended")
	c := &closing{fields: f, outcome: need[string](f, "outcome"), segments: may[[]fields](f, "segments")}
	return c, f.err
}

// verify reads the listed segments, and compares everything that the manifest says with them.
func (c *closing) verify(s *store, chain *chain) error {
	open := need[fields](c.fields, "open")
	expect(&open, "key", s.prefix+"open.json")
	expect(&open, "sha256", chain.open.hash)
	expect(&open, "size", chain.open.size)
	if open.err != nil {
		return fmt.Errorf("close object: open: %w", open.err)
	}
	for i := range c.segments {
		if err := verifyEntry(s, chain, &c.segments[i]); err != nil {
			return err
		}
	}
	expect(c.fields, "head", chain.head)
	expect(c.fields, "records", int64(len(chain.records)))
	if err := c.verifySums(chain); err != nil {
		return fmt.Errorf("close object: %w", err)
	}
	if err := c.verifyOutcome(chain); err != nil {
		return fmt.Errorf("close object: %w", err)
	}
	return nil
}

// verifyEntry compares the bytes first: nothing of a segment is decompressed that is not the one that was listed.
func verifyEntry(s *store, chain *chain, entry *fields) error {
	number := chain.segments + 1
	expect(entry, "key", s.segment(number))
	if entry.err != nil {
		return fmt.Errorf("close object: segment %d: %w", number, entry.err)
	}
	stored, err := s.get(s.segment(number))
	if err != nil {
		return err
	}
	expect(entry, "sha256", hash(stored))
	expect(entry, "size", int64(len(stored)))
	if entry.err != nil {
		return fmt.Errorf("close object: segment %d: %w", number, entry.err)
	}
	seg, err := chain.add(stored)
	if err != nil {
		return fmt.Errorf("segment %d: %w", number, err)
	}
	expect(entry, "first", seg.first)
	expect(entry, "last", seg.last)
	expect(entry, "bytes", seg.bytes)
	if entry.err != nil {
		return fmt.Errorf("close object: segment %d: %w", number, entry.err)
	}
	return nil
}

func (c *closing) verifySums(chain *chain) error {
	totals := map[string]total{}
	for stream, sum := range may[map[string]fields](c.fields, "totals") {
		totals[stream] = total{need[int64](&sum, "records"), need[int64](&sum, "bytes")}
		if sum.err != nil {
			return fmt.Errorf("totals of %s: %w", stream, sum.err)
		}
	}
	if c.err != nil {
		return c.err
	}
	if !maps.Equal(totals, chain.totals) {
		return fmt.Errorf("totals are %v, the segments hold %v", totals, chain.totals)
	}
	if masked := may[map[string]int64](c.fields, "masked"); !maps.Equal(masked, chain.masked) {
		return fmt.Errorf("masked is %v, the segments hold %v", masked, chain.masked)
	}
	return c.err
}

func (c *closing) verifyOutcome(chain *chain) error {
	switch c.outcome {
	case "closed":
		if c.has("fault") || c.has("lost") {
			return errors.New("a closed session has no fault and has lost nothing")
		}
	case "aborted":
		if need[string](c.fields, "fault") == "" && c.err == nil {
			return errors.New("an aborted session has a fault")
		}
		if may[int64](c.fields, "lost") < 0 {
			return errors.New("less than nothing is lost")
		}
		return c.err
	default:
		return fmt.Errorf("outcome %q is unknown", c.outcome)
	}
	if len(chain.records) == 0 {
		return errors.New("a closed session has an exit")
	}
	last := chain.records[len(chain.records)-1]
	if last.Stream != "exit" {
		return errors.New("the last record of a closed session is no exit")
	}
	if ended := moment(c.fields, "ended"); !ended.Equal(last.Time) {
		return fmt.Errorf("ended is %s, the exit was at %s", ended, last.Time)
	}
	if exit := need[json.RawMessage](c.fields, "exit"); c.err == nil && !sameJSON(exit, last.Data) {
		return fmt.Errorf("exit is %s, the last record says %s", exit, last.Data)
	}
	return c.err
}

func sameJSON(a, b []byte) bool {
	var left, right any
	return json.Unmarshal(a, &left) == nil && json.Unmarshal(b, &right) == nil && reflect.DeepEqual(left, right)
}
