package recording

import (
	"context"
	"fmt"
	"strings"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

// objects are what a session's prefix holds: of each key all versions, the
// oldest last.
type objects map[string][]objectstore.Version

// survey lists the prefix and notes what an honest store would not hold.
func (r *Recording) survey(ctx context.Context, prefix string) (objects, error) {
	found := objects{}
	for v, err := range r.store.List(ctx, prefix, "") {
		if err != nil {
			return nil, fmt.Errorf("listing recording %s: %w", r.ID, err)
		}
		name := strings.TrimPrefix(v.Key, prefix)
		_, isSegment := segmentNumber(name)
		switch {
		case v.DeleteMarker:
			r.note(v, "a delete marker hides it")
		case name != openName && name != closeName && !isSegment:
			r.note(v, "it does not belong to a recording")
		default:
			found[v.Key] = append(found[v.Key], v)
		}
	}
	for _, versions := range found {
		for _, v := range versions[:len(versions)-1] {
			r.note(v, "it was put over an older version")
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("recording %s: %w", r.ID, objectstore.ErrNotFound)
	}
	return found, nil
}

func (r *Recording) note(v objectstore.Version, problem string) {
	r.Findings = append(r.Findings, Finding{Key: v.Key, VersionID: v.ID, Problem: problem})
}

// pick chooses the version that counts: the one the manifest names, else the
// oldest, because keys are written once and what came later is not ours.
func (o objects) pick(key, versionID string) (objectstore.Version, bool) {
	versions := o[key]
	for _, v := range versions {
		if versionID != "" && v.ID == versionID {
			return v, true
		}
	}
	if len(versions) == 0 {
		return objectstore.Version{}, false
	}
	return versions[len(versions)-1], true
}

// fetch reads the oldest version of a key.
func (r *Recording) fetch(ctx context.Context, found objects, key string) ([]byte, objectstore.Version, error) {
	v, ok := found.pick(key, "")
	if !ok {
		return nil, objectstore.Version{}, r.check.fault(key, "it is missing")
	}
	body, got, err := r.store.Get(ctx, v.Key, v.ID)
	if err != nil {
		return nil, objectstore.Version{}, fmt.Errorf("reading recording %s: %w", r.ID, err)
	}
	return body, got, nil
}

// retained notes an object that is protected less than the open object promises.
func (r *Recording) retained(v objectstore.Version) {
	if !v.Retention.Covers(r.Open.Retention) {
		r.note(v, "it is not retained as the open object promises")
	}
}
