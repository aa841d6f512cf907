package recording

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

// RuleUndecided names bytes that had passed when the recorder died, or failed, before it was known what of them is secret.
const RuleUndecided = "undecided"

// place is one stream, of one forwarded connection if it is of one.
type place struct {
	connection uint64
	stream     Stream
}

// cursor is how far a stream has got.
type cursor struct {
	place

	recorded int64 // bytes in its records
	passed   int64 // bytes of it that were let pass, where these are more; else of no meaning
	changed  bool  // the journal does not have passed
}

// ahead is how many bytes have passed and are not recorded.
func (c *cursor) ahead() int64 { return max(0, c.passed-c.recorded) }

// cursors are those of all streams of a recording.
//
// That bytes have passed whose record waits is in the journal as a line that is no record: a stream's name, its
// connection, and how many bytes of it have passed since its beginning. The last line of a stream counts. Because it is a
// position, and no difference, it stays true whatever is recorded after it: what was ahead and was recorded since is not
// ahead any more, in whichever order a dead process left both. Such lines stand before the records of a batch, and before
// anything else in a segment of the journal that begins while bytes are ahead. They never reach the store.
type cursors struct {
	all     map[place]*cursor
	changed []*cursor
	changes uint64
}

func (cs *cursors) at(p place) *cursor {
	c := cs.all[p]
	if c == nil {
		c = &cursor{place: p}
		cs.all[p] = c
	}
	return c
}

func (cs *cursors) ahead(p place, n int) {
	c := cs.at(p)
	passed := c.recorded + int64(max(0, n))
	same := passed == c.passed || passed == c.recorded && c.ahead() == 0
	c.passed = passed
	if same {
		return
	}
	cs.changes++
	if !c.changed {
		c.changed = true
		cs.changed = append(cs.changed, c)
	}
}

// news are the lines that the journal lacks.
func (cs *cursors) news() []byte {
	var lines []byte
	for _, c := range cs.changed {
		lines = c.appendLine(lines)
		c.changed = false
	}
	cs.changed = cs.changed[:0]
	return lines
}

// standing are the lines of all streams that have bytes ahead.
func (cs *cursors) standing() []byte {
	var lines []byte
	for _, c := range cs.pending() {
		lines = c.appendLine(lines)
	}
	return lines
}

// pending are the cursors of all streams that have bytes ahead, always in the same order.
func (cs *cursors) pending() []*cursor {
	var pending []*cursor
	for _, c := range cs.all {
		if c.ahead() > 0 {
			pending = append(pending, c)
		}
	}
	slices.SortFunc(pending, func(a, b *cursor) int {
		return cmp.Or(cmp.Compare(a.stream, b.stream), cmp.Compare(a.connection, b.connection))
	})
	return pending
}

// forget drops a connection, but for what of it still waits to be recorded.
func (cs *cursors) forget(connection uint64) {
	for _, stream := range []Stream{Forward, ForwardIn, ForwardOut} {
		if p := (place{connection, stream}); cs.at(p).ahead() == 0 {
			delete(cs.all, p)
		}
	}
}

// undecided is what is recorded of bytes that have passed when nobody can tell any more what they were: one record's worth.
func (c *cursor) undecided() ([]byte, mask.Hit) {
	n := min(c.ahead(), maxRecordBytes)
	return bytes.Repeat([]byte{'*'}, int(n)), mask.Hit{Rule: RuleUndecided, Offset: c.recorded, Length: n}
}

const cursorMark = '+'

func (c *cursor) appendLine(dst []byte) []byte {
	dst = append(append(dst, cursorMark), c.stream...)
	dst = strconv.AppendUint(append(dst, ' '), c.connection, 10)
	dst = strconv.AppendInt(append(dst, ' '), c.passed, 10)
	return append(dst, '\n')
}

// read takes lines of the journal.
func (cs *cursors) read(lines []byte) error {
	for text := range bytes.Lines(lines) {
		var p place
		var passed int64
		n, err := fmt.Sscanf(string(text), "+%s %d %d\n", &p.stream, &p.connection, &passed)
		if err != nil || n != 3 || passed < 0 {
			return errors.New("a line about bytes that have passed does not parse")
		}
		cs.at(p).passed = passed
	}
	return nil
}

// cutCursors splits a batch of the journal into its lines about bytes that have passed, and its records.
func cutCursors(batch []byte) (lines, records []byte) {
	n := 0
	for n < len(batch) && batch[n] == cursorMark {
		end := bytes.IndexByte(batch[n:], '\n')
		if end < 0 {
			break
		}
		n += end + 1
	}
	return batch[:n], batch[n:]
}

// Ahead says that the first n bytes of a stream that are not recorded yet have passed, or will once the next Commit has
// returned: their number is durable then, and replaces the one before. Their record may follow at any time. If the recorder
// dies before it does, Resume records as many asterisks.
func (r *Recorder) Ahead(stream Stream, n int) { r.AheadForward(0, stream, n) }

// AheadForward is Ahead for a stream of one of a session's forwarded connections.
func (r *Recorder) AheadForward(connection uint64, stream Stream, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cursors.ahead(place{connection, stream}, n)
}

// decide records, as asterisks, what has passed and will not be recorded any more. r.mu is held.
func (r *Recorder) decide() {
	if r.closed || r.broken.Load() != nil {
		return
	}
	for _, c := range r.cursors.pending() {
		for c.ahead() > 0 {
			data, hit := c.undecided()
			r.recordOne(c, data, []mask.Hit{hit})
		}
	}
}
