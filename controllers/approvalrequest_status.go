package controllers

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/approval"
)

// desiredRequestStatus is the status that the request should have at the time now, and the time at which to look again;
// zero if only an event can change it. A judgement that was made stands.
func desiredRequestStatus(
	req *accessv1alpha1.ApprovalRequest, grant *accessv1alpha1.ExecutionGrant, now time.Time,
) (status accessv1alpha1.ApprovalRequestStatus, next time.Time) {
	status = *req.Status.DeepCopy()
	status.ObservedGeneration = req.Generation
	if approval.Settled(req) != approval.Pending {
		for i := range status.Conditions {
			status.Conditions[i].ObservedGeneration = req.Generation
		}
		return status, time.Time{}
	}
	s := judged(approval.Review(req, grant, now), req.Spec.Deadline.Time)
	flag := func(kind string, set bool) metav1.Condition {
		return metav1.Condition{Type: kind, Status: truth(set), Reason: s.reason, Message: s.message}
	}
	status.Conditions = transition(req.Status.Conditions, req.Generation, now, s.summary(
		flag(accessv1alpha1.ConditionApproved, s.approved),
		flag(accessv1alpha1.ConditionDenied, s.reason == accessv1alpha1.ReasonDenied),
	)...)
	return status, s.until
}

// judged is the state that an outcome puts a request into.
func judged(o approval.Outcome, deadline time.Time) state {
	switch o.Verdict {
	case approval.Approved:
		s := ended(o.Reason, o.Message)
		s.approved = true
		return s
	case approval.Refused:
		return stalled(o.Reason, o.Message)
	case approval.Pending:
		s := waiting(o.Reason, o.Message)
		s.until = deadline
		return s
	default:
		return stalled(accessv1alpha1.ReasonApprovalVoid, "the decisions come to something that is not known")
	}
}

func approvedBy(people []string) string { return "approved by " + strings.Join(people, ", ") }
