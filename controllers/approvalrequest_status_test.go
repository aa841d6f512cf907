package controllers

import (
	"testing"
	"time"

	kstatus "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/approval"
	"github.com/sallyport-dev/sallyport/test/gen"
)

func TestDesiredRequestStatus(t *testing.T) {
	grant := gen.MakeGrant("shop", "fix").Obj()
	request := func() *gen.Request { return gen.MakeRequest(grant, approval.Digest(grant)) }
	deadline := epoch.Add(time.Hour)

	type want struct {
		reason, message  string
		health           kstatus.Status
		approved, denied bool
		next             time.Time
	}
	tests := map[string]struct {
		req  *accessv1alpha1.ApprovalRequest
		now  time.Time
		want want
	}{
		"if nobody has decided, it waits until the deadline": {
			request().Obj(), soon,
			want{"AwaitingApproval", "0 of 1 approvals, to be given before 2026-03-01T13:00:00Z", kstatus.InProgressStatus, false, false, deadline},
		},
		"if too few have, it waits on": {
			request().Needs(2).ApprovedBy("ann", soon).Obj(), soon,
			want{"AwaitingApproval", "1 of 2 approvals, to be given before 2026-03-01T13:00:00Z", kstatus.InProgressStatus, false, false, deadline},
		},
		"if enough approved, it is approved": {
			request().ApprovedBy("ann", soon).Obj(), soon,
			want{"Approved", "approved by ann", kstatus.CurrentStatus, true, false, time.Time{}},
		},
		"if somebody denied, it is denied": {
			request().ApprovedBy("ann", soon).DeniedBy("bob", soon).Obj(), soon,
			want{"Denied", "denied by bob", kstatus.FailedStatus, false, true, time.Time{}},
		},
		"if the deadline comes, it is too late": {
			request().Obj(), deadline,
			want{"DeadlineExceeded", "0 of 1 approvals by the deadline 2026-03-01T13:00:00Z", kstatus.FailedStatus, false, false, time.Time{}},
		},
		"if it is about another grant, it is void": {
			gen.MakeRequest(gen.MakeGrant("shop", "fix").UID("another").Obj(), approval.Digest(grant)).ApprovedBy("ann", soon).Obj(), soon,
			want{"ApprovalVoid", "the ApprovalRequest is about another grant", kstatus.FailedStatus, false, false, time.Time{}},
		},
		"if it was approved and somebody denies, it stays approved": {
			request().ApprovedBy("ann", soon).DeniedBy("bob", soon).Settled("Approved").Obj(), soon,
			want{"Approved", "Approved", kstatus.CurrentStatus, true, false, time.Time{}},
		},
		"if it was denied and somebody approves, it stays denied": {
			request().DeniedBy("bob", soon).ApprovedBy("ann", soon).Settled("Denied").Obj(), soon,
			want{"Denied", "Denied", kstatus.FailedStatus, false, true, time.Time{}},
		},
		"if it was too late and the clock goes back, it stays too late": {
			request().ApprovedBy("ann", soon).Settled("DeadlineExceeded").Obj(), soon,
			want{"DeadlineExceeded", "DeadlineExceeded", kstatus.FailedStatus, false, false, time.Time{}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, next := desiredRequestStatus(tt.req, grant, tt.now)
			ready := meta.FindStatusCondition(got.Conditions, accessv1alpha1.ConditionReady)
			if ready == nil {
				t.Fatal("there is no condition Ready")
			}
			after := tt.req.DeepCopy()
			after.Status = got
			gotWant := want{
				ready.Reason, ready.Message, health(t, after, "ApprovalRequest"),
				meta.IsStatusConditionTrue(got.Conditions, "Approved"), meta.IsStatusConditionTrue(got.Conditions, "Denied"), next,
			}
			if diff := cmp.Diff(tt.want, gotWant, cmp.AllowUnexported(want{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			checkConditions(t, after.Generation, got.Conditions)
			again, _ := desiredRequestStatus(after, grant, tt.now)
			if !equality.Semantic.DeepEqual(got, again) {
				t.Errorf("a second look changes the status: %s", cmp.Diff(got, again))
			}
		})
	}
}
