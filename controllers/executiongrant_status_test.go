package controllers

import (
	"testing"
	"time"

	kstatus "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/approval"
	"github.com/sallyport-dev/sallyport/test/gen"
)

var (
	epoch = gen.Epoch()
	soon  = epoch.Add(5 * time.Minute)
)

// approvedAt is the request about the grant that ann approved, as Sallyport judged it.
func approvedAt(grant *accessv1alpha1.ExecutionGrant, at time.Time) *accessv1alpha1.ApprovalRequest {
	return gen.MakeRequest(grant, approval.Digest(grant)).ApprovedBy("ann", at).Settled(accessv1alpha1.ReasonApproved).Obj()
}

func TestDesiredStatus(t *testing.T) {
	grant := func() *gen.Grant { return gen.MakeGrant("shop", "fix") }
	window := func() *gen.Grant { return grant().Window(epoch.Add(30*time.Minute), epoch.Add(40*time.Minute)) }
	plain := grant().Obj()
	request := func() *gen.Request { return gen.MakeRequest(plain, approval.Digest(plain)) }
	foreign := gen.MakeRequest(grant().UID("another").Obj(), "").Obj()
	end := soon.Add(15 * time.Minute)

	type want struct {
		reason, message string
		health          kstatus.Status
		from, until     time.Time
		next            time.Time
	}
	tests := map[string]struct {
		grant *accessv1alpha1.ExecutionGrant
		req   *accessv1alpha1.ApprovalRequest
		now   time.Time
		want  want
	}{
		"if the grant is new and its request not yet made, it waits": {
			grant: plain, now: epoch,
			want: want{reason: "AwaitingApproval", message: "waiting for an ApprovalRequest", health: kstatus.InProgressStatus},
		},
		"if nobody has decided, it waits": {
			grant: plain, req: request().Obj(), now: soon,
			want: want{reason: "AwaitingApproval", message: "waiting for the ApprovalRequest fix until 2026-03-01T13:00:00Z", health: kstatus.InProgressStatus},
		},
		"if somebody approved but Sallyport has not judged, it waits": {
			grant: plain, req: request().ApprovedBy("ann", soon).Obj(), now: soon,
			want: want{reason: "AwaitingApproval", message: "waiting for the ApprovalRequest fix until 2026-03-01T13:00:00Z", health: kstatus.InProgressStatus},
		},
		"if it is approved, it is active from the second of the approval": {
			grant: plain, req: approvedAt(plain, soon), now: soon.Add(300 * time.Millisecond),
			want: want{"Active", "active until 2026-03-01T12:20:00Z", kstatus.CurrentStatus, soon, end, end},
		},
		"if Sallyport sees the approval late, the time does not move": {
			grant: plain, req: approvedAt(plain, soon), now: end.Add(-time.Second),
			want: want{"Active", "active until 2026-03-01T12:20:00Z", kstatus.CurrentStatus, soon, end, end},
		},
		"if Sallyport sees the approval when its time is over, it is expired at once": {
			grant: plain, req: approvedAt(plain, soon), now: end,
			want: want{"Expired", "expired at 2026-03-01T12:20:00Z", kstatus.CurrentStatus, soon, end, time.Time{}},
		},
		"if the approval is stamped by a clock that is ahead, it opens when that time comes": {
			grant: plain, req: approvedAt(plain, soon.Add(2*time.Second)), now: soon,
			want: want{
				"AwaitingWindow", "approved, opens at 2026-03-01T12:05:02Z until 2026-03-01T12:20:02Z", kstatus.InProgressStatus,
				soon.Add(2 * time.Second), end.Add(2 * time.Second), soon.Add(2 * time.Second),
			},
		},
		"if a window opens later, it waits for that": {
			grant: window().Obj(), req: approvedAt(window().Obj(), soon), now: soon,
			want: want{
				"AwaitingWindow", "approved, opens at 2026-03-01T12:30:00Z until 2026-03-01T12:40:00Z", kstatus.InProgressStatus,
				epoch.Add(30 * time.Minute), epoch.Add(40 * time.Minute), epoch.Add(30 * time.Minute),
			},
		},
		"if the window opens now, it is active": {
			grant: window().Obj(), req: approvedAt(window().Obj(), soon), now: epoch.Add(30 * time.Minute),
			want: want{
				"Active", "active until 2026-03-01T12:40:00Z", kstatus.CurrentStatus,
				epoch.Add(30 * time.Minute), epoch.Add(40 * time.Minute), epoch.Add(40 * time.Minute),
			},
		},
		"if it is approved within the window, it is active for the rest of it": {
			grant: window().Obj(), req: approvedAt(window().Obj(), epoch.Add(35*time.Minute)), now: epoch.Add(35 * time.Minute),
			want: want{
				"Active", "active until 2026-03-01T12:40:00Z", kstatus.CurrentStatus,
				epoch.Add(35 * time.Minute), epoch.Add(40 * time.Minute), epoch.Add(40 * time.Minute),
			},
		},
		"if it is approved after the window, it is expired and never was active": {
			grant: window().Obj(), req: approvedAt(window().Obj(), epoch.Add(50*time.Minute)), now: epoch.Add(50 * time.Minute),
			want: want{
				"Expired", "expired at 2026-03-01T12:40:00Z", kstatus.CurrentStatus,
				epoch.Add(40 * time.Minute), epoch.Add(40 * time.Minute), time.Time{},
			},
		},
		"if it has neither a duration nor a window, it is expired at once": {
			grant: grant().Duration(0).Obj(), req: approvedAt(grant().Duration(0).Obj(), soon), now: soon,
			want: want{"Expired", "expired at 2026-03-01T12:05:00Z", kstatus.CurrentStatus, soon, soon, time.Time{}},
		},
		"if the ApprovalRequest is deleted once it is approved, the approval stands": {
			grant: grant().RequestMade().Active(approval.Digest(plain), soon, end).Obj(), now: soon.Add(time.Minute),
			want: want{"Active", "active until 2026-03-01T12:20:00Z", kstatus.CurrentStatus, soon, end, end},
		},
		"if the ApprovalRequest is denied once the grant is approved, the approval stands": {
			grant: grant().RequestMade().Active(approval.Digest(plain), soon, end).Obj(), now: soon.Add(time.Minute),
			req:  request().DeniedBy("bob", soon).Settled("Denied").Obj(),
			want: want{"Active", "active until 2026-03-01T12:20:00Z", kstatus.CurrentStatus, soon, end, end},
		},
		"if the end comes, it expires": {
			grant: grant().RequestMade().Active(approval.Digest(plain), soon, end).Obj(), now: end,
			want: want{"Expired", "expired at 2026-03-01T12:20:00Z", kstatus.CurrentStatus, soon, end, time.Time{}},
		},
		"if an end was set that is earlier than the duration, that counts": {
			grant: grant().RequestMade().Active(approval.Digest(plain), soon, soon.Add(time.Minute)).Obj(), now: soon.Add(time.Minute),
			want: want{"Expired", "expired at 2026-03-01T12:06:00Z", kstatus.CurrentStatus, soon, soon.Add(time.Minute), time.Time{}},
		},
		"if what was approved is another grant, the approval is void": {
			grant: grant().RequestMade().Active(approval.Digest(window().Obj()), soon, end).Obj(), now: soon,
			want: want{"ApprovalVoid", "what was approved is not this grant: the digests differ", kstatus.FailedStatus, soon, end, time.Time{}},
		},
		"if the times of an approved grant are lost, the approval is void": {
			grant: func() *accessv1alpha1.ExecutionGrant {
				g := grant().RequestMade().Active(approval.Digest(plain), soon, end).Obj()
				g.Status.ActiveFrom, g.Status.ActiveUntil = nil, nil
				return g
			}(), now: soon,
			want: want{reason: "ApprovalVoid", message: "the grant was approved, but nobody knows from when to when", health: kstatus.FailedStatus},
		},
		"if it is denied, it stalls and says who": {
			grant: plain, req: request().DeniedBy("bob", soon).Settled("Denied").Obj(), now: soon,
			want: want{reason: "Denied", message: "Denied", health: kstatus.FailedStatus},
		},
		"if nobody decided in time, it stalls": {
			grant: plain, req: request().Settled("DeadlineExceeded").Obj(), now: epoch.Add(time.Hour),
			want: want{reason: "DeadlineExceeded", message: "DeadlineExceeded", health: kstatus.FailedStatus},
		},
		"if the request shows another digest, it stalls": {
			grant: plain, req: gen.MakeRequest(plain, approval.Digest(window().Obj())).ApprovedBy("ann", soon).Settled("Approved").Obj(), now: soon,
			want: want{reason: "ApprovalVoid", message: "the grant is not what the ApprovalRequest shows: their digests differ", health: kstatus.FailedStatus},
		},
		"if somebody marked the request as approved that nobody approved, it stalls": {
			grant: plain, req: request().Settled("Approved").Obj(), now: soon,
			want: want{reason: "ApprovalVoid", message: "the ApprovalRequest is marked as approved, but too few people approved it", health: kstatus.FailedStatus},
		},
		"if it is marked as approved by the requester alone, it stalls": {
			grant: plain, req: request().ApprovedBy("developer", soon).Settled("Approved").Obj(), now: soon,
			want: want{reason: "ApprovalVoid", message: "the ApprovalRequest is marked as approved, but too few people approved it", health: kstatus.FailedStatus},
		},
		"if the request is deleted before it is decided, it stalls": {
			grant: grant().RequestMade().Obj(), now: soon,
			want: want{reason: "ApprovalVoid", message: "the ApprovalRequest fix was deleted before Sallyport saw a decision", health: kstatus.FailedStatus},
		},
		"if the request is replaced by another's, it stalls": {
			grant: grant().RequestMade().Obj(), req: foreign, now: soon,
			want: want{reason: "ApprovalVoid", message: "the ApprovalRequest fix was deleted before Sallyport saw a decision", health: kstatus.FailedStatus},
		},
		"if the request of an earlier grant is in the way, it waits": {
			grant: plain, req: foreign, now: soon,
			want: want{reason: "AwaitingApproval", message: "waiting until the ApprovalRequest fix of another grant is gone", health: kstatus.InProgressStatus},
		},
		"if the request of an earlier grant was approved, it waits all the same": {
			grant: plain, req: approvedAt(grant().UID("another").Obj(), soon), now: soon,
			want: want{reason: "AwaitingApproval", message: "waiting until the ApprovalRequest fix of another grant is gone", health: kstatus.InProgressStatus},
		},
		"if nobody knows the requester, it stalls": {
			grant: grant().Requester("").Obj(), req: approvedAt(plain, soon), now: soon,
			want: want{reason: "ApprovalVoid", message: "nobody knows who requested the grant: it did not pass admission", health: kstatus.FailedStatus},
		},
		"if nobody knows the requester of an active grant, it stalls": {
			grant: grant().Requester("").Active(approval.Digest(grant().Requester("").Obj()), soon, end).Obj(), now: soon,
			want: want{"ApprovalVoid", "nobody knows who requested the grant: it did not pass admission", kstatus.FailedStatus, soon, end, time.Time{}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, next := desiredStatus(tt.grant, tt.req, tt.now)
			ready := meta.FindStatusCondition(got.Conditions, accessv1alpha1.ConditionReady)
			if ready == nil {
				t.Fatal("there is no condition Ready")
			}
			after := tt.grant.DeepCopy()
			after.Status = got
			gotWant := want{ready.Reason, ready.Message, health(t, after, "ExecutionGrant"), moment(got.ActiveFrom), moment(got.ActiveUntil), next}
			if diff := cmp.Diff(tt.want, gotWant, cmp.AllowUnexported(want{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			checkConditions(t, after.Generation, got.Conditions)
			if active := after.ActiveAt(tt.now); active != (ready.Reason == "Active") {
				t.Errorf("the door is open: %v, with the reason %s", active, ready.Reason)
			}

			again, _ := desiredStatus(after, tt.req, tt.now)
			if !equality.Semantic.DeepEqual(got, again) {
				t.Errorf("a second look changes the status: %s", cmp.Diff(got, again))
			}
		})
	}
}

// What is final stays, although the objects or the clock say otherwise.
func TestFinalStatusStands(t *testing.T) {
	plain := gen.MakeGrant("shop", "fix").Obj()
	ends := map[string]*gen.Grant{
		"expired": gen.MakeGrant("shop", "fix").Active(approval.Digest(plain), soon, soon.Add(time.Minute)).
			Condition("Ready", metav1.ConditionTrue, "Expired").Condition("Active", metav1.ConditionFalse, "Expired"),
		"denied":    gen.MakeGrant("shop", "fix").RequestMade().Condition("Stalled", metav1.ConditionTrue, "Denied"),
		"too late":  gen.MakeGrant("shop", "fix").RequestMade().Condition("Stalled", metav1.ConditionTrue, "DeadlineExceeded"),
		"made void": gen.MakeGrant("shop", "fix").RequestMade().Condition("Stalled", metav1.ConditionTrue, "ApprovalVoid"),
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			grant := end.Obj()
			for _, req := range []*accessv1alpha1.ApprovalRequest{nil, approvedAt(plain, soon)} {
				got, next := desiredStatus(grant, req, soon)
				grant.Status.ObservedGeneration = grant.Generation
				if !next.IsZero() || !equality.Semantic.DeepEqual(grant.Status, got) {
					t.Errorf("the status changed (next %v): %s", next, cmp.Diff(grant.Status, got))
				}
			}
		})
	}
}

func TestApprovedConditionNamesThePeopleToTheEnd(t *testing.T) {
	grant := gen.MakeGrant("shop", "fix").Obj()
	grant.Status, _ = desiredStatus(grant, approvedAt(grant, soon), soon)
	grant.Status, _ = desiredStatus(grant, nil, soon.Add(time.Hour))
	got := meta.FindStatusCondition(grant.Status.Conditions, accessv1alpha1.ConditionApproved)
	want := &metav1.Condition{
		Type: "Approved", Status: metav1.ConditionTrue, Reason: "Approved", Message: "approved by ann",
		ObservedGeneration: 1, LastTransitionTime: gen.Stamp(soon),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func moment(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// health is what GitOps makes of the object.
func health(t *testing.T, obj client.Object, kind string) kstatus.Status {
	t.Helper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{Object: content}
	u.SetAPIVersion(accessv1alpha1.GroupVersion.String())
	u.SetKind(kind)
	result, err := kstatus.Compute(u)
	if err != nil {
		t.Fatal(err)
	}
	return result.Status
}

// checkConditions holds for the conditions of every object at every time.
func checkConditions(t *testing.T, generation int64, conditions []metav1.Condition) {
	t.Helper()
	is := func(kind string) bool { return meta.IsStatusConditionTrue(conditions, kind) }
	places := 0
	for _, kind := range []string{"Ready", "Reconciling", "Stalled"} {
		if is(kind) {
			places++
		}
	}
	if places != 1 {
		t.Errorf("%d of Ready, Reconciling and Stalled are True, want exactly one", places)
	}
	if is("Active") && !is("Approved") {
		t.Error("Active without Approved")
	}
	if is("Approved") && is("Denied") {
		t.Error("both Approved and Denied")
	}
	for _, c := range conditions {
		if c.ObservedGeneration != generation {
			t.Errorf("%s speaks of generation %d, want %d", c.Type, c.ObservedGeneration, generation)
		}
		if c.Reason == "" || c.Message == "" || c.LastTransitionTime.IsZero() {
			t.Errorf("%s lacks a reason, a message or a time: %+v", c.Type, c)
		}
		if abnormal := c.Type == "Reconciling" || c.Type == "Stalled"; abnormal && c.Status != metav1.ConditionTrue {
			t.Errorf("%s stands there although it is %s", c.Type, c.Status)
		}
	}
}
