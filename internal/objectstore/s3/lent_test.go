package s3

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

// hasty is a transport that answers before it has read the body, which the contract of http.RoundTripper allows. It keeps
// the bodies. A status of 0 is a connection that breaks.
type hasty struct {
	statuses []int
	bodies   []io.Reader
}

func (h *hasty) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.ReadFull(r.Body, make([]byte, 1)) // what is cut off has begun
	status := h.statuses[len(h.bodies)]
	h.bodies = append(h.bodies, r.Body)
	if status == 0 {
		return nil, errors.New("broken")
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"X-Amz-Version-Id": {"1"}}, Body: io.NopCloser(strings.NewReader("")), Request: r,
	}, nil
}

// TestPutNewReturnsTheBody is about the memory of the body: once PutNew has returned it is the caller's again.
func TestPutNewReturnsTheBody(t *testing.T) {
	for name, tc := range map[string]struct {
		statuses []int
		err      bool
	}{
		"if the store agrees at once, then nothing reads the body any more":              {[]int{200}, false},
		"if the store refuses at once, then nothing reads the body any more":             {[]int{403}, true},
		"if the connection breaks, then nothing reads the body any more":                 {[]int{0, 0}, true},
		"if the second attempt succeeds, then the first does not read the body any more": {[]int{503, 200}, false},
	} {
		t.Run(name, func(t *testing.T) {
			transport := &hasty{statuses: tc.statuses}
			core, err := minio.NewCore("localhost:1", &minio.Options{
				Creds: credentials.NewStaticV4("a", "b", ""), Transport: transport, Region: defaultRegion, MaxRetries: 1,
			})
			if err != nil {
				t.Fatal(err)
			}
			s := &Store{now: time.Now, bucket: "bucket", core: *core, timeout: time.Minute, attempts: len(tc.statuses)}
			r := objectstore.Retention{Mode: objectstore.Compliance, Until: time.Now().Add(time.Hour)}
			if _, err := s.PutNew(t.Context(), "k", objectstore.NewBody([]byte("a session's bytes")), r); (err != nil) != tc.err {
				t.Errorf("PutNew: %v", err)
			}
			if len(transport.bodies) != len(tc.statuses) {
				t.Errorf("%d attempts, want %d", len(transport.bodies), len(tc.statuses))
			}
			for _, body := range transport.bodies {
				if rest, err := io.ReadAll(body); len(rest) > 0 || err == nil {
					t.Errorf("%q was read late, %v", rest, err)
				}
			}
		})
	}
}
