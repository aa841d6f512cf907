package gen

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

// Session builds an ExecutionSession.
type Session struct {
	obj accessv1alpha1.ExecutionSession
}

// MakeSession begins a session of the user "developer" in the container "app" of the pod "web", under the grant "grant".
func MakeSession(namespace, name string) *Session {
	s := &Session{}
	s.obj.ObjectMeta = objectMeta("session", namespace, name)
	s.obj.Spec = accessv1alpha1.ExecutionSessionSpec{
		User:          *person("developer", []string{"system:authenticated"}),
		GrantRef:      accessv1alpha1.ObjectReference{Name: "grant", UID: string(uid("grant", namespace, "grant"))},
		Action:        accessv1alpha1.ActionExec,
		PodRef:        accessv1alpha1.ObjectReference{Name: "web", UID: string(uid("pod", namespace, "web"))},
		Container:     "app",
		Command:       []string{"id"},
		CommandDigest: "hmac-sha256:" + strings.Repeat("0", 64),
		Recording:     "sessions/" + name,
		Proxy:         "proxy-0",
	}
	return s
}

// ForCreate leaves out what the API server sets: UID, generation and time of creation.
func (s *Session) ForCreate() *Session {
	s.obj.UID, s.obj.Generation, s.obj.CreationTimestamp = "", 0, metav1.Time{}
	return s
}

// State sets where it is in its life.
func (s *Session) State(state accessv1alpha1.SessionState) *Session {
	s.obj.Status.State = state
	return s
}

// Recorded sets where its recording is.
func (s *Session) Recorded(state accessv1alpha1.RecordingState) *Session {
	s.obj.Status.RecordingState = state
	return s
}

// EndedAt sets when the stream ended; the state stays as it is.
func (s *Session) EndedAt(t time.Time) *Session { s.obj.Status.EndTime = new(Stamp(t)); return s }

// Obj is the session; each call gives another copy.
func (s *Session) Obj() *accessv1alpha1.ExecutionSession { return s.obj.DeepCopy() }
