// Package memory is an objectstore.Store in memory that keeps versions and
// enforces retention as an S3 store with object lock does. It is for tests and
// forgets everything with the process.
//
// Remove, Overwrite and Corrupt are what an attacker, or a rotting disk, would
// do; tests use them to show that readers notice.
package memory

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

// New returns an empty store whose clock is now.
func New(now func() time.Time) *Store {
	return &Store{now: now, objects: map[string][]object{}}
}

// Store keeps objects in memory. It implements objectstore.Store.
type Store struct {
	now func() time.Time

	mu      sync.Mutex
	objects map[string][]object // by key, oldest version first
	last    int                 // number of the last version id given out
}

type object struct {
	version objectstore.Version
	body    []byte
}

var _ objectstore.Store = (*Store)(nil)

// PutNew implements objectstore.Store.
func (s *Store) PutNew(ctx context.Context, key string, body objectstore.Body, r objectstore.Retention) (objectstore.Version, error) {
	if err := ctx.Err(); err != nil {
		return objectstore.Version{}, err
	}
	if err := objectstore.CheckPut(key, body, r); err != nil {
		return objectstore.Version{}, err
	}
	r = r.Rounded()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !r.Until.After(s.now()) {
		return objectstore.Version{}, fmt.Errorf("object %q: retention ends in the past: %w", key, objectstore.ErrNotLocked)
	}
	if old, ok := s.latest(key); ok && !old.version.DeleteMarker {
		switch {
		case !bytes.Equal(old.body, body.Bytes()):
			return objectstore.Version{}, fmt.Errorf("object %q: %w", key, objectstore.ErrExists)
		case !old.version.Retention.Covers(r):
			return objectstore.Version{}, fmt.Errorf("object %q: %w", key, objectstore.ErrNotLocked)
		}
		return old.version, nil
	}
	return s.add(key, body, r, false), nil
}

// add makes a version the latest of its key. It must be called with the lock held.
func (s *Store) add(key string, body objectstore.Body, r objectstore.Retention, marker bool) objectstore.Version {
	versions := s.objects[key]
	for i := range versions {
		versions[i].version.Latest = false
	}
	s.last++
	v := objectstore.Version{
		Key: key, ID: strconv.Itoa(s.last), Size: int64(body.Size()), Retention: r,
		Modified: s.now().UTC(), Latest: true, DeleteMarker: marker,
	}
	if !marker {
		v.SHA256 = body.SHA256()
	}
	s.objects[key] = append(versions, object{version: v, body: bytes.Clone(body.Bytes())})
	return v
}

func (s *Store) latest(key string) (object, bool) {
	versions := s.objects[key]
	if len(versions) == 0 {
		return object{}, false
	}
	return versions[len(versions)-1], true
}

func (s *Store) find(key, versionID string) (object, error) {
	for _, o := range slices.Backward(s.objects[key]) {
		if versionID != "" && o.version.ID != versionID {
			continue
		}
		if o.version.DeleteMarker {
			break
		}
		return o, nil
	}
	return object{}, fmt.Errorf("object %q version %q: %w", key, versionID, objectstore.ErrNotFound)
}

// Get implements objectstore.Store.
func (s *Store) Get(ctx context.Context, key, versionID string) ([]byte, objectstore.Version, error) {
	if err := ctx.Err(); err != nil {
		return nil, objectstore.Version{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.find(key, versionID)
	if err != nil {
		return nil, objectstore.Version{}, err
	}
	return bytes.Clone(o.body), o.version, nil
}

// Stat implements objectstore.Store.
func (s *Store) Stat(ctx context.Context, key, versionID string) (objectstore.Version, error) {
	_, v, err := s.Get(ctx, key, versionID)
	return v, err
}

// List implements objectstore.Store. It lists what there was when the iteration
// began.
func (s *Store) List(ctx context.Context, prefix, after string) iter.Seq2[objectstore.Version, error] {
	return func(yield func(objectstore.Version, error) bool) {
		for _, v := range s.snapshot(prefix, after) {
			if err := ctx.Err(); err != nil {
				yield(objectstore.Version{}, err)
				return
			}
			if !yield(v, nil) {
				return
			}
		}
	}
}

func (s *Store) snapshot(prefix, after string) []objectstore.Version {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []objectstore.Version
	for _, key := range slices.Sorted(maps.Keys(s.objects)) {
		if !strings.HasPrefix(key, prefix) || key <= after {
			continue
		}
		for _, o := range slices.Backward(s.objects[key]) {
			v := o.version
			v.SHA256, v.Retention = "", objectstore.Retention{}
			all = append(all, v)
		}
	}
	return all
}

// Probe implements objectstore.Store: this store always locks.
func (s *Store) Probe(ctx context.Context) error { return ctx.Err() }

// Remove does what a delete request does: without version id it hides the key
// under a delete marker, with one it removes that version unless it is retained.
func (s *Store) Remove(key, versionID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if versionID == "" {
		s.add(key, objectstore.Body{}, objectstore.Retention{}, true)
		return nil
	}
	versions := s.objects[key]
	i := slices.IndexFunc(versions, func(o object) bool { return o.version.ID == versionID })
	if i < 0 {
		return fmt.Errorf("object %q version %q: %w", key, versionID, objectstore.ErrNotFound)
	}
	if until := versions[i].version.Retention.Until; until.After(s.now()) {
		return fmt.Errorf("object %q version %q is retained until %s", key, versionID, until.Format(time.RFC3339))
	}
	s.objects[key] = slices.Delete(versions, i, i+1)
	if len(s.objects[key]) == 0 {
		delete(s.objects, key)
	} else {
		s.objects[key][len(s.objects[key])-1].version.Latest = true
	}
	return nil
}

// Overwrite puts a newer version over key, as an unconditional put does.
func (s *Store) Overwrite(key string, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(key, objectstore.NewBody(body), objectstore.Retention{}, false)
}

// Corrupt replaces the newest stored body in place, which no client can do: it
// is what a broken or hostile store does. A nil body loses the object.
func (s *Store) Corrupt(key string, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	versions := s.objects[key]
	if len(versions) == 0 {
		return
	}
	if body == nil {
		delete(s.objects, key)
		return
	}
	last := &versions[len(versions)-1]
	last.body = bytes.Clone(body)
	last.version.Size = int64(len(body))
	last.version.SHA256 = objectstore.Sum(body)
}
