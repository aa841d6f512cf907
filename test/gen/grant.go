package gen

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

// Grant builds an ExecutionGrant.
type Grant struct{ obj accessv1alpha1.ExecutionGrant }

// MakeGrant begins a grant that the user "developer" requested at the Epoch: Exec, in the pod "web", for 15 minutes.
func MakeGrant(namespace, name string) *Grant {
	g := &Grant{}
	g.obj.ObjectMeta = objectMeta("grant", namespace, name)
	g.obj.Spec = accessv1alpha1.ExecutionGrantSpec{
		Requester:       person("developer", []string{"system:authenticated"}),
		Actions:         []accessv1alpha1.Action{accessv1alpha1.ActionExec},
		Target:          accessv1alpha1.Target{PodName: "web"},
		Reason:          "a test wants it",
		DurationSeconds: 15 * 60,
	}
	return g
}

// ForCreate leaves out what the API server sets: UID, generation and time of creation.
func (g *Grant) ForCreate() *Grant {
	g.obj.UID, g.obj.Generation, g.obj.CreationTimestamp = "", 0, metav1.Time{}
	return g
}

// UID sets the UID.
func (g *Grant) UID(uid string) *Grant { g.obj.UID = types.UID(uid); return g }

// CreatedAt sets the time of creation.
func (g *Grant) CreatedAt(t time.Time) *Grant { g.obj.CreationTimestamp = Stamp(t); return g }

// DeletedAt marks the grant as being deleted.
func (g *Grant) DeletedAt(t time.Time) *Grant { g.obj.DeletionTimestamp = new(Stamp(t)); return g }

// Requester sets who requested it; the empty name leaves it unknown.
func (g *Grant) Requester(name string, groups ...string) *Grant {
	g.obj.Spec.Requester = nil
	if name != "" {
		g.obj.Spec.Requester = person(name, groups)
	}
	return g
}

// Subject sets whom it is for.
func (g *Grant) Subject(s accessv1alpha1.Subject) *Grant { g.obj.Spec.Subject = &s; return g }

// Actions sets the ways in.
func (g *Grant) Actions(actions ...accessv1alpha1.Action) *Grant {
	g.obj.Spec.Actions = actions
	return g
}

// Copies sets what is recorded of archives.
func (g *Grant) Copies(recorded accessv1alpha1.RecordedBytes) *Grant {
	g.recording().Copies = recorded
	return g
}

// Durability sets where bytes are recorded before they pass.
func (g *Grant) Durability(d accessv1alpha1.Durability) *Grant {
	g.recording().Durability = d
	return g
}

func (g *Grant) recording() *accessv1alpha1.RecordingPolicy {
	if g.obj.Spec.Recording == nil {
		g.obj.Spec.Recording = &accessv1alpha1.RecordingPolicy{}
	}
	return g.obj.Spec.Recording
}

// OnEnd sets what becomes of processes that outlive their session.
func (g *Grant) OnEnd(what accessv1alpha1.OnEnd) *Grant { g.obj.Spec.OnEnd = what; return g }

// Pod makes one pod the target, whichever has the name.
func (g *Grant) Pod(name string) *Grant {
	g.obj.Spec.Target.PodName, g.obj.Spec.Target.PodUID, g.obj.Spec.Target.Selector = name, "", nil
	return g
}

// PodUID binds it to the pod that has the name, as admission does.
func (g *Grant) PodUID(uid string) *Grant { g.obj.Spec.Target.PodUID = uid; return g }

// Labels makes the pods with these labels the target.
func (g *Grant) Labels(labels map[string]string) *Grant {
	g.obj.Spec.Target.PodName, g.obj.Spec.Target.PodUID = "", ""
	g.obj.Spec.Target.Selector = &metav1.LabelSelector{MatchLabels: labels}
	return g
}

// Containers limits it to these containers.
func (g *Grant) Containers(names ...string) *Grant { g.obj.Spec.Target.Containers = names; return g }

// Images limits Run and Debug to these images.
func (g *Grant) Images(globs ...string) *Grant { g.obj.Spec.Target.Images = globs; return g }

// Command adds one argument pattern to those allowed.
func (g *Grant) Command(argv ...string) *Grant {
	g.obj.Spec.Commands = append(g.obj.Spec.Commands, accessv1alpha1.CommandPattern{Argv: argv})
	return g
}

// Reason sets why.
func (g *Grant) Reason(reason string) *Grant { g.obj.Spec.Reason = reason; return g }

// Ticket sets the reference in a tracker.
func (g *Grant) Ticket(ticket string) *Grant { g.obj.Spec.Ticket = ticket; return g }

// Duration gives it a length from its activation.
func (g *Grant) Duration(d time.Duration) *Grant {
	g.obj.Spec.DurationSeconds, g.obj.Spec.Window = int32(d/time.Second), nil
	return g
}

// Window gives it an absolute span.
func (g *Grant) Window(notBefore, notAfter time.Time) *Grant {
	g.obj.Spec.DurationSeconds = 0
	g.obj.Spec.Window = &accessv1alpha1.Window{
		NotBefore: metav1.NewTime(notBefore.UTC()), NotAfter: metav1.NewTime(notAfter.UTC()),
	}
	return g
}

// RequestMade notes that its ApprovalRequest was made.
func (g *Grant) RequestMade() *Grant { g.obj.Status.ApprovalRequestName = g.obj.Name; return g }

// Approved notes what was approved, and from when to when that opens the door.
func (g *Grant) Approved(digest string, from, until time.Time) *Grant {
	g.obj.Status.ApprovedDigest = digest
	g.obj.Status.ActiveFrom, g.obj.Status.ActiveUntil = new(Stamp(from)), new(Stamp(until))
	return g.Condition(accessv1alpha1.ConditionApproved, metav1.ConditionTrue, accessv1alpha1.ReasonApproved)
}

// Active is Approved, and Sallyport has opened the door.
func (g *Grant) Active(digest string, from, until time.Time) *Grant {
	return g.Approved(digest, from, until).
		Condition(accessv1alpha1.ConditionReady, metav1.ConditionTrue, accessv1alpha1.ReasonActive).
		Condition(accessv1alpha1.ConditionActive, metav1.ConditionTrue, accessv1alpha1.ReasonActive)
}

// Condition sets one condition.
func (g *Grant) Condition(kind string, status metav1.ConditionStatus, reason string) *Grant {
	meta.SetStatusCondition(&g.obj.Status.Conditions, condition(kind, status, reason))
	return g
}

// Obj is the grant; each call gives another copy.
func (g *Grant) Obj() *accessv1alpha1.ExecutionGrant { return g.obj.DeepCopy() }
