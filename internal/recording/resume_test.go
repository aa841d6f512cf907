package recording_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/spool/spooltest"
)

func resume(t *testing.T, f *fixture) *recording.Recording {
	t.Helper()
	j, err := f.spool.Reopen(f.id)
	must(t, err)
	r, err := recording.Resume(t.Context(), f.Store, f.clock.Now, f.id, j)
	must(t, err)
	if left, err := f.spool.Leftovers(); err != nil || len(left) > 0 || f.spool.Used() != 0 {
		t.Errorf("the spool keeps %d bytes of %v: %v", f.spool.Used(), left, err)
	}
	return r
}

// died records three segments' worth of lines through a store, and dies after its last commit, leaving copies of the
// store and of the spool as a dead process does. It returns what was committed.
func died(t *testing.T, f *fixture, takes func(key string) bool) []byte {
	t.Helper()
	f.opts.SegmentBytes = 2000
	r := f.start(t, hooked{f.Store, func(ctx context.Context, key string) error {
		if takes(key) {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}})
	var committed []byte
	for i := range 60 {
		line := fmt.Appendf(nil, "line %d\n", i)
		must(t, r.Record(recording.Stdout, line))
		must(t, r.Commit())
		committed = append(committed, line...)
	}
	must(t, r.Record(recording.Stdout, []byte("never committed")))
	if first := recording.SegmentKey(f.prefix(t), 1); takes(first) {
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			if _, err := f.Stat(t.Context(), first, ""); err == nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the store does not get the first segment")
			}
		}
	}
	dead := filepath.Join(t.TempDir(), "dead")
	must(t, os.CopyFS(dead, os.DirFS(f.dir)))
	must(t, os.Chmod(dead, 0o700))
	t.Cleanup(func() {
		_, _ = r.Close(t.Context(), completed()) // whose end has come: it gives up at once
	})
	f.dir, f.spool = dead, spooltest.Open(t, dead)
	return committed
}

func stdout(t *testing.T, store objectstore.Store, id string) ([]byte, *recording.Recording) {
	t.Helper()
	got, err := recording.Load(t.Context(), store, id)
	must(t, err)
	var data []byte
	for _, rec := range collect(t, got.Records(t.Context())) {
		if rec.Stream == recording.Stdout {
			data = append(data, rec.Data...)
		}
	}
	return data, got
}

func TestResumeAfterDeath(t *testing.T) {
	for name, takes := range map[string]func(f *fixture) func(string) bool{
		"if the store had nothing, then all comes from the spool": func(*fixture) func(string) bool {
			return func(key string) bool { return strings.HasSuffix(key, "open.json") }
		},
		"if the store had the first segment, then the rest comes from the spool": func(f *fixture) func(string) bool {
			return func(key string) bool { return key <= recording.SegmentKey(f.prefix(t), 1) }
		},
		"if the store had all that was sealed, then the tail comes from the spool": func(*fixture) func(string) bool {
			return func(string) bool { return true }
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			committed := died(t, f, takes(f))
			r := resume(t, f)
			got, loaded := stdout(t, f.Store, f.id)
			if !bytes.Equal(got, committed) {
				t.Errorf("%d bytes were committed, %d are in the store", len(committed), len(got))
			}
			if loaded.State != recording.StateAborted || loaded.Manifest.Exit.Reason != recording.ReasonRecorderDied || len(loaded.Findings) > 0 {
				t.Errorf("%s, %+v, %v", loaded.State, loaded.Manifest, loaded.Findings)
			}
			if diff := cmp.Diff(r.Manifest, loaded.Manifest, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("manifest (-resumed +loaded):\n%s", diff)
			}
		})
	}
}

func TestResumeFinishesWhatAnEarlierResumeBegan(t *testing.T) {
	f := newFixture(t)
	committed := died(t, f, func(key string) bool { return strings.HasSuffix(key, "open.json") })
	for broken := range 4 {
		puts := 0
		store := hooked{f.Store, func(context.Context, string) error {
			if puts++; puts > broken {
				return errStore
			}
			return nil
		}}
		j, err := f.spool.Reopen(f.id)
		must(t, err)
		if _, err := recording.Resume(t.Context(), store, f.clock.Now, f.id, j); err == nil {
			break
		}
		j.Leave()
	}
	if left, _ := f.spool.Leftovers(); len(left) > 0 {
		resume(t, f)
	}
	if got, _ := stdout(t, f.Store, f.id); !bytes.Equal(got, committed) {
		t.Errorf("%d bytes were committed, %d are in the store", len(committed), len(got))
	}
}

func TestResumeWithoutTheSpool(t *testing.T) {
	f := newFixture(t)
	died(t, f, func(key string) bool { return key <= recording.SegmentKey(f.prefix(t), 1) })
	r, err := recording.Resume(t.Context(), f.Store, f.clock.Now, f.id, nil)
	must(t, err)
	if r.State != recording.StateAborted || r.Manifest.Exit.Reason != recording.ReasonSpoolLost || len(r.Segments) != 1 {
		t.Errorf("%+v", r.Manifest)
	}
	// The disk is found after all: what it holds goes to the store, below the manifest that said it was lost.
	resume(t, f)
	if _, loaded := stdout(t, f.Store, f.id); len(loaded.Segments) < 3 {
		t.Errorf("%d segments", len(loaded.Segments))
	}
}

func TestResumeWithoutTheSpoolByTwo(t *testing.T) {
	f := newFixture(t)
	died(t, f, func(key string) bool { return key <= recording.SegmentKey(f.prefix(t), 1) })
	first := true
	overtaken := hooked{f.Store, func(context.Context, string) error {
		if first {
			first = false
			_, err := recording.Resume(t.Context(), f.Store, f.clock.Now, f.id, nil)
			must(t, err)
		}
		return nil
	}}
	r, err := recording.Resume(t.Context(), overtaken, f.clock.Now, f.id, nil)
	must(t, err)
	if r.State != recording.StateAborted || r.Manifest == nil || r.Manifest.Exit.Reason != recording.ReasonSpoolLost {
		t.Errorf("who came second has %s, %+v", r.State, r.Manifest)
	}
}

func TestResumeOfASessionThatNeverBegan(t *testing.T) {
	f := newFixture(t)
	spooltest.Journal(t, f.spool, f.id).Leave()
	j, err := f.spool.Reopen(f.id)
	must(t, err)
	if _, err := recording.Resume(t.Context(), f.Store, f.clock.Now, f.id, j); !errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if left, err := f.spool.Leftovers(); err != nil || len(left) > 0 {
		t.Errorf("it is still there: %v, %v", left, err)
	}
}

func TestResumeTellsWhatTheDiskLost(t *testing.T) {
	for name, c := range map[string]struct {
		harm  func(t *testing.T, dir string)
		keeps bool
		fault string
	}{
		"if the last segment has a torn tail, then it is dropped": {func(t *testing.T, dir string) {
			appendTo(t, lastFile(t, dir), []byte("SPB1\x00\x00\x00\x10torn"))
		}, false, "the recorder died: all that passed is here"},
		"if a segment is missing, then the manifest says so": {func(t *testing.T, dir string) {
			must(t, os.Remove(filepath.Join(dir, "00000002")))
		}, true, "segment 2 is neither in the store nor in the spool"},
		"if a byte in the middle rots, then the manifest says so": {func(t *testing.T, dir string) {
			path := filepath.Join(dir, "00000001")
			b, err := os.ReadFile(path)
			must(t, err)
			b[len(b)/2] ^= 1
			must(t, os.WriteFile(path, b, 0o600))
		}, true, "segment 1 is damaged in the spool"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			died(t, f, func(key string) bool { return strings.HasSuffix(key, "open.json") })
			c.harm(t, filepath.Join(f.dir, f.id))
			j, err := f.spool.Reopen(f.id)
			must(t, err)
			r, err := recording.Resume(t.Context(), f.Store, f.clock.Now, f.id, j)
			if (err != nil) != c.keeps {
				t.Error(err)
			}
			j.Leave()
			if left, _ := f.spool.Leftovers(); (len(left) > 0) != c.keeps {
				t.Errorf("the spool keeps %v", left)
			}
			if r.State != recording.StateAborted || !strings.Contains(r.Manifest.Fault, c.fault) {
				t.Errorf("%s: %q", r.State, r.Manifest.Fault)
			}
			if _, err := recording.Load(t.Context(), f.Store, f.id); err != nil {
				t.Error(err)
			}
		})
	}
}

func lastFile(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	return filepath.Join(dir, entries[len(entries)-1].Name())
}

func appendTo(t *testing.T, path string, data []byte) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = file.Write(data)
	must(t, errors.Join(err, file.Close()))
}
