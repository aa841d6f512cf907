package session

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/objectstore/memory"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/spool/spooltest"
	"github.com/sallyport-dev/sallyport/internal/streaming"
)

// gated is a store that takes segments once its gate is open.
type gated struct {
	objectstore.Store

	gate chan struct{}
}

func (g gated) PutNew(ctx context.Context, key string, body objectstore.Body, r objectstore.Retention) (objectstore.Version, error) {
	if strings.Contains(key, "/segment-") {
		select {
		case <-g.gate:
		case <-ctx.Done():
			return objectstore.Version{}, ctx.Err()
		}
	}
	return g.Store.PutNew(ctx, key, body, r)
}

// TestWhatTheStoreHasNotTaken is about bytes both ways while the store takes nothing.
func TestWhatTheStoreHasNotTaken(t *testing.T) {
	for name, tc := range map[string]struct {
		durability recording.Durability
		passes     bool
	}{
		"if bytes are spooled first, then they pass": {recording.Spooled, true},
		"if bytes are stored first, then they wait":  {recording.Stored, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := gated{memory.New(time.Now), make(chan struct{})}
				id := uuid.Must(uuid.NewV7()).String()
				recorder, err := recording.Start(t.Context(), store, recording.Options{
					Now: time.Now, Retention: objectstore.Retention{Mode: objectstore.Compliance, Until: time.Now().Add(time.Hour)},
					Journal: spooltest.Journal(t, spooltest.New(t), id), Durability: tc.durability,
				}, recording.Open{Session: id})
				if err != nil {
					t.Fatal(err)
				}
				var inside syncBuffer
				s := Session{Recorder: recorder, Rules: mask.Default(), Left: time.Hour, Expiry: Shutdown(),
					Target: func(_ context.Context, s streaming.Streams) error {
						_, err := io.WriteString(s.Stdout, "printed\n")
						_, inErr := io.Copy(&inside, s.Stdin)
						return errors.Join(err, inErr)
					}}
				p := &person{stdin: strings.NewReader("typed\n")}
				results := make(chan Result, 1)
				go func() { results <- s.Run(t.Context(), p.client()) }()
				synctest.Wait()
				if passed := p.stdout.String() + inside.String(); (passed == "printed\ntyped\n") != tc.passes || !tc.passes && passed != "" {
					t.Errorf("while the store takes nothing %q passes", passed)
				}
				close(store.gate)
				if result := <-results; result.Exit.Reason != ReasonCompleted || result.Sealed != nil {
					t.Errorf("ended with %+v", result)
				}
				if passed := p.stdout.String() + inside.String(); passed != "printed\ntyped\n" {
					t.Errorf("in the end %q has passed", passed)
				}
			})
		})
	}
}
