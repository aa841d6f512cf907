package recording

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

// The reasons of an exit that Resume writes.
const (
	// ReasonRecorderDied: the recorder ended without writing an exit; its journal was there.
	ReasonRecorderDied = "recorder-died"
	// ReasonSpoolLost: so was its journal; what it held is lost.
	ReasonSpoolLost = "spool-lost"
)

// Resume ends a recording whose recorder is gone: it verifies what the store has, brings what the journal holds, and puts
// the manifest: "closed" if the last record is an exit, else "aborted". journal is nil if it is lost. It may be called
// again at any point of an earlier call. The recorder must be dead: Resume cannot tell.
//
// A journal that is damaged is kept: the manifest names what is missing, and so does the error. The caller leaves the
// journal after any error.
//
// It returns objectstore.ErrNotFound if there is no such recording, which, with an empty journal, means that it never
// began; the journal is then removed.
func Resume(ctx context.Context, store objectstore.Store, now func() time.Time, session string, journal Journal) (*Recording, error) {
	r, err := Describe(ctx, store, session)
	if errors.Is(err, objectstore.ErrNotFound) {
		return nil, neverBegan(journal, err)
	}
	if err != nil {
		return nil, err
	}
	s := &resumed{Recording: r, journal: journal, check: r.check, at: newTally(), cursors: cursors{all: map[place]*cursor{}}}
	if err := s.replay(ctx); err != nil {
		return nil, err
	}
	if journal != nil {
		if err := s.bring(ctx); err != nil {
			return nil, err
		}
	}
	if r.Manifest == nil {
		err := s.end(ctx, now())
		if journal == nil && errors.Is(err, objectstore.ErrExists) {
			return Describe(ctx, store, session) // who else resumed it was first
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case journal == nil:
		return r, nil
	case s.fault != "":
		return r, fmt.Errorf("recording %s: %w: %s; the spool keeps the rest of it: look at the disk, then move it away", session, errDisk, s.fault)
	default:
		return r, journal.Remove()
	}
}

// Lasting tells an error of Resume that trying again does not mend from one that may pass: the store has no such recording,
// or what is there and what the spool holds do not fit together.
func Lasting(err error) bool {
	_, fault := errors.AsType[*Fault](err)
	return fault || Refused(err) || errors.Is(err, objectstore.ErrNotFound)
}

func neverBegan(journal Journal, err error) error {
	if journal == nil {
		return err
	}
	segments, readErr := journal.Segments()
	if readErr != nil || len(segments) > 0 {
		return errors.Join(fmt.Errorf("the spool holds segments of a recording that the store does not know: %w", err), readErr)
	}
	return errors.Join(err, journal.Remove())
}

type resumed struct {
	*Recording

	journal Journal
	check   checker
	at      tally
	cursors cursors
	last    Record
	fault   string
}

// replay verifies what the store has.
func (s *resumed) replay(ctx context.Context) error {
	for i := range s.Segments {
		records, _, err := s.read(ctx, &s.check, i)
		if err != nil {
			return err
		}
		for _, rec := range records {
			s.count(rec)
		}
	}
	return nil
}

func (s *resumed) count(rec Record) {
	s.at.add(rec.Time, rec.Stream, len(rec.Data), rec.Hits)
	s.cursors.at(place{rec.Connection, rec.Stream}).recorded += int64(len(rec.Data))
	s.last = rec
}

// bring stores what the journal has and the store has not.
func (s *resumed) bring(ctx context.Context) error {
	numbers, err := s.journal.Segments()
	if err != nil {
		return err
	}
	for i, n := range numbers {
		batches, torn, damaged, err := s.journal.Read(n, new([]byte))
		if err != nil {
			return err
		}
		batches, err = s.passed(n, batches)
		if err != nil {
			return err
		}
		switch {
		case len(batches) == 0 && n <= len(s.Segments):
			continue // in its place the store has what an earlier Resume has decided
		case n <= len(s.Segments):
			// It was stored, and the recorder died before it could forget it.
			if err := s.same(ctx, n, batches); err != nil {
				return err
			}
			continue
		case n > len(s.Segments)+1:
			s.fault = fmt.Sprintf("segment %d is neither in the store nor in the spool", len(s.Segments)+1)
			return nil
		case damaged, torn > 0 && i < len(numbers)-1:
			s.fault = fmt.Sprintf("segment %d is damaged in the spool", n)
		}
		if len(batches) > 0 {
			if err := s.put(ctx, n, batches); err != nil {
				return err
			}
		}
		if s.fault != "" {
			return nil
		}
	}
	return s.decide(ctx)
}

// passed takes the lines about bytes that have passed out of the batches of a segment, and returns the records.
func (s *resumed) passed(n int, batches [][]byte) ([][]byte, error) {
	var records [][]byte
	for _, batch := range batches {
		lines, rest := cutCursors(batch)
		if err := s.cursors.read(lines); err != nil {
			return nil, s.check.fault(SegmentKey(s.check.prefix, n), "the spool: "+err.Error())
		}
		if len(rest) > 0 {
			records = append(records, rest)
		}
	}
	return records, nil
}

// decide stores, as asterisks, what had passed and was not recorded when the recorder died. It is a segment of its own: the
// journal does not have it, and an earlier Resume may have stored what the journal has.
func (s *resumed) decide(ctx context.Context) error {
	pending := s.cursors.pending()
	if len(pending) == 0 || s.last.Stream == Ended {
		return nil
	}
	by, err := json.Marshal(s.check.by)
	if err != nil {
		return fmt.Errorf("encoding the subject: %w", err)
	}
	at, n := s.last.Time, s.check.n
	if n == 0 {
		at = s.Open.Started
	}
	var lines []byte
	for _, c := range pending {
		for copied := *c; copied.ahead() > 0; {
			data, hit := copied.undecided()
			n++
			lines = appendLine(lines, &line{
				n: n, time: at, offset: s.check.offset, by: by, stream: c.stream, connection: c.connection, data: data, hits: []mask.Hit{hit},
			})
			if copied.recorded += int64(len(data)); len(lines) > maxSegmentBytes {
				return s.check.fault(SegmentKey(s.check.prefix, len(s.Segments)+1), "the spool: more bytes have passed than can be")
			}
		}
	}
	return s.put(ctx, len(s.Segments)+1, [][]byte{lines})
}

// same checks that the store holds of segment n just what the journal does.
func (s *resumed) same(ctx context.Context, n int, batches [][]byte) error {
	lines, err := linesOf(batches)
	if err != nil {
		return err
	}
	segment := s.Segments[n-1]
	body, _, err := s.store.Get(ctx, segment.Key, segment.VersionID)
	if err != nil {
		return fmt.Errorf("reading recording %s: %w", s.ID, err)
	}
	raw, err := decoder.DecodeAll(body, nil)
	if err != nil {
		return s.check.fault(segment.Key, "decompressing it: "+err.Error())
	}
	if _, stored, _ := bytes.Cut(raw, []byte("\n")); !bytes.Equal(stored, lines) {
		return s.check.fault(segment.Key, "the spool holds other records of this segment")
	}
	return nil
}

// put verifies the batches of the next segment, and stores it.
func (s *resumed) put(ctx context.Context, n int, batches [][]byte) error {
	prev := s.check.prev
	if n == 1 {
		prev = s.check.open.SHA256
	}
	h := header{Format: Format, Session: s.ID, Segment: n, Open: s.check.open.SHA256, Prev: prev, First: s.check.n + 1}
	object, err := h.object(nil, batches)
	if err != nil {
		return err
	}
	segment := Segment{Key: SegmentKey(s.check.prefix, n)}
	records, err := s.check.segment(n, &segment, false, object)
	if err != nil {
		return fmt.Errorf("the spool: %w", err)
	}
	v, err := s.store.PutNew(ctx, segment.Key, objectstore.NewBody(object), s.Open.Retention)
	if err != nil {
		return fmt.Errorf("putting segment %d: %w", n, err)
	}
	segment.VersionID = v.ID
	s.Segments = append(s.Segments, segment)
	for _, rec := range records {
		s.count(rec)
	}
	return nil
}

// end puts the manifest.
func (s *resumed) end(ctx context.Context, now time.Time) error {
	m := Manifest{
		Format: Format, Session: s.ID, Outcome: Closed, Ended: s.at.last.UTC(), Open: s.check.open, Segments: s.Segments,
		Head: s.check.prev, Records: s.at.records, Totals: s.at.totals, Masked: s.at.masked,
	}
	if len(s.Segments) == 0 {
		m.Head, m.Segments = s.check.open.SHA256, []Segment{}
	}
	exit, ok := exitOf(s.last)
	m.Exit = exit
	if !ok || s.fault != "" {
		m.Outcome, m.Ended, m.Fault = Aborted, now.UTC(), s.fault
		s.State = StateAborted
	} else {
		s.State = StateClosed
	}
	switch {
	case m.Outcome == Closed || m.Fault != "":
	case s.journal == nil:
		m.Fault = "the recorder died and its spool is lost: what it held was not stored"
		m.Exit = Exit{Reason: ReasonSpoolLost, Process: ProcessUnknown}
	default:
		m.Fault, m.Whole = "the recorder died: all that passed is here, how the session ended is not known", true
	}
	s.Manifest = &m
	return putManifest(ctx, s.store, s.check.prefix, s.Open.Retention, m)
}

// exitOf reads an exit record.
func exitOf(last Record) (Exit, bool) {
	exit := Exit{Reason: ReasonRecorderDied, Process: ProcessUnknown}
	if last.Stream != Ended {
		return exit, false
	}
	var told Exit
	if json.Unmarshal(last.Data, &told) != nil {
		return exit, false
	}
	return told, true
}
