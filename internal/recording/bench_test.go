package recording_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/spool/spooltest"
)

// discard is a store that hashes, as a client must, and forgets.
type discard struct{ objectstore.Store }

func (discard) PutNew(_ context.Context, key string, body objectstore.Body, r objectstore.Retention) (objectstore.Version, error) {
	return objectstore.Version{Key: key, ID: "1", Size: int64(body.Size()), SHA256: body.SHA256(), Retention: r}, nil
}

func logText(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	words := []string{"request", "completed", "GET", "/api/v1/items", "status=200", "user", "duration", "größer", "cache", "miss", "retry", "upstream"}
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, "2026-11-23T12:%02d:%02d.%06dZ INFO", rng.IntN(60), rng.IntN(60), rng.IntN(1e6))
		for range 8 {
			fmt.Fprintf(&b, " %s", words[rng.IntN(len(words))])
		}
		fmt.Fprintf(&b, " id=%x\n", rng.Uint64())
	}
	return b.Bytes()[:n]
}

// The write path: JSON, zstd, SHA-256, uploads to nowhere.
func BenchmarkRecord(b *testing.B) {
	random := make([]byte, 8<<20)
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range random {
		random[i] = byte(rng.Uint32())
	}
	corpora := []struct {
		name string
		data []byte
	}{{"text", logText(8 << 20)}, {"random", random}, {"zero", make([]byte, 8<<20)}}
	for _, c := range corpora {
		for _, chunk := range []int{64, 32 << 10} {
			b.Run(fmt.Sprintf("%s/%d", c.name, chunk), func(b *testing.B) {
				opts := recording.Options{Now: time.Now, Retention: retention(), Journal: spooltest.Journal(b, spooltest.New(b), "bench")}
				r, err := recording.Start(b.Context(), discard{}, opts, openObject(sessionID(noon, 1)))
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(chunk))
				b.ReportAllocs()
				off, before := 0, cpu()
				for b.Loop() {
					if off+chunk > len(c.data) {
						off = 0
					}
					if err := r.Record(recording.Stdout, c.data[off:off+chunk]); err != nil {
						b.Fatal(err)
					}
					if err := r.Commit(); err != nil {
						b.Fatal(err)
					}
					off += chunk
				}
				b.StopTimer()
				b.ReportMetric(float64(b.N*chunk)/float64(cpu()-before)*1e3, "MB/cpu-s")
				if _, err := r.Close(b.Context(), completed()); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}

// cpu is the processor time of this process: what other work on the machine
// does not disturb.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
