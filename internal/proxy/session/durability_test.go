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

func recorderOf(t *testing.T, store objectstore.Store, journal recording.Journal, id string, d recording.Durability) *recording.Recorder {
	t.Helper()
	recorder, err := recording.Start(t.Context(), store, recording.Options{
		Now: time.Now, Retention: objectstore.Retention{Mode: objectstore.Compliance, Until: time.Now().Add(time.Hour)},
		Journal: journal, Durability: d,
	}, recording.Open{Session: id})
	if err != nil {
		t.Fatal(err)
	}
	return recorder
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
				recorder := recorderOf(t, store, spooltest.Journal(t, spooltest.New(t), id), id, tc.durability)
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

// stuck is a store that takes one segment.
type stuck struct{ objectstore.Store }

func (s stuck) PutNew(ctx context.Context, key string, body objectstore.Body, r objectstore.Retention) (objectstore.Version, error) {
	if strings.Contains(key, "/segment-") && !strings.Contains(key, "/segment-00000001.") {
		<-ctx.Done()
		return objectstore.Version{}, ctx.Err()
	}
	return s.Store.PutNew(ctx, key, body, r)
}

// tail may become a token: four bytes are recorded, and all pass.
const tail = "ghp_abc"

// outputWaits runs a session whose output the store does not take, and returns what passed of that.
func outputWaits(t *testing.T, recorder *recording.Recorder) (Result, string) {
	t.Helper()
	p := &person{stdin: strings.NewReader(tail)}
	s := Session{Recorder: recorder, Rules: mask.Default(), Left: time.Hour, Expiry: Shutdown(),
		Target: func(ctx context.Context, s streaming.Streams) error {
			if in, err := io.ReadAll(s.Stdin); err != nil || string(in) != tail {
				t.Errorf("the container got %q, %v", in, err)
			}
			_, err := io.WriteString(s.Stdout, "printed\n")
			<-ctx.Done()
			return errors.Join(err, ctx.Err())
		}}
	result := s.Run(t.Context(), p.client())
	return result, p.stdout.String()
}

// inputWaits is the same of the person's second line, and returns what the container got beyond the first.
func inputWaits(t *testing.T, recorder *recording.Recorder) (Result, string) {
	t.Helper()
	typed, types := io.Pipe()
	defer func() { _ = types.Close() }()
	var inside syncBuffer
	s := Session{Recorder: recorder, Rules: mask.Default(), Left: time.Hour, Expiry: Shutdown(),
		Target: func(_ context.Context, s streaming.Streams) error {
			_, err := io.Copy(&inside, s.Stdin)
			return err
		}}
	go func() {
		_, _ = io.WriteString(types, tail)
		synctest.Wait()
		_, _ = io.WriteString(types, "\nmore\n")
	}()
	result := s.Run(t.Context(), (&person{stdin: typed}).client())
	return result, strings.TrimPrefix(inside.String(), tail)
}

// answerWaits is the same of the answer of a pod's port.
func answerWaits(t *testing.T, recorder *recording.Recorder) (Result, string) {
	t.Helper()
	f := &forwardFixture{forwards: make(chan streaming.Forward)}
	near, far := wire()
	f.Forward = Forward{
		Session: Session{Recorder: recorder, Rules: mask.Default(), Left: time.Hour, Expiry: Shutdown()},
		Dial:    func(uint64, uint16) (streaming.Remote, error) { return streaming.Remote{Pipe: near}, nil },
	}
	results := f.run(t.Context())
	c, _ := f.connect(1, 80)
	go func() { _, _ = io.WriteString(c, tail) }()
	in := make([]byte, len(tail))
	if _, err := io.ReadFull(far, in); err != nil || string(in) != tail {
		t.Errorf("the pod got %q, %v", in, err)
	}
	go func() { _, _ = io.WriteString(far, "printed\n") }()
	answer, _ := io.ReadAll(c) // until the session ends
	return <-results, string(answer)
}

// TestAStoreThatStaysAway ends sessions whose bytes have to be stored first. The gateway lives, and knows how they ended.
func TestAStoreThatStaysAway(t *testing.T) {
	for name, tc := range map[string]struct {
		run     func(t *testing.T, recorder *recording.Recorder) (Result, string)
		in, out string
	}{
		"if output waits for the store, then it does not pass and nothing is lost":          {outputWaits, tail, "printed\n"},
		"if input waits for the store, then it does not pass and nothing is lost":           {inputWaits, tail + "\nmore\n", ""},
		"if a port's answer waits for the store, then it does not pass and nothing is lost": {answerWaits, tail, "printed\n"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, spool := memory.New(time.Now), spooltest.New(t)
				id := uuid.Must(uuid.NewV7()).String()
				recorder := recorderOf(t, stuck{store}, spooltest.Journal(t, spool, id), id, recording.Stored)
				result, passed := tc.run(t, recorder)
				if passed != "" {
					t.Errorf("%q has passed", passed)
				}
				if result.Exit.Reason != ReasonRecordingFailed || !strings.Contains(result.Exit.Message, "the object store does not answer") ||
					!errors.Is(result.Sealed, recording.ErrPending) {
					t.Errorf("ended with %+v", result)
				}
				j, err := spool.Reopen(id)
				if err != nil {
					t.Fatal(err)
				}
				resumed, err := recording.Resume(t.Context(), store, time.Now, id, j)
				if err != nil {
					t.Fatal(err)
				}
				if m := resumed.Manifest; m.Outcome != recording.Closed || m.Exit.Reason != ReasonRecordingFailed {
					t.Errorf("the manifest says %+v", m)
				}
				got := recordedStreams(t, store, id)
				if in, out := got[recording.Stdin]+got[recording.ForwardIn], got[recording.Stdout]+got[recording.ForwardOut]; in != tc.in || out != tc.out {
					t.Errorf("recorded %q in and %q out", in, out)
				}
			})
		})
	}
}

func recordedStreams(t *testing.T, store objectstore.Store, id string) map[recording.Stream]string {
	t.Helper()
	r, err := recording.Load(t.Context(), store, id)
	if err != nil {
		t.Fatal(err)
	}
	got := map[recording.Stream]string{}
	for rec, err := range r.Records(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got[rec.Stream] += string(rec.Data)
	}
	return got
}

// TestAConnectionRecordsNoMoreThanPassed once the store did not answer: its last bytes did, those that come then do not.
func TestAConnectionRecordsNoMoreThanPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(time.Now)
		id := uuid.Must(uuid.NewV7()).String()
		recorder := recorderOf(t, gated{store, nil}, spooltest.Journal(t, spooltest.New(t), id), id, recording.Stored)
		d := &direction{recorder: recorder, id: 1, stream: recording.ForwardOut, masker: newRules(mask.Default()).masker()}
		if err := d.record([]byte(tail)); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(recorder.Note("something else"), recorder.Commit()); !errors.Is(err, recording.ErrNotStored) {
			t.Fatal(err)
		}
		if err := d.record([]byte("more")); !errors.Is(err, errNotRecorded) {
			t.Errorf("record: %v, want errNotRecorded", err)
		}
		before := recorder.Totals()[recording.ForwardOut].Bytes
		if err := d.close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if after := recorder.Totals()[recording.ForwardOut].Bytes; before != 4 || after != int64(len(tail)) {
			t.Errorf("%d bytes were recorded, then %d", before, after)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _ = recorder.Close(ctx, recording.Exit{}) // pending
	})
}
