package s3_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/objectstore/memory"
	"github.com/sallyport-dev/sallyport/internal/objectstore/s3"
)

// fault answers a request in place of the store, or reports false. It may also
// let the store work and spoil the answer.
type fault func(w http.ResponseWriter, r *http.Request, store http.Handler) bool

// fake is as much of S3 as PutNew, Get and Stat use, with faults to come first.
type fake struct {
	store   *memory.Store
	options s3.Options // of a Store on it

	mu       sync.Mutex
	faults   []fault
	requests []*http.Request
}

func newFake(t *testing.T, faults ...fault) (*fake, *s3.Store) {
	t.Helper()
	f := &fake{store: memory.New(time.Now), faults: faults}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.options = s3.Options{
		Now: time.Now, Endpoint: server.URL, Bucket: "bucket", AccessKey: "a", SecretKey: "b",
		CallTimeout: 4 * time.Second, Attempts: 4,
	}
	return f, open(t, f.options)
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.requests = append(f.requests, r)
	var first fault
	if len(f.faults) > 0 {
		first, f.faults = f.faults[0], f.faults[1:]
	}
	f.mu.Unlock()
	if first == nil || !first(w, r, http.HandlerFunc(f.serve)) {
		f.serve(w, r)
	}
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.URL.Path, "/bucket/")
	if r.Method == http.MethodPut {
		f.put(w, r, key)
		return
	}
	body, v, err := f.store.Get(r.Context(), key, r.URL.Query().Get("versionId"))
	if err != nil {
		refuse(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	describe(w.Header(), v)
	if r.Method == http.MethodGet {
		_, _ = w.Write(body)
	}
}

func (f *fake) put(w http.ResponseWriter, r *http.Request, key string) {
	body, _ := io.ReadAll(r.Body)
	until, _ := time.Parse(time.RFC3339, r.Header.Get("X-Amz-Object-Lock-Retain-Until-Date"))
	sum, _ := base64.StdEncoding.DecodeString(r.Header.Get("X-Amz-Checksum-Sha256"))
	_, signed, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	signed, _, _ = strings.Cut(signed, ",")
	if !strings.Contains(signed, "x-amz-checksum-sha256") || !strings.Contains(signed, "x-amz-object-lock-mode") {
		refuse(w, http.StatusForbidden, "SignatureDoesNotMatch")
		return
	}
	if hex.EncodeToString(sum) != objectstore.Sum(body) {
		refuse(w, http.StatusBadRequest, "BadDigest")
		return
	}
	if _, err := f.store.Stat(r.Context(), key, ""); err == nil && r.Header.Get("If-None-Match") == "*" {
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	v, err := f.store.PutNew(r.Context(), key, objectstore.NewBody(body), objectstore.Retention{Mode: objectstore.Mode(r.Header.Get("X-Amz-Object-Lock-Mode")), Until: until})
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequest")
		return
	}
	w.Header().Set("X-Amz-Version-Id", v.ID)
}

func describe(h http.Header, v objectstore.Version) {
	sum, _ := hex.DecodeString(v.SHA256)
	h.Set("X-Amz-Checksum-Sha256", base64.StdEncoding.EncodeToString(sum))
	h.Set("X-Amz-Version-Id", v.ID)
	h.Set("X-Amz-Object-Lock-Mode", string(v.Retention.Mode))
	h.Set("X-Amz-Object-Lock-Retain-Until-Date", v.Retention.Until.Format(time.RFC3339))
	h.Set("Last-Modified", v.Modified.Format(http.TimeFormat))
	h.Set("Content-Length", fmt.Sprint(v.Size))
	h.Set("ETag", `"x"`)
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>refused</Message></Error>", code)
}

// The faults of a store and of the way to it.
func answer(status int, code string) fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		refuse(w, status, code)
		return true
	}
}

// doneThenDropped lets the store do its work and loses the answer.
func doneThenDropped(_ http.ResponseWriter, r *http.Request, store http.Handler) bool {
	store.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

func dropped(http.ResponseWriter, *http.Request, http.Handler) bool { panic(http.ErrAbortHandler) }

// hang never answers.
func hang(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
	_, _ = io.Copy(io.Discard, r.Body) // else the end of the connection is not noticed
	<-r.Context().Done()
	return true
}

func cutShort(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
	w.Header().Set("Content-Length", "1000")
	w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
	_, _ = w.Write([]byte("only this"))
	panic(http.ErrAbortHandler)
}

func hour() objectstore.Retention {
	return objectstore.Retention{Mode: objectstore.Compliance, Until: time.Now().Add(time.Hour)}
}
