package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	// lostAfter is how long an instance must be gone before its spool counts as lost: one that moves to another node
	// with its disk comes back sooner.
	lostAfter = 10 * time.Minute
)

// resumer ends the recordings that nobody carries any more: those of a process that died, those that the object store did
// not take in time, and those whose spool is lost. It also reports the end of sessions that ended while the API server was
// away. What cannot be ended at all is said once and set aside until the next start: its spool stays as it is, and its
// session counts as failed.
type resumer struct {
	evidence *evidence
	cluster  *cluster
	log      logr.Logger
	name     string                    // of this instance
	carries  func(session string) bool // whether this instance does
	gone     map[string]time.Time      // instances, and since when they are not there
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
			r.leftovers(ctx)
			r.lost(ctx)
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

// leftovers are the recordings that this spool holds and no session.
func (r *resumer) leftovers(ctx context.Context) {
	sessions, err := r.evidence.spool.Leftovers()
	if err != nil {
		r.log.Error(err, "looking for recordings that were left in the spool")
		return
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

// lost are the sessions that have no end, or whose recording has none, and whose instance is gone with its spool.
func (r *resumer) lost(ctx context.Context) {
	var list accessv1alpha1.ExecutionSessionList
	if err := r.cluster.cache.List(ctx, &list); err != nil {
		r.log.Error(err, "looking for sessions whose gateway is gone")
		return
	}
	present := map[string]bool{}
	for i := range list.Items {
		s := &list.Items[i]
		over := s.Status.State == accessv1alpha1.SessionEnded || s.Status.State == accessv1alpha1.SessionFailed
		if over && s.Status.RecordingState != accessv1alpha1.RecordingWaiting {
			continue
		}
		here, err := r.isHere(ctx, s)
		if err != nil {
			r.log.Error(err, "looking for a session's gateway", "session", s.Name)
			continue
		}
		present[s.Spec.Proxy] = present[s.Spec.Proxy] || here
		if !r.isAside(s.Name) && !here && r.isLost(s.Spec.Proxy) {
			r.log.Info("a session has no end, and nobody carries it or has its spool", "session", s.Name, "gateway", s.Spec.Proxy)
			// Any other error has been logged, and it is tried again at the next round.
			if err := r.resume(ctx, s.Name, nil); errors.Is(err, objectstore.ErrNotFound) {
				r.fail(ctx, s, "the object store has no recording of it: it did not begin, or its recording is in another bucket")
			}
		}
		if r.isAside(s.Name) {
			r.fail(ctx, s, "the recording could not be ended: the gateway's log says why, and its spool keeps what it has")
		}
	}
	for name := range r.gone {
		if here, known := present[name]; here || !known {
			delete(r.gone, name)
		}
	}
}

func (r *resumer) isAside(session string) bool {
	_, aside := r.aside.Load(session)
	return aside
}

// fail reports that a session has no recording that could be ended, and why.
func (r *resumer) fail(ctx context.Context, s *accessv1alpha1.ExecutionSession, why string) {
	now := metav1.NewTime(r.evidence.now().UTC())
	err := r.tell(ctx, s, accessv1alpha1.ExecutionSessionStatus{
		State: accessv1alpha1.SessionFailed, RecordingState: accessv1alpha1.RecordingIncomplete, EndTime: &now, Reason: why,
	})
	if err != nil {
		r.log.Error(err, "reporting a session without an end", "session", s.Name)
	}
}

// isHere reports whether some instance may still carry the session, or its spool.
func (r *resumer) isHere(ctx context.Context, s *accessv1alpha1.ExecutionSession) (bool, error) {
	if s.Spec.Proxy == r.name {
		// Of its own sessions an instance knows which it carries, from before the object is made, and what its spool holds.
		return r.carries(s.Name) || r.evidence.spool.Has(s.Name), nil
	}
	pod := podMetadata()
	err := r.cluster.cache.Get(ctx, client.ObjectKey{Namespace: r.evidence.options.namespace, Name: s.Spec.Proxy}, pod)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return true, err
}

func (r *resumer) isLost(proxy string) bool {
	if proxy == r.name {
		return true
	}
	since, known := r.gone[proxy]
	if !known {
		r.gone[proxy] = r.evidence.now()
		return false
	}
	return r.evidence.now().Sub(since) >= r.evidence.options.lostAfter
}
