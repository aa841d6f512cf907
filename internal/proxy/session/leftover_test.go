package session

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/streaming"
)

// outliving is a command that ends with err once gone is closed, and writes until then.
func outliving(gone <-chan struct{}, err error) func(context.Context, streaming.Streams) error {
	return func(ctx context.Context, s streaming.Streams) error {
		for {
			if _, err := io.WriteString(s.Stdout, "tick\n"); err != nil {
				return err
			}
			select {
			case <-gone:
				return err
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Millisecond):
			}
		}
	}
}

// untilInputEnds is a command that ends with its input, some time later.
func untilInputEnds(later time.Duration) func(context.Context, streaming.Streams) error {
	return func(ctx context.Context, s streaming.Streams) error {
		_, _ = io.Copy(io.Discard, s.Stdin)
		select {
		case <-time.After(later):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func TestWhatBecomesOfTheProcessIsSaid(t *testing.T) {
	grant := authorizer.GrantRef{Namespace: "shop", Name: "g"}
	kills := func(gone chan struct{}) func(context.Context, <-chan struct{}) string {
		return func(context.Context, <-chan struct{}) string { close(gone); return "TERM was sent" }
	}
	idles := func(chan struct{}) func(context.Context, <-chan struct{}) string {
		return func(context.Context, <-chan struct{}) string { return "it was not found" }
	}
	tests := map[string]struct {
		target  func(gone chan struct{}) func(context.Context, streaming.Streams) error
		kill    func(gone chan struct{}) func(context.Context, <-chan struct{}) string
		waiting bool // for the container's answer
		want    recording.Exit
		says    string
	}{
		"if it ends with its input, then it has exited": {
			target: func(chan struct{}) func(context.Context, streaming.Streams) error {
				return untilInputEnds(leaveTime / 2)
			},
			want: recording.Exit{Code: new(0), Process: recording.ProcessExited},
		},
		"if it does not end, then it is running": {
			target: func(gone chan struct{}) func(context.Context, streaming.Streams) error {
				return outliving(gone, nil)
			},
			want: recording.Exit{Process: recording.ProcessRunning}, says: "still running",
		},
		"if it ends too late, then it was running": {
			target: func(chan struct{}) func(context.Context, streaming.Streams) error {
				return untilInputEnds(leaveTime + time.Second)
			},
			want: recording.Exit{Process: recording.ProcessRunning}, says: "still running",
		},
		"if it is killed, then its exit status proves it": {
			target: func(gone chan struct{}) func(context.Context, streaming.Streams) error {
				return outliving(gone, streaming.ExitError{Code: 143})
			},
			kill: kills,
			want: recording.Exit{Code: new(143), Process: recording.ProcessExited, Killed: true, Detail: "TERM was sent"}, says: "was killed: TERM was sent",
		},
		"if killing it does nothing, then it is running": {
			target: func(gone chan struct{}) func(context.Context, streaming.Streams) error { return outliving(gone, nil) },
			kill:   idles,
			want:   recording.Exit{Process: recording.ProcessRunning, Detail: "it was not found"}, says: "still running: it was not found",
		},
		"if killing it hangs, then it is given up": {
			target: func(gone chan struct{}) func(context.Context, streaming.Streams) error { return outliving(gone, nil) },
			kill: func(chan struct{}) func(context.Context, <-chan struct{}) string {
				return func(context.Context, <-chan struct{}) string { time.Sleep(time.Hour); return "" }
			},
			want: recording.Exit{Process: recording.ProcessRunning, Detail: "killing it took too long"}, says: "too long",
		},
		"if killing it panics, then this session ends in order": {
			target: func(gone chan struct{}) func(context.Context, streaming.Streams) error { return outliving(gone, nil) },
			kill: func(chan struct{}) func(context.Context, <-chan struct{}) string {
				return func(context.Context, <-chan struct{}) string { panic("test") }
			},
			want: recording.Exit{Process: recording.ProcessRunning, Detail: "killing it failed inside the gateway"}, says: "failed",
		},
		"if it had ended before it could be killed, then it is not": {
			target: func(chan struct{}) func(context.Context, streaming.Streams) error { return untilInputEnds(0) },
			kill:   kills,
			want:   recording.Exit{Code: new(0), Process: recording.ProcessExited},
		},
		"if its connection breaks meanwhile, then nothing is known": {
			target: func(chan struct{}) func(context.Context, streaming.Streams) error {
				return func(_ context.Context, s streaming.Streams) error {
					_, _ = io.Copy(io.Discard, s.Stdin)
					return io.ErrUnexpectedEOF
				}
			},
			want: recording.Exit{Process: recording.ProcessUnknown, Detail: "its connection ended without an exit status"}, says: "not known",
		},
		"if the container has not answered, then nothing is known": {
			target:  func(gone chan struct{}) func(context.Context, streaming.Streams) error { return outliving(gone, nil) },
			waiting: true,
			want:    recording.Exit{Process: recording.ProcessUnknown, Detail: "the container had not answered yet"}, says: "not known",
		},
		"if the container does not answer, then nothing is known": {
			target: func(gone chan struct{}) func(context.Context, streaming.Streams) error {
				return func(context.Context, streaming.Streams) error { time.Sleep(time.Hour); return io.ErrUnexpectedEOF }
			},
			waiting: true,
			want:    recording.Exit{Process: recording.ProcessUnknown, Detail: "the container had not answered yet"}, says: "not known",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gone := make(chan struct{})
				f := newFixture(t, tc.target(gone))
				f.Started = func() bool { return !tc.waiting }
				if tc.kill != nil {
					f.Kill = tc.kill(gone)
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Second, func() { cancel(Revoked(grant)) })
				keyboard, _ := io.Pipe()
				p := &person{stdin: keyboard}
				began := time.Now()
				result := f.Run(ctx, p.client())
				if took := time.Since(began); took > time.Second+leaveTime+killTime+leaveTime {
					t.Errorf("it took %s", took)
				}
				_, manifest := f.recorded(t)
				tc.want.Reason, tc.want.Message = ReasonRevoked, Revoked(grant).Text
				if diff := cmp.Diff(tc.want, manifest.Exit); diff != "" || result.Sealed != nil {
					t.Errorf("recorded (-want +got): %s; sealed %v", diff, result.Sealed)
				}
				screen := p.stderr.String()
				if !strings.HasPrefix(screen, "sallyport: "+Revoked(grant).Text) || !strings.Contains(screen, tc.says) {
					t.Errorf("the screen shows %q", screen)
				}
				_ = keyboard.Close()
				time.Sleep(2 * time.Hour) // what hangs
			})
		})
	}
}

// What the process writes when its session is over reaches nobody, and keeps it from nothing.
func TestOutputAfterTheEndIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var after error
		f := newFixture(t, func(_ context.Context, s streaming.Streams) error {
			_, _ = io.Copy(io.Discard, s.Stdin) // ends with the session
			_, after = io.WriteString(s.Stdout, strings.Repeat("late", 1<<20))
			return streaming.ExitError{Code: 4}
		})
		keyboard, _ := io.Pipe()
		p := &person{stdin: keyboard}
		f.Left = time.Second
		result := f.Run(t.Context(), p.client())
		got, manifest := f.recorded(t)
		if after != nil || manifest.Exit.Code == nil || *manifest.Exit.Code != 4 {
			t.Errorf("the write ended with %v, the recording says %+v", after, manifest.Exit)
		}
		if p.stdout.String() != "" || got[recording.Stdout] != "" {
			t.Error("what came after the end was delivered, or recorded")
		}
		if _, ok := errors.AsType[streaming.ExitError](result.Status); ok {
			t.Error("the person got the exit status of a command whose output they did not get")
		}
		_ = keyboard.Close()
	})
}

// The person reads why at once, however long the process takes.
func TestThePersonDoesNotWaitForTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := make(chan struct{})
		f := newFixture(t, outliving(gone, nil))
		f.Left = time.Second
		f.Kill = func(ctx context.Context, _ <-chan struct{}) string { <-ctx.Done(); return "no" }
		keyboard, _ := io.Pipe()
		p := &person{stdin: keyboard}
		done := make(chan Result)
		go func() { done <- f.Run(t.Context(), p.client()) }()
		time.Sleep(time.Second + time.Millisecond)
		synctest.Wait()
		if !strings.Contains(p.stderr.String(), "has expired") {
			t.Errorf("the screen shows %q", p.stderr.String())
		}
		<-done
		_ = keyboard.Close()
	})
}
