// Package player plays the output of an asciicast in the time it took, or faster.
package player

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"k8s.io/utils/clock"

	"github.com/sallyport-dev/sallyport/internal/asciicast"
)

// Options say how fast. The zero value plays in real time.
type Options struct {
	Speed     float64       // 2 is twice as fast; 0 is 1
	IdleLimit time.Duration // longest pause that is kept, before Speed; 0 keeps all
}

// Cast is a source of events, as asciicast.Decoder is.
type Cast interface {
	// Next returns the next event, or io.EOF after the last. Times never go back.
	Next() (asciicast.Event, error)
}

// Play writes the output events to w, each when it is due. It returns nil after the last event, and ctx's error if
// that ends first.
func Play(ctx context.Context, w io.Writer, cast Cast, o Options, c clock.Clock) error {
	if o.Speed == 0 {
		o.Speed = 1
	}
	start, played, last := c.Now(), time.Duration(0), time.Duration(0)
	for {
		ev, err := cast.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the cast: %w", err)
		}
		if ev.Code != asciicast.Output {
			continue
		}
		pause := ev.At - last
		if o.IdleLimit > 0 {
			pause = min(pause, o.IdleLimit)
		}
		last, played = ev.At, played+time.Duration(float64(pause)/o.Speed)
		// Due times are counted from the start, so that slow writing does not add up.
		if err := sleep(ctx, c, start.Add(played).Sub(c.Now())); err != nil {
			return err
		}
		if _, err := io.WriteString(w, ev.Data); err != nil {
			return fmt.Errorf("playing: %w", err)
		}
	}
}

func sleep(ctx context.Context, c clock.Clock, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := c.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C():
		return nil
	}
}
