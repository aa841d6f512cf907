package controllers

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sallyport-dev/sallyport/internal/layout"
)

// retryDelay is how long to wait where the cache was behind the API server.
const retryDelay = 100 * time.Millisecond

// change is the status that an object should have at the time now, beside the one that it was read with.
type change struct {
	before, after client.Object
	from, to      []metav1.Condition // of before and of after
	// next is when to look again; zero if only an event can change the status.
	now, next time.Time
}

// write writes the status where it differs, tells people of it, and asks to be called again in time. It writes only if
// the object is still the one that before was read as: without that lock, a reconciler with an old cache could overrule
// a decision that it has not seen.
func (c *change) write(ctx context.Context, to client.Client, recorder events.EventRecorder) (ctrl.Result, error) {
	if equality.Semantic.DeepEqual(c.before, c.after) {
		return wakeAt(c.next, c.now), nil
	}
	lock := client.MergeFromWithOptions(c.before, client.MergeFromWithOptimisticLock{})
	if err := to.Status().Patch(ctx, c.after, lock, client.FieldOwner(layout.FieldManager)); err != nil {
		return settle(fmt.Errorf("writing the status: %w", err))
	}
	announce(recorder, c.after, c.from, c.to)
	return wakeAt(c.next, c.now), nil
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
