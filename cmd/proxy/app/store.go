package app

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/spool"
)

const (
	probeEvery = 3 * time.Second
	// segmentBytes trades memory of a session that moves bulk data for fewer, larger puts, which go one after the other. An
	// idle session holds nothing.
	segmentBytes = 8 << 20
)

var errNotProven = errors.New("the object store has not yet proven that it locks objects")

// evidence is where recordings go. It takes none until the store has proven that it locks objects.
type evidence struct {
	store   objectstore.Store
	options *options
	now     func() time.Time
	log     logr.Logger
	every   time.Duration // between two probes

	spool     *spool.Spool
	trouble   func(ctx context.Context, namespace, session string, begins bool) // told when the store begins to take nothing, and when it takes again
	provenNow chan struct{}                                                     // closed when proven
	proven    atomic.Bool
	why       atomic.Pointer[string] // of the last failed probe
}

// prove probes the store until it is fit, or never will be, or ctx ends. An error that is not ctx's means that the store
// answers and must not be used.
func (e *evidence) prove(ctx context.Context) error {
	ticker := time.NewTicker(e.every)
	defer ticker.Stop()
	for {
		e.log.Info("probing the object store", "endpoint", e.options.store.Endpoint, "bucket", e.options.store.Bucket)
		err := e.store.Probe(ctx)
		if err == nil {
			e.proven.Store(true)
			close(e.provenNow)
			e.log.Info("the object store locks what it is given")
			return nil
		}
		if errors.Is(err, objectstore.ErrNotLocked) || errors.Is(err, objectstore.ErrUnfit) {
			return err
		}
		e.why.Store(new(err.Error()))
		e.log.Error(err, "probing the object store; trying again")
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// ready waits for the store's first answer, or for the first try that failed. A store that is down later closes the gateway
// to sessions, each with a reason; it must not take the webhooks, which share the pod, out of their Service.
func (e *evidence) ready() error {
	if e.proven.Load() || e.why.Load() != nil {
		return nil
	}
	return errNotProven
}

// journal makes room for a new recording.
func (e *evidence) journal(session string) (recording.Journal, error) {
	if !e.proven.Load() {
		if why := e.why.Load(); why != nil {
			return nil, fmt.Errorf("%w: %s", errNotProven, *why)
		}
		return nil, errNotProven
	}
	journal, err := e.spool.Create(session)
	if err != nil {
		return nil, err
	}
	return journal, nil
}

// start begins a recording.
func (e *evidence) start(ctx context.Context, journal recording.Journal, open recording.Open) (*recording.Recorder, error) {
	return recording.Start(ctx, e.store, recording.Options{
		Now: e.now, Retention: e.options.retention(e.now()), SegmentBytes: segmentBytes,
		Journal: journal, Durability: e.options.durability, Trouble: e.outage(context.WithoutCancel(ctx), open.Namespace, open.Session),
	}, open)
}

// outage logs when the store takes nothing of a session, and passes it on.
func (e *evidence) outage(ctx context.Context, namespace, session string) func(error) {
	return func(err error) {
		if err != nil {
			e.log.Error(err, "the object store takes nothing; the session goes on while the spool has room", "session", session,
				"spoolBytes", e.spool.Used(), "spoolLimit", e.spool.Limit())
		}
		e.trouble(ctx, namespace, session, err != nil)
	}
}
