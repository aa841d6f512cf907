package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
)

// flushAtOnce makes watches and followed logs appear as they come.
const flushAtOnce = -1

type innerKey struct{}

// inner is what a request became behind the gateway.
type inner struct {
	path string
	user authorizer.User
}

// newPassthrough returns a handler that sends requests to the API server as the user in their context.
func newPassthrough(config *rest.Config, log logr.Logger) (http.Handler, error) {
	config = rest.CopyConfig(config)
	// The encoding of an answer is between the client and the API server.
	config.DisableCompression = true
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("reading the API server's address: %w", err)
	}
	upstream, err := rest.TransportFor(config)
	if err != nil {
		return nil, fmt.Errorf("building the transport to the API server: %w", err)
	}
	return readWhole{&httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { rewrite(r, base) },
		Transport:     asUser{upstream},
		FlushInterval: flushAtOnce,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			if !errors.Is(err, context.Canceled) {
				log.Error(err, "passing a request to the API server")
			}
			writeError(w, unavailable("the gateway cannot reach the API server"))
		},
	}}, nil
}

// maxBody is more than the 3 MiB that the API server takes as a body.
const maxBody = 4 << 20

// readWhole reads a request's body before anything is sent on. The API server may refuse a request before it has read the
// body; a body that is still under way then keeps the answer from ending.
type readWhole struct{ http.Handler }

func (h readWhole) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength > 0 && r.ContentLength <= maxBody {
		body := make([]byte, r.ContentLength)
		if _, err := io.ReadFull(r.Body, body); err != nil {
			writeError(w, failure(http.StatusBadRequest, metav1.StatusReasonBadRequest, "the request ended before its body did"))
			return
		}
		// The end of the body is its own read: without it the connection is not done with the request.
		_, _ = r.Body.Read(make([]byte, 1))
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	h.Handler.ServeHTTP(w, r)
}

// rewrite aims the request at the API server. The path is the one that was judged, encoded anew.
func rewrite(r *httputil.ProxyRequest, base *url.URL) {
	to, _ := r.In.Context().Value(innerKey{}).(inner)
	r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = base.Scheme, base.Host, ""
	r.Out.URL.Path, r.Out.URL.RawPath = strings.TrimSuffix(base.Path, "/")+to.path, ""
	withoutClaims(r.Out.Header)
}

// asUser impersonates the user in the request's context; without one it sends nothing.
type asUser struct{ http.RoundTripper }

func (t asUser) RoundTrip(r *http.Request) (*http.Response, error) {
	to, ok := r.Context().Value(innerKey{}).(inner)
	if !ok || to.user.Name == "" {
		return nil, errors.New("a request without a user")
	}
	return transport.NewImpersonatingRoundTripper(impersonation(to.user), t.RoundTripper).RoundTrip(r)
}

func impersonation(u authorizer.User) transport.ImpersonationConfig {
	return transport.ImpersonationConfig{UserName: u.Name, UID: u.UID, Groups: u.Groups, Extra: u.Extra}
}
