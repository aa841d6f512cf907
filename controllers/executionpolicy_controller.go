package controllers

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/maskpolicy"
)

// +kubebuilder:rbac:groups=access.sallyport.dev,resources=executionpolicies,verbs=get;list;watch
// +kubebuilder:rbac:groups=access.sallyport.dev,resources=executionpolicies/status,verbs=patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// ExecutionPolicyReconciler says of a policy whether it can be used. All fields are required.
type ExecutionPolicyReconciler struct {
	Client   client.Client
	Recorder events.EventRecorder
	// Key is that of the gateway's rules: what it records as their digest is what the status says.
	Key []byte
	Now func() time.Time
}

// SetupWithManager runs the reconciler in a manager.
func (r *ExecutionPolicyReconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).For(&accessv1alpha1.ExecutionPolicy{}).Complete(r)
}

// Reconcile brings one policy's status up to date.
func (r *ExecutionPolicyReconciler) Reconcile(ctx context.Context, key ctrl.Request) (ctrl.Result, error) {
	var policy accessv1alpha1.ExecutionPolicy
	if err := r.Client.Get(ctx, key.NamespacedName, &policy); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !policy.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	before, now := policy.DeepCopy(), r.Now()
	policy.Status = desiredPolicyStatus(&policy, r.Key, now)
	wanted := change{before: before, after: &policy, from: before.Status.Conditions, to: policy.Status.Conditions, now: now}
	return wanted.write(ctx, r.Client, r.Recorder)
}

// maxMessage is how much a condition's message holds, in bytes.
const maxMessage = 32 << 10

// desiredPolicyStatus is the status that the policy should have.
func desiredPolicyStatus(p *accessv1alpha1.ExecutionPolicy, key []byte, now time.Time) accessv1alpha1.ExecutionPolicyStatus {
	status := accessv1alpha1.ExecutionPolicyStatus{ObservedGeneration: p.Generation}
	conditions := func(s state, own ...metav1.Condition) []metav1.Condition {
		return transition(p.Status.Conditions, p.Generation, now, s.summary(own...)...)
	}
	digest, err := maskpolicy.Digest(p, key)
	if err != nil {
		status.Conditions = conditions(stalled(accessv1alpha1.ReasonInvalid, bounded(err.Error(), maxMessage)))
		return status
	}
	status.MaskDigest = digest
	effective := metav1.Condition{
		Type: accessv1alpha1.ConditionEffective, Status: metav1.ConditionTrue,
		Reason: accessv1alpha1.ReasonAllRulesEffective, Message: "every rule can find something",
	}
	if ignored := maskpolicy.Ignored(p); ignored != "" {
		effective.Status, effective.Reason = metav1.ConditionFalse, accessv1alpha1.ReasonLiteralsIgnored
		effective.Message = bounded(ignored, maxMessage)
	}
	status.Conditions = conditions(state{reason: accessv1alpha1.ReasonAccepted, message: "new sessions follow it", ready: true}, effective)
	return status
}
