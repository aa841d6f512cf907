package controllers_test

import (
	"context"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/controllers"
)

// checkRemoval stores the session with its status, reconciles it once, and looks whether it is gone.
func checkRemoval(t *testing.T, session *accessv1alpha1.ExecutionSession, now time.Time, gone bool, next time.Duration) {
	t.Helper()
	session.ObjectMeta = metav1.ObjectMeta{Namespace: cluster.Namespace(t), Name: session.Name}
	c, status := cluster.AdminClient, session.Status
	if err := c.Create(t.Context(), session); err != nil {
		t.Fatalf("creating the session: %v", err)
	}
	if status.State != "" || status.EndTime != nil {
		session.Status = status
		if err := c.Status().Update(t.Context(), session); err != nil {
			t.Fatalf("writing the status of the session: %v", err)
		}
	}
	r := &controllers.SessionReconciler{Client: c, Now: func() time.Time { return now }}
	key := client.ObjectKeyFromObject(session)
	result, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: key})
	if err != nil || result.RequeueAfter != next {
		t.Errorf("got %v %v, want to be woken after %v", result, err, next)
	}
	err = c.Get(t.Context(), key, session)
	if apierrors.IsNotFound(err) != gone {
		t.Errorf("reading the session: %v, want it gone: %v", err, gone)
	}
}

// noSight shows no ApprovalRequests, as a cache does that has not seen them yet.
type noSight struct{ client.Client }

func (c noSight) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	if _, ok := obj.(*accessv1alpha1.ApprovalRequest); ok {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "approvalrequests"}, key.Name)
	}
	return c.Client.Get(ctx, key, obj, opts...)
}
