package controllers

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sallyport-dev/sallyport/internal/layout"
)

// retryDelay is how long to wait where the cache was behind the API server.
const retryDelay = 100 * time.Millisecond

// patchStatus writes the status of after, if the object is still the one that before was read as. Without that lock, a
// reconciler with an old cache could overrule a decision that it has not seen.
func patchStatus(ctx context.Context, c client.Client, before, after client.Object) error {
	lock := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	return c.Status().Patch(ctx, after, lock, client.FieldOwner(layout.FieldManager))
}

// settle turns the usual course of a race into a quiet retry: the object has changed, or it is gone.
func settle(err error) (ctrl.Result, error) {
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		return ctrl.Result{RequeueAfter: retryDelay}, nil
	}
	return ctrl.Result{}, client.IgnoreNotFound(err)
}

// wakeAt asks to be called again at the time next; never if it is zero.
func wakeAt(next, now time.Time) ctrl.Result {
	if next.IsZero() {
		return ctrl.Result{}
	}
	return ctrl.Result{RequeueAfter: max(next.Sub(now), time.Millisecond)}
}
