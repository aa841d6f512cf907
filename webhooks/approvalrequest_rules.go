package webhooks

import (
	"fmt"
	"slices"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/approval"
)

// stampTolerance is how far the time of a new decision may be from the time of its verification.
const stampTolerance = 10 * time.Second

// party is who changes an approval request.
type party int

const (
	// person may add one decision.
	person party = iota
	// program (Sallyport, and what clears up after deletions) may change metadata and adds no decision.
	program
)

// decisionFacts is what a new decision is judged by, besides itself.
type decisionFacts struct {
	user *authenticationv1.UserInfo
	now  time.Time
	// grant is the one that the request names, as it is now; nil if it is gone.
	grant *accessv1alpha1.ExecutionGrant
	// mayApprove is whether the user has the verb approve on the request.
	mayApprove bool
	// poses is the service account of the grant that the user may act as; empty if there is none.
	poses string
}

// addedDecision returns the index of the one decision that an update adds, or -1 if it adds none, and refuses every
// other change.
func addedDecision(old, r *accessv1alpha1.ApprovalRequest, who party) (int, field.ErrorList) {
	const only = "only decisions may be added to an ApprovalRequest"
	path := field.NewPath("spec", "decisions")
	var errs field.ErrorList
	if who != program && !sameMetadata(&old.ObjectMeta, &r.ObjectMeta) {
		errs = append(errs, field.Forbidden(field.NewPath("metadata"), only))
	}
	before, after := old.Spec, r.Spec
	before.Decisions, after.Decisions = nil, nil
	if !apiequality.Semantic.DeepEqual(before, after) {
		errs = append(errs, field.Forbidden(field.NewPath("spec"), only))
	}
	added, kept := -1, 0
	for i := range r.Spec.Decisions {
		d := &r.Spec.Decisions[i]
		j := slices.IndexFunc(old.Spec.Decisions, func(o accessv1alpha1.ApprovalDecision) bool { return o.Approver == d.Approver })
		switch {
		case j >= 0 && apiequality.Semantic.DeepEqual(&old.Spec.Decisions[j], d):
			kept++
		case j >= 0:
			errs = append(errs, field.Invalid(path.Index(i), d.Approver, "has decided already, and a decision stands: decisions are append-only"))
		case added >= 0:
			errs = append(errs, field.Forbidden(path.Index(i), "add one decision, your own"))
		default:
			added = i
		}
	}
	if kept < len(old.Spec.Decisions) && len(errs) == 0 {
		errs = append(errs, field.Forbidden(path, "decisions are append-only: none may be removed"))
	}
	if added >= 0 && who == program {
		errs = append(errs, field.Forbidden(path.Index(added), "only people approve, programs do not"))
	}
	return added, errs
}

func sameMetadata(a, b *metav1.ObjectMeta) bool {
	return apiequality.Semantic.DeepEqual(a.Labels, b.Labels) && apiequality.Semantic.DeepEqual(a.Annotations, b.Annotations) &&
		apiequality.Semantic.DeepEqual(a.Finalizers, b.Finalizers) && apiequality.Semantic.DeepEqual(a.OwnerReferences, b.OwnerReferences)
}

// validateDecision judges the decision that was added to r at an index. Only the first reason is told: the others do not
// matter to somebody who may not decide at all.
func validateDecision(old, r *accessv1alpha1.ApprovalRequest, added int, f *decisionFacts) field.ErrorList {
	path := field.NewPath("spec", "decisions").Index(added)
	d := &r.Spec.Decisions[added]
	if d.Approver != f.user.Username {
		return field.ErrorList{field.Invalid(path.Child("approver"), d.Approver, fmt.Sprintf("leave it out: it is stamped with who you are, %q", f.user.Username))}
	}
	if f.grant == nil || f.grant.UID == "" || string(f.grant.UID) != old.Spec.GrantRef.UID {
		return field.ErrorList{field.Forbidden(path, fmt.Sprintf("grant %q does not exist any more", old.Spec.GrantRef.Name))}
	}
	if !f.mayApprove {
		return field.ErrorList{field.Forbidden(path, fmt.Sprintf(
			"user %q lacks the verb approve on approvalrequests in namespace %q (ClusterRole sallyport-approver)", f.user.Username, old.Namespace))}
	}
	if err := approval.MayApprove(f.grant, f.user.Username, f.user.Groups); err != nil {
		return field.ErrorList{field.Invalid(path.Child("approver"), d.Approver, err.Error())}
	}
	if f.poses != "" {
		return field.ErrorList{field.Invalid(path.Child("approver"), d.Approver, fmt.Sprintf(
			"you may act as the service account %s, which asks or is asked for: somebody else has to approve it", f.poses))}
	}
	if reason := finished(old, f.now); reason != "" {
		return field.ErrorList{field.Forbidden(path, reason)}
	}
	if off := f.now.Sub(d.Time.Time); d.Time.IsZero() || off > stampTolerance || off < -stampTolerance {
		return field.ErrorList{field.Invalid(path.Child("time"), d.Time.UTC().Format(time.RFC3339), "leave it out: it is stamped with the time of the decision")}
	}
	return validateText(path.Child("comment"), d.Comment, true)
}

// finished says why nothing can be decided any more; empty if something can.
func finished(r *accessv1alpha1.ApprovalRequest, now time.Time) string {
	switch denied := func(d accessv1alpha1.ApprovalDecision) bool { return d.Verdict == accessv1alpha1.VerdictDenied }; {
	case approval.Settled(r) == approval.Approved:
		return fmt.Sprintf("this was approved already; to take it back: kubectl delete executiongrant -n %s %s", r.Namespace, r.Spec.GrantRef.Name)
	case approval.Settled(r) != approval.Pending, slices.ContainsFunc(r.Spec.Decisions, denied):
		return "this was denied, or ended otherwise, already"
	case !now.Before(r.Spec.Deadline.Time):
		return "it is too late: the deadline was " + r.Spec.Deadline.UTC().Format(time.RFC3339)
	default:
		return ""
	}
}
