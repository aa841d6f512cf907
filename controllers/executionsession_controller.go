package controllers

import (
	"cmp"
	"context"
	"fmt"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

// +kubebuilder:rbac:groups=access.sallyport.dev,resources=executionsessions,verbs=get;list;watch;delete

// SessionReconciler deletes ExecutionSessions some time after they ended and their recordings were complete. One whose
// recording is not stays until it is, or a person has seen to it. Client and Now are required.
type SessionReconciler struct {
	Client client.Client
	Now    func() time.Time
	// Keep is how long an ended session is shown; a day by default.
	Keep time.Duration
}

// SetupWithManager runs the reconciler in a manager.
func (r *SessionReconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).For(&accessv1alpha1.ExecutionSession{}).Complete(r)
}

// Reconcile deletes one session if it is due, or waits until it is.
func (r *SessionReconciler) Reconcile(ctx context.Context, key ctrl.Request) (ctrl.Result, error) {
	var session accessv1alpha1.ExecutionSession
	if err := r.Client.Get(ctx, key.NamespacedName, &session); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	due, now := removalTime(&session, cmp.Or(max(r.Keep, 0), 24*time.Hour)), r.Now()
	if due.IsZero() || now.Before(due) {
		return wakeAt(due, now), nil
	}
	unchanged := client.Preconditions{UID: &session.UID, ResourceVersion: &session.ResourceVersion}
	if err := r.Client.Delete(ctx, &session, unchanged); err != nil {
		return settle(fmt.Errorf("deleting the session: %w", err))
	}
	return ctrl.Result{}, nil
}

// removalTime is when the session is to be deleted; zero while it must stay.
func removalTime(session *accessv1alpha1.ExecutionSession, keep time.Duration) time.Time {
	status := &session.Status
	if status.State != accessv1alpha1.SessionEnded || status.RecordingState != accessv1alpha1.RecordingComplete || status.EndTime == nil ||
		!session.DeletionTimestamp.IsZero() {
		return time.Time{}
	}
	return status.EndTime.Add(keep)
}
