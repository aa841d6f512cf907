package objectstoretest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

func testAbsent(t *testing.T, h Harness) {
	v := h.put(t, "present", "x")
	absent := map[string]struct{ key, version string }{
		"if the key is absent, then it is not found":              {h.key("absent"), ""},
		"if the version belongs to another, then it is not found": {h.key("absent"), v.ID},
	}
	for name, tc := range absent {
		t.Run(name, func(t *testing.T) {
			if _, _, err := h.Store.Get(t.Context(), tc.key, tc.version); !errors.Is(err, objectstore.ErrNotFound) {
				t.Errorf("Get: %v, want ErrNotFound", err)
			}
			if _, err := h.Store.Stat(t.Context(), tc.key, tc.version); !errors.Is(err, objectstore.ErrNotFound) {
				t.Errorf("Stat: %v, want ErrNotFound", err)
			}
		})
	}
}

func testRemove(t *testing.T, h Harness) {
	v := h.put(t, "remove", "stay")
	if err := h.Remove(t.Context(), v.Key, v.ID); err == nil {
		t.Error("a retained version was removed")
	}
	if body, _, err := h.Store.Get(t.Context(), v.Key, v.ID); err != nil || string(body) != "stay" {
		t.Errorf("Get after the attempt = %q, %v", body, err)
	}
}

func testHidden(t *testing.T, h Harness) {
	v := h.put(t, "hidden", "below")
	if err := h.Remove(t.Context(), v.Key, ""); err != nil {
		t.Fatalf("placing a delete marker: %v", err)
	}
	if _, _, err := h.Store.Get(t.Context(), v.Key, ""); !errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("Get of the latest: %v, want ErrNotFound", err)
	}
	if body, _, err := h.Store.Get(t.Context(), v.Key, v.ID); err != nil || string(body) != "below" {
		t.Errorf("Get of the version = %q, %v", body, err)
	}
	got := list(t, h, "hidden", "")
	if len(got) != 2 || !got[0].DeleteMarker || !got[0].Latest || got[1].ID != v.ID || got[1].DeleteMarker || got[1].Latest {
		t.Errorf("listed %+v, want a marker over version %s", got, v.ID)
	}
	if _, _, err := h.Store.Get(t.Context(), v.Key, got[0].ID); !errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("Get of the marker: %v, want ErrNotFound", err)
	}
}

func testOverwritten(t *testing.T, h Harness) {
	v := h.put(t, "over", "written first")
	if err := h.Overwrite(t.Context(), v.Key, []byte("written later")); err != nil {
		t.Fatalf("putting a newer version: %v", err)
	}
	if body, _, err := h.Store.Get(t.Context(), v.Key, v.ID); err != nil || string(body) != "written first" {
		t.Errorf("Get of the first version = %q, %v", body, err)
	}
	got := list(t, h, "over", "")
	if len(got) != 2 || got[1].ID != v.ID || got[1].Latest || !got[0].Latest {
		t.Errorf("listed %+v, want two versions, the first last", got)
	}
}

func list(t *testing.T, h Harness, prefix, after string) []objectstore.Version {
	t.Helper()
	if after != "" {
		after = h.key(after)
	}
	var all []objectstore.Version
	for v, err := range h.Store.List(t.Context(), h.key(prefix), after) {
		if err != nil {
			t.Fatalf("List: %v", err)
		}
		all = append(all, v)
	}
	return all
}

func names(h Harness, versions []objectstore.Version) []string {
	var all []string
	for _, v := range versions {
		all = append(all, strings.TrimPrefix(v.Key, h.Prefix))
	}
	return all
}

func testList(t *testing.T, h Harness) {
	for _, name := range []string{"list/c", "list/a/2", "list/a/1", "list/b", "list-not"} {
		h.put(t, name, name)
	}
	if diff := cmp.Diff([]string{"list/a/1", "list/a/2", "list/b", "list/c"}, names(h, list(t, h, "list/", ""))); diff != "" {
		t.Errorf("all (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"list/b", "list/c"}, names(h, list(t, h, "list/", "list/a/2"))); diff != "" {
		t.Errorf("after a key (-want +got):\n%s", diff)
	}
	for v, err := range h.Store.List(t.Context(), h.key("list/b"), "") {
		if err != nil || v.Size != int64(len("list/b")) || v.ID == "" || !v.Latest || v.Modified.IsZero() {
			t.Errorf("listed %+v, %v", v, err)
		}
		break
	}
	if got := list(t, h, "list/nothing", ""); len(got) != 0 {
		t.Errorf("listed %d versions of nothing", len(got))
	}
}

func testListLong(t *testing.T, h Harness) {
	const keys = 1003 // a page of S3 holds 1000
	work := make(chan int)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range work {
				if _, err := h.Store.PutNew(t.Context(), h.key(fmt.Sprintf("long/%04d", i)), objectstore.NewBody([]byte("x")), h.hour()); err != nil {
					t.Errorf("PutNew: %v", err)
				}
			}
		})
	}
	for i := range keys {
		work <- i
	}
	close(work)
	wg.Wait()
	got := list(t, h, "long/", "")
	for i, v := range got {
		if want := h.key(fmt.Sprintf("long/%04d", i)); v.Key != want {
			t.Fatalf("entry %d is %q, want %q", i, v.Key, want)
		}
	}
	if len(got) != keys {
		t.Errorf("listed %d keys, want %d", len(got), keys)
	}
}

func testContext(t *testing.T, h Harness) {
	v := h.put(t, "context", "x")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Store.PutNew(ctx, h.key("context-new"), objectstore.NewBody([]byte("x")), h.hour()); !errors.Is(err, context.Canceled) {
		t.Errorf("PutNew: %v, want context.Canceled", err)
	}
	if _, _, err := h.Store.Get(ctx, v.Key, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("Get: %v, want context.Canceled", err)
	}
	for _, err := range h.Store.List(ctx, h.key("context"), "") {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("List: %v, want context.Canceled", err)
		}
	}
	if _, err := h.Store.Stat(t.Context(), h.key("context-new"), ""); !errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("the cancelled put left something: %v", err)
	}
}

func testProbe(t *testing.T, h Harness) {
	for range 2 { // a second start must find it fit as well
		if err := h.Store.Probe(t.Context()); err != nil {
			t.Errorf("Probe: %v", err)
		}
	}
}
