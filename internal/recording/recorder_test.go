package recording_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/spool"
	"github.com/sallyport-dev/sallyport/internal/spool/spooltest"
)

func TestStartLocksTheOpenObjectFirst(t *testing.T) {
	f := newFixture(t)
	r := f.start(t, f.Store)
	defer func() { _, err := r.Close(t.Context(), completed()); must(t, err) }()
	v, err := f.Stat(t.Context(), recording.OpenKey(f.prefix(t)), "")
	must(t, err)
	if !v.Retention.Covers(retention()) {
		t.Errorf("the open object is retained %+v", v.Retention)
	}
	if got := f.prefix(t); got != "sessions/2026/11/23/"+f.id+"/" {
		t.Errorf("prefix %q", got)
	}
}

func TestStartRefuses(t *testing.T) {
	ok := newFixture(t)
	tests := map[string]struct {
		opts recording.Options
		id   string
	}{
		"if there is no clock, then it is refused":         {recording.Options{Retention: retention()}, ok.id},
		"if there is no retention, then it is refused":     {recording.Options{Now: ok.clock.Now}, ok.id},
		"if the durability is unknown, then it is refused": {recording.Options{Now: ok.clock.Now, Retention: retention(), Durability: "Memory"}, ok.id},
		"if the id is no UUID, then it is refused":         {ok.opts, "../../etc"},
		"if the id is of version 4, then it is refused":    {ok.opts, "4fd1bd3e-7d1c-4b0a-9c2e-6b7f1f3c9b11"},
		"if the id is in upper case, then it is refused":   {ok.opts, strings.ToUpper(ok.id)},
		"if the id is not canonical, then it is refused":   {ok.opts, "urn:uuid:" + ok.id},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			tc.opts.Journal = spooltest.Journal(t, f.spool, f.id)
			if _, err := recording.Start(t.Context(), f.Store, tc.opts, openObject(tc.id)); err == nil {
				t.Error("it started")
			}
			if got := keys(t, f.Store, ""); len(got) != 0 {
				t.Errorf("it left %q", got)
			}
		})
	}
}

func TestStartFailsWithTheStore(t *testing.T) {
	f := newFixture(t)
	down := hooked{f.Store, func(context.Context, string) error { return errStore }}
	opts := f.options(t)
	if _, err := recording.Start(t.Context(), down, opts, openObject(f.id)); !errors.Is(err, errStore) {
		t.Errorf("Start: %v, want the store's error", err)
	}
	opts.Journal = spooltest.Journal(t, f.spool, "another")
	r, err := recording.Start(t.Context(), f.Store, opts, openObject(f.id))
	must(t, err)
	opts.Journal = spooltest.Journal(t, f.spool, "a-third")
	if _, err := recording.Start(t.Context(), f.Store, opts, openObject(f.id)); !errors.Is(err, objectstore.ErrExists) {
		t.Errorf("second Start of a session: %v, want ErrExists", err)
	}
	_, err = r.Close(t.Context(), completed())
	must(t, err)
}

func TestRecordsComeBackExactly(t *testing.T) {
	f := newFixture(t)
	f.opts.SegmentBytes = 100_000
	r := f.start(t, f.Store)
	rng := rand.New(rand.NewPCG(1, 2))
	text := []byte(strings.Repeat("2026-11-23 INFO größer 世界 \x1b[31mred\x1b[0m \"x\"\n", 4000))
	binary := make([]byte, 200_000)
	for i := range binary {
		binary[i] = byte(rng.Uint32())
	}
	want := map[recording.Stream][]byte{}
	for name, data := range map[recording.Stream][]byte{recording.Stdout: text, recording.Stderr: binary, recording.Stdin: make([]byte, 70_000)} {
		for rest := data; len(rest) > 0; {
			n := min(len(rest), 1+rng.IntN(90_000))
			must(t, r.Record(name, rest[:n]))
			rest = rest[n:]
		}
		want[name] = data
	}
	must(t, r.Record(recording.Stdout, nil, mask.Hit{Rule: "jwt", Offset: 5, Length: 9}, mask.Hit{Rule: "jwt"}))
	m, err := r.Close(t.Context(), completed())
	must(t, err)

	got, err := recording.Load(t.Context(), f.Store, f.id)
	must(t, err)
	data := map[recording.Stream][]byte{}
	for _, rec := range collect(t, got.Records(t.Context())) {
		data[rec.Stream] = append(data[rec.Stream], rec.Data...)
	}
	for name := range want {
		if !bytes.Equal(data[name], want[name]) {
			t.Errorf("%s: %d bytes came back as %d others", name, len(want[name]), len(data[name]))
		}
	}
	if got.State != recording.StateClosed || len(got.Findings) != 0 || len(got.Segments) < 4 {
		t.Errorf("state %s, %d segments, findings %v", got.State, len(got.Segments), got.Findings)
	}
	if diff := cmp.Diff(&m, got.Manifest); diff != "" {
		t.Errorf("manifest (-closed +loaded):\n%s", diff)
	}
	if m.Masked["jwt"] != 2 || m.Totals[recording.Stdout].Bytes != int64(len(text)) {
		t.Errorf("masked %v, totals %v", m.Masked, m.Totals)
	}
}

func TestConcurrentRecords(t *testing.T) {
	f := newFixture(t)
	f.opts.SegmentBytes = 2000
	r := f.start(t, f.Store)
	streams := []recording.Stream{recording.Stdin, recording.Stdout, recording.Stderr}
	var wg sync.WaitGroup
	for _, s := range streams {
		wg.Go(func() {
			for i := range 300 {
				if err := r.Record(s, fmt.Appendf(nil, "%d,", i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	_, err := r.Close(t.Context(), completed())
	must(t, err)
	got, err := recording.Load(t.Context(), f.Store, f.id)
	must(t, err)
	next := map[recording.Stream]int{}
	for _, rec := range collect(t, got.Records(t.Context())) {
		if rec.Stream == recording.Ended {
			continue
		}
		if want := fmt.Sprintf("%d,", next[rec.Stream]); string(rec.Data) != want {
			t.Fatalf("%s: %q, want %q", rec.Stream, rec.Data, want)
		}
		next[rec.Stream]++
	}
	if next[recording.Stdin] != 300 || next[recording.Stdout] != 300 || next[recording.Stderr] != 300 {
		t.Errorf("records %v", next)
	}
}

func TestFlushEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.opts.FlushEvery = 5 * time.Second
		r := f.start(t, f.Store)
		first := recording.SegmentKey(f.prefix(t), 1)
		must(t, r.Record(recording.Stdout, []byte("x")))
		time.Sleep(5*time.Second - 1)
		synctest.Wait()
		if _, err := f.Stat(t.Context(), first, ""); !errors.Is(err, objectstore.ErrNotFound) {
			t.Errorf("before its time: %v", err)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if _, err := f.Stat(t.Context(), first, ""); err != nil {
			t.Errorf("after its time: %v", err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := keys(t, f.Store, f.prefix(t)); len(got) != 2 {
			t.Errorf("an idle session wrote %q", got)
		}
		_, err := r.Close(t.Context(), completed())
		must(t, err)
	})
}

// hang makes a store whose segments wait for a gate.
func hang(store objectstore.Store, gate <-chan struct{}) objectstore.Store {
	return hooked{store, func(ctx context.Context, key string) error {
		if !strings.Contains(key, "segment") {
			return nil
		}
		select {
		case <-gate:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
}

func TestAStoreThatHangsIsBridgedByTheSpool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.opts.SegmentBytes = 10_000
		gate := make(chan struct{})
		r := f.start(t, hang(f.Store, gate))
		for range 200 {
			must(t, r.Record(recording.Stdout, make([]byte, 500)))
			must(t, r.Commit())
		}
		if f.spool.Used() < 100_000 {
			t.Errorf("the spool holds %d bytes", f.spool.Used())
		}
		close(gate)
		_, err := r.Close(t.Context(), completed())
		must(t, err)
		if m, err := recording.Load(t.Context(), f.Store, f.id); err != nil || m.Manifest.Totals[recording.Stdout].Bytes != 100_000 {
			t.Errorf("after the store came back: %+v, %v", m, err)
		}
		if left, err := f.spool.Leftovers(); err != nil || len(left) > 0 || f.spool.Used() != 0 {
			t.Errorf("the spool keeps %d bytes of %v: %v", f.spool.Used(), left, err)
		}
	})
}

func TestAFullSpoolEndsTheRecording(t *testing.T) {
	f := newFixture(t)
	f.opts.SegmentBytes = 10_000
	small, err := spool.Open(t.TempDir(), 40_000)
	must(t, err)
	f.spool = small
	gate := make(chan struct{})
	r := f.start(t, hang(f.Store, gate))
	passed := int64(0)
	for {
		err := r.Record(recording.Stdout, make([]byte, 500))
		if err == nil {
			err = r.Commit()
		}
		if err != nil {
			if !errors.Is(err, spool.ErrFull) {
				t.Errorf("got %v, want ErrFull", err)
			}
			break
		}
		passed += 500
	}
	<-r.Failed()
	close(gate)
	m, err := r.Close(t.Context(), completed())
	if !errors.Is(err, spool.ErrFull) || m.Outcome != recording.Aborted || m.Lost != 1 || m.Totals[recording.Stdout].Bytes != passed {
		t.Errorf("%d bytes passed; %v: %+v", passed, err, m)
	}
	if _, err := recording.Load(t.Context(), f.Store, f.id); err != nil {
		t.Error(err)
	}
}

func TestAnOutageIsToldAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		var told []error
		f.opts.Trouble = func(err error) { told = append(told, err) }
		fails := 3
		r := f.start(t, hooked{f.Store, func(_ context.Context, key string) error {
			if strings.Contains(key, "segment") && fails > 0 {
				fails--
				return errStore
			}
			return nil
		}})
		must(t, r.Record(recording.Stdout, []byte("x")))
		_, err := r.Close(t.Context(), completed())
		must(t, err)
		if len(told) != 2 || !errors.Is(told[0], errStore) || told[1] != nil {
			t.Errorf("told %v", told)
		}
	})
}

func TestStoredIsWhatTheStoreHas(t *testing.T) {
	f := newFixture(t)
	f.opts.Durability = recording.Stored
	r := f.start(t, f.Store)
	for i := range 3 {
		must(t, r.Record(recording.Stdout, fmt.Appendf(nil, "%d", i)))
		must(t, r.Commit())
		if _, err := f.Stat(t.Context(), recording.SegmentKey(f.prefix(t), i+1), ""); err != nil {
			t.Errorf("committed, and not stored: %v", err)
		}
	}
	_, err := r.Close(t.Context(), completed())
	must(t, err)
	_, err = recording.Load(t.Context(), f.Store, f.id)
	must(t, err)
}

// TestTheStricterDurabilityHolds is about what the grant asks for, in the open object, and what the gateway does.
func TestTheStricterDurabilityHolds(t *testing.T) {
	for name, tc := range map[string]struct{ opts, asked, want recording.Durability }{
		"if nobody says anything, then it is spooled":                    {"", "", recording.Spooled},
		"if the gateway spools and nothing is asked, then it is spooled": {recording.Spooled, "", recording.Spooled},
		"if the gateway spools and the store is asked, then it stores":   {recording.Spooled, recording.Stored, recording.Stored},
		"if the gateway stores and nothing is asked, then it stores":     {recording.Stored, "", recording.Stored},
		"if the gateway stores and the spool is asked, then it stores":   {recording.Stored, recording.Spooled, recording.Stored},
		"if both store, then it stores":                                  {recording.Stored, recording.Stored, recording.Stored},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.opts.Durability = tc.opts
			open := openObject(f.id)
			open.Durability = tc.asked
			r, err := recording.Start(t.Context(), f.Store, f.options(t), open)
			must(t, err)
			must(t, r.Record(recording.Stdout, []byte("x")))
			must(t, r.Commit())
			_, err = f.Stat(t.Context(), recording.SegmentKey(f.prefix(t), 1), "")
			if stored := err == nil; stored != (tc.want == recording.Stored) {
				t.Errorf("after Commit the store has the record: %t", stored)
			}
			_, err = r.Close(t.Context(), completed())
			must(t, err)
			got, err := recording.Load(t.Context(), f.Store, f.id)
			must(t, err)
			if got.Open.Durability != tc.want {
				t.Errorf("the recording says %q, want %q", got.Open.Durability, tc.want)
			}
		})
	}
	t.Run("if something unknown is asked, then nothing begins", func(t *testing.T) {
		f := newFixture(t)
		open := openObject(f.id)
		open.Durability = "Memory"
		if _, err := recording.Start(t.Context(), f.Store, f.options(t), open); err == nil || len(keys(t, f.Store, "")) != 0 {
			t.Errorf("Start: %v", err)
		}
	})
}

func TestARefusedSegmentEndsTheRecording(t *testing.T) {
	f := newFixture(t)
	f.opts.SegmentBytes = 1000
	second := recording.SegmentKey(f.prefix(t), 2)
	r := f.start(t, hooked{f.Store, func(_ context.Context, key string) error {
		if key >= second {
			return objectstore.ErrRefused
		}
		return nil
	}})
	for r.Record(recording.Stdout, make([]byte, 100)) == nil {
	}
	<-r.Failed()
	for range 2 {
		if err := r.Record(recording.Stdout, []byte("x")); !errors.Is(err, objectstore.ErrRefused) {
			t.Errorf("Record after the failure: %v, want the store's error", err)
		}
		if err := r.Commit(); !errors.Is(err, objectstore.ErrRefused) {
			t.Errorf("Commit after the failure: %v, want the store's error", err)
		}
	}
	m, err := r.Close(t.Context(), completed())
	if !errors.Is(err, objectstore.ErrRefused) || m.Outcome != recording.Aborted || len(m.Segments) != 1 || m.Lost == 0 {
		t.Errorf("Close: %v, manifest %+v", err, m)
	}
	got, err := recording.Load(t.Context(), f.Store, f.id)
	must(t, err)
	if got.State != recording.StateAborted || len(collect(t, got.Records(t.Context()))) != int(m.Records) {
		t.Errorf("loaded state %s", got.State)
	}
	if left, err := f.spool.Leftovers(); err != nil || len(left) != 1 {
		t.Errorf("what the store refused must stay in the spool: %v, %v", left, err)
	}
}

func TestAbortKeepsWhatIsRecorded(t *testing.T) {
	f := newFixture(t)
	r := f.start(t, f.Store)
	must(t, r.Record(recording.Stdout, []byte("never committed")))
	bug := errors.New("a bug")
	r.Abort(bug)
	<-r.Failed()
	if err := r.Record(recording.Stdout, []byte("x")); !errors.Is(err, bug) {
		t.Errorf("Record after Abort: %v, want why", err)
	}
	m, err := r.Close(t.Context(), recording.Exit{Reason: "internal-error"})
	if !errors.Is(err, bug) || m.Outcome != recording.Aborted || m.Fault != "a bug" || m.Lost != 0 || m.Exit.Reason != "internal-error" {
		t.Errorf("Close: %v, manifest %+v", err, m)
	}
	got, err := recording.Load(t.Context(), f.Store, f.id)
	must(t, err)
	if records := collect(t, got.Records(t.Context())); len(records) != 1 || got.State != recording.StateAborted {
		t.Errorf("loaded %s with %d records", got.State, len(records))
	}
	if left, err := f.spool.Leftovers(); err != nil || len(left) != 0 {
		t.Errorf("the spool has %q, %v", left, err)
	}
}

func TestCloseLeavesToTheSpoolWhatTheStoreDoesNotTake(t *testing.T) {
	f := newFixture(t)
	f.opts.SegmentBytes = 1000
	r := f.start(t, hang(f.Store, nil))
	for range 5 {
		must(t, r.Record(recording.Stdout, make([]byte, 1000)))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := r.Close(ctx, completed()); !errors.Is(err, recording.ErrPending) {
		t.Errorf("Close: %v, want ErrPending", err)
	}
	if got, err := recording.Load(t.Context(), f.Store, f.id); err != nil || got.State != recording.StateOpen {
		t.Errorf("state %v, %v, want open", got, err)
	}
	resume(t, f)
	got, err := recording.Load(t.Context(), f.Store, f.id)
	must(t, err)
	if got.State != recording.StateClosed || got.Manifest.Totals[recording.Stdout].Bytes != 5000 {
		t.Errorf("after Resume: %+v", got)
	}
}

func TestCloseHappensOnce(t *testing.T) {
	f := newFixture(t)
	r := f.start(t, f.Store)
	must(t, r.Record(recording.Stdout, []byte("x")))
	results := make([]recording.Manifest, 4)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			m, err := r.Close(t.Context(), recording.Exit{Reason: fmt.Sprint(i)})
			if err != nil {
				t.Error(err)
			}
			results[i] = m
		})
	}
	wg.Wait()
	for _, m := range results[1:] {
		if diff := cmp.Diff(results[0], m); diff != "" {
			t.Errorf("two closes differ:\n%s", diff)
		}
	}
	if results[0].Exit.Process != recording.ProcessUnknown {
		t.Errorf("process %q, want unknown", results[0].Exit.Process)
	}
	if err := r.Record(recording.Stdout, []byte("x")); !errors.Is(err, recording.ErrClosed) {
		t.Errorf("Record after Close: %v, want ErrClosed", err)
	}
	if err := r.Resize(1, 1); !errors.Is(err, recording.ErrClosed) {
		t.Errorf("Resize after Close: %v, want ErrClosed", err)
	}
}

func TestClockThatStepsBack(t *testing.T) {
	f := newFixture(t)
	r := f.start(t, f.Store)
	must(t, r.Record(recording.Stdout, []byte("a")))
	f.clock.now = noon.Add(-time.Hour)
	must(t, r.Record(recording.Stdout, []byte("b")))
	_, err := r.Close(t.Context(), completed())
	must(t, err)
	_, err = recording.Load(t.Context(), f.Store, f.id)
	must(t, err)
}
