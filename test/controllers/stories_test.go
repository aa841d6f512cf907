package controllers_test

import (
	"context"
	"testing"
	"time"

	kstatus "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/approval"
	"github.com/sallyport-dev/sallyport/internal/layout"
	"github.com/sallyport-dev/sallyport/test/gen"
)

func TestFromRequestToExpiry(t *testing.T) {
	w := newWorld(t, plainGrant)
	w.expect(accessv1alpha1.ReasonPending, kstatus.InProgressStatus)

	w.reconcile()
	grant := w.expect(accessv1alpha1.ReasonAwaitingApproval, kstatus.InProgressStatus)
	request := w.request()
	if got := request.Spec.Digest; got != approval.Digest(grant) {
		t.Errorf("the request shows %s, the grant is %s", got, approval.Digest(grant))
	}
	if owner := metav1.GetControllerOf(request); owner == nil || owner.UID != grant.UID {
		t.Errorf("the request is owned by %v, want the grant", owner)
	}
	if next, deadline := w.reconcileRequest(), w.now.Add(time.Hour); !next.Equal(deadline) || !request.Spec.Deadline.Time.Equal(deadline) {
		t.Errorf("the request waits until %v with the deadline %v, want %v", next, request.Spec.Deadline, deadline)
	}

	w.now = w.now.Add(time.Minute)
	approved := w.now
	w.decide("ann", accessv1alpha1.VerdictApproved)
	w.now = w.now.Add(1500 * time.Millisecond)
	end := approved.Add(15 * time.Minute)
	if next := w.reconcile(); !next.Equal(end) {
		t.Errorf("the grant wants to be woken at %v, want %v", next, end)
	}
	grant = w.expect(accessv1alpha1.ReasonActive, kstatus.CurrentStatus)
	if !grant.Status.ActiveFrom.Time.Equal(approved) || !grant.Status.ActiveUntil.Time.Equal(end) {
		t.Errorf("active from %v until %v, want %v until %v", grant.Status.ActiveFrom, grant.Status.ActiveUntil, approved, end)
	}
	if w.health("ApprovalRequest") != kstatus.CurrentStatus {
		t.Error("GitOps does not see the request as approved")
	}
	if !grant.ActiveAt(end.Add(-1)) || grant.ActiveAt(end) {
		t.Error("the door is not open exactly until the end")
	}

	version := grant.ResourceVersion
	w.reconcile()
	if w.grant().ResourceVersion != version {
		t.Error("the grant was written although nothing had changed")
	}

	w.now = end
	if next := w.reconcile(); !next.IsZero() {
		t.Errorf("the expired grant wants to be woken at %v", next)
	}
	grant = w.expect(accessv1alpha1.ReasonExpired, kstatus.CurrentStatus)
	if meta.IsStatusConditionTrue(grant.Status.Conditions, accessv1alpha1.ConditionActive) || grant.ActiveAt(end.Add(-time.Minute)) {
		t.Error("the expired grant still opens the door")
	}
	want := []string{
		"Normal AwaitingApproval", // the grant
		"Normal AwaitingApproval", // its request
		"Normal Approved", "Normal Active", "Normal Expired",
	}
	if diff := cmp.Diff(want, w.events()); diff != "" {
		t.Errorf("events -want +got:\n%s", diff)
	}
	for _, entry := range grant.ManagedFields {
		if entry.Subresource == "status" && entry.Manager != layout.FieldManager {
			t.Errorf("the status was written by %q", entry.Manager)
		}
	}
}

func TestWindowIsAwaited(t *testing.T) {
	opens := time.Now().Add(10 * time.Minute).Truncate(time.Second)
	w := newWorld(t, func(ns string) *gen.Grant { return plainGrant(ns).Window(opens, opens.Add(10*time.Minute)) })
	w.reconcile()
	if got, want := w.request().Spec.Deadline.Time, opens.Add(10*time.Minute); !got.Equal(want) {
		t.Errorf("the deadline is %v, want the end of the window %v", got, want)
	}
	w.decide("ann", accessv1alpha1.VerdictApproved)
	if next := w.reconcile(); !next.Equal(opens) {
		t.Errorf("the grant wants to be woken at %v, want %v", next, opens)
	}
	w.expect(accessv1alpha1.ReasonAwaitingWindow, kstatus.InProgressStatus)
	w.now = opens
	w.reconcile()
	w.expect(accessv1alpha1.ReasonActive, kstatus.CurrentStatus)
	w.now = opens.Add(10 * time.Minute)
	w.reconcile()
	w.expect(accessv1alpha1.ReasonExpired, kstatus.CurrentStatus)
}

func TestDenialStands(t *testing.T) {
	w := newWorld(t, plainGrant)
	w.reconcile()
	w.decide("ann", accessv1alpha1.VerdictApproved)
	w.decide("bob", accessv1alpha1.VerdictDenied)
	w.reconcile()
	w.expect(accessv1alpha1.ReasonDenied, kstatus.FailedStatus)
	if w.health("ApprovalRequest") != kstatus.FailedStatus {
		t.Error("GitOps does not see the request as refused")
	}

	w.decide("cid", accessv1alpha1.VerdictApproved)
	w.reconcile()
	w.expect(accessv1alpha1.ReasonDenied, kstatus.FailedStatus)

	// Nor is anybody asked again once the request is out of sight.
	w.deleteRequest()
	w.reconcile()
	w.expect(accessv1alpha1.ReasonDenied, kstatus.FailedStatus)
	w.noRequest()
}

func TestApprovalStandsAgainstWhatComesAfter(t *testing.T) {
	w := newWorld(t, plainGrant)
	w.reconcile()
	w.decide("ann", accessv1alpha1.VerdictApproved)
	w.reconcile()
	before := w.expect(accessv1alpha1.ReasonActive, kstatus.CurrentStatus)

	w.now = w.now.Add(time.Minute)
	w.decide("bob", accessv1alpha1.VerdictDenied)
	w.reconcile()
	w.expect(accessv1alpha1.ReasonActive, kstatus.CurrentStatus)
	if w.health("ApprovalRequest") != kstatus.CurrentStatus {
		t.Error("GitOps does not see the request as approved any more")
	}

	w.deleteRequest()
	w.reconcile()
	after := w.expect(accessv1alpha1.ReasonActive, kstatus.CurrentStatus)
	if diff := cmp.Diff(before.Status, after.Status); diff != "" {
		t.Errorf("the status changed:\n%s", diff)
	}
	w.noRequest()
}

func TestDeadline(t *testing.T) {
	w := newWorld(t, plainGrant)
	w.reconcile()
	w.now = w.request().Spec.Deadline.Time
	w.decide("ann", accessv1alpha1.VerdictApproved)
	w.reconcile()
	w.expect(accessv1alpha1.ReasonDeadlineExceeded, kstatus.FailedStatus)
}

func TestApprovalInTimeCountsAlsoIfSallyportWasAway(t *testing.T) {
	w := newWorld(t, plainGrant)
	w.reconcile()
	w.now = w.now.Add(59 * time.Minute)
	w.decide("ann", accessv1alpha1.VerdictApproved)
	w.now = w.now.Add(10 * time.Minute)
	w.reconcile()
	grant := w.expect(accessv1alpha1.ReasonActive, kstatus.CurrentStatus)
	if got, want := grant.Status.ActiveUntil.Time, w.now.Add(5*time.Minute); !got.Equal(want) {
		t.Errorf("active until %v, want %v: the time away counts", got, want)
	}
}

func TestRequestDeletedBeforeTheDecisionEndsTheGrant(t *testing.T) {
	w := newWorld(t, plainGrant)
	w.reconcile()
	w.deleteRequest()
	w.reconcile()
	w.expect(accessv1alpha1.ReasonApprovalVoid, kstatus.FailedStatus)
	w.noRequest()
}

// There is no garbage collector here, so the request of the first grant outlives it, as it does for a moment elsewhere.
func TestRequestOfAnEarlierGrantDecidesNothing(t *testing.T) {
	w := newWorld(t, plainGrant)
	w.reconcile()
	w.decide("ann", accessv1alpha1.VerdictApproved)
	if err := w.c.Delete(t.Context(), w.grant()); err != nil {
		t.Fatal(err)
	}
	w.create(plainGrant(w.key.Namespace).ForCreate().Obj())
	w.reconcile()
	w.expect(accessv1alpha1.ReasonAwaitingApproval, kstatus.InProgressStatus)

	w.deleteRequest()
	w.reconcile()
	w.expect(accessv1alpha1.ReasonAwaitingApproval, kstatus.InProgressStatus)
	if got, want := w.request().Spec.GrantRef.UID, string(w.grant().UID); got != want {
		t.Errorf("the new request is about %s, want %s", got, want)
	}
	w.decide("ann", accessv1alpha1.VerdictApproved)
	w.reconcile()
	w.expect(accessv1alpha1.ReasonActive, kstatus.CurrentStatus)
}

func TestGrantWithoutRequesterOpensNothing(t *testing.T) {
	w := newWorld(t, func(ns string) *gen.Grant { return plainGrant(ns).Requester("") })
	w.reconcile()
	w.expect(accessv1alpha1.ReasonApprovalVoid, kstatus.FailedStatus)
	w.noRequest()
}

// oldSight shows objects as they were, as a cache does that lags behind.
type oldSight struct {
	client.Client
	request *accessv1alpha1.ApprovalRequest
}

func (c oldSight) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	if request, ok := obj.(*accessv1alpha1.ApprovalRequest); ok {
		c.request.DeepCopyInto(request)
		return nil
	}
	return c.Client.Get(ctx, key, obj, opts...)
}

func TestDenialThatTheCacheDoesNotShowYetWins(t *testing.T) {
	w := newWorld(t, plainGrant)
	w.reconcile()
	w.decide("ann", accessv1alpha1.VerdictApproved)
	old := w.request()
	w.decide("bob", accessv1alpha1.VerdictDenied)

	w.requests.Client = oldSight{w.c, old}
	if next := w.reconcileRequest(); next.IsZero() {
		t.Error("the reconciler does not come back after a conflict")
	}
	if got := approval.Settled(w.request()); got != approval.Pending {
		t.Errorf("an old sight of the decisions settled the request: %v", got)
	}

	w.requests.Client = w.c
	w.reconcile()
	w.expect(accessv1alpha1.ReasonDenied, kstatus.FailedStatus)
}

func TestRequestThatTheCacheDoesNotShowYetIsNotLost(t *testing.T) {
	w := newWorld(t, plainGrant)
	w.reconcileGrant()
	w.grants.Client = noSight{w.c}
	w.reconcileGrant()
	w.expect(accessv1alpha1.ReasonAwaitingApproval, kstatus.InProgressStatus)
}

func TestEndedSessionsAreRemovedInTime(t *testing.T) {
	keep := 24 * time.Hour
	end := time.Now().Truncate(time.Second)
	ended := func(r accessv1alpha1.RecordingState) *gen.Session {
		return gen.MakeSession("", "s").State(accessv1alpha1.SessionEnded).Recorded(r).EndedAt(end)
	}
	tests := map[string]struct {
		session *gen.Session
		now     time.Time
		gone    bool
		next    time.Duration
	}{
		"if it is live, it stays":                             {gen.MakeSession("", "s").State(accessv1alpha1.SessionLive), end.Add(2 * keep), false, 0},
		"if it has only ended, it stays until it is due":      {ended(accessv1alpha1.RecordingComplete), end.Add(time.Hour), false, keep - time.Hour},
		"if it is due, it goes":                               {ended(accessv1alpha1.RecordingComplete), end.Add(keep), true, 0},
		"if its recording waits for the store, it stays":      {ended(accessv1alpha1.RecordingWaiting), end.Add(2 * keep), false, 0},
		"if its recording is not complete, it stays":          {ended(accessv1alpha1.RecordingIncomplete), end.Add(2 * keep), false, 0},
		"if nothing is said of its recording, it stays":       {ended(""), end.Add(2 * keep), false, 0},
		"if its recording could not be closed, it stays":      {gen.MakeSession("", "s").State(accessv1alpha1.SessionFailed).EndedAt(end), end.Add(2 * keep), false, 0},
		"if it has an end but is said to be live, it stays":   {gen.MakeSession("", "s").State(accessv1alpha1.SessionLive).EndedAt(end), end.Add(2 * keep), false, 0},
		"if it is said to have ended but not when, it stays":  {gen.MakeSession("", "s").State(accessv1alpha1.SessionEnded).Recorded(accessv1alpha1.RecordingComplete), end.Add(2 * keep), false, 0},
		"if nothing is known of it, it stays":                 {gen.MakeSession("", "s"), end.Add(2 * keep), false, 0},
		"if it is a moment too early, it stays for that long": {ended(accessv1alpha1.RecordingComplete), end.Add(keep - time.Second), false, time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { checkRemoval(t, tt.session.Obj(), tt.now, tt.gone, tt.next) })
	}
}
