package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/objectstore/memory"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/spool/spooltest"
)

// diedWithItsDisk leaves what the store has of a session, and nothing else.
func (r *resumption) diedWithItsDisk(id string) {
	r.t.Helper()
	r.died(id)
	if err := os.RemoveAll(filepath.Join(r.dir, id)); err != nil {
		r.t.Fatal(err)
	}
}

// forgotten is a recording without an end and without a spool, of a session that the cluster does not know.
func (r *resumption) forgotten() string {
	r.t.Helper()
	// uuid.NewV7 never goes back, not even from the machine's time to that of a test.
	id, now := uuid.New(), time.Now().UnixMilli()
	for i := range 6 {
		id[i] = byte(now >> (40 - 8*i))
	}
	id[6] = 0x70 | id[6]&0x0f
	r.diedWithItsDisk(id.String())
	return id.String()
}

func TestLost(t *testing.T) {
	// sweep is what the resumer does every 30 seconds, for so long.
	sweep := func(r *resumption, d time.Duration) {
		for range d / resumeEvery {
			r.lost(r.t.Context())
			time.Sleep(resumeEvery)
		}
	}
	tests := map[string]func(*testing.T, *resumption){
		"if an instance is gone for long, then its sessions are lost": func(_ *testing.T, r *resumption) {
			id := r.live(other)
			r.diedWithItsDisk(id)
			sweep(r, lostAfter)
			r.wantRecorded(id, recording.StateOpen, "")
			r.wantStatus(id, accessv1alpha1.SessionLive, "")
			sweep(r, resumeEvery)
			r.wantRecorded(id, recording.StateAborted, recording.ReasonSpoolLost)
			r.wantStatus(id, accessv1alpha1.SessionFailed, recording.ReasonSpoolLost)
		},
		"if an instance comes back in between, then its time begins anew": func(_ *testing.T, r *resumption) {
			id := r.live(other)
			r.diedWithItsDisk(id)
			sweep(r, lostAfter-resumeEvery)
			pod := r.pod(other)
			sweep(r, resumeEvery)
			if err := r.cluster.live.Delete(r.t.Context(), pod); err != nil {
				r.t.Fatal(err)
			}
			sweep(r, lostAfter)
			r.wantStatus(id, accessv1alpha1.SessionLive, "")
			sweep(r, resumeEvery)
			r.wantStatus(id, accessv1alpha1.SessionFailed, recording.ReasonSpoolLost)
		},
		"if an instance is there, then its sessions are its own": func(_ *testing.T, r *resumption) {
			id := r.live(other)
			r.diedWithItsDisk(id)
			r.pod(other)
			sweep(r, 2*lostAfter)
			r.wantStatus(id, accessv1alpha1.SessionLive, "")
		},
		"if nobody can tell whether it is there, then it counts as there": func(t *testing.T, r *resumption) {
			id := r.live(other)
			r.diedWithItsDisk(id)
			r.cache.pods = errors.New("no answer")
			sweep(r, 2*lostAfter)
			r.wantStatus(id, accessv1alpha1.SessionLive, "")
			if r.said("looking for a session's gateway") == 0 {
				t.Error("nobody is told")
			}
		},
		"if this instance neither carries its session nor has its spool, then it is lost at once": func(_ *testing.T, r *resumption) {
			id := r.live(self)
			r.diedWithItsDisk(id)
			sweep(r, resumeEvery)
			r.wantRecorded(id, recording.StateAborted, recording.ReasonSpoolLost)
			r.wantStatus(id, accessv1alpha1.SessionFailed, recording.ReasonSpoolLost)
		},
		"if the spool has it, then it is not lost": func(_ *testing.T, r *resumption) {
			id := r.live(self)
			r.died(id)
			sweep(r, 2*lostAfter)
			r.wantStatus(id, accessv1alpha1.SessionLive, "")
		},
		"if this instance carries a session, then it lives": func(_ *testing.T, r *resumption) {
			id := r.live(self)
			r.diedWithItsDisk(id)
			r.carries = func(session string) bool { return session == id }
			sweep(r, 2*lostAfter)
			r.wantStatus(id, accessv1alpha1.SessionLive, "")
		},
		"if a session has ended and its recording is whole, then nothing happens": func(_ *testing.T, r *resumption) {
			id := r.session(other, accessv1alpha1.ExecutionSessionStatus{
				State: accessv1alpha1.SessionEnded, RecordingState: accessv1alpha1.RecordingComplete,
			})
			r.by.Installation = "sha256:theirs" // or it would be found in the store
			r.diedWithItsDisk(id)
			sweep(r, 2*lostAfter)
			r.wantRecorded(id, recording.StateOpen, "")
		},
		"if a session has ended and its recording waited in a spool that is lost, then that is said": func(_ *testing.T, r *resumption) {
			id := r.session(other, accessv1alpha1.ExecutionSessionStatus{
				State: accessv1alpha1.SessionEnded, RecordingState: accessv1alpha1.RecordingWaiting,
			})
			r.diedWithItsDisk(id)
			sweep(r, lostAfter+resumeEvery)
			r.wantRecorded(id, recording.StateAborted, recording.ReasonSpoolLost)
			r.wantStatus(id, accessv1alpha1.SessionEnded, recording.ReasonSpoolLost)
		},
		"if the store is out, then it is tried again": func(_ *testing.T, r *resumption) {
			id := r.live(other)
			r.diedWithItsDisk(id)
			r.store.set(errors.New("no route"))
			sweep(r, 2*lostAfter)
			r.wantRecorded(id, recording.StateOpen, "")
			r.store.set(nil)
			sweep(r, resumeEvery)
			r.wantRecorded(id, recording.StateAborted, recording.ReasonSpoolLost)
		},
		"if the store does not know it either, then it settles": func(_ *testing.T, r *resumption) {
			id := r.live(other)
			sweep(r, 2*lostAfter)
			r.wantStatus(id, accessv1alpha1.SessionFailed, "no recording of it")
			if r.said("no recording of a session") != 1 || r.stuckOnes != 0 {
				r.t.Errorf("logged: %v; set aside: %d", r.logs, r.stuckOnes)
			}
		},
		"if the cluster knows of no such session, then the recording is ended all the same": func(_ *testing.T, r *resumption) {
			id := r.forgotten()
			sweep(r, lostAfter)
			r.wantRecorded(id, recording.StateOpen, "")
			sweep(r, 2*resumeEvery)
			r.wantRecorded(id, recording.StateAborted, recording.ReasonSpoolLost)
		},
		"if that comes later, then it is found, too": func(_ *testing.T, r *resumption) {
			sweep(r, 3*lostAfter)
			id := r.forgotten()
			sweep(r, 2*lostAfter+2*resumeEvery)
			r.wantRecorded(id, recording.StateAborted, recording.ReasonSpoolLost)
		},
		"if it is days old, then it is found at the start": func(_ *testing.T, r *resumption) {
			id := r.forgotten()
			time.Sleep(searchAtStart - time.Hour)
			sweep(r, lostAfter+2*resumeEvery)
			r.wantRecorded(id, recording.StateAborted, recording.ReasonSpoolLost)
		},
		"if it stays open for days, then it is found all the while": func(_ *testing.T, r *resumption) {
			pod, id := r.pod(other), r.forgotten()
			for range 3 {
				sweep(r, resumeEvery)
				time.Sleep(searchLater)
			}
			if err := r.cluster.live.Delete(r.t.Context(), pod); err != nil {
				r.t.Fatal(err)
			}
			sweep(r, 2*lostAfter+2*resumeEvery)
			r.wantRecorded(id, recording.StateAborted, recording.ReasonSpoolLost)
		},
		"if it is of this instance, then it is ended at once": func(_ *testing.T, r *resumption) {
			r.by.Instance = self
			id := r.forgotten()
			sweep(r, resumeEvery)
			r.wantRecorded(id, recording.StateAborted, recording.ReasonSpoolLost)
		},
		"if this instance carries it, then it is left alone": func(_ *testing.T, r *resumption) {
			r.by.Instance = self
			id := r.forgotten()
			r.carries = func(session string) bool { return session == id }
			sweep(r, 3*lostAfter)
			r.wantRecorded(id, recording.StateOpen, "")
		},
		"if its instance is there, then it is left alone": func(_ *testing.T, r *resumption) {
			id := r.forgotten()
			r.pod(other)
			sweep(r, 3*lostAfter)
			r.wantRecorded(id, recording.StateOpen, "")
		},
		"if another installation shares the bucket, then its recordings are left alone": func(_ *testing.T, r *resumption) {
			r.by.Installation = "sha256:theirs"
			id := r.forgotten()
			sweep(r, 3*lostAfter)
			r.wantRecorded(id, recording.StateOpen, "")
		},
		"if it does not verify, then it is set aside": func(_ *testing.T, r *resumption) {
			id := r.forgotten()
			prefix, err := recording.Prefix(id)
			if err != nil {
				r.t.Fatal(err)
			}
			r.store.Overwrite(recording.SegmentKey(prefix, 1), []byte("not a segment"))
			sweep(r, 4*lostAfter)
			if r.stuckOnes != 1 || r.said("cannot be ended") != 1 {
				r.t.Errorf("set aside: %d, logged: %v", r.stuckOnes, r.logs)
			}
		},
		"if a sweep is cut off, then the next one does it": func(t *testing.T, r *resumption) {
			id := r.live(other)
			r.diedWithItsDisk(id)
			ctx, cancel := context.WithCancel(t.Context())
			sweep(r, lostAfter)
			cancel()
			r.lost(ctx) // the last thing that it does
			r.wantStatus(id, accessv1alpha1.SessionLive, "")
			sweep(r, resumeEvery)
			r.wantStatus(id, accessv1alpha1.SessionFailed, recording.ReasonSpoolLost)
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, newResumption(t)) })
		})
	}
}

// TestResumerRuns is about when it does what the tests above are about.
func TestResumerRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResumption(t)
		r.evidence.proven.Store(false)
		first, second := r.live(self), r.live(self)
		r.died(first)
		var dead atomic.Bool
		r.carries = func(session string) bool { return session == second && !dead.Load() }
		ctx, cancel := context.WithCancel(t.Context())
		synced, over := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(over)
			r.run(ctx, synced)
		}()
		time.Sleep(2 * resumeEvery)
		close(synced)
		time.Sleep(2 * resumeEvery)
		r.wantRecorded(first, recording.StateOpen, "") // the store is not proven

		r.evidence.proven.Store(true)
		close(r.evidence.provenNow)
		synctest.Wait()
		r.wantRecorded(first, recording.StateAborted, recording.ReasonRecorderDied)

		r.died(second)
		dead.Store(true)
		time.Sleep(resumeEvery)
		synctest.Wait()
		r.wantRecorded(second, recording.StateAborted, recording.ReasonRecorderDied)
		cancel()
		<-over
	})
	t.Run("if the end comes before the cache, then it ends", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		newResumption(t).run(ctx, make(chan struct{}))
	})
}

// TestAnotherBucketLater is a start with the wrong bucket, and one with the right one: nothing is lost by it.
func TestAnotherBucketLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResumption(t)
		id := r.live(self)
		r.died(id)
		right := r.store.Store
		r.store.Store = memory.New(time.Now)
		r.leftovers(t.Context())
		if err := r.evidence.spool.Close(); err != nil {
			t.Fatal(err)
		}
		r.store.Store, r.evidence.spool = right, spooltest.Open(t, r.dir)
		again := &resumer{evidence: r.evidence, cluster: r.cluster, log: r.log, own: recording.Gateway{Installation: ours, Instance: self}, carries: nothing, stuck: func() {}, gone: map[string]time.Time{}}
		again.leftovers(t.Context())
		r.wantRecorded(id, recording.StateAborted, recording.ReasonRecorderDied)
	})
}
