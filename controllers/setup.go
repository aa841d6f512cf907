package controllers

import (
	"errors"
	"fmt"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/sallyport-dev/sallyport/internal/approval"
	"github.com/sallyport-dev/sallyport/internal/layout"
)

// Options are what the controllers are told from outside.
type Options struct {
	// Now is the clock; required.
	Now func() time.Time
	// MaskKey is that of the gateway's mask rules; required.
	MaskKey []byte
	// Terms are the rules of new ApprovalRequests; the zero value asks one person within an hour.
	Terms approval.Terms
	// KeepSessions is how long an ended session is shown; a day by default.
	KeepSessions time.Duration
}

// reconciler is what all controllers have in common.
type reconciler interface {
	SetupWithManager(mgr ctrl.Manager) error
}

// Setup runs all controllers in a manager.
func Setup(mgr ctrl.Manager, o Options) error {
	if len(o.MaskKey) == 0 {
		return errors.New("the controllers lack the key of the mask rules")
	}
	c, live, recorder := mgr.GetClient(), mgr.GetAPIReader(), mgr.GetEventRecorder(layout.FieldManager)
	for _, r := range []reconciler{
		&ExecutionGrantReconciler{Client: c, Live: live, Recorder: recorder, Now: o.Now, Terms: o.Terms},
		&ApprovalRequestReconciler{Client: c, Live: live, Recorder: recorder, Now: o.Now},
		&ExecutionPolicyReconciler{Client: c, Recorder: recorder, Key: o.MaskKey, Now: o.Now},
		&SessionReconciler{Client: c, Now: o.Now, Keep: o.KeepSessions},
	} {
		if err := r.SetupWithManager(mgr); err != nil {
			return fmt.Errorf("setting up %T: %w", r, err)
		}
	}
	return nil
}
