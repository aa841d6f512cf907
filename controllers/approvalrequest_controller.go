package controllers

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/approval"
)

// +kubebuilder:rbac:groups=access.sallyport.dev,resources=executiongrants;approvalrequests,verbs=get;list;watch
// +kubebuilder:rbac:groups=access.sallyport.dev,resources=approvalrequests/status,verbs=patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// ApprovalRequestReconciler judges the decisions of people. All fields are required.
type ApprovalRequestReconciler struct {
	Client client.Client
	// Live reads past the cache: a judgement stands, so it may not rest on an old sight of the grant.
	Live     client.Reader
	Recorder events.EventRecorder
	Now      func() time.Time
}

// SetupWithManager runs the reconciler in a manager. A grant wakes the request of its name when it appears; its status
// does not matter to the request.
func (r *ApprovalRequestReconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&accessv1alpha1.ApprovalRequest{}).
		Watches(&accessv1alpha1.ExecutionGrant{}, &handler.EnqueueRequestForObject{},
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Complete(r)
}

// Reconcile brings one request's status up to date. Without its grant there is nothing to judge: it waits, or goes
// with the grant that owned it.
func (r *ApprovalRequestReconciler) Reconcile(ctx context.Context, key ctrl.Request) (ctrl.Result, error) {
	var request accessv1alpha1.ApprovalRequest
	if err := r.Client.Get(ctx, key.NamespacedName, &request); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	isItsGrant := func(g *accessv1alpha1.ExecutionGrant) bool { return approval.IsAbout(&request, g) }
	grant, err := lookup(ctx, key.NamespacedName, isItsGrant, r.Client, r.Live)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("reading the grant of the ApprovalRequest: %w", err)
	}
	if grant == nil || !request.DeletionTimestamp.IsZero() || !grant.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	before, now := request.DeepCopy(), r.Now()
	status, next := desiredRequestStatus(&request, grant, now)
	request.Status = status
	wanted := change{before: before, after: &request, from: before.Status.Conditions, to: status.Conditions, now: now, next: next}
	return wanted.write(ctx, r.Client, r.Recorder)
}
