package progress

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"
)

func TestLine(t *testing.T) {
	tests := map[string]struct {
		terminal bool
		do       func(*Line)
		want     string
	}{
		"if it is quick, then nothing": {true, func(*Line) { time.Sleep(1999 * time.Millisecond) }, ""},
		"if it takes long on a terminal, then one line, erased": {
			true, func(*Line) { time.Sleep(3500 * time.Millisecond) },
			"\r\x1b[Kwaiting (2s)\r\x1b[Kwaiting (3s)\r\x1b[K",
		},
		"if it takes long elsewhere, then said once": {false, func(*Line) { time.Sleep(10 * time.Second) }, "waiting\n"},
		"if the text changes elsewhere, then each once": {
			false, func(l *Line) {
				l.Say("first")
				time.Sleep(3500 * time.Millisecond)
				l.Say("second")
				l.Say("second")
				time.Sleep(3 * time.Second)
			}, "first\nsecond\n",
		},
		"if the text changes on a terminal, then at once": {
			true, func(l *Line) {
				time.Sleep(2500 * time.Millisecond)
				l.Say("second")
			}, "\r\x1b[Kwaiting (2s)\r\x1b[Ksecond (2s)\r\x1b[K",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				l := Start(t.Context(), &out, tc.terminal, clock.RealClock{}, "waiting")
				tc.do(l)
				l.Stop()
				if out.String() != tc.want {
					t.Errorf("got %q, want %q", out.String(), tc.want)
				}
			})
		})
	}
}
