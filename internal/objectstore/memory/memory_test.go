package memory_test

import (
	"context"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/objectstore/memory"
	"github.com/sallyport-dev/sallyport/internal/objectstore/objectstoretest"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestConformance(t *testing.T) {
	now := func() time.Time { return noon }
	s := memory.New(now)
	objectstoretest.Run(t, objectstoretest.Harness{
		Store: s, Now: now, Prefix: "suite/",
		Remove: func(_ context.Context, key, versionID string) error { return s.Remove(key, versionID) },
		Overwrite: func(_ context.Context, key string, body []byte) error {
			s.Overwrite(key, body)
			return nil
		},
	})
}

func TestRetentionEnds(t *testing.T) {
	now := noon
	s := memory.New(func() time.Time { return now })
	v, err := s.PutNew(t.Context(), "k", objectstore.NewBody([]byte("x")), objectstore.Retention{Mode: objectstore.Compliance, Until: noon.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	now = noon.Add(time.Hour - time.Second)
	if err := s.Remove("k", v.ID); err == nil {
		t.Error("removed a second before the retention's end")
	}
	now = noon.Add(time.Hour)
	if err := s.Remove("k", v.ID); err != nil {
		t.Errorf("after the retention's end: %v", err)
	}
}
