package session

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/streaming"
)

// typist sends a little all the time, and does not stop.
type typist struct{ endless }

func (t typist) Read(p []byte) (int, error) {
	time.Sleep(10 * time.Millisecond)
	return t.endless.Read(p)
}

// cutIn is Client.Cut of a connection that is over when cut is closed.
func cutIn(cut chan struct{}) func(time.Duration) {
	var once sync.Once
	timer := time.AfterFunc(time.Hour, func() { once.Do(func() { close(cut) }) })
	return func(d time.Duration) { timer.Reset(d) }
}

// A person who does not read holds up what was written before the end, and nothing else.
func TestNothingPassesAfterTheEndThoughOutputWaits(t *testing.T) {
	for name, tc := range map[string]struct {
		waits   bool
		archive *recording.ArchiveOpen
	}{
		"if it is exec, then so":                        {waits: true},
		"if it is attach, then so":                      {},
		"if it is exec and an archive goes in, then so": {waits: true, archive: &recording.ArchiveOpen{Stream: recording.Stdin}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var inside, stderr syncBuffer
				f := newFixture(t, func(_ context.Context, s streaming.Streams) error {
					go func() { _, _ = io.Copy(&inside, s.Stdin) }()
					_, _ = io.WriteString(s.Stdout, "not read\n")
					for range 500 {
						_, _ = io.WriteString(s.Stderr, "tick\n")
						time.Sleep(10 * time.Millisecond)
					}
					return io.ErrUnexpectedEOF
				})
				f.Left, f.Waits, f.Archive = time.Second, tc.waits, tc.archive
				screen := deaf{make(chan struct{})}
				client := streaming.Client{Stdin: typist{}, Stdout: screen, Stderr: &stderr, Cut: cutIn(screen.cut)}
				done := make(chan Result)
				go func() { done <- f.Run(t.Context(), client) }()
				time.Sleep(f.Left + time.Millisecond)
				synctest.Wait()
				in, out := inside.String(), stderr.String()
				result := <-done
				if result.Exit.Reason != ReasonExpired || result.Sealed != nil || in == "" || out == "" {
					t.Fatalf("%+v; %d bytes in, %d out", result, len(in), len(out))
				}
				if late := inside.len() - len(in); late > 0 {
					t.Errorf("%d bytes reached the container after the end", late)
				}
				if late, _ := strings.CutPrefix(stderr.String(), out); strings.Contains(late, "tick") {
					t.Errorf("%d bytes reached the person after the end", len(late))
				}
				got, _ := f.recorded(t)
				if !strings.HasPrefix(got[recording.Stdin], in) || got[recording.Stderr] != out {
					t.Error("what passed is not what is recorded")
				}
				time.Sleep(time.Hour)
			})
		})
	}
}

// Nor does the end wait for a disk, or a store, that does.
func TestInputThatIsBeingRecordedAtTheEndDoesNotPass(t *testing.T) {
	for name, archive := range map[string]*recording.ArchiveOpen{
		"if it is typed, then so": nil, "if it is an archive, then so": {Stream: recording.Stdin},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, nil)
				f.Archive = archive
				disk := make(chan struct{})
				f.journal.stall(disk)
				taps := f.taps(t.Context(), streaming.Client{Stdin: bytes.NewReader(packed(t))}, func(error) {})
				passed := make(chan error)
				go func() {
					n, err := taps.streams.Stdin.Read(make([]byte, 10))
					if n > 0 {
						t.Errorf("%d bytes passed", n)
					}
					passed <- err
				}()
				synctest.Wait()
				taps.stop()
				close(disk)
				if err := <-passed; !errors.Is(err, io.EOF) {
					t.Errorf("the container reads %v", err)
				}
				_ = taps.close()
				_, _ = f.Recorder.Close(t.Context(), recording.Exit{})
			})
		})
	}
}
