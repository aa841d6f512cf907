package recording_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/objectstore/memory"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/spool"
	"github.com/sallyport-dev/sallyport/internal/spool/spooltest"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// ticker is a clock that steps a millisecond whenever it is read.
type ticker struct {
	mu  sync.Mutex
	now time.Time
}

func (c *ticker) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

// sessionID returns the n-th id made at t.
func sessionID(t time.Time, n uint16) string {
	u := uuid.UUID{6: 0x70 | byte(n>>8)&0x0f, 7: byte(n), 8: 0x80}
	for i, ms := 5, t.UnixMilli(); i >= 0; i, ms = i-1, ms>>8 {
		u[i] = byte(ms)
	}
	return u.String()
}

func openObject(id string) recording.Open {
	return recording.Open{
		Session: id, Recorder: "test", Gateway: recording.Gateway{Installation: "sha256:ours", Instance: "sallyport-0"}, Cluster: "c1",
		Subject:   recording.Subject{Username: `dev"eloper@example.com`, UID: "u1", Groups: []string{"devs"}},
		Requester: recording.Subject{Username: "pipeline"},
		Action:    "Exec", Namespace: "prod", Pod: "web-0", PodUID: "p1", Node: "n1", Container: "app", Image: "web:1",
		ImageID: "sha256:00", Argv: []string{"sh", "-c", "echo hi"}, TTY: true, Stdin: true,
		Grant:      recording.Grant{Namespace: "prod", Name: "g", UID: "g1", Digest: "d"},
		Approvals:  []recording.Approval{{Approver: "boss", Time: noon, Decision: "Approve", Comment: "ok"}},
		MaskDigest: "m", PodSpec: []byte(`{"containers":[]}`),
	}
}

func retention() objectstore.Retention {
	return objectstore.Retention{Mode: objectstore.Compliance, Until: noon.Add(24 * time.Hour)}
}

type fixture struct {
	*memory.Store
	clock *ticker
	dir   string
	spool *spool.Spool
	opts  recording.Options
	id    string
}

func newFixture(tb testing.TB) *fixture {
	tb.Helper()
	clock, dir := &ticker{now: noon}, tb.TempDir()
	return &fixture{
		dir:   dir,
		Store: memory.New(clock.Now), clock: clock, spool: spooltest.Open(tb, dir), id: sessionID(noon, 1),
		opts: recording.Options{Now: clock.Now, Retention: retention(), FlushEvery: time.Hour},
	}
}

func (f *fixture) start(tb testing.TB, store objectstore.Store) *recording.Recorder {
	tb.Helper()
	r, err := recording.Start(tb.Context(), store, f.options(tb), openObject(f.id))
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// options are opts with a journal.
func (f *fixture) options(tb testing.TB) recording.Options {
	tb.Helper()
	opts := f.opts
	opts.Journal = spooltest.Journal(tb, f.spool, f.id)
	return opts
}

func (f *fixture) prefix(tb testing.TB) string {
	tb.Helper()
	prefix, err := recording.Prefix(f.id)
	if err != nil {
		tb.Fatal(err)
	}
	return prefix
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func completed() recording.Exit {
	code := 0
	return recording.Exit{Code: &code, Reason: "completed", Process: recording.ProcessExited}
}

// sample records a closed session of several segments.
func (f *fixture) sample(tb testing.TB) recording.Manifest {
	tb.Helper()
	f.opts.SegmentBytes = 600
	m := f.record(tb)
	if len(m.Segments) < 3 {
		tb.Fatalf("the sample has %d segments, want several", len(m.Segments))
	}
	return m
}

// record records a closed session.
func (f *fixture) record(tb testing.TB) recording.Manifest {
	tb.Helper()
	r := f.start(tb, f.Store)
	must(tb, r.Resize(100, 30))
	for i := range 8 {
		must(tb, r.Record(recording.Stdin, fmt.Appendf(nil, "line %d\n", i)))
		must(tb, r.Record(recording.Stdout, fmt.Appendf(nil, "out %d \xe4\xb8\x96 \xff\n", i)))
	}
	must(tb, r.Note("grant expires in 1m"))
	m, err := r.Close(tb.Context(), completed())
	must(tb, err)
	return m
}

func keys(tb testing.TB, store objectstore.Store, prefix string) []string {
	tb.Helper()
	var all []string
	for v, err := range store.List(tb.Context(), prefix, "") {
		must(tb, err)
		all = append(all, v.Key)
	}
	return all
}

var errStore = errors.New("store is out")

// hooked is a store whose puts go through a hook first.
type hooked struct {
	objectstore.Store
	put func(ctx context.Context, key string) error
}

func (h hooked) PutNew(ctx context.Context, key string, body objectstore.Body, r objectstore.Retention) (objectstore.Version, error) {
	if err := h.put(ctx, key); err != nil {
		return objectstore.Version{}, err
	}
	return h.Store.PutNew(ctx, key, body, r)
}

func collect[T any](tb testing.TB, seq iter.Seq2[T, error]) []T {
	tb.Helper()
	var all []T
	for x, err := range seq {
		must(tb, err)
		all = append(all, x)
	}
	return all
}
