package session

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/sallyport-dev/sallyport/internal/archive"
	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/streaming"
)

// packed is an archive with secrets in a file, and in a name.
func packed(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, body := range map[string]string{"keys": strings.Repeat("key "+secret+"\n", 10_000)} {
		err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o640, Size: int64(len(body))})
		if err == nil {
			_, err = io.WriteString(w, body)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: secret, Linkname: "keys", Typeflag: tar.TypeSymlink, Mode: 0o777}), w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func digestOf(p []byte) string {
	sum := sha256.Sum256(p)
	return hex.EncodeToString(sum[:])
}

// copied is what a recording says of an archive.
type copied struct {
	members []archive.Member // without those begun
	end     recording.ArchiveEnd
	streams map[recording.Stream]string
	exit    recording.Exit
}

func (f *fixture) copied(t *testing.T) copied {
	t.Helper()
	r, err := recording.Load(t.Context(), f.store, f.id)
	if err != nil {
		t.Fatal(err)
	}
	out := copied{streams: map[recording.Stream]string{}, exit: r.Manifest.Exit}
	for rec, err := range r.Records(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		switch rec.Stream {
		case recording.Member:
			var m archive.Member
			if err := json.Unmarshal(rec.Data, &m); err != nil {
				t.Fatal(err)
			}
			if m.State != archive.StateBegun {
				out.members = append(out.members, m)
			}
		case recording.Archive:
			if err := json.Unmarshal(rec.Data, &out.end); err != nil {
				t.Fatal(err)
			}
		case recording.Stdin, recording.Stdout, recording.Stderr, recording.Resize, recording.Note, recording.Ended,
			recording.Forward, recording.ForwardIn, recording.ForwardOut, recording.SecretValue:
			out.streams[rec.Stream] += string(rec.Data)
		}
	}
	return out
}

func TestAnArchivePassesUnaltered(t *testing.T) {
	whole := packed(t)
	masked := bytes.ReplaceAll(whole, []byte(secret), []byte("AKIA"+strings.Repeat("*", 16)))
	file := whole[512 : 512+25*10_000]
	for _, stream := range []recording.Stream{recording.Stdout, recording.Stdin} {
		for _, recorded := range []recording.RecordedBytes{recording.RecordedFull, recording.RecordedDigestOnly} {
			for _, piece := range []int{100, 4097, 1 << 20} {
				t.Run(fmt.Sprintf("if it is %s in pieces of %d, then the recording is %s", stream, piece, recorded), func(t *testing.T) {
					var inside bytes.Buffer
					f := newFixture(t, func(_ context.Context, s streaming.Streams) error {
						if stream == recording.Stdin {
							_, err := io.CopyBuffer(struct{ io.Writer }{&inside}, struct{ io.Reader }{s.Stdin}, make([]byte, piece))
							return err
						}
						for rest := whole; len(rest) > 0; rest = rest[min(piece, len(rest)):] {
							if _, err := s.Stdout.Write(rest[:min(piece, len(rest))]); err != nil {
								return err
							}
						}
						_, err := io.WriteString(s.Stderr, "tar: "+secret)
						return err
					})
					f.Archive = &recording.ArchiveOpen{Stream: stream, Recorded: recorded}
					p := &person{stdin: strings.NewReader("")}
					if stream == recording.Stdin {
						p.stdin = bytes.NewReader(whole)
					}
					result := f.Run(t.Context(), p.client())
					if result.Status != nil || result.Sealed != nil {
						t.Fatal(result)
					}
					arrived := inside.String()
					if stream == recording.Stdout {
						arrived = p.stdout.String()
						if strings.Contains(p.stderr.String(), secret) {
							t.Error("stderr is not masked")
						}
					}
					if arrived != string(whole) {
						t.Errorf("%d bytes arrived of %d, or others", len(arrived), len(whole))
					}
					got := f.copied(t)
					want := copied{
						members: []archive.Member{
							{Path: "keys", Type: archive.File, Mode: "0640", Size: 250_000, SHA256: digestOf(file)},
							{Path: "AKIA****************", Link: "keys", Type: archive.Symlink, Mode: "0777"},
						},
						end: recording.ArchiveEnd{Members: 2, Bytes: int64(len(whole)), SHA256: digestOf(whole), Whole: true, Recorded: recorded},
					}
					if diff := cmp.Diff(want.members, got.members) + cmp.Diff(want.end, got.end); diff != "" {
						t.Errorf("(-want +got): %s", diff)
					}
					text := got.streams[stream]
					if recorded == recording.RecordedFull && text != string(masked) || recorded == recording.RecordedDigestOnly && text != "" {
						t.Errorf("%d bytes are recorded, or others", len(text))
					}
				})
			}
		}
	}
}

func TestOnlyAnArchivePasses(t *testing.T) {
	whole := packed(t)
	text := strings.Repeat(secret+"\n", 1000)
	tests := map[string]struct {
		stream string
		passes int
		reason string
		says   string
	}{
		"if it is text, then nothing passes":               {text, 0, ReasonNoArchive, "from byte 0 on"},
		"if text is shorter than a header, nothing passes": {secret, 0, ReasonNoArchive, "ends inside a header"},
		"if text follows the archive, then it does not":    {string(whole) + text, len(whole), ReasonNoArchive, "zeros"},
		"if it is whole, then it passes":                   {string(whole), len(whole), ReasonCompleted, ""},
		"if it is cut in a file, then what there is":       {string(whole[:10_000]), 10_000, ReasonArchiveCut, "not everything was copied"},
		"if it is cut after a file, then what there is":    {string(whole[:250_880]), 250_880, ReasonArchiveCut, "not everything was copied"},
		"if it is cut in a header, then what is before it": {string(whole[:250_880+100]), 250_512, ReasonArchiveCut, "not everything was copied"},
		"if its end mark is missing, then what there is":   {string(whole[:len(whole)-1024]), len(whole) - 1024, ReasonArchiveCut, "not everything was copied"},
		"if half of its end mark is there, then that too":  {string(whole[:len(whole)-512]), len(whole) - 512, ReasonArchiveCut, "not everything was copied"},
		"if nothing comes, then nothing passes":            {"", 0, ReasonArchiveCut, "not everything was copied"},
	}
	for name, tc := range tests {
		for _, stream := range []recording.Stream{recording.Stdout, recording.Stdin} {
			t.Run(name+", "+string(stream), func(t *testing.T) {
				var inside bytes.Buffer
				f := newFixture(t, func(_ context.Context, s streaming.Streams) error {
					if stream == recording.Stdin {
						_, _ = io.Copy(&inside, s.Stdin)
					} else {
						_, _ = io.WriteString(s.Stdout, tc.stream)
					}
					// A tar that finds nothing wrong, whatever became of its streams.
					return nil
				})
				f.Archive = &recording.ArchiveOpen{Stream: stream, Recorded: recording.RecordedFull}
				p := &person{stdin: strings.NewReader(tc.stream)}
				result := f.Run(t.Context(), p.client())
				arrived := inside.String()
				if stream == recording.Stdout {
					arrived = p.stdout.String()
				}
				if arrived != tc.stream[:tc.passes] {
					t.Errorf("%d bytes arrived, want %d", len(arrived), tc.passes)
				}
				got := f.copied(t)
				if told := p.stderr.String(); !strings.Contains(told, tc.says) {
					t.Errorf("the person reads %q", told)
				}
				if got.end.Whole != (arrived[:min(len(arrived), len(whole))] == string(whole)) {
					t.Errorf("whole: %t", got.end.Whole)
				}
				if got.exit.Reason != tc.reason || !strings.Contains(got.exit.Message, tc.says) || got.end.Bytes != int64(len(arrived)) {
					t.Errorf("recorded %+v, %+v", got.exit, got.end)
				}
				var api apierrors.APIStatus
				if told := errors.As(result.Status, &api) && strings.Contains(api.Status().Message, tc.says); told != (tc.reason != ReasonCompleted) {
					t.Errorf("the person is told %v", result.Status)
				}
				if strings.Contains(got.streams[stream], secret) {
					t.Error("the secret is recorded")
				}
			})
		}
	}
}

// TestTarsOwnWordComesFirst is about archives that are cut where that is no news.
func TestTarsOwnWordComesFirst(t *testing.T) {
	whole := packed(t)
	for name, tc := range map[string]struct {
		stream recording.Stream
		tar    func(s streaming.Streams) error
		code   int
	}{
		"if tar fails and has printed nothing, then its exit code stands": {recording.Stdout, func(streaming.Streams) error {
			return streaming.ExitError{Code: 2}
		}, 2},
		"if tar fails in the middle, then its exit code stands": {recording.Stdout, func(s streaming.Streams) error {
			_, err := s.Stdout.Write(whole[:10_000])
			return errors.Join(err, streaming.ExitError{Code: 1})
		}, 1},
		"if tar reports a short input, then its exit code stands": {recording.Stdin, func(s streaming.Streams) error {
			_, err := io.Copy(io.Discard, s.Stdin)
			return errors.Join(err, streaming.ExitError{Code: 2})
		}, 2},
		"if tar has enough before its input ends, then it is right": {recording.Stdin, func(s streaming.Streams) error {
			_, err := io.ReadFull(s.Stdin, make([]byte, 5_000))
			return err
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(_ context.Context, s streaming.Streams) error { return tc.tar(s) })
			f.Archive = &recording.ArchiveOpen{Stream: tc.stream}
			r, w := io.Pipe()
			defer w.Close()
			go func() {
				_, _ = w.Write(whole[:10_000])
				if tc.code != 0 {
					_ = w.Close()
				}
			}()
			f.Run(t.Context(), (&person{stdin: r}).client())
			if got := f.copied(t); got.exit.Reason != ReasonCompleted || *got.exit.Code != tc.code || got.end.Whole {
				t.Errorf("recorded %+v, %+v", got.exit, got.end)
			}
		})
	}
}

func TestAnArchiveIsSummedUpHoweverItEnds(t *testing.T) {
	whole := packed(t)
	for name, cut := range map[string]int{"if it ends inside a file, then that is cut": 5000, "if it ends inside a header, then nothing is listed": 100} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			f := newFixture(t, func(ctx context.Context, s streaming.Streams) error {
				_, _ = s.Stdout.Write(whole[:cut])
				cancel(streaming.ErrClientGone)
				<-ctx.Done()
				return ctx.Err()
			})
			f.Archive = &recording.ArchiveOpen{Stream: recording.Stdout}
			p := &person{}
			f.Run(ctx, p.client())
			got := f.copied(t)
			if got.exit.Reason != ReasonClientGone || got.end.Whole || got.end.Bytes != int64(p.stdout.len()) || got.end.Recorded != recording.RecordedFull {
				t.Errorf("recorded %+v, %+v; %d bytes arrived", got.exit, got.end, p.stdout.len())
			}
			if listed := len(got.members) == 1 && got.members[0].State == archive.StateCut; listed != (cut > 512) {
				t.Errorf("listed %+v", got.members)
			}
		})
	}
}

func (b *syncBuffer) len() int { return len(b.String()) }

func TestAMemberThatCannotBeRecordedDoesNotPass(t *testing.T) {
	whole := packed(t)
	f := newFixture(t, func(ctx context.Context, s streaming.Streams) error {
		_, _ = s.Stdout.Write(whole)
		<-ctx.Done()
		return nil
	})
	f.Archive = &recording.ArchiveOpen{Stream: recording.Stdout, Recorded: recording.RecordedDigestOnly}
	if _, err := f.Recorder.Close(t.Context(), recording.Exit{}); err != nil {
		t.Fatal(err)
	}
	p := &person{}
	if result := f.Run(t.Context(), p.client()); result.Exit.Reason != ReasonRecordingFailed || p.stdout.len() > 0 {
		t.Errorf("%d bytes passed, %+v", p.stdout.len(), result.Exit)
	}
}

// broken is a client leg with a bug.
type broken struct{}

func (broken) Read([]byte) (int, error) { panic("a bug") }

func TestAnArchiveInputThatPanicsEndsItsSessionOnly(t *testing.T) {
	f := newFixture(t, func(_ context.Context, s streaming.Streams) error {
		_, _ = io.Copy(io.Discard, s.Stdin)
		return nil
	})
	f.Archive = &recording.ArchiveOpen{Stream: recording.Stdin}
	p := &person{stdin: broken{}}
	if result := f.Run(t.Context(), p.client()); result.Exit.Reason != ReasonInternal || result.Sealed == nil || result.Cause == nil {
		t.Errorf("ended with %+v", result)
	}
}

func BenchmarkCopy(b *testing.B) {
	var head bytes.Buffer
	if err := tar.NewWriter(&head).WriteHeader(&tar.Header{Name: "big", Typeflag: tar.TypeReg, Size: 1 << 50}); err != nil {
		b.Fatal(err)
	}
	for _, recorded := range []recording.RecordedBytes{recording.RecordedFull, recording.RecordedDigestOnly} {
		b.Run(string(recorded), func(b *testing.B) {
			piece := bytes.Repeat(blocks()["text"], 2)
			b.SetBytes(int64(len(piece)))
			s := Session{
				Recorder: newRecorder(b), Rules: mask.Default(), Left: time.Hour, Expiry: Shutdown(),
				Archive: &recording.ArchiveOpen{Stream: recording.Stdout, Recorded: recorded},
				Target: func(_ context.Context, s streaming.Streams) error {
					_, err := s.Stdout.Write(head.Bytes())
					for b.Loop() {
						if _, err := s.Stdout.Write(piece); err != nil {
							return err
						}
					}
					return err
				},
			}
			result := s.Run(b.Context(), streaming.Client{Stdout: io.Discard, Cut: func(time.Duration) {}})
			if result.Status != nil || result.Sealed != nil {
				b.Fatal(result.Status, result.Sealed)
			}
		})
	}
}
