package session

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/objectstore/memory"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/spool/spooltest"
	"github.com/sallyport-dev/sallyport/internal/streaming"
)

// blocks are what a container may write, in the pieces in which it arrives.
func blocks() map[string][]byte {
	const size = 32 << 10
	random := make([]byte, size)
	_, _ = rand.Read(random)
	var text []byte
	for i := 0; len(text) < size; i++ {
		text = fmt.Appendf(text, "2026-11-23T03:04:05.%03d level=info msg=\"order accepted\" id=%d customer=c-%d amount=%d.50\n", i%1000, i, i*7919%9973, i%997)
	}
	return map[string][]byte{"text": text[:size], "random": random}
}

// BenchmarkByteRoad measures what the proxy does to each byte between its two legs: mask, record, seal, store.
func BenchmarkByteRoad(b *testing.B) {
	for name, block := range blocks() {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(block)))
			b.ReportAllocs()
			s := Session{
				Recorder: newRecorder(b), Rules: mask.Default(), Left: time.Hour, Expiry: Shutdown(),
				Target: func(_ context.Context, s streaming.Streams) error {
					for range b.N {
						if _, err := s.Stdout.Write(block); err != nil {
							return err
						}
					}
					return nil
				},
			}
			result := s.Run(b.Context(), streaming.Client{Stdout: io.Discard, Cut: func(time.Duration) {}})
			if result.Status != nil || result.Sealed != nil {
				b.Fatal(result.Status, result.Sealed)
			}
		})
	}
}

// forgetful keeps no bodies, so that the benchmark does not measure memory.
type forgetful struct{ objectstore.Store }

func (f forgetful) PutNew(_ context.Context, key string, body objectstore.Body, r objectstore.Retention) (objectstore.Version, error) {
	return objectstore.Version{Key: key, ID: "1", Size: int64(body.Size()), SHA256: body.SHA256(), Retention: r}, nil
}

func newRecorder(b *testing.B) *recording.Recorder {
	b.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		b.Fatal(err)
	}
	recorder, err := recording.Start(b.Context(), forgetful{memory.New(time.Now)}, recording.Options{
		Journal: spooltest.Journal(b, spooltest.New(b), "bench"),
		Now:     time.Now, Retention: objectstore.Retention{Mode: objectstore.Compliance, Until: time.Now().Add(time.Hour)},
	}, recording.Open{Session: id.String(), Subject: recording.Subject{Username: "dev"}})
	if err != nil {
		b.Fatal(err)
	}
	return recorder
}
