package s3_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

// lie answers a request in place of the real server, or reports false.
type lie func(w http.ResponseWriter, r *http.Request, body []byte) bool

// damaged reports whether a PUT's body is not what its checksum says.
func damaged(r *http.Request, body []byte) bool {
	sum, _ := base64.StdEncoding.DecodeString(r.Header.Get("X-Amz-Checksum-Sha256"))
	return r.Method == http.MethodPut && hex.EncodeToString(sum) != objectstore.Sum(body)
}

// TestProbeFindsLiars probes a real server behind one that lies about it.
func TestProbeFindsLiars(t *testing.T) {
	o, way, c := realWorld(t)
	honest := way.server
	done := func(w http.ResponseWriter) bool {
		w.Header().Set("X-Amz-Version-Id", "made-up")
		w.WriteHeader(http.StatusOK)
		return true
	}
	puts := 0
	tests := map[string]struct {
		lie  lie
		says string // "" if the probe succeeds
		is   error  // nil for trouble that may pass
	}{
		"if nobody lies, then the bucket is fit": {
			func(http.ResponseWriter, *http.Request, []byte) bool { return false }, "", nil,
		},
		"if a damaged body is taken, then it says so": {
			func(w http.ResponseWriter, r *http.Request, body []byte) bool { return damaged(r, body) && done(w) },
			"does not match its checksum was not refused", objectstore.ErrUnfit,
		},
		"if a damaged body is refused and kept, then it says so": {
			func(w http.ResponseWriter, r *http.Request, body []byte) bool {
				if !damaged(r, body) {
					return false
				}
				_, key, _ := strings.Cut(r.URL.Path[1:], "/")
				if _, err := c.PutObject(r.Context(), o.Bucket, key, bytes.NewReader(body), int64(len(body)), minio.PutObjectOptions{SendContentMd5: true}); err != nil {
					t.Error(err)
				}
				refuse(w, http.StatusBadRequest, "BadDigest")
				return true
			},
			"was refused, and left version", objectstore.ErrUnfit,
		},
		"if a damaged body may not be written at all, then that is no proof": {
			func(w http.ResponseWriter, r *http.Request, body []byte) bool {
				if damaged(r, body) {
					refuse(w, http.StatusForbidden, "AccessDenied")
				}
				return damaged(r, body)
			},
			"refused for the wrong reason", nil,
		},
		"if a second put is taken, then it says so": {
			func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
				if r.Method == http.MethodPut {
					puts++
				}
				return r.Method == http.MethodPut && puts == 2 && done(w)
			},
			"If-None-Match", objectstore.ErrUnfit,
		},
		"if the retention is not shown, then it says so": {
			func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
				if r.Method != http.MethodHead {
					return false
				}
				answer := httptest.NewRecorder()
				honest.ServeHTTP(answer, r)
				for name, values := range answer.Header() {
					if !strings.HasPrefix(name, "X-Amz-Object-Lock") {
						w.Header()[name] = values
					}
				}
				w.WriteHeader(answer.Code)
				return true
			},
			"object is not locked", objectstore.ErrNotLocked,
		},
		"if removing is said to be done, then it says so": {
			func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
				if r.Method == http.MethodDelete {
					w.WriteHeader(http.StatusNoContent)
				}
				return r.Method == http.MethodDelete
			},
			"was not refused, though it is still there", objectstore.ErrNotLocked,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			way.server = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
				if !tc.lie(w, r, body) {
					honest.ServeHTTP(w, r)
				}
			})
			err := open(t, o).Probe(t.Context())
			if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
				t.Errorf("Probe: %v, want %q", err, tc.says)
			}
			if unfit := errors.Is(err, objectstore.ErrUnfit) || errors.Is(err, objectstore.ErrNotLocked); unfit != (tc.is != nil) || !errors.Is(err, tc.is) && tc.is != nil {
				t.Errorf("Probe: %v, want %v", err, tc.is)
			}
		})
	}
}
