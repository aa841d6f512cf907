package s3_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/objectstore/s3"
)

// way is the network between a Store and a real server, with faults to come first. It keeps the Host that was signed.
type way struct {
	server http.Handler

	mu       sync.Mutex
	faults   []fault
	requests []*http.Request
}

func (w *way) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	w.requests = append(w.requests, r)
	var first fault
	if len(w.faults) > 0 {
		first, w.faults = w.faults[0], w.faults[1:]
	}
	w.mu.Unlock()
	if first == nil || !first(rw, r, w.server) {
		w.server.ServeHTTP(rw, r)
	}
}

// next forgets what was asked, and sets the faults to come.
func (w *way) next(faults ...fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests, w.faults = nil, faults
}

func (w *way) methods() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, r := range w.requests {
		all = append(all, r.Method)
	}
	return strings.Join(all, ",")
}

// cutInTheMiddle lets half of the body through to the store, and then nothing.
func cutInTheMiddle(_ http.ResponseWriter, r *http.Request, store http.Handler) bool {
	half := r.Clone(r.Context())
	half.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, r.ContentLength/2), broken{}))
	store.ServeHTTP(httptest.NewRecorder(), half)
	panic(http.ErrAbortHandler)
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the network is cut") }

// doneThenAnswered lets the store do its work and gives another answer.
func doneThenAnswered(status int, code string) fault {
	return func(w http.ResponseWriter, r *http.Request, store http.Handler) bool {
		store.ServeHTTP(httptest.NewRecorder(), r)
		refuse(w, status, code)
		return true
	}
}

// realWorld is a bucket on a real server with a way to it, and a client that goes another way.
func realWorld(t *testing.T) (s3.Options, *way, *minio.Client) {
	t.Helper()
	o, c := server(t)
	o.Bucket = bucket(t, c, "traps", true)
	to, err := url.Parse(o.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	w := &way{server: &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host },
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	o.Endpoint, o.CallTimeout, o.Attempts = server.URL, time.Minute, 4
	return o, w, c
}

// TestALostAnswer is the trap of a conditional put: the first attempt succeeds, its answer is lost, and the second is
// refused because of the first. Whose object is there, its content says.
func TestALostAnswer(t *testing.T) {
	o, way, c := realWorld(t)
	store := open(t, o)
	weaker := minio.PutObjectOptions{Mode: minio.Governance, RetainUntilDate: time.Now().Add(2 * time.Hour), SendContentMd5: true}
	tests := map[string]struct {
		before  string // somebody else's object, there already
		weakly  bool   // and retained for less
		faults  []fault
		err     error  // nil if the put succeeds
		asked   string // methods, in order
		missing bool   // nothing is there afterwards
	}{
		"if nothing is lost, then it is put once": {asked: "PUT"},
		"if the answer is lost, then the object is recognised": {
			faults: []fault{doneThenDropped}, asked: "PUT,PUT,HEAD",
		},
		"if the answer becomes an error, then the object is recognised": {
			faults: []fault{doneThenAnswered(http.StatusInternalServerError, "InternalError")}, asked: "PUT,PUT,HEAD",
		},
		"if the answer becomes a gateway's, then the object is recognised": {
			faults: []fault{doneThenAnswered(http.StatusGatewayTimeout, "")}, asked: "PUT,PUT,HEAD",
		},
		"if every answer but the last is lost, then the object is recognised": {
			faults: slices.Repeat([]fault{doneThenDropped}, 3), asked: "PUT,PUT,PUT,PUT,HEAD",
		},
		"if the description is lost too, then it is asked again": {
			faults: []fault{doneThenDropped, nil, answer(http.StatusServiceUnavailable, "")}, asked: "PUT,PUT,HEAD,PUT,HEAD",
		},
		"if half of the body is lost, then nothing of it is there": {
			faults: []fault{cutInTheMiddle}, asked: "PUT,PUT",
		},
		"if somebody else's object is there, then it is a conflict": {
			before: "somebody else's, and longer", err: objectstore.ErrExists, asked: "PUT,HEAD",
		},
		"if somebody else's of the same size is there, then it is a conflict": {
			before: "YDOB", err: objectstore.ErrExists, asked: "PUT,HEAD,GET",
		},
		"if the refusal for somebody else's is lost, then it is still a conflict": {
			before: "YDOB", faults: []fault{doneThenDropped}, err: objectstore.ErrExists, asked: "PUT,PUT,HEAD,GET",
		},
		"if the same bytes are there and retained for less, then that is not ours": {
			before: "body", weakly: true, faults: []fault{doneThenDropped}, err: objectstore.ErrNotLocked, asked: "PUT,PUT,HEAD,GET",
		},
		"if the condition is refused and nothing is there, then the put has failed": {
			faults: []fault{answer(http.StatusPreconditionFailed, "PreconditionFailed")}, err: objectstore.ErrNotFound, asked: "PUT,HEAD", missing: true,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			key, want := "lost/"+strings.ReplaceAll(name, " ", "-"), "body"
			if tc.before != "" {
				want = tc.before
				options := minio.PutObjectOptions{SendContentMd5: true}
				if tc.weakly {
					options = weaker
				}
				if _, err := c.PutObject(t.Context(), o.Bucket, key, strings.NewReader(tc.before), int64(len(tc.before)), options); err != nil {
					t.Fatal(err)
				}
			}
			way.next(tc.faults...)
			retention := hour()
			v, err := store.PutNew(t.Context(), key, objectstore.NewBody([]byte("body")), retention)
			if !errors.Is(err, tc.err) {
				t.Fatalf("PutNew: %v, want %v", err, tc.err)
			}
			if asked := way.methods(); asked != tc.asked {
				t.Errorf("asked %s, want %s", asked, tc.asked)
			}
			var ids []string
			for found, err := range store.List(t.Context(), key, "") {
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, found.ID)
			}
			if tc.missing {
				if len(ids) > 0 {
					t.Errorf("versions %q are there", ids)
				}
				return
			}
			if body, _, err := store.Get(t.Context(), key, ""); err != nil || string(body) != want || len(ids) != 1 {
				t.Errorf("%q is there, in %d versions: %v", body, len(ids), err)
			}
			if err == nil && (v.ID != ids[0] || v.SHA256 != objectstore.Sum([]byte("body")) || !v.Retention.Covers(retention)) {
				t.Errorf("PutNew returned %+v, version %s is there", v, ids[0])
			}
		})
	}
}

// TestOnePut is about what the library does with large bodies, with bodies of unknown size and with errors: parts, whose
// completion drops the condition; 553 MB of memory; ten retries of its own.
func TestOnePut(t *testing.T) {
	o, way, _ := realWorld(t)
	o.Attempts, o.CallTimeout = 1, 10*time.Minute // no attempt is the second on a slow machine
	store := open(t, o)
	body := objectstore.NewBody(bytes.Repeat([]byte("0123456789abcdef"), objectstore.MaxObjectBytes/16))

	t.Run("if a body has the largest size, then it is one request with the condition and its length", func(t *testing.T) {
		way.next()
		if _, err := store.PutNew(t.Context(), "largest", body, hour()); err != nil {
			t.Fatal(err)
		}
		r := way.requests[0]
		if way.methods() != "PUT" || r.URL.RawQuery != "" || r.Header.Get("If-None-Match") != "*" || r.ContentLength != int64(body.Size()) ||
			len(r.TransferEncoding) > 0 || r.Header.Get("X-Amz-Checksum-Sha256") == "" || strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING") {
			t.Errorf("asked %s; the first: %s %v, length %d", way.methods(), r.URL, r.Header, r.ContentLength)
		}
	})
	t.Run("if it is larger, then nothing is asked", func(t *testing.T) {
		way.next()
		if _, err := store.PutNew(t.Context(), "larger", objectstore.NewBody(make([]byte, objectstore.MaxObjectBytes+1)), hour()); err == nil || way.methods() != "" {
			t.Errorf("%v, asked %s", err, way.methods())
		}
	})
	t.Run("if a large key is there, then another body of that size is refused", func(t *testing.T) {
		other := bytes.Clone(body.Bytes())
		other[len(other)-1]++
		if _, err := store.PutNew(t.Context(), "largest", objectstore.NewBody(other), hour()); !errors.Is(err, objectstore.ErrExists) {
			t.Errorf("PutNew: %v, want ErrExists", err)
		}
	})
	t.Run("if the store is out of order, then the library does not retry by itself", func(t *testing.T) {
		way.next(slices.Repeat([]fault{answer(http.StatusServiceUnavailable, "SlowDown")}, 4)...)
		if _, err := store.PutNew(t.Context(), "retries", objectstore.NewBody([]byte("x")), hour()); err == nil || way.methods() != "PUT" {
			t.Errorf("%v, asked %s", err, way.methods())
		}
	})
	t.Run("if a body is small, then so is the memory", func(t *testing.T) {
		way.next()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := store.PutNew(t.Context(), "small", objectstore.NewBody([]byte("x")), hour()); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
			t.Errorf("it took %d bytes", took)
		}
	})
}

// TestRetentionIsNeverShorterThanAsked: the library cuts fractions of a second off.
func TestRetentionIsNeverShorterThanAsked(t *testing.T) {
	o, _, _ := realWorld(t)
	store := open(t, o)
	asked := objectstore.Retention{Mode: objectstore.Compliance, Until: time.Now().Add(time.Hour).Truncate(time.Second).Add(time.Nanosecond)}
	v, err := store.PutNew(t.Context(), "k", objectstore.NewBody([]byte("x")), asked)
	if err != nil {
		t.Fatal(err)
	}
	got, err := store.Stat(t.Context(), "k", v.ID)
	if err != nil || !got.Retention.Covers(asked) || !v.Retention.Until.Equal(got.Retention.Until) {
		t.Errorf("%v: retained until %s, asked until %s, told %s", err, got.Retention.Until, asked.Until, v.Retention.Until)
	}
}
