package controllers

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/approval"
)

// desiredStatus is the status that the grant should have at the time now, and the time at which to look again; zero
// if only an event can change it. req is the ApprovalRequest of the grant's name, nil if there is none or the grant no
// longer needs it.
func desiredStatus(
	grant *accessv1alpha1.ExecutionGrant, req *accessv1alpha1.ApprovalRequest, now time.Time,
) (status accessv1alpha1.ExecutionGrantStatus, next time.Time) {
	status = *grant.Status.DeepCopy()
	status.ObservedGeneration = grant.Generation
	if isFinal(status.Conditions) {
		return status, time.Time{}
	}
	if req != nil && approval.IsAbout(req, grant) {
		status.ApprovalRequestName = req.Name
	}
	var people string
	if status.ApprovedDigest == "" && approval.Settled(req) == approval.Approved {
		people = admit(&status, grant, req)
	}
	s := stateOf(grant, &status, req, now)
	status.Conditions = transition(grant.Status.Conditions, grant.Generation, now,
		s.conditions(approvedCondition(grant.Status.Conditions, people, s))...)
	return status, s.until
}

// isFinal says whether nothing can happen to a grant any more.
func isFinal(conditions []metav1.Condition) bool {
	ready := meta.FindStatusCondition(conditions, accessv1alpha1.ConditionReady)
	return meta.IsStatusConditionTrue(conditions, accessv1alpha1.ConditionStalled) ||
		ready != nil && ready.Reason == accessv1alpha1.ReasonExpired
}

// admit writes down what was approved and from when to when it holds, and says who approved.
func admit(status *accessv1alpha1.ExecutionGrantStatus, grant *accessv1alpha1.ExecutionGrant, req *accessv1alpha1.ApprovalRequest) string {
	at, people, ok := approval.Agreement(req, grant)
	if !ok {
		return ""
	}
	from, until := span(&grant.Spec, at)
	status.ApprovedDigest = approval.Digest(grant)
	status.ActiveFrom, status.ActiveUntil = new(metav1.NewTime(from)), new(metav1.NewTime(until))
	return approvedBy(people)
}

// span is the time for which a grant holds that was approved at the time at.
func span(spec *accessv1alpha1.ExecutionGrantSpec, at time.Time) (from, until time.Time) {
	at = at.UTC().Truncate(time.Second)
	if spec.Window == nil {
		return at, at.Add(time.Duration(max(spec.DurationSeconds, 0)) * time.Second)
	}
	opens, closes := spec.Window.NotBefore.UTC().Truncate(time.Second), spec.Window.NotAfter.UTC().Truncate(time.Second)
	switch {
	case at.After(closes):
		return closes, closes
	case at.After(opens):
		return at, closes
	default:
		return opens, closes
	}
}

// stateOf finds where in its life the grant is. Whatever does not add up stalls it.
func stateOf(
	grant *accessv1alpha1.ExecutionGrant, status *accessv1alpha1.ExecutionGrantStatus, req *accessv1alpha1.ApprovalRequest, now time.Time,
) state {
	switch {
	case grant.Spec.Requester == nil:
		return stalled(accessv1alpha1.ReasonApprovalVoid, "nobody knows who requested the grant: it did not pass admission")
	case status.ApprovedDigest == "":
		return undecided(grant, status, req)
	case status.ApprovedDigest != approval.Digest(grant):
		return stalled(accessv1alpha1.ReasonApprovalVoid, "what was approved is not this grant: the digests differ")
	case status.ActiveFrom == nil || status.ActiveUntil == nil:
		return stalled(accessv1alpha1.ReasonApprovalVoid, "the grant was approved, but nobody knows from when to when")
	default:
		return approvedState(status.ActiveFrom.Time, status.ActiveUntil.Time, now)
	}
}

// approvedState is that of a grant that was approved and holds from one time to another.
func approvedState(from, until, now time.Time) state {
	switch {
	case !now.Before(until):
		return ended(accessv1alpha1.ReasonExpired, "expired at "+stamp(until))
	case now.Before(from):
		return approvedWaiting(accessv1alpha1.ReasonAwaitingWindow,
			fmt.Sprintf("approved, opens at %s until %s", stamp(from), stamp(until)), from)
	default:
		return open(accessv1alpha1.ReasonActive, "active until "+stamp(until), until)
	}
}

// undecided is the state of a grant that was not approved.
func undecided(grant *accessv1alpha1.ExecutionGrant, status *accessv1alpha1.ExecutionGrantStatus, req *accessv1alpha1.ApprovalRequest) state {
	made := status.ApprovalRequestName != ""
	switch {
	case made && (req == nil || !approval.IsAbout(req, grant)):
		return stalled(accessv1alpha1.ReasonApprovalVoid,
			fmt.Sprintf("the ApprovalRequest %s was deleted before Sallyport saw a decision", status.ApprovalRequestName))
	case req == nil:
		return waiting(accessv1alpha1.ReasonAwaitingApproval, "waiting for an ApprovalRequest")
	case !made:
		return waiting(accessv1alpha1.ReasonAwaitingApproval,
			fmt.Sprintf("waiting until the ApprovalRequest %s of another grant is gone", req.Name))
	}
	if fault := approval.Fault(req, grant); fault != "" {
		return stalled(accessv1alpha1.ReasonApprovalVoid, fault)
	}
	switch approval.Settled(req) {
	case approval.Pending:
		return waiting(accessv1alpha1.ReasonAwaitingApproval,
			fmt.Sprintf("waiting for the ApprovalRequest %s until %s", req.Name, stamp(req.Spec.Deadline.Time)))
	case approval.Refused:
		return refused(req)
	case approval.Approved:
		return stalled(accessv1alpha1.ReasonApprovalVoid, "the ApprovalRequest is marked as approved, but too few people approved it")
	default:
		return stalled(accessv1alpha1.ReasonApprovalVoid, "the ApprovalRequest has a state that is not known")
	}
}

// refused repeats why the request was refused.
func refused(req *accessv1alpha1.ApprovalRequest) state {
	ready := meta.FindStatusCondition(req.Status.Conditions, accessv1alpha1.ConditionReady)
	if ready == nil || ready.Reason == "" {
		return stalled(accessv1alpha1.ReasonApprovalVoid, "the ApprovalRequest was refused")
	}
	return stalled(ready.Reason, ready.Message)
}

// approvedCondition keeps who approved: the ApprovalRequest may be gone by the time the grant expires.
func approvedCondition(before []metav1.Condition, people string, s state) metav1.Condition {
	c := metav1.Condition{
		Type: accessv1alpha1.ConditionApproved, Status: metav1.ConditionFalse, Reason: s.reason, Message: s.message,
	}
	if !s.approved {
		return c
	}
	c.Status, c.Reason, c.Message = metav1.ConditionTrue, accessv1alpha1.ReasonApproved, people
	if old := meta.FindStatusCondition(before, accessv1alpha1.ConditionApproved); people == "" && old != nil {
		c.Message = old.Message
	}
	return c
}
