package objectstoretest

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

func testPut(t *testing.T, h Harness) {
	body := []byte("first light \x00\xff\n")
	want := h.hour().Rounded()
	v, err := h.Store.PutNew(t.Context(), h.key("put/a b+ü.json"), objectstore.NewBody(body), want)
	if err != nil {
		t.Fatal(err)
	}
	if v.ID == "" || v.Size != int64(len(body)) || v.SHA256 != objectstore.Sum(body) {
		t.Errorf("PutNew returned %+v", v)
	}
	for _, id := range []string{"", v.ID} {
		got, gv, err := h.Store.Get(t.Context(), v.Key, id)
		if err != nil || !bytes.Equal(got, body) {
			t.Fatalf("Get version %q = %q, %v", id, got, err)
		}
		sv, err := h.Store.Stat(t.Context(), v.Key, id)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range []objectstore.Version{gv, sv} {
			if x.ID != v.ID || x.Size != v.Size || x.SHA256 != v.SHA256 || x.Retention.Mode != want.Mode || !x.Retention.Until.Equal(want.Until) {
				t.Errorf("version %q is %+v, want %+v retained %+v", id, x, v, want)
			}
		}
	}
}

func testPutSame(t *testing.T, h Harness) {
	first := h.put(t, "same", "once")
	again, err := h.Store.PutNew(t.Context(), h.key("same"), objectstore.NewBody([]byte("once")), objectstore.Retention{
		Mode: objectstore.Compliance, Until: h.Now().Add(time.Minute),
	})
	if err != nil || again.ID != first.ID {
		t.Errorf("second PutNew = version %q, %v; want %q", again.ID, err, first.ID)
	}
}

func testPutOther(t *testing.T, h Harness) {
	h.put(t, "other", "this")
	for _, body := range []string{"that", "this too", "thi"} {
		if _, err := h.Store.PutNew(t.Context(), h.key("other"), objectstore.NewBody([]byte(body)), h.hour()); !errors.Is(err, objectstore.ErrExists) {
			t.Errorf("PutNew(%q) over another: %v, want ErrExists", body, err)
		}
	}
}

func testPutShorter(t *testing.T, h Harness) {
	h.put(t, "shorter", "same")
	longer := objectstore.Retention{Mode: objectstore.Compliance, Until: h.Now().Add(2 * time.Hour)}
	if _, err := h.Store.PutNew(t.Context(), h.key("shorter"), objectstore.NewBody([]byte("same")), longer); !errors.Is(err, objectstore.ErrNotLocked) {
		t.Errorf("PutNew with a longer retention than held: %v, want ErrNotLocked", err)
	}
}

func testPutMalformed(t *testing.T, h Harness) {
	ok := h.hour()
	tests := map[string]struct {
		key  string
		body []byte
		r    objectstore.Retention
	}{
		"if the key is empty, then it is refused":                {"", []byte("x"), ok},
		"if the body is empty, then it is refused":               {h.key("bad"), nil, ok},
		"if the body is above the bound, then it is refused":     {h.key("bad"), make([]byte, objectstore.MaxObjectBytes+1), ok},
		"if there is no retention, then it is refused":           {h.key("bad"), []byte("x"), objectstore.Retention{}},
		"if the retention has no end, then it is refused":        {h.key("bad"), []byte("x"), objectstore.Retention{Mode: ok.Mode}},
		"if the retention has ended already, then it is refused": {h.key("bad"), []byte("x"), objectstore.Retention{Mode: ok.Mode, Until: h.Now().Add(-time.Hour)}},
		"if the mode is unknown, then it is refused":             {h.key("bad"), []byte("x"), objectstore.Retention{Mode: "compliance", Until: ok.Until}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if v, err := h.Store.PutNew(t.Context(), tc.key, objectstore.NewBody(tc.body), tc.r); err == nil {
				t.Errorf("PutNew succeeded: %+v", v)
			}
		})
	}
	if _, err := h.Store.Stat(t.Context(), h.key("bad"), ""); !errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("a refused put left something: %v", err)
	}
}

func testPutRace(t *testing.T, h Harness) {
	const writers = 8
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			_, errs[i] = h.Store.PutNew(t.Context(), h.key("race"), objectstore.NewBody(fmt.Appendf(nil, "writer %d", i)), h.hour())
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, objectstore.ErrExists) {
			t.Errorf("a loser got %v, want ErrExists", err)
		}
	}
	if versions := list(t, h, "race", ""); won != 1 || len(versions) != 1 {
		t.Errorf("%d writers won and left %d versions, want 1 and 1", won, len(versions))
	}
}

func testPutLargest(t *testing.T, h Harness) {
	body := bytes.Repeat([]byte("0123456789abcdef"), objectstore.MaxObjectBytes/16)
	if _, err := h.Store.PutNew(t.Context(), h.key("largest"), objectstore.NewBody(body), h.hour()); err != nil {
		t.Fatal(err)
	}
	body[0] = 'X'
	if _, err := h.Store.PutNew(t.Context(), h.key("largest"), objectstore.NewBody(body), h.hour()); !errors.Is(err, objectstore.ErrExists) {
		t.Errorf("a second large put: %v, want ErrExists", err)
	}
	if got := list(t, h, "largest", ""); len(got) != 1 {
		t.Errorf("%d versions, want 1", len(got))
	}
}
