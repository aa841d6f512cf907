package streaming

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/gorilla/websocket"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"
)

// API is the API server, as the gateway's sessions reach it. What is the same for all of them is made once.
type API struct {
	config *rest.Config
	tls    *tls.Config // nil without TLS
	proxy  func(*http.Request) (*url.URL, error)
}

// NewAPI prepares connections with the gateway's own access, which is not changed.
func NewAPI(config *rest.Config) (*API, error) {
	a := &API{config: rest.CopyConfig(config), proxy: config.Proxy}
	// Neither upgrade exists in HTTP/2.
	a.config.NextProtos = []string{"http/1.1"}
	var err error
	if a.tls, err = rest.TLSConfigFor(a.config); err != nil {
		return nil, fmt.Errorf("preparing TLS to the API server: %w", err)
	}
	if a.tls != nil {
		// Sessions after the first shake hands faster.
		a.tls.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	if a.proxy == nil {
		a.proxy = utilnet.NewProxierWithNoProxyCIDR(http.ProxyFromEnvironment)
	}
	return a, nil
}

// dial opens a WebSocket connection with one subprotocol. It fails with httpstream.UpgradeFailureError where the server
// answers otherwise.
func (a *API) dial(ctx context.Context, config *rest.Config, at *url.URL, subprotocol string) (*websocket.Conn, error) {
	d := &dialer{websocket.Dialer{
		Proxy: a.proxy, TLSClientConfig: a.tls, Subprotocols: []string{subprotocol},
		// As many bytes as a message has, but only while one is written.
		WriteBufferSize: 1 + chunkBytes, WriteBufferPool: &targetWriteBuffers,
	}, nil}
	wrapped, err := rest.HTTPWrappersForConfig(config, d)
	if err != nil {
		return nil, fmt.Errorf("preparing a WebSocket connection: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("preparing a WebSocket connection: %w", err)
	}
	response, err := wrapped.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	switch {
	case d.conn == nil:
		return nil, &httpstream.UpgradeFailureError{Cause: fmt.Errorf("the server answers %s", response.Status)}
	case d.conn.Subprotocol() != subprotocol:
		_ = d.conn.Close()
		return nil, &httpstream.UpgradeFailureError{Cause: fmt.Errorf("the server speaks %q", d.conn.Subprotocol())}
	default:
		return d.conn, nil
	}
}

// dialer makes one connection, and hangs up if the request's context ends before the answer: the library would wait for
// it. client-go's dialer would hold 66 KiB of buffers as long as the connection lasts.
type dialer struct {
	websocket.Dialer

	conn *websocket.Conn
}

func (d *dialer) RoundTrip(r *http.Request) (*http.Response, error) {
	at := *r.URL
	at.Scheme = map[string]string{"https": "wss", "http": "ws"}[at.Scheme]
	answered := func() bool { return true }
	d.NetDialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			answered = context.AfterFunc(r.Context(), func() { _ = conn.Close() })
		}
		return conn, err
	}
	conn, response, err := d.DialContext(r.Context(), at.String(), r.Header)
	answered()
	switch {
	case err == nil:
		d.conn = conn
		return response, nil
	case errors.Is(err, websocket.ErrBadHandshake) && response.StatusCode != http.StatusSwitchingProtocols:
		return response, nil // its body says why
	case errors.Is(err, websocket.ErrBadHandshake):
		return nil, &httpstream.UpgradeFailureError{Cause: err}
	case r.Context().Err() != nil:
		return nil, r.Context().Err()
	default:
		return nil, err
	}
}
