package controllers

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/approval"
	"github.com/sallyport-dev/sallyport/internal/layout"
)

// +kubebuilder:rbac:groups=access.sallyport.dev,resources=executiongrants,verbs=get;list;watch
// +kubebuilder:rbac:groups=access.sallyport.dev,resources=executiongrants/status,verbs=patch
// +kubebuilder:rbac:groups=access.sallyport.dev,resources=approvalrequests,verbs=get;list;watch;create
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// ExecutionGrantReconciler moves a grant from its request to its end. All fields are required, but for Terms, whose
// zero value asks one person within an hour.
type ExecutionGrantReconciler struct {
	Client client.Client
	// Live reads past the cache: an ApprovalRequest that the cache does not show yet was not deleted.
	Live     client.Reader
	Recorder events.EventRecorder
	Now      func() time.Time
	Terms    approval.Terms
}

// SetupWithManager runs the reconciler in a manager. An ApprovalRequest has the name of its grant.
func (r *ExecutionGrantReconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&accessv1alpha1.ExecutionGrant{}).
		Watches(&accessv1alpha1.ApprovalRequest{}, &handler.EnqueueRequestForObject{}).
		Complete(r)
}

// Reconcile brings one grant's status up to date.
func (r *ExecutionGrantReconciler) Reconcile(ctx context.Context, key ctrl.Request) (ctrl.Result, error) {
	var grant accessv1alpha1.ExecutionGrant
	if err := r.Client.Get(ctx, key.NamespacedName, &grant); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !grant.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	request, err := r.request(ctx, &grant)
	if err != nil {
		return settle(err)
	}
	before, now := grant.DeepCopy(), r.Now()
	status, next := desiredStatus(&grant, request, now)
	grant.Status = status
	wanted := change{before: before, after: &grant, from: before.Status.Conditions, to: status.Conditions, now: now, next: next}
	return wanted.write(ctx, r.Client, r.Recorder)
}

// request finds the ApprovalRequest of the grant's name, and makes it if it never was there. It is nil for a grant that
// needs none any more, or whose request was deleted: nobody is asked a second time.
func (r *ExecutionGrantReconciler) request(
	ctx context.Context, grant *accessv1alpha1.ExecutionGrant,
) (*accessv1alpha1.ApprovalRequest, error) {
	status := &grant.Status
	if grant.Spec.Requester == nil || status.ApprovedDigest != "" || isFinal(status.Conditions) {
		return nil, nil //nolint:nilnil // nil is the answer: no request is needed
	}
	isAboutIt := func(q *accessv1alpha1.ApprovalRequest) bool { return approval.IsAbout(q, grant) }
	found, err := lookup(ctx, client.ObjectKeyFromObject(grant), isAboutIt, r.Client, r.Live)
	if err != nil {
		return nil, fmt.Errorf("reading the ApprovalRequest of the grant: %w", err)
	}
	if found != nil || status.ApprovalRequestName != "" {
		return found, nil
	}
	made := approval.NewRequest(grant, r.Terms)
	if err := r.Client.Create(ctx, made, client.FieldOwner(layout.FieldManager)); err != nil {
		return nil, fmt.Errorf("making the ApprovalRequest of the grant: %w", err)
	}
	return made, nil
}
