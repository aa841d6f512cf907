package proxy

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	clientspdy "k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/proxy/session"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

func (w *world) forwardDialer(transport string) httpstream.Dialer {
	w.t.Helper()
	u, err := url.Parse(w.gateway.URL + gw + "/api/v1/namespaces/shop/pods/web/portforward")
	if err != nil {
		w.t.Fatal(err)
	}
	config := &rest.Config{Host: w.gateway.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}}
	if transport == "SPDY" {
		roundTripper, upgrader, err := clientspdy.RoundTripperFor(config)
		if err != nil {
			w.t.Fatal(err)
		}
		return clientspdy.NewDialerForStreaming(upgrader, &http.Client{Transport: roundTripper}, http.MethodPost, u)
	}
	d, err := portforward.NewSPDYOverWebsocketDialerForStreaming(u, config)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// forward runs client-go's port-forward through the gateway, to one port, until stop is called. over gives its error.
func (w *world) forward(transport string, port int) (address string, over <-chan error, stop func()) {
	w.t.Helper()
	ready, stopped, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	f, err := portforward.NewForStreaming(w.forwardDialer(transport), []string{fmt.Sprint(":", port)}, stopped, ready, io.Discard, io.Discard)
	if err != nil {
		w.t.Fatal(err)
	}
	go func() { ended <- f.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-ended:
		w.t.Fatal(err)
	}
	forwarded, err := f.GetPorts()
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", forwarded[0].Local), ended, sync.OnceFunc(func() { close(stopped) })
}

func connectTo(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestPortForwardIsASession(t *testing.T) {
	for _, transport := range transports {
		for _, noWebSocket := range []bool{false, true} {
			t.Run(fmt.Sprint(transport, ", API server without tunnel ", noWebSocket), func(t *testing.T) {
				w := newWorld(t)
				w.noWebSocket = noWebSocket
				address, over, stop := w.forward(transport, 8080)
				conn := connectTo(t, address)
				text := "my key is " + secret + "\n"
				if _, err := io.WriteString(conn, text); err != nil {
					t.Fatal(err)
				}
				_ = conn.(*net.TCPConn).CloseWrite()
				if got, err := io.ReadAll(conn); err != nil || string(got) != "8080 "+text {
					t.Errorf("got %q, %v", got, err)
				}
				stop()
				if err := <-over; err != nil {
					t.Error(err)
				}
				if reason := <-w.ended; reason != session.ReasonClientGone {
					t.Errorf("ended with %s", reason)
				}
				w.checkForward(1 + map[bool]int{true: 1}[noWebSocket])
			})
		}
	}
}

func (w *world) checkForward(tokens int) {
	w.t.Helper()
	r, text := w.recorded()
	for _, want := range []string{
		`forward:{"event":"opened","port":8080}|`, "forward-in:my key is AKIA****************\n|",
		"my key is AKIA****************\n|", `forward:{"event":"closed","port":8080}|`,
	} {
		if !strings.Contains(text, want) {
			w.t.Errorf("%q is not in %q", want, text)
		}
	}
	if r.Open.Action != "PortForward" || r.Open.Container != "" || r.State != recording.StateClosed {
		w.t.Errorf("recorded %+v", r.Open)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.sessions[0].Spec
	if s.Action != accessv1alpha1.ActionPortForward || s.Container != "" || s.PodRef.UID != "u-web" || w.last.State != accessv1alpha1.SessionEnded {
		w.t.Errorf("the executionsession is %+v, at last %+v", s, w.last)
	}
	if len(w.tokens) != tokens || !strings.Contains(w.calls[0], "portforward as dev") {
		w.t.Errorf("%d tokens in %v", len(w.tokens), w.calls)
	}
}

func TestPortForwardIsDenied(t *testing.T) {
	tests := map[string]struct {
		change func(*world)
		says   string
	}{
		"if no grant covers it, then the next command is told": {func(w *world) {
			w.decide = func(authorizer.Attributes) (authorizer.Decision, error) { return authorizer.Decision{}, nil }
		}, "forward ports of pod shop/web:\n  request a grant: kubectl sallyport request -n shop --pod web --action PortForward --reason WHY"},
		"if RBAC does not allow it, then so": {func(w *world) { w.rbac = false }, "pods/portforward"},
		"if the store is down, then so":      {func(w *world) { w.storeError = errors.New("down") }, "no session without a recording"},
		"if the webhook says no, then its message comes": {func(w *world) {
			w.public = make(ed25519.PublicKey, ed25519.PublicKeySize)
		}, "the webhook says"},
		"if the webhook quotes a secret, then it comes masked": {func(w *world) { w.refusal = "no to " + secret }, "the webhook says: no to AKIA****************"},
	}
	for name, tc := range tests {
		for _, transport := range transports {
			t.Run(name+"/"+transport, func(t *testing.T) {
				w := newWorld(t)
				tc.change(w)
				_, _, err := w.forwardDialer(transport).Dial("portforward.k8s.io")
				if err == nil || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("got %v", err)
				}
				if w.registry.Len() > 0 {
					t.Errorf("%d sessions are left", w.registry.Len())
				}
				if r, _ := w.recorded(); r != nil && r.State == recording.StateOpen {
					t.Error("the recording is open")
				}
			})
		}
	}
}

func TestPortsInTheQueryAreRefused(t *testing.T) {
	w := newWorld(t)
	response := w.do(http.MethodGet, "/api/v1/namespaces/shop/pods/web/portforward?ports=80", http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}})
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "ports in the query") {
		t.Errorf("%s: %s, %v", response.Status, body, err)
	}
}

func TestTheRegistryEndsAPortForward(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			w := newWorld(t)
			address, over, _ := w.forward(transport, 8080)
			conn := connectTo(t, address)
			if _, err := io.ReadFull(conn, make([]byte, len("8080 "))); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			w.registry.EndIf(func(f session.Facts) *session.End { return session.Revoked(f.Grant) })
			if rest, _ := io.ReadAll(conn); len(rest) > 0 || time.Since(begun) > time.Second {
				t.Errorf("read %q, ended after %s", rest, time.Since(begun))
			}
			if err := <-over; !errors.Is(err, portforward.ErrLostConnectionToPod) {
				t.Errorf("the client got %v", err)
			}
			if reason := <-w.ended; reason != session.ReasonRevoked {
				t.Errorf("ended with %s", reason)
			}
			if _, text := w.recorded(); !strings.Contains(text, `"closed","port":8080,"message":"sallyport: grant shop/g was revoked"`) {
				t.Errorf("recorded %q", text)
			}
		})
	}
}

func TestAPortThatNobodyListensOnIsTold(t *testing.T) {
	w := newWorld(t)
	conn, _, err := w.forwardDialer("WebSocket").Dial("portforward.k8s.io")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	header := http.Header{"Streamtype": {"error"}, "Port": {"1"}, "Requestid": {"0"}}
	failure, err := conn.CreateStream(header)
	if err != nil {
		t.Fatal(err)
	}
	header = header.Clone()
	header.Set("streamType", "data")
	if _, err := conn.CreateStream(header); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if _, err := io.Copy(&text, failure); err != nil || text.String() != "connection refused" {
		t.Errorf("told %q, %v", text.String(), err)
	}
}
