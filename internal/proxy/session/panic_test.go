package session

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/streaming"
)

// firstThenBug is a person's screen that takes one piece.
type firstThenBug struct {
	syncBuffer

	pieces int
}

func (s *firstThenBug) Write(p []byte) (int, error) {
	if s.pieces++; s.pieces > 1 && !bytes.Contains(p, []byte("sallyport: ")) {
		panic("a bug")
	}
	return s.syncBuffer.Write(p)
}

// TestABugIsToldAsOne is about panics wherever the bytes of a session pass: the person reads that it was the gateway, and the
// recording says that it may lack something.
func TestABugIsToldAsOne(t *testing.T) {
	prints := func(ctx context.Context, s streaming.Streams) error {
		_, err := io.WriteString(s.Stdout, "seen\n")
		if err == nil && s.Stdin != nil {
			_, err = io.Copy(io.Discard, s.Stdin)
		}
		<-ctx.Done()
		return errors.Join(err, ctx.Err())
	}
	var archived bytes.Buffer
	if err := tar.NewWriter(&archived).WriteHeader(&tar.Header{Name: "file", Typeflag: tar.TypeReg, Size: 1}); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		target func(context.Context, streaming.Streams) error
		change func(*fixture, *streaming.Client)
		seen   string
	}{
		"if the masker of the output has a bug, then so": {prints, func(f *fixture, _ *streaming.Client) {
			f.Rules = &mask.Rules{} // made by no constructor
		}, ""},
		"if the masker of the input has a bug, then so": {func(_ context.Context, s streaming.Streams) error {
			_, err := io.Copy(io.Discard, s.Stdin)
			return err
		}, func(f *fixture, c *streaming.Client) {
			f.Rules = &mask.Rules{}
			c.Stdin = strings.NewReader("typed")
		}, ""},
		"if the masker of an archive has a bug, then so": {func(_ context.Context, s streaming.Streams) error {
			_, err := s.Stdout.Write(archived.Bytes())
			return err
		}, func(f *fixture, _ *streaming.Client) {
			f.Rules = &mask.Rules{}
			f.Archive = &recording.ArchiveOpen{Stream: recording.Stdout}
		}, ""},
		"if the masker of an archive that goes in has a bug, then so": {func(_ context.Context, s streaming.Streams) error {
			_, err := io.Copy(io.Discard, s.Stdin)
			return err
		}, func(f *fixture, c *streaming.Client) {
			f.Rules = &mask.Rules{}
			f.Archive = &recording.ArchiveOpen{Stream: recording.Stdin}
			c.Stdin = bytes.NewReader(archived.Bytes())
		}, ""},
		"if the person's leg has a bug, then what was seen is recorded": {func(ctx context.Context, s streaming.Streams) error {
			for ctx.Err() == nil {
				if _, err := io.WriteString(s.Stdout, "seen\n"); err != nil {
					return err
				}
			}
			return ctx.Err()
		}, func(_ *fixture, c *streaming.Client) {
			c.Stdout = &firstThenBug{}
		}, "seen\n"},
		"if the target's leg has a bug, then what was seen is recorded": {func(_ context.Context, s streaming.Streams) error {
			_, _ = io.WriteString(s.Stdout, "seen\n")
			panic("a bug")
		}, func(*fixture, *streaming.Client) {}, "seen\n"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, tc.target)
			p := &person{}
			client := p.client()
			tc.change(f, &client)
			result := f.Run(t.Context(), client)
			var api apierrors.APIStatus
			if !errors.As(result.Status, &api) || !strings.Contains(api.Status().Message, "internal error of the gateway") {
				t.Errorf("the client gets %v", result.Status)
			}
			if !strings.Contains(p.stderr.String(), "sallyport: an internal error of the gateway") {
				t.Errorf("the person reads %q", p.stderr.String())
			}
			if result.Exit.Reason != ReasonInternal || result.Sealed == nil || !strings.Contains(result.Cause.Error(), "goroutine") {
				t.Errorf("ended with %+v, sealed %v, and the log gets %v", result.Exit, result.Sealed, result.Cause)
			}
			got, manifest := f.recorded(t)
			if manifest.Outcome != recording.Aborted || manifest.Fault != errInternal.Error() || manifest.Lost != 0 || manifest.Exit.Reason != ReasonInternal {
				t.Errorf("the manifest says %+v", manifest)
			}
			screen := p.stdout.String()
			if s, ok := client.Stdout.(*firstThenBug); ok {
				screen = s.String()
			}
			if !strings.HasPrefix(screen, tc.seen) || !strings.HasPrefix(got[recording.Stdout], screen) || !strings.Contains(got[recording.Note], "internal error") {
				t.Errorf("seen %q, recorded %v", screen, got)
			}
			if strings.Contains(manifest.Fault+manifest.Exit.Message, "goroutine") {
				t.Error("the recording holds a stack")
			}
		})
	}
}

// If a bug ends the input while much waits, then whoever reads it from the person's leg is let go: the leg waits for them.
func TestABugInTheInputHoldsNobody(t *testing.T) {
	for name, archive := range map[string]*recording.ArchiveOpen{
		"if it is typed, then so": nil, "if it is an archive, then so": {Stream: recording.Stdin},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, nil)
				f.Rules, f.Archive = &mask.Rules{}, archive
				taps := f.taps(t.Context(), streaming.Client{Stdin: endless{}}, func(error) {})
				var queue *ahead
				switch in := taps.streams.Stdin.(type) {
				case *input:
					queue = in.queue
				case *archiveInput:
					queue = in.queue
				}
				if _, err := io.Copy(io.Discard, taps.streams.Stdin); err == nil {
					t.Error("nothing went wrong")
				}
				synctest.Wait()
				select {
				case <-queue.fed:
				default:
					t.Error("somebody waits for room in a queue that nobody reads")
				}
				if err := taps.close(); err == nil {
					t.Error("nothing says what went wrong")
				}
				queue.end(io.EOF)
				_, _ = f.Recorder.Close(t.Context(), recording.Exit{})
			})
		})
	}
}

// endless is somebody who pastes an archive without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	var member bytes.Buffer
	err := tar.NewWriter(&member).WriteHeader(&tar.Header{Name: "file", Typeflag: tar.TypeReg, Size: 1 << 50})
	return copy(p, member.Bytes()), err
}
