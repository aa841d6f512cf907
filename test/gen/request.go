package gen

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

// Request builds an ApprovalRequest.
type Request struct {
	obj accessv1alpha1.ApprovalRequest
}

// MakeRequest begins the request that asks one person to approve the grant within an hour of its creation. The digest
// is the caller's: this package does not know how it is made.
func MakeRequest(grant *accessv1alpha1.ExecutionGrant, digest string) *Request {
	r := &Request{}
	r.obj.ObjectMeta = objectMeta("request", grant.Namespace, grant.Name)
	r.obj.Spec = accessv1alpha1.ApprovalRequestSpec{
		GrantRef:          accessv1alpha1.ObjectReference{Name: grant.Name, UID: string(grant.UID)},
		Digest:            digest,
		Requester:         "developer",
		Subject:           grant.Spec.SubjectOrRequester(),
		Summary:           "a test wants it",
		RequiredApprovals: 1,
		Deadline:          Stamp(grant.CreationTimestamp.Add(time.Hour)),
	}
	return r
}

// ForCreate leaves out what the API server sets: UID, generation and time of creation.
func (r *Request) ForCreate() *Request {
	r.obj.UID, r.obj.Generation, r.obj.CreationTimestamp = "", 0, metav1.Time{}
	return r
}

// Needs sets how many people have to agree.
func (r *Request) Needs(n int32) *Request { r.obj.Spec.RequiredApprovals = n; return r }

// Deadline sets the first second in which it is too late.
func (r *Request) Deadline(t time.Time) *Request { r.obj.Spec.Deadline = Stamp(t); return r }

// ApprovedBy adds an approval that admission stamped at that time.
func (r *Request) ApprovedBy(name string, at time.Time) *Request {
	return r.Decision(name, accessv1alpha1.VerdictApproved, Stamp(at))
}

// DeniedBy adds a denial that admission stamped at that time.
func (r *Request) DeniedBy(name string, at time.Time) *Request {
	return r.Decision(name, accessv1alpha1.VerdictDenied, Stamp(at))
}

// Decision adds a decision as it is.
func (r *Request) Decision(name string, verdict accessv1alpha1.Verdict, at metav1.Time) *Request {
	r.obj.Spec.Decisions = append(r.obj.Spec.Decisions,
		accessv1alpha1.ApprovalDecision{Approver: name, Verdict: verdict, Time: at})
	r.obj.Generation++
	return r
}

// Condition sets one condition.
func (r *Request) Condition(kind string, status metav1.ConditionStatus, reason string) *Request {
	meta.SetStatusCondition(&r.obj.Status.Conditions, condition(kind, status, reason))
	return r
}

// Settled notes that Sallyport judged it so: the reason is Approved, Denied, DeadlineExceeded or ApprovalVoid.
func (r *Request) Settled(reason string) *Request {
	switch reason {
	case accessv1alpha1.ReasonApproved:
		return r.Condition(accessv1alpha1.ConditionReady, metav1.ConditionTrue, reason).
			Condition(accessv1alpha1.ConditionApproved, metav1.ConditionTrue, reason)
	case accessv1alpha1.ReasonDenied:
		r.Condition(accessv1alpha1.ConditionDenied, metav1.ConditionTrue, reason)
	}
	return r.Condition(accessv1alpha1.ConditionReady, metav1.ConditionFalse, reason).
		Condition(accessv1alpha1.ConditionStalled, metav1.ConditionTrue, reason)
}

// Obj is the request; each call gives another copy.
func (r *Request) Obj() *accessv1alpha1.ApprovalRequest { return r.obj.DeepCopy() }
