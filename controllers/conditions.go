package controllers

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

// state is a place in the life of an object, in the words of its conditions. The zero state is not ready and not open.
type state struct {
	reason, message string
	// ready: nothing is left to do; progress: Sallyport, a person or the clock will go on; neither: it is stalled.
	ready, progress bool
	approved, open  bool
	// until is when the clock ends this state; zero if only an event does.
	until time.Time
}

func waiting(reason, message string) state {
	return state{reason: reason, message: message, progress: true}
}

func approvedWaiting(reason, message string, until time.Time) state {
	return state{reason: reason, message: message, progress: true, approved: true, until: until}
}

func open(reason, message string, until time.Time) state {
	return state{reason: reason, message: message, ready: true, approved: true, open: true, until: until}
}

func ended(reason, message string) state {
	return state{reason: reason, message: message, ready: true, approved: true}
}

func stalled(reason, message string) state { return state{reason: reason, message: message} }

// conditions are those of a grant.
func (s state) conditions(approved metav1.Condition) []metav1.Condition {
	return s.summary(approved, metav1.Condition{
		Type: accessv1alpha1.ConditionActive, Status: truth(s.open), Reason: s.reason, Message: s.message,
	})
}

// summary puts the conditions of kstatus before those of the kind: Ready always, Reconciling and Stalled only if True.
func (s state) summary(own ...metav1.Condition) []metav1.Condition {
	list := []metav1.Condition{
		{Type: accessv1alpha1.ConditionReady, Status: truth(s.ready), Reason: s.reason, Message: s.message},
	}
	if !s.ready {
		abnormal := accessv1alpha1.ConditionStalled
		if s.progress {
			abnormal = accessv1alpha1.ConditionReconciling
		}
		list = append(list, metav1.Condition{Type: abnormal, Status: metav1.ConditionTrue, Reason: s.reason, Message: s.message})
	}
	return append(list, own...)
}

// transition stamps the wanted conditions with the generation that they speak of, and with the time at which each took
// its status: now, unless it had that status before.
func transition(before []metav1.Condition, generation int64, now time.Time, want ...metav1.Condition) []metav1.Condition {
	for i := range want {
		c := &want[i]
		c.ObservedGeneration = generation
		c.LastTransitionTime = metav1.NewTime(now.UTC().Truncate(time.Second))
		if old := meta.FindStatusCondition(before, c.Type); old != nil && old.Status == c.Status {
			c.LastTransitionTime = old.LastTransitionTime
		}
	}
	return want
}

func truth(b bool) metav1.ConditionStatus {
	if b {
		return metav1.ConditionTrue
	}
	return metav1.ConditionFalse
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
