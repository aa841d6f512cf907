package app

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

// lostAfter is how long an instance must be gone before its spool counts as lost: one that moves to another node
// with its disk comes back sooner.
const lostAfter = 10 * time.Minute

// How far back, at the start and later, the store is searched for recordings that have no end and no ExecutionSession: a
// session lasts twelve hours at most. And how far ahead, for those whose clock was.
const (
	searchAtStart = 7 * 24 * time.Hour
	searchLater   = 24 * time.Hour
	searchAhead   = 2 * 24 * time.Hour
)

// endless is a session, or a recording, without an end.
type endless struct {
	id, instance string
	session      *accessv1alpha1.ExecutionSession // nil if there is none any more, or there never was
}

// lost ends what has no end, and whose instance is gone with its spool.
func (r *resumer) lost(ctx context.Context) {
	all, err := r.endless(ctx)
	if err != nil {
		r.log.Error(err, "looking for sessions whose gateway is gone")
		return
	}
	present := map[string]bool{}
	for _, e := range all {
		here, err := r.isHere(ctx, e)
		if err != nil {
			r.log.Error(err, "looking for a session's gateway", "session", e.id)
			continue
		}
		present[e.instance] = present[e.instance] || here
		if !r.isAside(e.id) && !here && r.isLost(e.instance) {
			r.log.Info("a session has no end, and nobody carries it or has its spool", "session", e.id, "gateway", e.instance)
			r.end(ctx, e)
		}
		if r.isAside(e.id) {
			r.fail(ctx, e, "the recording could not be ended: the gateway's log says why, and its spool keeps what it has")
		}
	}
	for instance := range r.gone {
		if here, known := present[instance]; here || !known {
			delete(r.gone, instance)
		}
	}
}

// endless are the sessions of the cluster that have no end, or whose recording has none, and the recordings in the store
// without an end that no such session tells of: one that was killed between the two, or whose session was deleted.
func (r *resumer) endless(ctx context.Context) ([]endless, error) {
	var list accessv1alpha1.ExecutionSessionList
	if err := r.cluster.cache.List(ctx, &list); err != nil {
		return nil, err
	}
	var all []endless
	told := map[string]bool{}
	for i := range list.Items {
		s := &list.Items[i]
		over := s.Status.State == accessv1alpha1.SessionEnded || s.Status.State == accessv1alpha1.SessionFailed
		if !over || s.Status.RecordingState == accessv1alpha1.RecordingWaiting {
			all = append(all, endless{s.Name, s.Spec.Proxy, s})
			told[s.Name] = true
		}
	}
	r.search(ctx)
	for id, instance := range r.found {
		if !told[id] {
			all = append(all, endless{id, instance, nil})
		}
	}
	return all, nil
}

// search looks through the store, not more often than an instance takes to count as lost. Where several installations
// share a bucket, each looks after its own.
func (r *resumer) search(ctx context.Context) {
	now := r.evidence.now()
	if now.Sub(r.searched) < r.evidence.options.lostAfter {
		return
	}
	if r.searched.IsZero() {
		r.ended = now.Add(-searchAtStart)
	}
	unended, err := recording.ListUnended(ctx, r.evidence.store, recording.ListOptions{From: r.ended, To: now.Add(searchAhead)})
	if err != nil {
		r.log.Error(err, "looking for recordings without an end; trying again later")
		return
	}
	r.searched, r.ended, r.found = now, now.Add(-searchLater), map[string]string{}
	for _, u := range unended {
		if u.Gateway.Installation == r.own.Installation && !r.isAside(u.ID) {
			r.found[u.ID] = u.Gateway.Instance
			r.ended = earlier(r.ended, u.Made)
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// end ends one recording. An error has been logged, and it is tried again at the next round.
func (r *resumer) end(ctx context.Context, e endless) {
	switch err := r.resume(ctx, e.id, nil); {
	case err == nil:
		delete(r.found, e.id)
	case errors.Is(err, objectstore.ErrNotFound):
		delete(r.found, e.id)
		r.fail(ctx, e, "the object store has no recording of it: it did not begin, or its recording is in another bucket")
	}
}

func (r *resumer) isAside(session string) bool {
	_, aside := r.aside.Load(session)
	return aside
}

// fail reports that a session has no recording that could be ended, and why.
func (r *resumer) fail(ctx context.Context, e endless, why string) {
	if e.session == nil {
		delete(r.found, e.id) // it has been logged, and counted
		return
	}
	now := metav1.NewTime(r.evidence.now().UTC())
	err := r.tell(ctx, e.session, accessv1alpha1.ExecutionSessionStatus{
		State: accessv1alpha1.SessionFailed, RecordingState: accessv1alpha1.RecordingIncomplete, EndTime: &now, Reason: why,
	})
	if err != nil {
		r.log.Error(err, "reporting a session without an end", "session", e.id)
	}
}

// isHere reports whether some instance may still carry the session, or its spool.
func (r *resumer) isHere(ctx context.Context, e endless) (bool, error) {
	if e.instance == r.own.Instance {
		// Of its own sessions an instance knows which it carries, from before the object is made, and what its spool holds.
		return r.carries(e.id) || r.evidence.spool.Has(e.id), nil
	}
	err := r.cluster.cache.Get(ctx, client.ObjectKey{Namespace: r.evidence.options.namespace, Name: e.instance}, podMetadata())
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return true, err
}

func (r *resumer) isLost(instance string) bool {
	if instance == r.own.Instance {
		return true
	}
	since, known := r.gone[instance]
	if !known {
		r.gone[instance] = r.evidence.now()
		return false
	}
	return r.evidence.now().Sub(since) >= r.evidence.options.lostAfter
}
