package proxy

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

// ledger is a SessionStore that keeps what is reported.
type ledger struct {
	SessionStore

	mu      sync.Mutex
	reports map[string][]string
	times   []time.Time
	slow    time.Duration
	broken  bool
}

func (l *ledger) Report(ctx context.Context, s *accessv1alpha1.ExecutionSession, status accessv1alpha1.ExecutionSessionStatus) error {
	select {
	case <-time.After(l.slow):
	case <-ctx.Done():
		return ctx.Err()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.times = append(l.times, time.Now())
	if l.broken {
		return errors.New("broken")
	}
	l.reports[s.Name] = append(l.reports[s.Name], fmt.Sprint(*status.BytesIn, " ", *status.BytesOut, status.State))
	return nil
}

func (l *ledger) breaks(b bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = b
}

func newCounts(t *testing.T) (*Counts, *ledger) {
	t.Helper()
	l := &ledger{reports: map[string][]string{}}
	c := NewCounts(l, time.Now, logr.Discard())
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { c.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })
	return c, l
}

func sessionNamed(name string) *accessv1alpha1.ExecutionSession {
	return &accessv1alpha1.ExecutionSession{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func TestBytesAreReportedWhileTheyChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l := newCounts(t)
		var in, out atomic.Int64
		drop := c.add(sessionNamed("a"), func() (int64, int64) { return in.Load(), out.Load() })
		wait := func(want ...string) {
			t.Helper()
			time.Sleep(countsEvery + countsEvery/2 + 2*countsTurn)
			l.mu.Lock()
			defer l.mu.Unlock()
			if got := l.reports["a"]; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("reported %q, want %q", got, want)
			}
		}
		wait() // it is still
		out.Store(7)
		wait("0 7")
		in.Store(3)
		wait("0 7", "3 7")
		wait("0 7", "3 7")
		l.breaks(true)
		in.Store(4)
		wait("0 7", "3 7")
		l.breaks(false)
		wait("0 7", "3 7", "4 7")
		drop()
		in.Store(5)
		wait("0 7", "3 7", "4 7")
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.live) != 0 {
			t.Error("a session that is over is kept")
		}
	})
}

// However many sessions are busy, what is written is bounded, and every one of them gets its turn.
func TestReportsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const sessions, seconds = 5000, 600
		c, l := newCounts(t)
		var n atomic.Int64
		for i := range sessions {
			c.add(sessionNamed(fmt.Sprint(i)), func() (int64, int64) { return 0, n.Add(1) })
		}
		time.Sleep(seconds*time.Second + time.Millisecond)
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.times) > seconds*countsPerTurn || len(l.reports) != sessions {
			t.Errorf("%d reports of %d sessions in %d s", len(l.times), len(l.reports), seconds)
		}
	})
}

// underWay waits until the one session is being reported.
func underWay(c *Counts) {
	for {
		time.Sleep(countsTurn / 4)
		c.mu.Lock()
		n := len(c.live[0].report)
		c.mu.Unlock()
		if n > 0 {
			return
		}
	}
}

// An API server that does not answer holds up neither the others for ever nor the end of a session.
func TestAnEndWaitsForNoMoreThanOneReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l := newCounts(t)
		l.slow = time.Hour
		drop := c.add(sessionNamed("a"), func() (int64, int64) { return 1, 1 })
		underWay(c)
		began := time.Now()
		drop()
		if waited := time.Since(began); waited == 0 || waited > countsTime {
			t.Errorf("it waited for %s", waited)
		}
	})
}

// The last word on a session is its end's: a report that is under way comes before it.
func TestNoReportComesAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, l := newCounts(t)
		l.slow = countsTime / 2
		drop := c.add(sessionNamed("a"), func() (int64, int64) { return 1, 1 })
		underWay(c)
		drop()
		l.mu.Lock()
		before := len(l.times)
		l.mu.Unlock()
		time.Sleep(time.Hour)
		l.mu.Lock()
		defer l.mu.Unlock()
		if before != 1 || len(l.times) != before {
			t.Errorf("%d reports before the end, %d after it", before, len(l.times)-before)
		}
	})
}
