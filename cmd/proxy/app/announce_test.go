package app

import (
	"strings"
	"testing"

	"k8s.io/client-go/tools/events"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

func TestAnOutageIsAnnounced(t *testing.T) {
	for name, tc := range map[string]struct {
		known, begins bool
		want          string
	}{
		"if the store goes away, then it is a warning":        {true, true, "Warning RecordingStoreOut"},
		"if it comes back, then that is said":                 {true, false, "Normal RecordingStoreBack"},
		"if the session is not known, then it is said anyhow": {false, true, "Warning RecordingStoreOut"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newResumption(t)
			session := "gone"
			if tc.known {
				session = r.session(self, accessv1alpha1.ExecutionSessionStatus{State: accessv1alpha1.SessionLive})
			}
			recorder := events.NewFakeRecorder(1)
			(&announcer{r.cluster.cache, recorder}).outage(t.Context(), "shop", session, tc.begins)
			if got := <-recorder.Events; !strings.HasPrefix(got, tc.want) {
				t.Errorf("announced %q", got)
			}
		})
	}
}
