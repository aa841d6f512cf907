package proxy

import (
	"errors"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

// The bounds of an ExecutionSession's fields; see its type. The recording holds the whole command.
const (
	maxShownArguments = 1024
	maxShownArgument  = 4096
	maxShownReason    = 1024
	maxShownDetail    = 512
)

// sessionObject is the ExecutionSession of a session that is about to begin.
func sessionObject(q *request, key authorizer.CommandKey, id, proxy string) *accessv1alpha1.ExecutionSession {
	a, ref := q.attributes, q.decision.Grant
	// The name is a UUIDv7 of our own making, which Prefix never refuses.
	prefix, _ := recording.Prefix(id)
	return &accessv1alpha1.ExecutionSession{
		ObjectMeta: metav1.ObjectMeta{Name: id, Namespace: a.Namespace},
		Spec: accessv1alpha1.ExecutionSessionSpec{
			User:      accessv1alpha1.Identity{Username: a.User.Name, UID: a.User.UID, Groups: a.User.Groups},
			GrantRef:  accessv1alpha1.ObjectReference{Name: ref.Name, UID: ref.UID},
			Action:    accessv1alpha1.Action(a.Action),
			PodRef:    accessv1alpha1.ObjectReference{Name: a.Pod, UID: a.PodUID},
			Container: a.Container, Command: shown(q.rules.Strings(a.Command)),
			CommandDigest: key.Digest(a.Command), OnEnd: q.onEnd, Recording: prefix, Proxy: proxy,
		},
	}
}

// shown shortens a command to what the object can hold.
func shown(command []string) []string {
	if len(command) > maxShownArguments {
		command = append(command[:maxShownArguments-1:maxShownArguments-1], "…")
	}
	for i, argument := range command {
		command[i] = shortened(argument, maxShownArgument)
	}
	return command
}

// shortened cuts s to at most limit characters.
func shortened(s string, limit int) string {
	if runes := []rune(s); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return s
}

const waits = "; the recording waits in the spool for the object store"

func endedStatus(exit recording.Exit, sealed error, totals map[recording.Stream]recording.Total, now time.Time) accessv1alpha1.ExecutionSessionStatus {
	in, out := bytesOf(totals)
	status := accessv1alpha1.ExecutionSessionStatus{
		State: accessv1alpha1.SessionEnded, EndTime: &metav1.Time{Time: now.UTC()}, Reason: exit.Reason, BytesIn: &in, BytesOut: &out,
		Process: processOf(exit), ProcessDetail: shortened(exit.Detail, maxShownDetail),
	}
	if exit.Message != "" {
		status.Reason = shortened(exit.Reason+": "+exit.Message, maxShownReason)
	}
	if exit.Code != nil {
		status.ExitCode = new(int32(*exit.Code & 0xff)) // as a process has it
	}
	switch {
	case sealed == nil:
		status.RecordingState = accessv1alpha1.RecordingComplete
	case errors.Is(sealed, recording.ErrPending):
		status.RecordingState = accessv1alpha1.RecordingWaiting
		status.Reason = shortened(status.Reason, maxShownReason-len(waits)) + waits
	default:
		status.RecordingState = accessv1alpha1.RecordingIncomplete
		status.State, status.Reason = accessv1alpha1.SessionFailed, shortened("the recording is not complete in the store; "+status.Reason, maxShownReason)
	}
	return status
}

func processOf(exit recording.Exit) accessv1alpha1.SessionProcess {
	switch {
	case exit.Killed:
		return accessv1alpha1.ProcessKilled
	case exit.Process == recording.ProcessExited:
		return accessv1alpha1.ProcessExited
	case exit.Process == recording.ProcessRunning:
		return accessv1alpha1.ProcessRunning
	default:
		return accessv1alpha1.ProcessUnknown
	}
}

// ResumedStatus is that of a session whose recording was ended by recording.Resume.
func ResumedStatus(m *recording.Manifest) accessv1alpha1.ExecutionSessionStatus {
	status := endedStatus(m.Exit, nil, m.Totals, m.Ended)
	if m.Outcome != recording.Closed {
		status.Reason = shortened(status.Reason+": "+m.Fault, maxShownReason)
	}
	if m.Outcome != recording.Closed && !m.Whole {
		status.State, status.RecordingState = accessv1alpha1.SessionFailed, accessv1alpha1.RecordingIncomplete
	}
	return status
}
