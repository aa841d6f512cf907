package recording

import (
	"context"
	"fmt"
	"iter"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

// verify reads every segment, and notes weaker retentions.
func (r *Recording) verify(ctx context.Context) error {
	c, at := r.check, newTally()
	var last Record
	for i := range len(r.Segments) + 1 {
		if r.Manifest != nil && i == len(r.Manifest.Segments) {
			head := c.prev
			if i == 0 {
				head = c.open.SHA256
			}
			if err := c.end(r.Manifest, at, last, head); err != nil {
				return err
			}
		}
		if i == len(r.Segments) {
			break
		}
		records, v, err := r.read(ctx, &c, i)
		if err != nil {
			return err
		}
		r.retained(v)
		for _, rec := range records {
			at.add(rec.Time, rec.Stream, len(rec.Data), rec.Hits)
			last = rec
		}
	}
	return nil
}

// read fetches and verifies one segment.
func (r *Recording) read(ctx context.Context, c *checker, i int) ([]Record, objectstore.Version, error) {
	s := &r.Segments[i]
	body, v, err := r.store.Get(ctx, s.Key, s.VersionID)
	if err != nil {
		return nil, objectstore.Version{}, fmt.Errorf("reading recording %s: %w", r.ID, err)
	}
	known := s.SHA256 != "" || (r.Manifest != nil && i < len(r.Manifest.Segments))
	records, err := c.segment(i+1, s, known, body)
	return records, v, err
}

// Records yields the records in order. It verifies each segment before it yields
// from it, and ends with a *Fault where the evidence is damaged.
func (r *Recording) Records(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		c := r.check
		for i := range r.Segments {
			records, _, err := r.read(ctx, &c, i)
			if err != nil {
				yield(Record{}, err)
				return
			}
			for _, rec := range records {
				if !yield(rec, nil) {
					return
				}
			}
		}
	}
}
