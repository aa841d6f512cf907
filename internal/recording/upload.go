package recording

import (
	"context"
	"fmt"
	"sync"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

// uploader puts sealed segments one after the other, so that what the store
// holds is always a prefix of the recording. At most one segment is being put
// and one waits; send blocks beyond that.
type uploader struct {
	store     objectstore.Store
	prefix    string
	retention objectstore.Retention
	queue     chan *segment
	cancel    context.CancelFunc
	done      chan struct{} // closed when the goroutine has ended

	failOnce sync.Once
	failed   chan struct{} // closed after err is set
	err      error

	// Written by the goroutine; read after done.
	acked []Segment
	after tally // counts up to and including the last of acked
}

func startUploader(ctx context.Context, store objectstore.Store, prefix string, r objectstore.Retention) *uploader {
	ctx, cancel := context.WithCancel(ctx)
	u := &uploader{
		store: store, prefix: prefix, retention: r, queue: make(chan *segment, 1), cancel: cancel,
		done: make(chan struct{}), failed: make(chan struct{}),
		acked: []Segment{}, after: newTally(),
	}
	go u.run(ctx)
	return u
}

func (u *uploader) run(ctx context.Context) {
	defer close(u.done)
	defer u.cancel()
	for s := range u.queue {
		if u.failure() == nil {
			if err := u.put(ctx, s); err != nil {
				u.fail(err)
			}
		}
		s.release()
	}
}

func (u *uploader) put(ctx context.Context, s *segment) error {
	v, err := u.store.PutNew(ctx, SegmentKey(u.prefix, s.number), s.buf.object, u.retention)
	if err != nil {
		return fmt.Errorf("putting segment %d: %w", s.number, err)
	}
	u.acked = append(u.acked, Segment{
		Key: v.Key, VersionID: v.ID, SHA256: s.sum, Size: v.Size, First: s.first, Last: s.last, Bytes: s.bytes,
	})
	u.after = s.after
	return nil
}

// send queues a segment, or returns why none can be stored any more.
func (u *uploader) send(s *segment) error {
	select {
	case u.queue <- s:
		return nil
	case <-u.failed:
		s.release()
		return u.err
	}
}

func (u *uploader) fail(err error) {
	u.failOnce.Do(func() {
		u.err = err
		close(u.failed)
	})
}

func (u *uploader) failure() error {
	select {
	case <-u.failed:
		return u.err
	default:
		return nil
	}
}

// finish waits until every queued segment is stored or the uploader has failed.
// When ctx ends first the uploads are given up, as failed. No send may follow.
func (u *uploader) finish(ctx context.Context) error {
	close(u.queue)
	select {
	case <-u.done:
	case <-ctx.Done():
		u.fail(fmt.Errorf("closing the recording: %w", ctx.Err()))
		u.cancel()
		<-u.done
	}
	return u.failure()
}
