package recording_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

var seen = cmpopts.IgnoreUnexported(recording.Recording{})

func (f *fixture) bodies(tb testing.TB) map[string][]byte {
	tb.Helper()
	all := map[string][]byte{}
	for _, key := range keys(tb, f.Store, f.prefix(tb)) {
		body, _, err := f.Get(tb.Context(), key, "")
		must(tb, err)
		all[key] = body
	}
	return all
}

// TestNoFlippedBitGoesUnseen flips one bit of every byte of every object. A
// reader must refuse, or report, or have read the very same (a flip can turn a
// JSON key into one that means the same).
func TestNoFlippedBitGoesUnseen(t *testing.T) {
	f := newFixture(t)
	f.sample(t)
	want, err := recording.Load(t.Context(), f.Store, f.id)
	must(t, err)
	for key, body := range f.bodies(t) {
		refused := 0
		for i := range body {
			flipped := bytes.Clone(body)
			flipped[i] ^= 1 << (i % 8)
			f.Corrupt(key, flipped)
			got, err := recording.Load(t.Context(), f.Store, f.id)
			var fault *recording.Fault
			switch {
			case errors.As(err, &fault):
				refused++
			case err != nil:
				t.Fatalf("%s byte %d: %v is no fault", key, i, err)
			case len(got.Findings) == 0 && !cmp.Equal(want, got, seen):
				t.Errorf("%s byte %d: unseen: %s", key, i, cmp.Diff(want, got, seen))
			}
		}
		if share := float64(refused) / float64(len(body)); share < 0.5 {
			t.Errorf("%s: only %.0f %% of the flips were refused", key, 100*share)
		}
		f.Corrupt(key, body)
	}
}

func TestTampering(t *testing.T) {
	second := func(f *fixture) string {
		prefix, _ := recording.Prefix(f.id)
		return recording.SegmentKey(prefix, 2)
	}
	tests := map[string]struct {
		tamper func(t *testing.T, f *fixture, objects map[string][]byte)
		fault  string // part of the fault; empty if the recording must still verify
		report string // part of a finding
	}{
		"if a segment is lost, then it is named": {func(_ *testing.T, f *fixture, _ map[string][]byte) {
			f.Corrupt(second(f), nil)
		}, "segment-00000002.ndjson.zst: it is missing", ""},
		"if the open object is lost, then it is named": {func(t *testing.T, f *fixture, _ map[string][]byte) {
			f.Corrupt(recording.OpenKey(f.prefix(t)), nil)
		}, "open.json: it is missing", ""},
		"if two segments are swapped, then it is seen": {func(t *testing.T, f *fixture, o map[string][]byte) {
			first := recording.SegmentKey(f.prefix(t), 1)
			f.Corrupt(first, o[second(f)])
			f.Corrupt(second(f), o[first])
		}, "segment-00000001.ndjson.zst: SHA-256", ""},
		"if a segment is cut, then it is seen": {func(_ *testing.T, f *fixture, o map[string][]byte) {
			f.Corrupt(second(f), o[second(f)][:len(o[second(f)])/2])
		}, "segment-00000002.ndjson.zst: SHA-256", ""},
		"if a segment comes from another session, then it is seen": {func(t *testing.T, f *fixture, o map[string][]byte) {
			other := newFixture(t)
			other.id = sessionID(noon, 2)
			other.sample(t)
			f.Corrupt(second(f), other.bodies(t)[second(other)])
		}, "segment-00000002.ndjson.zst: SHA-256", ""},
		"if the manifest is of another session, then it is seen": {func(t *testing.T, f *fixture, o map[string][]byte) {
			other := newFixture(t)
			other.id = sessionID(noon, 2)
			other.sample(t)
			f.Corrupt(recording.CloseKey(f.prefix(t)), other.bodies(t)[recording.CloseKey(other.prefix(t))])
		}, "close.json: it belongs to session", ""},
		"if the manifest forgets a segment, then it is seen": {func(t *testing.T, f *fixture, o map[string][]byte) {
			body := string(o[recording.CloseKey(f.prefix(t))])
			i, j := strings.LastIndex(body, `,{"key"`), strings.Index(body, `],"head"`)
			f.Corrupt(recording.CloseKey(f.prefix(t)), []byte(body[:i]+body[j:]))
		}, "the manifest does not list it", ""},
		"if a segment is added, then it is seen": {func(t *testing.T, f *fixture, o map[string][]byte) {
			n := len(o) - 1
			_, err := f.PutNew(t.Context(), recording.SegmentKey(f.prefix(t), n), objectstore.NewBody([]byte("x")), retention())
			must(t, err)
		}, "the manifest does not list it", ""},
		"if the manifest is hidden, then it still counts": {func(t *testing.T, f *fixture, _ map[string][]byte) {
			must(t, f.Remove(recording.CloseKey(f.prefix(t)), ""))
		}, "", "a delete marker hides it"},
		"if a segment is put over, then the first counts": {func(_ *testing.T, f *fixture, _ map[string][]byte) {
			f.Overwrite(second(f), []byte("nothing to see"))
		}, "", "put over an older version"},
		"if a strange object lies there, then it is reported": {func(t *testing.T, f *fixture, _ map[string][]byte) {
			f.Overwrite(f.prefix(t)+"segment-1", []byte("x"))
		}, "", "does not belong"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.sample(t)
			tc.tamper(t, f, f.bodies(t))
			got, err := recording.Load(t.Context(), f.Store, f.id)
			var fault *recording.Fault
			if tc.fault != "" {
				if !errors.As(err, &fault) || !strings.Contains(err.Error(), tc.fault) {
					t.Errorf("Load: %v, want a fault with %q", err, tc.fault)
				}
				return
			}
			must(t, err)
			if len(got.Findings) != 1 || !strings.Contains(got.Findings[0].Problem, tc.report) {
				t.Errorf("findings %+v, want one with %q", got.Findings, tc.report)
			}
		})
	}
}

func TestSegmentsWithoutManifest(t *testing.T) {
	tests := map[string]struct {
		tamper func(f *fixture, prefix string, o map[string][]byte)
		fault  string
	}{
		"if the recording is cut off, then what is there verifies": {func(*fixture, string, map[string][]byte) {}, ""},
		"if a segment in the middle is lost, then it is seen": {func(f *fixture, prefix string, _ map[string][]byte) {
			f.Corrupt(recording.SegmentKey(prefix, 2), nil)
		}, "it is missing"},
		"if a segment is replaced, then the chain breaks": {func(f *fixture, prefix string, o map[string][]byte) {
			f.Corrupt(recording.SegmentKey(prefix, 2), o[recording.SegmentKey(prefix, 1)])
		}, "it is segment 1"},
		"if the open object is replaced, then the chain breaks": {func(f *fixture, prefix string, o map[string][]byte) {
			f.Corrupt(recording.OpenKey(prefix), bytes.Replace(o[recording.OpenKey(prefix)], []byte("web-0"), []byte("web-1"), 1))
		}, "it follows an open object"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.sample(t)
			f.Corrupt(recording.CloseKey(f.prefix(t)), nil)
			tc.tamper(f, f.prefix(t), f.bodies(t))
			got, err := recording.Load(t.Context(), f.Store, f.id)
			if tc.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tc.fault) {
					t.Errorf("Load: %v, want %q", err, tc.fault)
				}
				return
			}
			must(t, err)
			if got.State != recording.StateOpen || got.Manifest != nil || len(got.Segments) < 3 {
				t.Errorf("state %s, %d segments", got.State, len(got.Segments))
			}
		})
	}
}

func TestLoadOfNothing(t *testing.T) {
	f := newFixture(t)
	if _, err := recording.Load(t.Context(), f.Store, f.id); !errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("Load: %v, want ErrNotFound", err)
	}
	if _, err := recording.Load(t.Context(), f.Store, "nonsense"); err == nil {
		t.Error("a malformed id was looked for")
	}
}

func TestLoadReportsWeakRetention(t *testing.T) {
	f := newFixture(t)
	f.sample(t)
	copied := newFixture(t)
	short := retention()
	short.Until = noon.Add(2 * 60 * 60 * 1e9)
	for key, body := range f.bodies(t) {
		_, err := copied.PutNew(t.Context(), key, objectstore.NewBody(body), short)
		must(t, err)
	}
	got, err := recording.Load(t.Context(), copied.Store, f.id)
	must(t, err)
	weak := 0
	for _, finding := range got.Findings {
		if strings.Contains(finding.Problem, "not retained") {
			weak++
		}
	}
	if want := len(f.bodies(t)); weak != want {
		t.Errorf("%d of %d weak retentions were reported: %s", weak, want, fmt.Sprint(got.Findings))
	}
}
