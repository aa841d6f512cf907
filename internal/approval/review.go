package approval

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

// Verdict is what the decisions of people come to.
type Verdict int

// The verdicts. The zero value opens nothing.
const (
	Pending Verdict = iota
	Approved
	Refused
)

// Outcome is the result of a review. The zero Outcome is Pending.
type Outcome struct {
	Verdict Verdict
	// Reason is a condition reason: AwaitingApproval, Approved, Denied, DeadlineExceeded or ApprovalVoid.
	Reason string
	// Message is for people: the same for the same decisions, whatever the time.
	Message string
}

// Review judges the decisions of req about the grant at the time now. Without both of them it is Pending.
func Review(req *accessv1alpha1.ApprovalRequest, grant *accessv1alpha1.ExecutionGrant, now time.Time) Outcome {
	if req == nil || grant == nil {
		return Outcome{}
	}
	if fault := Fault(req, grant); fault != "" {
		return Outcome{Refused, accessv1alpha1.ReasonApprovalVoid, fault}
	}
	if denial, ok := firstDenial(req); ok {
		return Outcome{Refused, accessv1alpha1.ReasonDenied, denialMessage(denial)}
	}
	if _, people, ok := Agreement(req, grant); ok {
		return Outcome{Approved, accessv1alpha1.ReasonApproved, "approved by " + strings.Join(people, ", ")}
	}
	deadline := req.Spec.Deadline.UTC().Format(time.RFC3339)
	tally := fmt.Sprintf("%d of %d approvals", len(approvals(req, grant)), req.Spec.RequiredApprovals)
	if !now.Before(req.Spec.Deadline.Time) {
		return Outcome{Refused, accessv1alpha1.ReasonDeadlineExceeded, tally + " by the deadline " + deadline}
	}
	return Outcome{Pending, accessv1alpha1.ReasonAwaitingApproval, tally + ", to be given before " + deadline}
}

// Fault says why the request cannot decide about this grant at all; empty if it can.
func Fault(req *accessv1alpha1.ApprovalRequest, grant *accessv1alpha1.ExecutionGrant) string {
	switch {
	case grant.Spec.Requester == nil:
		return "nobody knows who requested the grant: it did not pass admission"
	case !IsAbout(req, grant):
		return "the ApprovalRequest is about another grant"
	case !matches(req.Spec.Digest, grant):
		return "the grant is not what the ApprovalRequest shows: their digests differ"
	case req.Spec.RequiredApprovals < 1:
		return "the ApprovalRequest asks for nobody's approval"
	case req.Spec.Deadline.IsZero():
		return "the ApprovalRequest has no deadline"
	default:
		return ""
	}
}

// IsAbout says whether the request names this grant, and not another that has or had its name.
func IsAbout(req *accessv1alpha1.ApprovalRequest, grant *accessv1alpha1.ExecutionGrant) bool {
	ref := req.Spec.GrantRef
	return req.Namespace == grant.Namespace && ref.Name == grant.Name && ref.UID != "" && ref.UID == string(grant.UID)
}

// Agreement says whether enough people approved in time, when the last of those that were needed did, and who they
// are, sorted by name. It does not look at denials: they are Review's, until the request is Settled.
func Agreement(req *accessv1alpha1.ApprovalRequest, grant *accessv1alpha1.ExecutionGrant) (at time.Time, people []string, ok bool) {
	if req == nil || grant == nil || Fault(req, grant) != "" {
		return time.Time{}, nil, false
	}
	counted := approvals(req, grant)
	needed := int(req.Spec.RequiredApprovals)
	if len(counted) < needed {
		return time.Time{}, nil, false
	}
	for _, d := range counted[:needed] {
		people = append(people, d.Approver)
	}
	slices.Sort(people)
	return counted[needed-1].Time.UTC(), people, true
}

// Settled is the verdict that Sallyport wrote into the status of the request, and that stands. Contradictions refuse.
func Settled(req *accessv1alpha1.ApprovalRequest) Verdict {
	if req == nil {
		return Pending
	}
	is := func(condition string) bool { return meta.IsStatusConditionTrue(req.Status.Conditions, condition) }
	switch {
	case is(accessv1alpha1.ConditionDenied), is(accessv1alpha1.ConditionStalled):
		return Refused
	case is(accessv1alpha1.ConditionApproved):
		return Approved
	default:
		return Pending
	}
}

// approvals are those that count, one a person, in the order of their times.
func approvals(req *accessv1alpha1.ApprovalRequest, grant *accessv1alpha1.ExecutionGrant) []accessv1alpha1.ApprovalDecision {
	var counted []accessv1alpha1.ApprovalDecision
	for _, d := range inOrder(req.Spec.Decisions) {
		known := slices.ContainsFunc(counted, func(c accessv1alpha1.ApprovalDecision) bool { return c.Approver == d.Approver })
		inTime := !d.Time.IsZero() && d.Time.Time.Before(req.Spec.Deadline.Time)
		if d.Verdict == accessv1alpha1.VerdictApproved && inTime && !known && MayApprove(grant, d.Approver, nil) == nil {
			counted = append(counted, d)
		}
	}
	return counted
}

func firstDenial(req *accessv1alpha1.ApprovalRequest) (accessv1alpha1.ApprovalDecision, bool) {
	for _, d := range inOrder(req.Spec.Decisions) {
		if d.Verdict == accessv1alpha1.VerdictDenied {
			return d, true
		}
	}
	return accessv1alpha1.ApprovalDecision{}, false
}

// denialMessage quotes the comment, which may hold anything, so that it stays one line.
func denialMessage(d accessv1alpha1.ApprovalDecision) string {
	if d.Comment == "" {
		return "denied by " + d.Approver
	}
	return fmt.Sprintf("denied by %s: %q", d.Approver, d.Comment)
}

// inOrder sorts a copy of the decisions by time, then by name: the order of the list is whatever people sent.
func inOrder(decisions []accessv1alpha1.ApprovalDecision) []accessv1alpha1.ApprovalDecision {
	sorted := slices.Clone(decisions)
	slices.SortStableFunc(sorted, func(a, b accessv1alpha1.ApprovalDecision) int {
		return cmp.Or(a.Time.Compare(b.Time.Time), cmp.Compare(a.Approver, b.Approver))
	})
	return sorted
}
