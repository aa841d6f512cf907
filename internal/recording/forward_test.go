package recording_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-dev/sallyport/internal/asciicast"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

// TestConnectionsAreKeptApart records connections at the same time, and reads them back, also with a stranger's tools.
func TestConnectionsAreKeptApart(t *testing.T) {
	f := newFixture(t)
	f.opts.SegmentBytes = 600
	r := f.start(t, f.Store)
	var all sync.WaitGroup
	for id := range uint64(3) {
		all.Go(func() {
			must(t, r.ForwardEvent(id+1, recording.ForwardEvent{Event: recording.ForwardOpened, Port: 8080}))
			for i := range 5 {
				must(t, r.RecordForward(id+1, recording.ForwardIn, fmt.Appendf(nil, "in %d.%d\xff", id+1, i)))
				must(t, r.RecordForward(id+1, recording.ForwardOut, fmt.Appendf(nil, "out %d.%d;", id+1, i)))
			}
			must(t, r.ForwardEvent(id+1, recording.ForwardEvent{Event: recording.ForwardClosed, Port: 8080, Message: "over"}))
		})
	}
	all.Wait()
	must(t, r.Note("bye"))
	m, err := r.Close(t.Context(), completed())
	must(t, err)
	if err := r.RecordForward(1, recording.ForwardIn, []byte("late")); !errors.Is(err, recording.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	loaded, err := recording.Load(t.Context(), f.Store, f.id)
	must(t, err)
	got, want := map[string]string{}, map[string]string{}
	for _, rec := range collect(t, loaded.Records(t.Context())) {
		got[fmt.Sprint(rec.Stream, rec.Connection)] += string(rec.Data)
	}
	for id := 1; id <= 3; id++ {
		want[fmt.Sprint("forward", id)] = `{"event":"opened","port":8080}{"event":"closed","port":8080,"message":"over"}`
		for i := range 5 {
			want[fmt.Sprint("forward-in", id)] += fmt.Sprintf("in %d.%d\xff", id, i)
			want[fmt.Sprint("forward-out", id)] += fmt.Sprintf("out %d.%d;", id, i)
		}
	}
	want["note0"] = "bye"
	delete(got, "exit0")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if total := m.Totals[recording.ForwardIn]; total != (recording.Total{Records: 15, Bytes: 15 * 7}) {
		t.Errorf("totals %+v", m.Totals)
	}
	if out, err := run(t, "verify", f.bodies(t)); err != nil || out != "verified\n" {
		t.Errorf("verify: %q, %v", out, err)
	}
	if out, err := run(t, "forwarded", f.bodies(t)); err != nil || out != want["forward-out2"] {
		t.Errorf("forwarded: %q, %v", out, err)
	}
	var cast strings.Builder
	must(t, recording.Cast(t.Context(), &cast, loaded, asciicast.V3))
	if !strings.Contains(cast.String(), "connection 3 to port 8080 closed: over") || strings.Contains(cast.String(), "out 1.1") {
		t.Errorf("cast: %s", cast.String())
	}
}
