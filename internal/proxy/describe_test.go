package proxy

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sallyport-dev/sallyport/internal/recording"
)

func TestWaits(t *testing.T) {
	long := strings.Repeat("ü", 2*maxShownReason)
	for name, tc := range map[string]struct {
		message string
		sealed  error
		want    bool
	}{
		"if the recording waits in the spool, then so":       {"", recording.ErrPending, true},
		"if the message is long, then so":                    {long, recording.ErrPending, true},
		"if it is sealed, then not":                          {"", nil, false},
		"if it could not be sealed, then the session failed": {"", errors.New("refused"), false},
		"if the message is long and it is sealed, then not":  {long, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			status := endedStatus(recording.Exit{Reason: "completed", Message: tc.message}, tc.sealed, time.Now())
			if Waits(&status) != tc.want || utf8.RuneCountInString(status.Reason) > maxShownReason {
				t.Errorf("%s: %q", status.State, status.Reason)
			}
		})
	}
}
