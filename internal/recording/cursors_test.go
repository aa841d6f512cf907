package recording_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/spool/spooltest"
)

// channel is what a test knows of one stream: what was recorded, and how many bytes have passed.
type channel struct {
	stream     recording.Stream
	connection uint64
	recorded   []byte
	passed     int
}

func (c *channel) record(t *testing.T, r *recording.Recorder, n int) {
	t.Helper()
	data := bytes.Repeat([]byte("x"), n)
	c.recorded = append(c.recorded, data...)
	if c.connection > 0 {
		must(t, r.RecordForward(c.connection, c.stream, data))
		return
	}
	must(t, r.Record(c.stream, data))
}

func (c *channel) ahead(r *recording.Recorder, n int) {
	c.passed = len(c.recorded) + n
	if c.connection > 0 {
		r.AheadForward(c.connection, c.stream, n)
		return
	}
	r.Ahead(c.stream, n)
}

// has checks that a recording has of the stream what was recorded, then what had passed, as asterisks.
func (c *channel) has(t *testing.T, records []recording.Record) {
	t.Helper()
	var got []byte
	var hits []mask.Hit
	for _, rec := range records {
		if rec.Stream == c.stream && rec.Connection == c.connection {
			got = append(got, rec.Data...)
			hits = append(hits, rec.Hits...)
		}
	}
	pending := max(0, c.passed-len(c.recorded))
	want := append(bytes.Clone(c.recorded), strings.Repeat("*", pending)...)
	if !bytes.Equal(got, want) {
		t.Errorf("%s of connection %d: %q, want %q", c.stream, c.connection, got, want)
	}
	var marks []mask.Hit
	if pending > 0 {
		marks = []mask.Hit{{Rule: recording.RuleUndecided, Offset: int64(len(c.recorded)), Length: int64(pending)}}
	}
	if diff := cmp.Diff(marks, hits); diff != "" {
		t.Errorf("%s of connection %d (-want +got):\n%s", c.stream, c.connection, diff)
	}
}

// unforgetting is a journal whose process dies before it can forget a segment.
type unforgetting struct{ recording.Journal }

func (unforgetting) Release(int) error { return nil }

// TestNothingIsLostOrDoubled kills a recorder after a random run of what a session does, and resumes, as often as it takes.
func TestNothingIsLostOrDoubled(t *testing.T) {
	for name, world := range map[string]func(f *fixture, opts *recording.Options) func(string) bool{
		"if the store has taken nothing, then all comes from the spool": func(*fixture, *recording.Options) func(string) bool {
			return func(key string) bool { return strings.HasSuffix(key, "open.json") }
		},
		"if it has taken what was sealed, then the rest comes from the spool": func(*fixture, *recording.Options) func(string) bool {
			return func(string) bool { return true }
		},
		"if that was not forgotten, then it is not stored twice": func(_ *fixture, opts *recording.Options) func(string) bool {
			opts.Journal = unforgetting{opts.Journal}
			return func(string) bool { return true }
		},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(30) {
				synctest.Test(t, func(t *testing.T) { dies(t, rand.New(rand.NewPCG(seed, 0)), world) })
			}
		})
	}
}

func dies(t *testing.T, chance *rand.Rand, world func(*fixture, *recording.Options) func(string) bool) {
	f := newFixture(t)
	f.opts.SegmentBytes, f.opts.FlushEvery = 500+chance.IntN(2000), time.Second
	opts := f.options(t)
	takes := world(f, &opts)
	store := hooked{f.Store, func(ctx context.Context, key string) error {
		if takes(key) {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}}
	r, err := recording.Start(t.Context(), store, opts, openObject(f.id))
	must(t, err)
	all := []*channel{
		{stream: recording.Stdout}, {stream: recording.Stdin}, {stream: recording.ForwardIn, connection: 1}, {stream: recording.ForwardIn, connection: 2},
	}
	for range chance.IntN(60) {
		c := all[chance.IntN(len(all))]
		switch chance.IntN(5) {
		case 0:
			c.ahead(r, chance.IntN(40))
		case 1, 2:
			c.record(t, r, chance.IntN(40))
		case 3: // what has passed becomes the record's, and more passes
			c.record(t, r, max(0, c.passed-len(c.recorded)))
			c.ahead(r, chance.IntN(40))
		default:
			time.Sleep(time.Duration(chance.IntN(1500)) * time.Millisecond)
		}
		if chance.IntN(2) == 0 {
			must(t, r.Commit())
		}
	}
	must(t, r.Commit())
	synctest.Wait()
	dead := filepath.Join(t.TempDir(), "dead")
	must(t, os.CopyFS(dead, os.DirFS(f.dir)))
	must(t, os.Chmod(dead, 0o700))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	defer func() { _, _ = r.Close(ended, completed()) }() // it gives up at once
	f.dir, f.spool = dead, spooltest.Open(t, dead)

	again(t, f)
	got, err := recording.Load(t.Context(), f.Store, f.id)
	must(t, err)
	records := collect(t, got.Records(t.Context()))
	for _, c := range all {
		c.has(t, records)
	}
	if got.State != recording.StateAborted || !got.Manifest.Whole {
		t.Errorf("%s, %+v", got.State, got.Manifest)
	}
}

// again resumes, and dies at each of its PUTs first.
func again(t *testing.T, f *fixture) {
	t.Helper()
	for alive := 0; ; alive++ {
		puts := 0
		store := hooked{f.Store, func(context.Context, string) error {
			if puts++; puts > alive {
				return errStore
			}
			return nil
		}}
		j, err := f.spool.Reopen(f.id)
		must(t, err)
		_, err = recording.Resume(t.Context(), store, f.clock.Now, f.id, j)
		if err == nil {
			return
		}
		if !errors.Is(err, errStore) {
			t.Fatal(err)
		}
		j.Leave()
	}
}

func TestWhatIsAheadAtTheEndIsRecordedAsAsterisks(t *testing.T) {
	for name, end := range map[string]func(*recording.Recorder){
		"if the session ends, then the exit follows it":                func(*recording.Recorder) {},
		"if the gateway fails inside, then it is in what is kept":      func(r *recording.Recorder) { r.Abort(errors.New("a bug")) },
		"if it was recorded in the end, then there are no asterisks":   nil,
		"if it did not pass after all, then there are no asterisks":    func(r *recording.Recorder) { r.Ahead(recording.Stdin, 0) },
		"if more is ahead than a record holds, then there are several": func(r *recording.Recorder) { r.Ahead(recording.Stdin, 70000) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			r := f.start(t, f.Store)
			must(t, r.Record(recording.Stdin, []byte("abc")))
			r.Ahead(recording.Stdin, 5)
			must(t, r.Commit())
			want := "abc*****"
			if end != nil {
				end(r)
			} else {
				must(t, r.Record(recording.Stdin, []byte("defgh")))
				want = "abcdefgh"
			}
			_, _ = r.Close(t.Context(), completed())
			got, err := recording.Load(t.Context(), f.Store, f.id)
			must(t, err)
			var data []byte
			for _, rec := range collect(t, got.Records(t.Context())) {
				if rec.Stream == recording.Stdin {
					data = append(data, rec.Data...)
				}
			}
			switch {
			case strings.Contains(name, "did not pass"):
				want = "abc"
			case strings.Contains(name, "several"):
				want = "abc" + strings.Repeat("*", 70000)
			}
			if string(data) != want {
				t.Errorf("%d bytes %.80q, want %d %.80q", len(data), data, len(want), want)
			}
		})
	}
}

// TestACommitOfANumberAloneIsDurable: a number needs no record to be worth a write.
func TestACommitOfANumberAloneIsDurable(t *testing.T) {
	f := newFixture(t)
	r := f.start(t, f.Store)
	journal := func() []byte {
		data, err := os.ReadFile(filepath.Join(f.dir, f.id, "00000001"))
		must(t, err)
		return data
	}
	r.Ahead(recording.Stdin, 5)
	must(t, r.Commit())
	if !bytes.Contains(journal(), []byte("+stdin 0 5\n")) {
		t.Errorf("the journal holds %q", journal())
	}
	before := len(journal())
	r.Ahead(recording.Stdin, 5)
	must(t, r.Commit())
	if len(journal()) != before {
		t.Error("the same number was written twice")
	}
	_, err := r.Close(t.Context(), completed())
	must(t, err)
}

func TestHitsAreInTheRecordsTheyEndIn(t *testing.T) {
	f := newFixture(t)
	r := f.start(t, f.Store)
	finger := mask.Fingerprint{0xab, 7: 1}
	var hits []mask.Hit
	must(t, r.Record(recording.Stdout, []byte("xy")))
	const secrets = 20000
	for i := range secrets {
		hits = append(hits, mask.Hit{Rule: fmt.Sprint("rule ", i%3), Offset: int64(2 + 10*i), Length: 10, Fingerprint: finger})
	}
	hits[0], hits[secrets-1] = hits[secrets-1], hits[0]
	must(t, r.Record(recording.Stdout, bytes.Repeat([]byte{'*'}, 10*secrets), hits...))
	_, err := r.Close(t.Context(), completed())
	must(t, err)
	got, err := recording.Load(t.Context(), f.Store, f.id)
	must(t, err)
	at, found := int64(0), 0
	for _, rec := range collect(t, got.Records(t.Context())) {
		if rec.Stream != recording.Stdout {
			continue
		}
		end := at + int64(len(rec.Data))
		for _, h := range rec.Hits {
			if last := h.Offset + h.Length; last <= at || last > end || h.Fingerprint != finger {
				t.Fatalf("%+v is in the record of bytes %d to %d", h, at, end)
			}
		}
		if len(rec.Hits) > 1024 {
			t.Errorf("a record has %d", len(rec.Hits))
		}
		at, found = end, found+len(rec.Hits)
	}
	if at != 2+10*secrets || found != secrets {
		t.Errorf("%d bytes with %d secrets", at, found)
	}
}
