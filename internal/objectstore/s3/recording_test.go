package s3_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/minio/minio-go/v7"

	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/spool/spooltest"
)

// TestRecording keeps a recording on a real store, attacks it there as the
// bucket's owner, and reads it back.
func TestRecording(t *testing.T) {
	o, c := server(t)
	o.Bucket = bucket(t, c, "recording", true)
	store := open(t, o)
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	r, err := recording.Start(t.Context(), store, recording.Options{
		Now: time.Now, Retention: hour(), SegmentBytes: 64 << 10, Journal: spooltest.Journal(t, spooltest.New(t), id.String()),
	}, recording.Open{
		Session: id.String(), Subject: recording.Subject{Username: "developer"}, MaskDigest: "none",
	})
	if err != nil {
		t.Fatal(err)
	}
	var want int64
	for i := range 5000 {
		text := fmt.Appendf(nil, "line %d %x\n", i, i*i*i)
		want += int64(len(text))
		if err := r.Record(recording.Stdout, text); err != nil {
			t.Fatal(err)
		}
	}
	m, err := r.Close(t.Context(), recording.Exit{Reason: "completed"})
	if err != nil {
		t.Fatal(err)
	}
	second := m.Segments[1]
	if err := c.RemoveObject(t.Context(), o.Bucket, second.Key, minio.RemoveObjectOptions{VersionID: second.VersionID, GovernanceBypass: true}); err == nil {
		t.Error("a segment could be removed")
	}
	if err := c.RemoveObject(t.Context(), o.Bucket, second.Key, minio.RemoveObjectOptions{}); err != nil {
		t.Errorf("hiding a segment: %v", err)
	}
	got, err := recording.Load(t.Context(), store, id.String())
	if err != nil {
		t.Fatal(err)
	}
	if got.State != recording.StateClosed || got.Manifest.Totals[recording.Stdout].Bytes != want || len(got.Segments) < 5 {
		t.Errorf("state %s, totals %v, %d segments", got.State, got.Manifest.Totals, len(got.Segments))
	}
	if len(got.Findings) != 1 || got.Findings[0].Key != second.Key {
		t.Errorf("findings %+v, want the delete marker", got.Findings)
	}
	listed := 0
	for s, err := range recording.List(t.Context(), store, recording.ListOptions{From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour)}) {
		if err != nil || s.ID != id.String() || s.State != recording.StateClosed {
			t.Errorf("listed %+v, %v", s, err)
		}
		listed++
	}
	if listed != 1 {
		t.Errorf("%d recordings listed, want 1", listed)
	}
}
