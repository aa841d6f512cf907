package approval

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/test/gen"
)

func TestNewRequestAsksForExactlyThisGrant(t *testing.T) {
	grant := gen.MakeGrant("shop", "fix").Obj()
	want := &accessv1alpha1.ApprovalRequest{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "fix",
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "access.sallyport.dev/v1alpha1", Kind: "ExecutionGrant",
				Name: "fix", UID: "grant-shop-fix-uid", Controller: new(true),
			}},
		},
		Spec: accessv1alpha1.ApprovalRequestSpec{
			GrantRef:          accessv1alpha1.ObjectReference{Name: "fix", UID: "grant-shop-fix-uid"},
			Digest:            Digest(grant),
			Requester:         "developer",
			Subject:           accessv1alpha1.Subject{Kind: accessv1alpha1.SubjectUser, Name: "developer"},
			Summary:           Summary(grant),
			RequiredApprovals: 2,
			Deadline:          metav1.NewTime(gen.Epoch().Add(10 * time.Minute)),
		},
	}
	got := NewRequest(grant, Terms{Required: 2, Timeout: 10 * time.Minute})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if fault := Fault(got, grant); fault != "" {
		t.Errorf("the request cannot decide about its grant: %s", fault)
	}
}

func TestNewRequestTerms(t *testing.T) {
	epoch := gen.Epoch()
	tests := map[string]struct {
		grant    *gen.Grant
		terms    Terms
		required int32
		deadline time.Time
	}{
		"if nothing is said, one person within an hour": {gen.MakeGrant("a", "b"), Terms{}, 1, epoch.Add(time.Hour)},
		"if the terms are absurd, the same":             {gen.MakeGrant("a", "b"), Terms{Required: -1, Timeout: -time.Hour}, 1, epoch.Add(time.Hour)},
		"if the window closes earlier, until then":      {gen.MakeGrant("a", "b").Window(epoch, epoch.Add(time.Minute)), Terms{}, 1, epoch.Add(time.Minute)},
		"if the window closes later, within the hour":   {gen.MakeGrant("a", "b").Window(epoch, epoch.Add(2*time.Hour)), Terms{}, 1, epoch.Add(time.Hour)},
		"if the term has a fraction, whole seconds":     {gen.MakeGrant("a", "b"), Terms{Timeout: 1500 * time.Millisecond}, 1, epoch.Add(time.Second)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := NewRequest(tt.grant.Obj(), tt.terms).Spec
			if got.RequiredApprovals != tt.required || !got.Deadline.Time.Equal(tt.deadline) {
				t.Errorf("got %d until %s, want %d until %s", got.RequiredApprovals, got.Deadline.UTC(), tt.required, tt.deadline)
			}
		})
	}
}
