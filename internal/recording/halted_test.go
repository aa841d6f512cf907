package recording_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/spool"
)

// halted is a recording with the durability Store, whose store has taken nothing for too long.
func halted(t *testing.T, f *fixture, gate <-chan struct{}) *recording.Recorder {
	t.Helper()
	f.opts.Durability = recording.Stored
	r := f.start(t, hang(f.Store, gate))
	must(t, r.Record(recording.Stdout, []byte("recorded, ")))
	if err := r.Commit(); !errors.Is(err, recording.ErrNotStored) {
		t.Fatalf("Commit: %v, want ErrNotStored", err)
	}
	<-r.Failed()
	return r
}

func failed() recording.Exit {
	return recording.Exit{Reason: "recording-failed", Message: "the store is out", Process: recording.ProcessUnknown}
}

// TestNothingPassesOnceTheStoreDidNotAnswer: not even when the store is back.
func TestNothingPassesOnceTheStoreDidNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		gate := make(chan struct{})
		r := halted(t, f, gate)
		close(gate)
		synctest.Wait()
		began := time.Now()
		for stream, taken := range map[recording.Stream]bool{
			recording.Stdout: false, recording.Stderr: false, recording.Resize: false, recording.Member: false, recording.Archive: false,
			recording.Forward: false,
			// Of these, bytes that may become a secret pass before their record.
			recording.Stdin: true, recording.ForwardIn: true, recording.ForwardOut: true,
		} {
			if err := r.Record(stream, []byte("more")); (err == nil) != taken || err != nil && !errors.Is(err, recording.ErrNotStored) {
				t.Errorf("a record of %s: %v", stream, err)
			}
			if err := r.Commit(); !errors.Is(err, recording.ErrNotStored) {
				t.Errorf("Commit: %v, want ErrNotStored", err)
			}
		}
		if waited := time.Since(began); waited > 0 {
			t.Errorf("what cannot succeed was waited for: %s", waited)
		}
		if _, err := r.Close(t.Context(), failed()); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

// TestAnOutageUnderStoreLosesNoEnd is how a session ends that the store held up for too long.
func TestAnOutageUnderStoreLosesNoEnd(t *testing.T) {
	for name, back := range map[string]bool{
		"if the store is back at the end, then the recording is closed":             true,
		"if the store is out at the end, too, then Resume finds the end and closes": false,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t)
				gate := make(chan struct{})
				r := halted(t, f, gate)
				must(t, r.Note("the session is over"))
				if back {
					close(gate)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				_, err := r.Close(ctx, failed())
				switch {
				case back:
					must(t, err)
				case !errors.Is(err, recording.ErrPending):
					t.Fatalf("Close: %v, want ErrPending", err)
				default:
					resume(t, f)
				}
				got, err := recording.Load(t.Context(), f.Store, f.id)
				must(t, err)
				if got.State != recording.StateClosed || got.Manifest.Outcome != recording.Closed {
					t.Errorf("the recording is %s: %+v", got.State, got.Manifest)
				}
				if diff := cmp.Diff(failed(), got.Manifest.Exit); diff != "" {
					t.Errorf("exit (-told +recorded):\n%s", diff)
				}
				var streams []recording.Stream
				for _, rec := range collect(t, got.Records(t.Context())) {
					streams = append(streams, rec.Stream)
				}
				if want := []recording.Stream{recording.Stdout, recording.Note, recording.Ended}; !slices.Equal(streams, want) {
					t.Errorf("records of %v, want %v", streams, want)
				}
			})
		})
	}
}

// noise does not compress.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b) // never fails
	return b
}

// TestAHaltedRecordingCanStillFail: what fails later is why it is aborted.
func TestAHaltedRecordingCanStillFail(t *testing.T) {
	bug := errors.New("a bug")
	for name, tc := range map[string]struct {
		limit int64
		harm  func(t *testing.T, r *recording.Recorder)
		want  error
	}{
		"if the gateway fails inside, then the recording says so": {1 << 30, func(_ *testing.T, r *recording.Recorder) { r.Abort(bug) }, bug},
		"if the spool is full, then no record follows what is lost": {2000, func(t *testing.T, r *recording.Recorder) {
			t.Helper()
			if err := r.Record(recording.Stdin, noise(2<<20)); !errors.Is(err, spool.ErrFull) {
				t.Errorf("Record: %v, want ErrFull", err)
			}
			if err := r.Note("it would have room"); !errors.Is(err, spool.ErrFull) {
				t.Errorf("Note: %v, want ErrFull", err)
			}
		}, spool.ErrFull},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t)
				small, err := spool.Open(t.TempDir(), tc.limit)
				must(t, err)
				f.spool = small
				gate := make(chan struct{})
				r := halted(t, f, gate)
				tc.harm(t, r)
				close(gate)
				m, err := r.Close(t.Context(), failed())
				if !errors.Is(err, tc.want) || m.Outcome != recording.Aborted || m.Fault != err.Error() || m.Records != 1 {
					t.Errorf("Close: %v, manifest %+v", err, m)
				}
				_, err = recording.Load(t.Context(), f.Store, f.id)
				must(t, err)
			})
		})
	}
}
