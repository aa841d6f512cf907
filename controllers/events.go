package controllers

import (
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

// noteBound is how many bytes events.k8s.io takes in a note.
const noteBound = 1024

// event is something that happened to an object: its reason is that of the condition Ready.
type event struct{ severity, reason, action, note string }

// changeEvent is the event of a change of the condition Ready from one reason to another, if it did change.
func changeEvent(before, after []metav1.Condition) (event, bool) {
	ready := meta.FindStatusCondition(after, accessv1alpha1.ConditionReady)
	if ready == nil {
		return event{}, false
	}
	if old := meta.FindStatusCondition(before, accessv1alpha1.ConditionReady); old != nil && old.Reason == ready.Reason {
		return event{}, false
	}
	e := event{corev1.EventTypeNormal, ready.Reason, action(ready.Reason), clip(ready.Message)}
	if meta.IsStatusConditionTrue(after, accessv1alpha1.ConditionStalled) {
		e.severity = corev1.EventTypeWarning
	}
	return e, true
}

// action says what was done: events.k8s.io wants it beside the reason.
func action(reason string) string {
	switch reason {
	case accessv1alpha1.ReasonAwaitingApproval:
		return "RequestApproval"
	case accessv1alpha1.ReasonApproved, accessv1alpha1.ReasonAwaitingWindow:
		return "Approve"
	case accessv1alpha1.ReasonActive:
		return "Open"
	case accessv1alpha1.ReasonAccepted:
		return "Accept"
	case accessv1alpha1.ReasonExpired:
		return "Close"
	default:
		return "Refuse"
	}
}

// announce tells people of a change that was written.
func announce(recorder events.EventRecorder, obj runtime.Object, before, after []metav1.Condition) {
	if e, ok := changeEvent(before, after); ok {
		recorder.Eventf(obj, nil, e.severity, e.reason, e.action, "%s", e.note)
	}
}

func clip(note string) string { return bounded(note, noteBound) }

// bounded shortens a text to so many bytes.
func bounded(note string, most int) string {
	if len(note) <= most {
		return note
	}
	const mark = "…"
	end := most - len(mark)
	for !utf8.RuneStart(note[end]) {
		end--
	}
	return note[:end] + mark
}
