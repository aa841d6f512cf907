package proxy

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

func TestResumedStatus(t *testing.T) {
	died := recording.Exit{Reason: recording.ReasonRecorderDied}
	for name, tc := range map[string]struct {
		m     recording.Manifest
		state accessv1alpha1.SessionState
		want  accessv1alpha1.RecordingState
	}{
		"if it is closed, it is complete": {
			recording.Manifest{Outcome: recording.Closed, Exit: recording.Exit{Reason: "completed"}}, accessv1alpha1.SessionEnded, accessv1alpha1.RecordingComplete,
		},
		"if only the end is not known, it is complete": {
			recording.Manifest{Outcome: recording.Aborted, Whole: true, Exit: died}, accessv1alpha1.SessionEnded, accessv1alpha1.RecordingComplete,
		},
		"if the disk lost something, it is not": {
			recording.Manifest{Outcome: recording.Aborted, Fault: "damaged", Exit: died}, accessv1alpha1.SessionFailed, accessv1alpha1.RecordingIncomplete,
		},
		"if records are lost, it is not": {
			recording.Manifest{Outcome: recording.Aborted, Lost: 12, Exit: recording.Exit{Reason: "recording-failed"}}, accessv1alpha1.SessionFailed, accessv1alpha1.RecordingIncomplete,
		},
		"if the spool is lost, it is not": {
			recording.Manifest{Outcome: recording.Aborted, Exit: recording.Exit{Reason: recording.ReasonSpoolLost}}, accessv1alpha1.SessionFailed, accessv1alpha1.RecordingIncomplete,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if status := ResumedStatus(&tc.m); status.State != tc.state || status.RecordingState != tc.want {
				t.Errorf("%s, %s", status.State, status.RecordingState)
			}
		})
	}
}

func TestEndedStatus(t *testing.T) {
	long := strings.Repeat("ü", 2*maxShownReason)
	for name, tc := range map[string]struct {
		message string
		sealed  error
		state   accessv1alpha1.SessionState
		want    accessv1alpha1.RecordingState
	}{
		"if the recording waits in the spool, it says so": {"", recording.ErrPending, accessv1alpha1.SessionEnded, accessv1alpha1.RecordingWaiting},
		"if the message is long, it still says so":        {long, recording.ErrPending, accessv1alpha1.SessionEnded, accessv1alpha1.RecordingWaiting},
		"if it is sealed, it is complete":                 {"", nil, accessv1alpha1.SessionEnded, accessv1alpha1.RecordingComplete},
		"if it is not, the session failed":                {"", errors.New("refused"), accessv1alpha1.SessionFailed, accessv1alpha1.RecordingIncomplete},
	} {
		t.Run(name, func(t *testing.T) {
			status := endedStatus(recording.Exit{Reason: "completed", Message: tc.message}, tc.sealed, nil, time.Now())
			if status.State != tc.state || status.RecordingState != tc.want || utf8.RuneCountInString(status.Reason) > maxShownReason {
				t.Errorf("%s, %s: %q", status.State, status.RecordingState, status.Reason)
			}
			if tc.want == accessv1alpha1.RecordingWaiting && !strings.HasSuffix(status.Reason, waits) {
				t.Errorf("nobody reads that it waits: %q", status.Reason)
			}
		})
	}
}
