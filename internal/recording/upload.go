package recording

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

const (
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
	// storedTime is how long a byte may wait for the store where nothing less will do.
	storedTime = 20 * time.Second
)

// uploader brings sealed segments from the journal to the store, one after the other, so that what the store holds is
// always a prefix of the recording. While the store is out it tries again; what waits, waits on the disk.
type uploader struct {
	store     objectstore.Store
	journal   Journal
	prefix    string
	retention objectstore.Retention
	trouble   func(error)
	failed    func(error)
	cancel    context.CancelFunc
	done      chan struct{} // closed when nothing will be put any more

	mu      sync.Mutex
	queue   []sealed
	last    bool          // no more will come
	changed chan struct{} // holds one token while queue or last have news

	reached uint64        // last record that is stored
	waiting chan struct{} // closed, and made anew, when reached grows

	// Written by the goroutine that puts; read after done.
	next  header
	acked []Segment
	after tally // counts up to and including the last of acked
	err   error // why not all that was queued is stored
}

func (u *uploader) start(ctx context.Context) {
	ctx, u.cancel = context.WithCancel(ctx)
	u.done, u.changed, u.waiting = make(chan struct{}), make(chan struct{}, 1), make(chan struct{})
	u.acked, u.after = []Segment{}, newTally()
	go u.run(ctx)
}

func (u *uploader) run(ctx context.Context) {
	defer close(u.done)
	defer u.cancel()
	for {
		s, ok := u.take(ctx)
		if !ok {
			return
		}
		if u.err = u.bring(ctx, s); u.err != nil {
			u.failed(u.err)
			return
		}
	}
}

// take waits for a segment; there is none after the last, and none after ctx.
func (u *uploader) take(ctx context.Context) (sealed, bool) {
	for {
		u.mu.Lock()
		if len(u.queue) > 0 {
			s := u.queue[0]
			u.queue = u.queue[1:]
			u.mu.Unlock()
			return s, true
		}
		last := u.last
		u.mu.Unlock()
		if last {
			return sealed{}, false
		}
		select {
		case <-u.changed:
		case <-ctx.Done():
			u.err = ctx.Err()
			return sealed{}, false
		}
	}
}

func (u *uploader) send(s sealed) { u.tell(func() { u.queue = append(u.queue, s) }) }

func (u *uploader) tell(change func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	change()
	select {
	case u.changed <- struct{}{}:
	default:
	}
}

// stored waits until the store has a record, for storedTime at most: who waits holds a session that cannot end meanwhile.
func (u *uploader) stored(record uint64) error {
	timer := time.NewTimer(storedTime)
	defer timer.Stop()
	for {
		u.mu.Lock()
		reached, waiting := u.reached, u.waiting
		u.mu.Unlock()
		if reached >= record {
			return nil
		}
		select {
		case <-waiting:
		case <-timer.C:
			return ErrNotStored
		case <-u.done:
			return ErrNotStored
		}
	}
}

// ErrNotStored says that the store did not acknowledge in time what must not pass without that; see Stored.
var ErrNotStored = errors.New("the object store did not take what was recorded")

// finish waits until every segment that was sent is stored, or can never be, or cancel was called. No send may follow.
func (u *uploader) finish() error {
	u.tell(func() { u.last = true })
	<-u.done
	return u.err
}

// bring stores a segment and releases it. An error means that the store will never take it, or that ctx ended.
func (u *uploader) bring(ctx context.Context, s sealed) error {
	out := false
	defer func() {
		if out {
			u.trouble(nil)
		}
	}()
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		err := u.put(ctx, s)
		switch {
		case err == nil:
			return u.journal.Release(s.number)
		case Refused(err):
			return err
		case ctx.Err() != nil:
			return fmt.Errorf("segment %d waits in the spool: %w", s.number, err)
		case !out:
			out = true
			u.trouble(err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// Refused tells what will not pass, because the store, or the spool that feeds it, is at odds with what was recorded, from
// an outage.
func Refused(err error) bool {
	return errors.Is(err, objectstore.ErrExists) || errors.Is(err, objectstore.ErrNotLocked) || errors.Is(err, objectstore.ErrRefused) ||
		errors.Is(err, errDisk)
}

var errDisk = errors.New("the spool does not give back what was written to it")

// put makes the segment's object and stores it.
func (u *uploader) put(ctx context.Context, s sealed) error {
	room := lend(&segmentPool)
	defer segmentPool.Put(room)
	batches, torn, _, err := u.journal.Read(s.number, room)
	if err != nil || torn > 0 {
		return errors.Join(errDisk, err)
	}
	buffer := lend(&objectPool)
	defer objectPool.Put(buffer) // nothing reads it once PutNew has returned
	u.next.Segment = s.number
	if *buffer, err = u.next.object(*buffer, batches); err != nil {
		return errors.Join(errDisk, err)
	}
	body := objectstore.NewBody(*buffer)
	v, err := u.store.PutNew(ctx, SegmentKey(u.prefix, s.number), body, u.retention)
	if err != nil {
		return fmt.Errorf("putting segment %d: %w", s.number, err)
	}
	u.acked = append(u.acked, Segment{
		Key: v.Key, VersionID: v.ID, SHA256: body.SHA256(), Size: v.Size,
		First: u.next.First, Last: s.after.records, Bytes: s.after.bytes() - u.after.bytes(),
	})
	u.after = s.after
	u.next.Prev, u.next.First = body.SHA256(), s.after.records+1
	u.mu.Lock()
	u.reached = s.after.records
	close(u.waiting)
	u.waiting = make(chan struct{})
	u.mu.Unlock()
	return nil
}
