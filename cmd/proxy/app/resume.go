package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/proxy"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/spool"
)

const (
	resumeEvery = 30 * time.Second
	resumeTime  = 10 * time.Minute // of one recording
)

// resumer ends the recordings that nobody carries any more: those of a process that died, those that the object store did
// not take in time, and those whose spool is lost, whether or not the cluster knows of them. It also reports the end of
// sessions that ended while the API server was away. What cannot be ended at all is said once and set aside until the next
// start: its spool stays as it is, and its session counts as failed.
type resumer struct {
	evidence *evidence
	cluster  *cluster
	log      logr.Logger
	own      recording.Gateway         // this instance
	carries  func(session string) bool // whether this instance does
	gone     map[string]time.Time      // instances, and since when they are not there
	found    map[string]string         // recordings without an end in the store, and their instances
	searched time.Time                 // when they were looked for
	ended    time.Time                 // all recordings are that were made before
	aside    sync.Map                  // sessions; the end of the process looks at the leftovers, too
	stuck    func()                    // is told of each of them
}

func (r *resumer) run(ctx context.Context, synced <-chan struct{}) {
	select {
	case <-synced:
	case <-ctx.Done():
		return
	}
	ticker := time.NewTicker(resumeEvery)
	defer ticker.Stop()
	proven := r.evidence.provenNow
	for {
		if r.evidence.proven.Load() {
			if r.leftovers(ctx) {
				r.lost(ctx)
			}
		}
		select {
		case <-proven:
			proven = nil
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// leftovers are the recordings that this spool holds and no session. It returns whether the spool can be read.
func (r *resumer) leftovers(ctx context.Context) bool {
	sessions, err := r.evidence.spool.Leftovers()
	if err != nil {
		r.log.Error(err, "looking for recordings that were left in the spool")
		return false
	}
	for _, session := range sessions {
		if r.isAside(session) {
			continue
		}
		journal, err := r.evidence.spool.Reopen(session)
		if err != nil {
			r.log.Error(err, "a recording in the spool cannot be read; it stays there", "session", session)
			continue
		}
		if err := r.resume(ctx, session, journal); err != nil {
			journal.Leave()
		}
	}
	return true
}

// resume ends one recording; journal is nil if its spool is lost.
func (r *resumer) resume(ctx context.Context, session string, journal *spool.Journal) error {
	ctx, cancel := context.WithTimeout(ctx, resumeTime)
	defer cancel()
	var held recording.Journal
	if journal != nil {
		held = journal
	}
	ended, err := recording.Resume(ctx, r.evidence.store, r.evidence.now, session, held)
	switch {
	case errors.Is(err, objectstore.ErrNotFound) && journal == nil:
		r.log.Info("the object store has no recording of a session", "session", session)
	case errors.Is(err, objectstore.ErrNotFound) && !r.evidence.spool.Has(session):
		r.log.Info("a session that never began is forgotten", "session", session)
		return nil
	case recording.Lasting(err):
		r.aside.Store(session, nil)
		r.stuck()
		r.log.Error(err, "a recording that was left cannot be ended; the spool keeps what it has of it", "session", session)
	case err != nil:
		r.log.Error(err, "ending a recording that was left; trying again later", "session", session)
	default:
		r.log.Info("ended a recording that was left", "session", session, "state", ended.State, "records", ended.Manifest.Records)
	}
	if ended != nil {
		r.report(ctx, ended)
	}
	return err
}

// report tells the session's object.
func (r *resumer) report(ctx context.Context, ended *recording.Recording) {
	object := &accessv1alpha1.ExecutionSession{}
	err := r.cluster.live.Get(ctx, client.ObjectKey{Namespace: ended.Open.Namespace, Name: ended.ID}, object)
	if err == nil {
		err = r.tell(ctx, object, proxy.ResumedStatus(ended.Manifest))
	}
	if err = client.IgnoreNotFound(err); err != nil {
		r.log.Error(err, "reporting the end of a session", "session", ended.ID)
	}
}

// tell reports a status. A session that has failed stays as it is, and one that has ended stays ended.
func (r *resumer) tell(ctx context.Context, s *accessv1alpha1.ExecutionSession, status accessv1alpha1.ExecutionSessionStatus) error {
	switch s.Status.State {
	case accessv1alpha1.SessionFailed:
		return nil
	case accessv1alpha1.SessionEnded:
		status.State = accessv1alpha1.SessionEnded
	case accessv1alpha1.SessionOpening, accessv1alpha1.SessionLive:
	}
	return r.cluster.Report(ctx, s, status)
}
