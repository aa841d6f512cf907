package player

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"

	"github.com/sallyport-dev/sallyport/internal/asciicast"
)

type events []asciicast.Event

func (e *events) Next() (asciicast.Event, error) {
	if len(*e) == 0 {
		return asciicast.Event{}, io.EOF
	}
	ev := (*e)[0]
	*e = (*e)[1:]
	return ev, nil
}

// stamped notes when each write came.
type stamped struct {
	start time.Time
	b     strings.Builder
}

func (s *stamped) Write(p []byte) (int, error) {
	fmt.Fprintf(&s.b, "%s:%s ", time.Since(s.start), p)
	return len(p), nil
}

func sample() *events {
	return &events{
		{At: time.Second, Code: asciicast.Output, Data: "a"},
		{At: 2 * time.Second, Code: asciicast.Input, Data: "typed"},
		{At: 4 * time.Second, Code: asciicast.Output, Data: "b"},
		{At: 64 * time.Second, Code: asciicast.Output, Data: "c"},
		{At: 64 * time.Second, Code: asciicast.Resize, Data: "80x24"},
		{At: 64 * time.Second, Code: asciicast.Output, Data: "d"},
	}
}

func TestPlay(t *testing.T) {
	tests := map[string]struct {
		o    Options
		want string
	}{
		"if nothing is asked, then in real time":         {Options{}, "1s:a 4s:b 1m4s:c 1m4s:d "},
		"if twice as fast, then in half the time":        {Options{Speed: 2}, "500ms:a 2s:b 32s:c 32s:d "},
		"if half as fast, then in twice the time":        {Options{Speed: 0.5}, "2s:a 8s:b 2m8s:c 2m8s:d "},
		"if pauses are limited, then none is longer":     {Options{IdleLimit: 2 * time.Second}, "1s:a 3s:b 5s:c 5s:d "},
		"if limited and fast, then limited before speed": {Options{Speed: 2, IdleLimit: 2 * time.Second}, "500ms:a 1.5s:b 2.5s:c 2.5s:d "},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := &stamped{start: time.Now()}
				if err := Play(t.Context(), out, sample(), tc.o, clock.RealClock{}); err != nil {
					t.Fatal(err)
				}
				if got := out.b.String(); got != tc.want {
					t.Errorf("got %q, want %q", got, tc.want)
				}
			})
		})
	}
}

func TestPlayEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		out := &stamped{start: time.Now()}
		if err := Play(ctx, out, sample(), Options{}, clock.RealClock{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error = %v", err)
		}
		if got, want := out.b.String(), "1s:a 4s:b "; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
