package approval

import (
	"cmp"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

// Terms are the rules under which people decide.
type Terms struct {
	// Required is how many people have to agree; 1 where it is not at least that.
	Required int32
	// Timeout is how long they have from the creation of the grant; an hour by default.
	Timeout time.Duration
}

// NewRequest is the ApprovalRequest for a grant that passed admission. It is owned by the grant and carries its name,
// and the same grant under the same terms always gives the same request. Nobody may decide after the grant's window.
func NewRequest(grant *accessv1alpha1.ExecutionGrant, terms Terms) *accessv1alpha1.ApprovalRequest {
	deadline := grant.CreationTimestamp.Add(cmp.Or(max(terms.Timeout, 0), time.Hour))
	if w := grant.Spec.Window; w != nil && w.NotAfter.Time.Before(deadline) {
		deadline = w.NotAfter.Time
	}
	var requester string
	if grant.Spec.Requester != nil {
		requester = grant.Spec.Requester.Username
	}
	return &accessv1alpha1.ApprovalRequest{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: grant.Namespace, Name: grant.Name,
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: accessv1alpha1.GroupVersion.String(), Kind: "ExecutionGrant",
				Name: grant.Name, UID: grant.UID, Controller: new(true),
			}},
		},
		Spec: accessv1alpha1.ApprovalRequestSpec{
			GrantRef:          accessv1alpha1.ObjectReference{Name: grant.Name, UID: string(grant.UID)},
			Digest:            Digest(grant),
			Requester:         requester,
			Subject:           grant.Spec.SubjectOrRequester(),
			Summary:           Summary(grant),
			RequiredApprovals: max(terms.Required, 1),
			Deadline:          metav1.NewTime(deadline.UTC().Truncate(time.Second)),
		},
	}
}
