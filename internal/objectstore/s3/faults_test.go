package s3_test

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/objectstore/memory"
	"github.com/sallyport-dev/sallyport/internal/objectstore/s3"
)

func TestPutSaysEverythingInOneRequest(t *testing.T) {
	f, _ := newFake(t)
	body := make([]byte, objectstore.MaxObjectBytes) // the size at which libraries turn to multipart
	r := hour()
	f.options.CallTimeout = 10 * time.Minute // no attempt is the second on a slow machine
	if _, err := open(t, f.options).PutNew(t.Context(), "k", objectstore.NewBody(body), r); err != nil {
		t.Fatal(err)
	}
	if len(f.requests) != 1 {
		t.Fatalf("%d requests, want 1", len(f.requests))
	}
	got := f.requests[0]
	want := map[string]string{
		"If-None-Match":                       "*",
		"X-Amz-Object-Lock-Mode":              "COMPLIANCE",
		"X-Amz-Object-Lock-Retain-Until-Date": r.Rounded().Until.Format(time.RFC3339),
		"X-Amz-Content-Sha256":                objectstore.Sum(body),
	}
	for name, value := range want {
		if got.Header.Get(name) != value {
			t.Errorf("%s is %q, want %q", name, got.Header.Get(name), value)
		}
	}
	if got.Method != http.MethodPut || got.URL.RawQuery != "" || got.ContentLength != int64(len(body)) {
		t.Errorf("%s %s with length %d", got.Method, got.URL, got.ContentLength)
	}
}

func TestPutNewUnderFaults(t *testing.T) {
	t.Parallel()
	slow := answer(http.StatusServiceUnavailable, "SlowDown")
	tests := map[string]struct {
		faults []fault
		before string // an object that is there already
		err    error
		any    bool // any error
	}{
		"if the store slows down, then it is asked again":                  {faults: []fault{slow, answer(500, "InternalError"), answer(502, "")}},
		"if it always slows down, then the put fails":                      {faults: []fault{slow, slow, slow, slow, slow, slow}, any: true},
		"if the connection drops, then it is asked again":                  {faults: []fault{dropped, dropped}},
		"if the answer is lost, then the put has succeeded once":           {faults: []fault{doneThenDropped}},
		"if the answer is lost and the store slows down, then it succeeds": {faults: []fault{doneThenDropped, slow, slow}},
		"if two puts conflict, then it is asked again":                     {faults: []fault{answer(409, "ConditionalRequestConflict")}},
		"if the same object is there, then that is success":                {before: "body"},
		"if another object is there, then it stays":                        {before: "other", err: objectstore.ErrExists},
		"if another object of that length is there, then it stays":         {before: "ydob", err: objectstore.ErrExists},
		"if access is denied, then it is not asked again":                  {faults: []fault{answer(403, "AccessDenied"), hang}, any: true},
		"if one answer hangs, then another attempt is made":                {faults: []fault{hang}},
		"if the store hangs, then the call ends":                           {faults: []fault{hang, hang, hang, hang}, any: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, s := newFake(t, tc.faults...)
			if tc.before != "" {
				if _, err := f.store.PutNew(t.Context(), "k", objectstore.NewBody([]byte(tc.before)), hour()); err != nil {
					t.Fatal(err)
				}
			}
			r := hour()
			r.Until = r.Until.Add(-time.Minute)
			v, err := s.PutNew(t.Context(), "k", objectstore.NewBody([]byte("body")), r)
			if tc.any || tc.err != nil {
				if err == nil || (tc.err != nil && !errors.Is(err, tc.err)) {
					t.Errorf("PutNew: %v, want %v", err, tc.err)
				}
				return
			}
			if err != nil || v.ID == "" || v.SHA256 != objectstore.Sum([]byte("body")) {
				t.Fatalf("PutNew: %+v, %v", v, err)
			}
			versions := 0
			for range f.store.List(t.Context(), "", "") {
				versions++
			}
			if versions != 1 {
				t.Errorf("%d versions, want 1", versions)
			}
		})
	}
}

func TestReadsUnderFaults(t *testing.T) {
	for name, first := range map[string]fault{
		"if the body is cut short, then it is read again":     cutShort,
		"if the connection drops, then it is read again":      dropped,
		"if the store is out of order, then it is read again": answer(503, "ServiceUnavailable"),
	} {
		t.Run(name, func(t *testing.T) {
			f, s := newFake(t, first)
			if _, err := f.store.PutNew(t.Context(), "k", objectstore.NewBody([]byte("body")), hour()); err != nil {
				t.Fatal(err)
			}
			if body, _, err := s.Get(t.Context(), "k", ""); err != nil || string(body) != "body" {
				t.Errorf("Get = %q, %v", body, err)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewTLSServer(&fake{store: memory.New(time.Now)})
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	if err := os.WriteFile(ca, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		ca string
		ok bool
	}{
		"if the CA is known, then the put succeeds":         {ca, true},
		"if the CA is not known, then nothing is put there": {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := s3.New(s3.Options{Now: time.Now, Endpoint: server.URL, Bucket: "bucket", AccessKey: "a", SecretKey: "b", CAFile: tc.ca})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.PutNew(t.Context(), "k", objectstore.NewBody([]byte("x")), hour()); (err == nil) != tc.ok {
				t.Errorf("PutNew: %v", err)
			}
		})
	}
}

// TestNoVersionID is a store that takes lock headers and ignores them.
func TestNoVersionID(t *testing.T) {
	_, s := newFake(t, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		w.WriteHeader(http.StatusOK)
		return true
	})
	if _, err := s.PutNew(t.Context(), "k", objectstore.NewBody([]byte("x")), hour()); !errors.Is(err, objectstore.ErrNotLocked) {
		t.Errorf("PutNew: %v, want ErrNotLocked", err)
	}
}
