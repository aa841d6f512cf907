package recording

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

// State says what the store holds of a recording.
type State string

const (
	StateOpen    State = "open"    // no close object: the session lives, or was cut off
	StateClosed  State = "closed"  // complete
	StateAborted State = "aborted" // ended with records missing
)

// Fault is evidence that does not verify. Reading errors are never a Fault.
type Fault struct {
	Session string
	Key     string // of the object at fault
	Problem string
}

func (f *Fault) Error() string {
	return fmt.Sprintf("recording %s does not verify: %s: %s", f.Session, f.Key, f.Problem)
}

// Finding is something that an honest store would not hold, and that did not
// harm the recording: a delete marker, a second version, a stray object, a
// retention that is shorter than promised.
type Finding struct {
	Key       string
	VersionID string
	Problem   string
}

// Recording is a verified recording. It is not safe for concurrent use.
type Recording struct {
	ID       string
	State    State
	Open     Open
	Manifest *Manifest // nil while open
	Segments []Segment // as found; equal to the manifest's when closed
	Findings []Finding

	store objectstore.Store
	check checker
}

// Load reads all of one recording and verifies it: the chain from the open
// object over every segment to the manifest, every record's sequence, offset
// and subject, every total. A recording without close object is verified as far
// as it goes. The error is a *Fault if the evidence is damaged, and
// objectstore.ErrNotFound if there is none at all.
//
// Load proves that the objects belong together and are whole. It cannot prove
// who wrote them: nothing is signed in this version of the format.
func Load(ctx context.Context, store objectstore.Store, id string) (*Recording, error) {
	r, err := Describe(ctx, store, id)
	if err != nil {
		return nil, err
	}
	if err := r.verify(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// Describe is Load without reading the segments: it verifies that the open and
// close objects and the list of segments agree. Records verifies the rest as it
// goes, but for the manifest's totals.
func Describe(ctx context.Context, store objectstore.Store, id string) (*Recording, error) {
	prefix, err := Prefix(id)
	if err != nil {
		return nil, err
	}
	r := &Recording{ID: id, store: store, check: checker{session: id, prefix: prefix}}
	found, err := r.survey(ctx, prefix)
	if err != nil {
		return nil, err
	}
	if err := r.readOpen(ctx, found); err != nil {
		return nil, err
	}
	if err := r.readClose(ctx, found); err != nil {
		return nil, err
	}
	return r, r.listSegments(found)
}

func (r *Recording) readOpen(ctx context.Context, found objects) error {
	body, v, err := r.fetch(ctx, found, OpenKey(r.check.prefix))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, &r.Open); err != nil {
		return r.check.fault(v.Key, "it does not parse: "+err.Error())
	}
	r.retained(v)
	r.check.open = Segment{Key: v.Key, VersionID: v.ID, SHA256: objectstore.Sum(body), Size: int64(len(body))}
	r.check.by = r.Open.Subject.Username
	r.State = StateOpen
	if _, err := stricter(r.Open.Durability, Spooled); err != nil {
		return r.check.fault(v.Key, err.Error())
	}
	return r.check.names(v.Key, r.Open.Format, r.Open.Session)
}

func (r *Recording) readClose(ctx context.Context, found objects) error {
	key := CloseKey(r.check.prefix)
	if _, ok := found.pick(key, ""); !ok {
		return nil
	}
	body, v, err := r.fetch(ctx, found, key)
	if err != nil {
		return err
	}
	r.Manifest = new(Manifest)
	if err := json.Unmarshal(body, r.Manifest); err != nil {
		return r.check.fault(key, "it does not parse: "+err.Error())
	}
	r.retained(v)
	if r.Manifest.Open.VersionID != r.check.open.VersionID {
		r.note(v, "it names another version of the open object")
	}
	switch r.Manifest.Outcome {
	case Closed:
		r.State = StateClosed
	case Aborted:
		r.State = StateAborted
	default:
		return r.check.fault(key, fmt.Sprintf("unknown outcome %q", r.Manifest.Outcome))
	}
	return errors.Join(
		r.check.names(key, r.Manifest.Format, r.Manifest.Session),
		r.check.opens(r.Manifest.Open),
	)
}

// listSegments sets Segments to those of the manifest and, for a recording that
// was not closed, those that follow them in the store.
func (r *Recording) listSegments(found objects) error {
	inStore := len(found) - 1 // without the open object
	if r.Manifest != nil {
		inStore--
		r.Segments = append(r.Segments, r.Manifest.Segments...)
	}
	listed := len(r.Segments)
	for n := 1; n <= max(inStore, listed); n++ {
		key := SegmentKey(r.check.prefix, n)
		if n > listed {
			r.Segments = append(r.Segments, Segment{Key: key})
		}
		s := &r.Segments[n-1]
		v, ok := found.pick(key, s.VersionID)
		switch {
		case s.Key != key:
			return r.check.fault(CloseKey(r.check.prefix), fmt.Sprintf("entry %d is %q, not %q", n, s.Key, key))
		case !ok:
			return r.check.fault(key, "it is missing")
		case n > listed && r.State == StateClosed:
			return r.check.fault(key, "the manifest does not list it")
		case n > listed && r.State == StateAborted:
			r.note(v, "the manifest does not list it: it was stored, but its recorder was never told")
		case n <= listed && v.ID != s.VersionID:
			r.note(v, "its version is not the one in the manifest: the bucket is a copy, or the object was replaced by an equal one")
		}
		s.VersionID = v.ID
	}
	return nil
}
