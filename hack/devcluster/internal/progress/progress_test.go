package progress_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/progress"
)

func TestDuring(t *testing.T) {
	failure := errors.New("out of paper")
	tests := map[string]struct {
		err  error
		want string
	}{
		"if the work succeeds, then a line says how long it took": {nil, "[  0 s] printing ...\n[ 90 s] printing: done in 90 s\n"},
		"if the work fails, then nothing says it is done":         {failure, "[  0 s] printing ...\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(0, 0)
			var out bytes.Buffer
			p := progress.New(&out, func() time.Time { return now }, false)
			err := p.During(t.Context(), "printing", func(context.Context) error {
				now = now.Add(90 * time.Second)
				return tt.err
			})
			if !errors.Is(err, tt.err) || out.String() != tt.want {
				t.Errorf("got %v and %q, want %q", err, out.String(), tt.want)
			}
		})
	}
}
