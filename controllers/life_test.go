package controllers

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/approval"
	"github.com/sallyport-dev/sallyport/test/gen"
)

// A life is one grant in a world where everything may happen in any order. Each byte of a script is one step.
type life struct {
	grant *accessv1alpha1.ExecutionGrant
	req   *accessv1alpha1.ApprovalRequest
	now   time.Time
	made  int // how often an ApprovalRequest was made
}

// FuzzLife walks scripts of steps and checks after each one what has to hold at all times.
func FuzzLife(f *testing.F) {
	f.Add([]byte("gqaqggtttttttttttttttg"))
	f.Add([]byte("gqrqsqgg"))
	f.Add([]byte("gaqsqgg"))
	f.Add([]byte("gqdqagqg"))
	f.Add([]byte("gxgqg"))
	f.Add([]byte("gaqxgttttttg"))
	f.Add([]byte("gaqgTTbg"))
	f.Add([]byte("wgaqgttttttttttttttttttg"))
	f.Fuzz(func(t *testing.T, script []byte) {
		l := &life{grant: gen.MakeGrant("shop", "fix").Obj(), now: epoch}
		if len(script) > 0 && script[0] == 'w' {
			l.grant = gen.MakeGrant("shop", "fix").Window(epoch.Add(10*time.Minute), epoch.Add(20*time.Minute)).Obj()
		}
		for _, step := range script {
			before, settled := l.grant.DeepCopy(), approval.Settled(l.req)
			l.step(step)
			l.check(t, before)
			if settled != approval.Pending && l.req != nil && approval.Settled(l.req) != settled {
				t.Fatalf("step %q: the judgement went from %v to %v", step, settled, approval.Settled(l.req))
			}
		}
	})
}

func (l *life) step(step byte) {
	decide := func(name string, verdict accessv1alpha1.Verdict) {
		if l.req != nil {
			l.req.Generation++
			l.req.Spec.Decisions = append(l.req.Spec.Decisions,
				accessv1alpha1.ApprovalDecision{Approver: name, Verdict: verdict, Time: gen.Stamp(l.now)})
		}
	}
	switch step {
	case 't':
		l.now = l.now.Add(time.Minute)
	case 'T':
		l.now = l.now.Add(31*time.Minute + 500*time.Millisecond)
	case 'b': // the clock is set back
		l.now = l.now.Add(-7 * time.Minute)
	case 'a':
		decide("ann", accessv1alpha1.VerdictApproved)
	case 'r', 's': // the requester cannot help themselves
		decide("developer", accessv1alpha1.VerdictApproved)
	case 'd':
		decide("bob", accessv1alpha1.VerdictDenied)
	case 'x':
		l.req = nil
	case 'q':
		if l.req != nil {
			l.req.Status, _ = desiredRequestStatus(l.req, l.grant, l.now)
		}
	case 'g':
		if l.req == nil && l.grant.Status.ApprovalRequestName == "" {
			l.req = approval.NewRequest(l.grant, approval.Terms{})
			l.made++
		}
		l.grant.Status, _ = desiredStatus(l.grant, l.req, l.now)
	}
}

func (l *life) check(t *testing.T, before *accessv1alpha1.ExecutionGrant) {
	t.Helper()
	was, is := &before.Status, &l.grant.Status
	if was.ApprovedDigest != "" && (was.ApprovedDigest != is.ApprovedDigest || !was.ActiveFrom.Equal(is.ActiveFrom) || !was.ActiveUntil.Equal(is.ActiveUntil)) {
		t.Fatalf("what was approved changed from %+v to %+v", was, is)
	}
	if isFinal(was.Conditions) && !isFinal(is.Conditions) {
		t.Fatalf("what was final changed from %+v to %+v", was, is)
	}
	if l.made > 1 {
		t.Fatalf("people were asked %d times", l.made)
	}
	if l.grant.ActiveAt(l.now) {
		l.checkOpen(t)
	}
	if ready := meta.FindStatusCondition(is.Conditions, "Ready"); ready != nil {
		checkConditions(t, l.grant.Generation, is.Conditions)
	}
}

// checkOpen holds whenever the door is open: somebody else agreed, and the time lies where it was asked for.
func (l *life) checkOpen(t *testing.T) {
	t.Helper()
	status := &l.grant.Status
	if !meta.IsStatusConditionTrue(status.Conditions, accessv1alpha1.ConditionApproved) || isFinal(status.Conditions) {
		t.Fatalf("open, but not approved, or over: %+v", status)
	}
	if status.ApprovedDigest != approval.Digest(l.grant) {
		t.Fatal("open, but another grant was approved")
	}
	if w := l.grant.Spec.Window; w != nil && (l.now.Before(w.NotBefore.Time) || !l.now.Before(w.NotAfter.Time)) {
		t.Fatalf("open at %v, outside of the window", l.now)
	}
	if d := status.ActiveUntil.Sub(status.ActiveFrom.Time); l.grant.Spec.Window == nil && d != 15*time.Minute {
		t.Fatalf("open for %v, want 15m", d)
	}
	if l.req == nil {
		return
	}
	byOther := false
	for _, d := range l.req.Spec.Decisions {
		byOther = byOther || d.Verdict == accessv1alpha1.VerdictApproved && d.Approver == "ann"
	}
	if !byOther {
		t.Fatal("open, but nobody else approved")
	}
}
