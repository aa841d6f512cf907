package recording

import (
	"context"
	"fmt"
	"sync"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

// uploader takes frames off the session's path: one goroutine compresses and
// hashes them into segments, a second puts these one after the other, so that
// what the store holds is always a prefix of the recording. One frame and one
// segment may wait between them; send blocks beyond that.
type uploader struct {
	store     objectstore.Store
	prefix    string
	retention objectstore.Retention
	frames    chan *frame
	segments  chan *segment
	cancel    context.CancelFunc
	done      chan struct{} // closed when both goroutines have ended

	failOnce sync.Once
	failed   chan struct{} // closed after err is set
	err      error

	// Written by the goroutine that puts; read after done.
	acked    []Segment
	after    tally // counts up to and including the last of acked
	complete bool  // everything was stored, whatever failed after that
}

// startUploader starts with the segment that first describes.
func startUploader(ctx context.Context, store objectstore.Store, prefix string, r objectstore.Retention, first header) *uploader {
	ctx, cancel := context.WithCancel(ctx)
	u := &uploader{
		store: store, prefix: prefix, retention: r, cancel: cancel,
		frames: make(chan *frame, 1), segments: make(chan *segment, 1),
		done: make(chan struct{}), failed: make(chan struct{}),
		acked: []Segment{}, after: newTally(),
	}
	go u.build(builder{next: first})
	go u.upload(ctx)
	return u
}

// build ends when frames is closed. After a failure it only empties the channel.
func (u *uploader) build(b builder) {
	defer close(u.segments)
	for f := range u.frames {
		if u.failure() == nil {
			s, err := b.add(f)
			if err != nil {
				u.fail(err)
			}
			if s != nil {
				u.segments <- s
			}
		}
		framePool.Put(f)
	}
}

// upload ends when segments is closed.
func (u *uploader) upload(ctx context.Context) {
	defer close(u.done)
	defer u.cancel()
	for s := range u.segments {
		if u.failure() == nil {
			if err := u.put(ctx, s); err != nil {
				u.fail(err)
			}
		}
		segmentPool.Put(s)
	}
	u.complete = u.failure() == nil
}

func (u *uploader) put(ctx context.Context, s *segment) error {
	v, err := u.store.PutNew(ctx, SegmentKey(u.prefix, s.number), s.body, u.retention)
	if err != nil {
		return fmt.Errorf("putting segment %d: %w", s.number, err)
	}
	u.acked = append(u.acked, Segment{
		Key: v.Key, VersionID: v.ID, SHA256: s.body.SHA256(), Size: v.Size, First: s.first, Last: s.last, Bytes: s.bytes,
	})
	u.after = s.after
	return nil
}

// send queues a frame, or returns why none can be stored any more.
func (u *uploader) send(f *frame) error {
	if err := u.failure(); err != nil {
		return err
	}
	select {
	case u.frames <- f:
		return nil
	case <-u.failed:
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

// giveUp makes waiting and uploading end, as failed.
func (u *uploader) giveUp(err error) {
	u.fail(err)
	u.cancel()
}

// finish waits until every queued frame is stored or the uploader has failed. No
// send may follow.
func (u *uploader) finish() error {
	close(u.frames)
	<-u.done
	if u.complete {
		return nil
	}
	return u.failure()
}
