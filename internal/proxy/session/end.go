package session

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"syscall"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/spool"
	"github.com/sallyport-dev/sallyport/internal/streaming"
)

// End is why a session is over although its command may not be. As an error it is the cause of the session's context.
type End struct {
	// Reason is for machines: one of this file's.
	Reason string
	// Text is one line for the person, without secrets.
	Text string
}

func (e *End) Error() string { return e.Text }

// StatusError is what the client's exit is made of.
func (e *End) StatusError() *apierrors.StatusError {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden,
		Message: "the session was ended by sallyport: " + e.Text,
	}}
}

// The reasons of recording.Exit.
const (
	ReasonCompleted       = "completed"
	ReasonRefused         = "refused"
	ReasonExpired         = "grant-expired"
	ReasonRevoked         = "grant-revoked"
	ReasonDeleted         = "session-deleted"
	ReasonPodGone         = "pod-gone"
	ReasonRecordingFailed = "recording-failed"
	ReasonShutdown        = "gateway-shutdown"
	ReasonClientGone      = "client-gone"
	ReasonProtocol        = "protocol-error"
	ReasonConnectionLost  = "connection-lost"
	ReasonFailed          = "gateway-failed"
	ReasonInternal        = "internal-error"
	ReasonUnmasked        = "secrets-not-masked"
)

// Expired says that the grant's time is over.
func Expired(g authorizer.GrantRef) *End {
	return &End{ReasonExpired, fmt.Sprintf("grant %s/%s has expired", g.Namespace, g.Name)}
}

// Revoked says that the grant was deleted, or is no longer active.
func Revoked(g authorizer.GrantRef) *End {
	return &End{ReasonRevoked, fmt.Sprintf("grant %s/%s was revoked", g.Namespace, g.Name)}
}

// Deleted says that somebody deleted the ExecutionSession.
func Deleted() *End {
	return &End{ReasonDeleted, "somebody ended the session by deleting its executionsession"}
}

// PodGone says that the pod was deleted, or is about to be.
func PodGone(namespace, name string) *End {
	return &End{ReasonPodGone, fmt.Sprintf("pod %s/%s is being deleted", namespace, name)}
}

// Unmasked says that values of the pod's Secrets are not masked any more, and have to be.
func Unmasked(why string) *End { return &End{ReasonUnmasked, why} }

// Shutdown says that this gateway stops.
func Shutdown() *End {
	return &End{ReasonShutdown, "the gateway is shutting down; run the command again"}
}

// recordingFailed says why nothing may pass any more.
func recordingFailed(err error) *End {
	why := "the gateway's log says why"
	var disk syscall.Errno
	switch {
	case errors.As(err, &disk):
		why = "the gateway's disk says: " + disk.Error()
	case errors.Is(err, spool.ErrFull):
		why = "the gateway's spool is full, because the object store takes less than is recorded"
	case errors.Is(err, recording.ErrNotStored):
		return &End{ReasonRecordingFailed, "the object store does not answer, and nothing passes here before it has the record"}
	case recording.Refused(err):
		why = "the object store refuses it"
	}
	return &End{ReasonRecordingFailed, "the recording cannot be kept: " + why + "; no session without a recording"}
}

func notSealed() *End {
	return &End{ReasonRecordingFailed, "the recording of this session could not be completed in the store"}
}

// pending is a note, and no end: nothing is lost.
const pending = "sallyport: the object store does not answer; the recording of this session is safe on the gateway's disk and is stored later"

func connectionLost() *End {
	return &End{ReasonConnectionLost, "the connection to the container was lost"}
}

func clientGone() *End { return &End{ReasonClientGone, "the client went away"} }

func protocolError() *End { return &End{ReasonProtocol, "the client broke the streaming protocol"} }

// say tells the person something, where their screen is: with a terminal, there is only one.
func (s *Session) say(client streaming.Client, text string) {
	line := "sallyport: " + text
	// A recording that has failed cannot take the note; Close reports that.
	_ = s.Recorder.Note(line)
	s.tell(client, line)
}

// tell writes a line to the person.
func (s *Session) tell(client streaming.Client, line string) {
	client.Cut(farewellTime)
	// Neither is a client that left an error here.
	switch {
	case s.TTY && client.Stdout != nil:
		_, _ = io.WriteString(client.Stdout, "\r\n"+line+"\r\n")
	case client.Stderr != nil:
		_, _ = io.WriteString(client.Stderr, line+"\n")
	default:
	}
}
