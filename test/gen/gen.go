// Package gen builds objects for tests. Nothing in them depends on the clock or on chance: what a test does not say
// has a fixed, valid value.
package gen

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

// Epoch is when everything was made, unless the test says otherwise.
func Epoch() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

// Stamp is that time as the API carries it: whole seconds, in UTC.
func Stamp(t time.Time) metav1.Time { return metav1.NewTime(t.UTC().Truncate(time.Second)) }

// uid is an identifier that belongs to the kind and the names and to nothing else.
func uid(kind, namespace, name string) types.UID {
	return types.UID(kind + "-" + namespace + "-" + name + "-uid")
}

func objectMeta(kind, namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: uid(kind, namespace, name),
		Generation: 1, CreationTimestamp: Stamp(Epoch()),
	}
}

// condition is one that has stood since the Epoch.
func condition(kind string, status metav1.ConditionStatus, reason string) metav1.Condition {
	return metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: reason,
		ObservedGeneration: 1, LastTransitionTime: Stamp(Epoch()),
	}
}

// person is a user as a client certificate names one.
func person(name string, groups []string) *accessv1alpha1.Identity {
	return &accessv1alpha1.Identity{Username: name, Groups: groups}
}
