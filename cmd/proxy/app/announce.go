package app

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// The reasons of events about ExecutionSessions.
const (
	reasonStoreOut  = "RecordingStoreOut"
	reasonStoreBack = "RecordingStoreBack"
)

// announcer tells a namespace, by events about its sessions, what becomes of their recordings. It waits for nobody.
type announcer struct {
	sessions client.Reader // a cache
	recorder events.EventRecorder
}

// outage tells that the object store takes nothing of a session, or does again.
func (a *announcer) outage(ctx context.Context, namespace, session string, begins bool) {
	s := &accessv1alpha1.ExecutionSession{}
	if err := a.sessions.Get(ctx, client.ObjectKey{Namespace: namespace, Name: session}, s); err != nil {
		// Not seen yet, or deleted: the event names it all the same.
		s = &accessv1alpha1.ExecutionSession{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: session}}
	}
	if begins {
		a.recorder.Eventf(s, nil, corev1.EventTypeWarning, reasonStoreOut, "Record",
			"the object store does not take the recording; the session goes on while the gateway's spool has room")
		return
	}
	a.recorder.Eventf(s, nil, corev1.EventTypeNormal, reasonStoreBack, "Record", "the object store takes the recording again")
}
