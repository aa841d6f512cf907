package proxy

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

const (
	// countsEvery is the least time between two reports of one session's bytes; up to half as much is added, so that
	// sessions which began together do not report together.
	countsEvery = 10 * time.Second
	// countsTurn is how often due sessions are looked for, and countsPerTurn how many are reported then: what they write to the
	// API server is bounded, however many they are. Beyond 150 busy sessions the reports come less often.
	countsTurn    = time.Second
	countsPerTurn = 10
	// countsTime bounds one report.
	countsTime = 2 * time.Second
)

// Counts keeps the bytes in the statuses of live sessions up to date. It reads counters and writes in a goroutine of its own:
// no stream waits for it. Sessions that are still are not reported.
type Counts struct {
	store SessionStore
	now   func() time.Time
	log   logr.Logger

	mu   sync.Mutex
	live []*counted // those that waited longest come first
}

// NewCounts returns one without sessions. Run has to be called.
func NewCounts(store SessionStore, now func() time.Time, log logr.Logger) *Counts {
	return &Counts{store: store, now: now, log: log}
}

// counted is one live session.
type counted struct {
	object  *accessv1alpha1.ExecutionSession
	bytes   func() (in, out int64)
	in, out int64 // as reported
	due     time.Time

	report chan struct{} // full while it is reported
	over   atomic.Bool
}

// Run reports until ctx ends.
func (c *Counts) Run(ctx context.Context) {
	ticker := time.NewTicker(countsTurn)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		for _, s := range c.turn() {
			c.report(ctx, s)
		}
	}
}

// add makes a session known. After drop, which the caller must call, nothing more is reported of it.
func (c *Counts) add(object *accessv1alpha1.ExecutionSession, bytes func() (in, out int64)) (drop func()) {
	s := &counted{object: object, bytes: bytes, due: c.later(), report: make(chan struct{}, 1)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live = append(c.live, s)
	return func() {
		// A report under way would come after the session's last one, and take its place.
		s.report <- struct{}{}
		s.over.Store(true)
		<-s.report
	}
}

// later is when a session is due again.
func (c *Counts) later() time.Time {
	return c.now().Add(countsEvery + rand.N(countsEvery/2)) //nolint:gosec // spreads load, keeps no secret
}

// turn returns the sessions that are to be reported now, and forgets those that are over.
func (c *Counts) turn() []*counted {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	var due, live []*counted
	for _, s := range c.live {
		switch {
		case s.over.Load():
		case len(due) < countsPerTurn && !now.Before(s.due) && s.moved():
			s.due = c.later()
			due = append(due, s)
		default:
			live = append(live, s)
		}
	}
	live = append(live, due...)
	c.live = live
	return due
}

func (s *counted) moved() bool {
	in, out := s.bytes()
	return in != s.in || out != s.out
}

func (c *Counts) report(ctx context.Context, s *counted) {
	s.report <- struct{}{}
	defer func() { <-s.report }()
	if s.over.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, countsTime)
	defer cancel()
	in, out := s.bytes()
	if err := c.store.Report(ctx, s.object, accessv1alpha1.ExecutionSessionStatus{BytesIn: &in, BytesOut: &out}); err != nil {
		c.log.Error(err, "reporting a session's bytes; trying again later", "session", s.object.Name)
		return
	}
	s.in, s.out = in, out
}

// bytesOf sums what a recording holds by direction.
func bytesOf(totals map[recording.Stream]recording.Total) (in, out int64) {
	return totals[recording.Stdin].Bytes + totals[recording.ForwardIn].Bytes,
		totals[recording.Stdout].Bytes + totals[recording.Stderr].Bytes + totals[recording.ForwardOut].Bytes
}
