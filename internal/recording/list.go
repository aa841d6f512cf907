package recording

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

// ListOptions bounds a listing to sessions whose id was made in [From, To).
// Both are required; a listing costs at least one request for each day between.
type ListOptions struct {
	From, To time.Time
}

// Summary is one recording in a listing. Its content is what the store shows and
// is not verified; Load verifies.
type Summary struct {
	ID       string
	Made     time.Time // the id's own time
	State    State
	Open     Open
	Manifest *Manifest // nil while open
	Problem  string    // why Open or Manifest could not be read, if so
}

// List yields recordings, newest first. After an error it yields nothing more.
func List(ctx context.Context, store objectstore.Store, opts ListOptions) iter.Seq2[Summary, error] {
	return func(yield func(Summary, error) bool) {
		if opts.From.IsZero() || opts.To.IsZero() {
			yield(Summary{}, errors.New("listing recordings needs both a start and an end"))
			return
		}
		first := opts.From.UTC().Truncate(24 * time.Hour)
		for day := opts.To.UTC().Truncate(24 * time.Hour); !day.Before(first); day = day.AddDate(0, 0, -1) {
			found, err := listDay(ctx, store, day, opts)
			if err != nil {
				yield(Summary{}, err)
				return
			}
			for _, l := range slices.Backward(found) {
				s, err := l.summary(ctx, store)
				if !yield(s, err) || err != nil {
					return
				}
			}
		}
	}
}

// listed is what a listing of keys tells of one session.
type listed struct {
	id      string
	made    time.Time
	objects objects // open and close only
}

// listDay returns the sessions of one day in the order of their ids.
func listDay(ctx context.Context, store objectstore.Store, day time.Time, opts ListOptions) ([]listed, error) {
	var found []listed
	prefix := dayPrefix(day)
	for v, err := range store.List(ctx, prefix, prefix+earliestID(opts.From)) {
		if err != nil {
			return nil, fmt.Errorf("listing recordings of %s: %w", day.Format(time.DateOnly), err)
		}
		id, name, _ := strings.Cut(strings.TrimPrefix(v.Key, prefix), "/")
		made, err := idTime(id)
		if err != nil || v.DeleteMarker || made.Before(opts.From) || !made.Before(opts.To) {
			continue // a marker hides versions, which are listed beside it
		}
		if len(found) == 0 || found[len(found)-1].id != id {
			found = append(found, listed{id: id, made: made, objects: objects{}})
		}
		if name == openName || name == closeName {
			last := found[len(found)-1]
			last.objects[v.Key] = append(last.objects[v.Key], v)
		}
	}
	return found, nil
}

// Unended is a recording without an end in the store. Somebody may be at it.
type Unended struct {
	ID      string
	Made    time.Time // the id's own time
	Gateway Gateway   // empty if the open object does not say it, or does not parse
}

// ListUnended returns the recordings of a listing that have an open object and no close object, the oldest first. It costs
// a request for each of them, beside those of the listing. What it returns is not verified.
func ListUnended(ctx context.Context, store objectstore.Store, opts ListOptions) ([]Unended, error) {
	var unended []Unended
	for day := opts.From.UTC().Truncate(24 * time.Hour); day.Before(opts.To); day = day.AddDate(0, 0, 1) {
		found, err := listDay(ctx, store, day, opts)
		if err != nil {
			return nil, err
		}
		for _, l := range found {
			prefix := dayPrefix(l.made) + l.id + "/"
			_, begun := l.objects.pick(OpenKey(prefix), "")
			if _, ended := l.objects.pick(CloseKey(prefix), ""); ended || !begun {
				continue
			}
			var open Open
			var problem string
			if err := l.read(ctx, store, OpenKey(prefix), &open, &problem); err != nil {
				return nil, err
			}
			unended = append(unended, Unended{ID: l.id, Made: l.made, Gateway: open.Gateway})
		}
	}
	return unended, nil
}

// summary reads the open and close objects. A session whose objects are missing
// or damaged is still listed: that it exists must not be hidden by that.
func (l listed) summary(ctx context.Context, store objectstore.Store) (Summary, error) {
	s := Summary{ID: l.id, Made: l.made, State: StateOpen}
	prefix, err := Prefix(l.id)
	if err != nil {
		return s, err
	}
	if err := l.read(ctx, store, OpenKey(prefix), &s.Open, &s.Problem); err != nil {
		return s, err
	}
	if _, ok := l.objects.pick(CloseKey(prefix), ""); !ok {
		return s, nil
	}
	s.Manifest = new(Manifest)
	if err := l.read(ctx, store, CloseKey(prefix), s.Manifest, &s.Problem); err != nil {
		return s, err
	}
	s.State = StateAborted
	if s.Manifest.Outcome == Closed {
		s.State = StateClosed
	}
	return s, nil
}

func (l listed) read(ctx context.Context, store objectstore.Store, key string, into any, problem *string) error {
	v, ok := l.objects.pick(key, "")
	if !ok {
		*problem = key + " is missing"
		return nil
	}
	body, _, err := store.Get(ctx, v.Key, v.ID)
	if err != nil {
		return fmt.Errorf("listing recording %s: %w", l.id, err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		*problem = key + " does not parse: " + err.Error()
	}
	return nil
}
