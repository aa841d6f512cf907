package grant

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/authorizer/howto"
)

// state is where a grant is in its life. The zero value is not active.
type state struct {
	active bool
	// over is true if the grant will never be active again.
	over bool
	// reason says why it is not active; nil if it is.
	reason func() string
}

// stateAt judges status and clock. Only accessv1alpha1.ExecutionGrant.ActiveAt makes a grant active; everything else
// here is about what to tell the person who asks.
func stateAt(g *accessv1alpha1.ExecutionGrant, now time.Time) state {
	s := &g.Status
	var reason string
	if ready := meta.FindStatusCondition(s.Conditions, accessv1alpha1.ConditionReady); ready != nil {
		reason = ready.Reason
	}
	say := func(format string, args ...any) func() string {
		return func() string { return fmt.Sprintf("grant %q "+format, append([]any{g.Name}, args...)...) }
	}
	switch {
	case g.ActiveAt(now):
		return state{active: true}
	case !g.DeletionTimestamp.IsZero():
		return state{over: true, reason: say("is being deleted")}
	case reason == accessv1alpha1.ReasonDenied:
		return state{over: true, reason: say("was denied")}
	case reason == accessv1alpha1.ReasonDeadlineExceeded:
		return state{over: true, reason: say("was not approved in time")}
	case reason == accessv1alpha1.ReasonApprovalVoid:
		return state{over: true, reason: say("has lost its approval")}
	case s.ActiveUntil != nil && !now.Before(s.ActiveUntil.Time):
		return state{over: true, reason: say("has expired at %s", stamp(s.ActiveUntil))}
	case reason == accessv1alpha1.ReasonExpired:
		return state{over: true, reason: say("has expired")}
	case s.ActiveFrom != nil && now.Before(s.ActiveFrom.Time):
		return state{reason: say("begins at %s", stamp(s.ActiveFrom))}
	case meta.IsStatusConditionTrue(s.Conditions, accessv1alpha1.ConditionApproved):
		return state{reason: say("is approved and opens in a moment; try again")}
	case reason == "" || reason == accessv1alpha1.ReasonPending:
		return state{reason: say("was requested a moment ago; try again in a few seconds")}
	default:
		return state{reason: say("is waiting for approval; an approver has to run: %s", howto.Approve(g.Namespace, g.Name))}
	}
}

func stamp(t *metav1.Time) string { return t.UTC().Format(time.RFC3339) }
