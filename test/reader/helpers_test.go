package reader_test

import (
	"bytes"
	"context"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/objectstore/memory"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/spool/spooltest"
	"github.com/sallyport-dev/sallyport/test/reader"
)

const session = "019d9d5c-7200-7001-8000-000000000000"

var noon = time.UnixMilli(0x019d9d5c7200).UTC()

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// failing is a store that takes a number of objects, and then refuses all but the manifest.
type failing struct {
	*memory.Store

	puts int
}

func (s *failing) PutNew(ctx context.Context, key string, body objectstore.Body, r objectstore.Retention) (objectstore.Version, error) {
	s.puts--
	if s.puts < 0 && path.Base(key) != "close.json" {
		return objectstore.Version{}, objectstore.ErrRefused
	}
	return s.Store.PutNew(ctx, key, body, r)
}

// record makes a recording with the product's own recorder, in a store that fails after some puts.
func record(tb testing.TB, puts int) (versions []reader.Version, sent map[string]string) {
	tb.Helper()
	var ticks atomic.Int64
	clock := func() time.Time { return noon.Add(time.Duration(ticks.Add(1)) * time.Millisecond) }
	// The store has a clock of its own: it puts beside the recorder, and two recordings of the same must be the same.
	store := &failing{memory.New(func() time.Time { return noon }), puts}
	rec, err := recording.Start(tb.Context(), store, recording.Options{
		Journal: spooltest.Journal(tb, spooltest.New(tb), session),
		Now:     clock, FlushEvery: time.Hour, SegmentBytes: 700,
		Retention: objectstore.Retention{Mode: objectstore.Compliance, Until: noon.Add(time.Hour)},
	}, recording.Open{
		Session: session, Recorder: "test", Action: "Exec", Namespace: "prod", Pod: "web-0", PodUID: "p", Container: "app",
		Subject: recording.Subject{Username: `dev"eloper`, Groups: []string{"devs"}}, Argv: []string{"sh"}, TTY: true,
		Grant: recording.Grant{Namespace: "prod", Name: "g", UID: "u", Digest: "d"}, MaskDigest: "m",
		MaskPolicies: []recording.PolicyRef{{Name: "all", UID: "u-all", Generation: 3}, {Name: "shop", UID: "u-shop", Generation: 1}},
		SecretValues: &recording.SecretValues{Mode: "WhereAllowed", Secrets: []recording.ReadSecret{
			{Name: "db", ResourceVersion: "1", State: "Known", KnownValues: recording.KnownValues{
				Values: 2, Ignored: []recording.IgnoredValue{{Key: "user", Why: "it is common"}},
			}},
		}, Environment: &recording.KnownValues{Values: 1}},
	})
	must(tb, err)
	sent = map[string]string{"resize": "100x30", "note": "ends soon"}
	write := func(stream recording.Stream, text string, hits ...mask.Hit) {
		if err := rec.Record(stream, []byte(text), hits...); err == nil {
			sent[string(stream)] += text
		} else if puts > 100 {
			tb.Fatal(err)
		}
	}
	must(tb, rec.Resize(100, 30))
	for range 4 {
		write(recording.Stdin, "typed\n")
		write(recording.Stdout, "half \xe4\xb8")
		write(recording.Stdout, "\x96 and \xff\x00")
		write(recording.Stderr, "\x1b[31m\"err\\or\u2028")
	}
	at := int64(len(sent["stdout"]))
	write(recording.Stdout, "key ****")
	write(recording.Stdout, "** end", mask.Hit{Rule: "rule", Offset: at + 4, Length: 6, Fingerprint: mask.Fingerprint{0xab, 7: 1}})
	changed := recording.SecretChange{Secret: &recording.ReadSecret{
		Name: "db", ResourceVersion: "2", State: "Known", KnownValues: recording.KnownValues{Values: 3, Cut: true},
	}}
	if err := rec.SecretChanged(changed); err != nil && puts > 100 {
		tb.Fatal(err)
	}
	sent["secret"] = `{"secret":{"name":"db","resourceVersion":"2","state":"Known","values":3,"cut":true}}`
	if err := rec.Note("ends soon"); err != nil && puts > 100 {
		tb.Fatal(err)
	}
	code := 3
	_, err = rec.Close(tb.Context(), recording.Exit{Code: &code, Reason: "failed", Message: "exit code 3", Process: recording.ProcessExited})
	if (err == nil) != (puts > 100) {
		tb.Fatalf("closing: %v", err)
	}
	return list(tb, store.Store), sent
}

func list(tb testing.TB, store *memory.Store) []reader.Version {
	tb.Helper()
	var versions []reader.Version
	for v, err := range store.List(tb.Context(), "", "") {
		must(tb, err)
		version := reader.Version{Key: v.Key, ID: v.ID, Marker: v.DeleteMarker}
		if !v.DeleteMarker {
			body, stat, err := store.Get(tb.Context(), v.Key, v.ID)
			must(tb, err)
			version.Data, version.Mode, version.Until = body, string(stat.Retention.Mode), stat.Retention.Until
		}
		versions = append(versions, version)
	}
	slices.Reverse(versions) // the oldest first
	return versions
}

// object returns the only version of the object of that name.
func object(versions []reader.Version, name string) *reader.Version {
	for i := range versions {
		if path.Base(versions[i].Key) == name {
			return &versions[i]
		}
	}
	return nil
}

// clone copies what a mutation may change.
func clone(versions []reader.Version) []reader.Version {
	copied := slices.Clone(versions)
	for i := range copied {
		copied[i].Data = bytes.Clone(copied[i].Data)
	}
	return copied
}

func segmentName(n int) string {
	return "segment-0000000" + string(rune('0'+n)) + ".ndjson.zst"
}

func segmentsOf(versions []reader.Version) int {
	n := 0
	for _, v := range versions {
		if strings.Contains(v.Key, "/segment-") {
			n++
		}
	}
	return n
}

func pack(tb testing.TB, text []byte) []byte {
	tb.Helper()
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	must(tb, err)
	defer func() { must(tb, encoder.Close()) }()
	return encoder.EncodeAll(text, nil)
}

func unpack(tb testing.TB, data []byte) []byte {
	tb.Helper()
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	must(tb, err)
	defer decoder.Close()
	text, err := decoder.DecodeAll(data, nil)
	must(tb, err)
	return text
}
