package streaming

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	clientspdy "k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// forwardServer answers port-forward with h, and notes the session's end.
func forwardServer(t *testing.T, h Handler) *rest.Config {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := ServeForward(w, r, h); err != nil {
			t.Logf("refused: %v", err)
		}
	}))
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}}
}

// forwardDialers are client-go's, as kubectl uses them.
var forwardDialers = map[string]func(*testing.T, *rest.Config) httpstream.Dialer{
	"SPDY": func(t *testing.T, config *rest.Config) httpstream.Dialer {
		transport, upgrader, err := clientspdy.RoundTripperFor(config)
		if err != nil {
			t.Fatal(err)
		}
		return clientspdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, hostOf(t, config))
	},
	"WebSocket": func(t *testing.T, config *rest.Config) httpstream.Dialer {
		d, err := portforward.NewSPDYOverWebsocketDialerForStreaming(hostOf(t, config), config)
		if err != nil {
			t.Fatal(err)
		}
		return d
	},
}

func hostOf(t *testing.T, config *rest.Config) *url.URL {
	t.Helper()
	u, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// forwarder runs client-go's port-forward and returns the local addresses of the ports. over is closed at its end.
func forwarder(t *testing.T, d httpstream.Dialer, ports ...string) (addresses []string, over <-chan struct{}, stop func()) {
	t.Helper()
	ready, stopped, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var errOut bytes.Buffer
	f, err := portforward.NewForStreaming(d, ports, stopped, ready, io.Discard, &errOut)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(done)
		if err := f.ForwardPorts(); err != nil && !errors.Is(err, portforward.ErrLostConnectionToPod) {
			t.Error(err)
		}
	}()
	select {
	case <-ready:
	case <-done:
		t.Fatal("the port-forward ended before it began")
	}
	forwarded, err := f.GetPorts()
	if err != nil {
		t.Fatal(err)
	}
	for _, port := range forwarded {
		addresses = append(addresses, fmt.Sprintf("127.0.0.1:%d", port.Local))
	}
	stop = sync.OnceFunc(func() { close(stopped) })
	t.Cleanup(func() {
		stop()
		<-done
	})
	return addresses, done, stop
}

// echoing answers every connection with its ID, its port and its own bytes, until their end.
func echoing(ctx context.Context, c Client) error {
	for {
		select {
		case f := <-c.Forwards:
			go func() {
				defer f.Reset()
				_, _ = fmt.Fprintf(f, "%d ", f.Port)
				_, _ = io.Copy(f, f)
				f.End("")
				_, _ = io.Copy(io.Discard, f)
			}()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func talk(t *testing.T, address string, in io.Reader) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	go func() {
		_, _ = io.Copy(conn, in)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	out, err := io.ReadAll(conn)
	if err != nil {
		t.Error(err)
	}
	return string(out)
}

func TestConnectionsAreForwardedBothWays(t *testing.T) {
	for name, dialer := range forwardDialers {
		t.Run(name, func(t *testing.T) {
			config := forwardServer(t, echoing)
			addresses, _, _ := forwarder(t, dialer(t, config), ":80", ":5432")
			var wg sync.WaitGroup
			for i := range 12 {
				wg.Go(func() {
					text := fmt.Sprint(i, strings.Repeat("x", i*100_000))
					want := []string{"80 ", "5432 "}[i%2] + text
					if got := talk(t, addresses[i%2], strings.NewReader(text)); got != want {
						t.Errorf("connection %d: %d bytes of %d", i, len(got), len(want))
					}
				})
			}
			wg.Wait()
		})
	}
}

func TestTheTextOfAnEndReachesTheClient(t *testing.T) {
	for name, dialer := range forwardDialers {
		t.Run(name, func(t *testing.T) {
			config := forwardServer(t, func(_ context.Context, c Client) error {
				f := <-c.Forwards
				defer f.Reset()
				f.End("the grant has expired")
				return nil
			})
			conn := dialled(t, dialer(t, config))
			failure := forwardStream(t, conn, "error", "80", "7")
			forwardStream(t, conn, "data", "80", "7")
			text, err := io.ReadAll(failure)
			if err != nil || string(text) != "the grant has expired" {
				t.Errorf("got %q, %v", text, err)
			}
		})
	}
}

func dialled(t *testing.T, d httpstream.Dialer) httpstream.Connection {
	t.Helper()
	conn, protocol, err := d.Dial("portforward.k8s.io")
	if err != nil || protocol != "portforward.k8s.io" {
		t.Fatal(protocol, err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func forwardHeader(kind, port, id string) http.Header {
	h := http.Header{}
	h.Set(corev1.StreamType, kind)
	h.Set(corev1.PortHeader, port)
	h.Set(corev1.PortForwardRequestIDHeader, id)
	return h
}

func forwardStream(t *testing.T, conn httpstream.Connection, kind, port, id string) httpstream.Stream {
	t.Helper()
	stream, err := conn.CreateStream(forwardHeader(kind, port, id))
	if err != nil {
		t.Fatalf("%s stream %s to port %s: %v", kind, id, port, err)
	}
	return stream
}

func TestStreamsThatWereNotExpectedAreReset(t *testing.T) {
	got := make(chan Forward, 10)
	config := forwardServer(t, func(ctx context.Context, c Client) error {
		for {
			select {
			case f := <-c.Forwards:
				got <- f
			case <-ctx.Done():
				return nil
			}
		}
	})
	conn := dialled(t, forwardDialers["SPDY"](t, config))
	forwardStream(t, conn, "data", "80", "1") // data before error is as good
	without := forwardHeader("data", "80", "9")
	without.Del(corev1.PortForwardRequestIDHeader)
	twice := forwardHeader("data", "80", "9")
	twice.Add(corev1.PortHeader, "81")
	for name, h := range map[string]http.Header{
		"of no kind": forwardHeader("", "80", "9"), "of exec": forwardHeader("stdin", "80", "9"),
		"without ID": without, "with an empty ID": forwardHeader("data", "80", ""), "with a long ID": forwardHeader("data", "80", strings.Repeat("1", 65)),
		"for port 0": forwardHeader("data", "0", "9"), "for port 65536": forwardHeader("data", "65536", "9"), "for port -1": forwardHeader("data", "-1", "9"),
		"for port http": forwardHeader("data", "http", "9"), "for two ports": twice,
		"of the same kind": forwardHeader("data", "80", "1"), "for another port": forwardHeader("error", "81", "1"),
	} {
		if _, err := conn.CreateStream(h); err == nil {
			t.Errorf("a stream %s was accepted", name)
		}
	}
	if len(got) > 0 {
		t.Errorf("one stream made a connection")
	}
	forwardStream(t, conn, "error", "80", "1")
	if f := <-got; f.Port != 80 || f.ID != 1 {
		t.Errorf("got connection %d to port %d", f.ID, f.Port)
	} else if _, err := conn.CreateStream(forwardHeader("error", "80", "1")); err == nil {
		t.Error("a third stream of a connection was accepted")
	}
}

func TestAClientHasABoundedNumberOfConnections(t *testing.T) {
	forwards := make(chan Forward, MaxForwards)
	config := forwardServer(t, func(ctx context.Context, c Client) error {
		for {
			select {
			case f := <-c.Forwards:
				forwards <- f
			case <-ctx.Done():
				return nil
			}
		}
	})
	conn := dialled(t, forwardDialers["WebSocket"](t, config))
	open := func(i int) error {
		_, err := conn.CreateStream(forwardHeader("error", "80", fmt.Sprint(i)))
		if err == nil {
			_, err = conn.CreateStream(forwardHeader("data", "80", fmt.Sprint(i)))
		}
		return err
	}
	for i := range MaxForwards {
		if err := open(i); err != nil {
			t.Fatal(i, err)
		}
	}
	if err := open(MaxForwards); err == nil {
		t.Error("one more connection was accepted")
	}
	(<-forwards).Reset()
	if err := open(MaxForwards + 1); err != nil {
		t.Errorf("after one has ended: %v", err)
	}
}

func TestHalfAConnectionIsLetGo(t *testing.T) {
	s := newPairs()
	stream := &fakeStream{headers: forwardHeader("data", "80", "1")}
	if err := s.add(stream, nil); err != nil {
		t.Fatal(err)
	}
	if len(s.open) != 1 || len(s.ready) != 0 {
		t.Fatalf("%d open, %d ready", len(s.open), len(s.ready))
	}
	s.open["1"].waiting.Reset(0)
	for deadline := time.Now().Add(patience); !stream.isReset(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the stream was not reset")
		}
	}
	if err := s.add(&fakeStream{headers: forwardHeader("error", "80", "1")}, nil); err != nil || len(s.ready) != 0 {
		t.Errorf("a late other half: %v, %d ready", err, len(s.ready))
	}
	s.stop()
}

type fakeStream struct {
	httpstream.Stream

	headers http.Header
	mu      sync.Mutex
	reset   bool
}

func (s *fakeStream) Headers() http.Header { return s.headers }

func (s *fakeStream) Reset() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reset = true
	return nil
}

func (s *fakeStream) isReset() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reset
}

// FuzzPairs adds streams with any headers: each is refused or joined, what is joined agrees, and nothing blocks.
func FuzzPairs(f *testing.F) {
	f.Add("data", "80", "1", "error", "80", "1")
	f.Add("error", "80", "1", "error", "80", "1")
	f.Add("data", "080", "", "error", "+80", "\x00")
	f.Fuzz(func(t *testing.T, kind1, port1, id1, kind2, port2, id2 string) {
		s := newPairs()
		err1 := s.add(&fakeStream{headers: forwardHeader(kind1, port1, id1)}, nil)
		err2 := s.add(&fakeStream{headers: forwardHeader(kind2, port2, id2)}, nil)
		s.stop()
		joined := err1 == nil && err2 == nil && id1 == id2
		if joined != (len(s.ready) == 1) {
			t.Errorf("%v, %v, %d ready", err1, err2, len(s.ready))
		}
		if joined && (kind1 == kind2 || (<-s.ready).Port == 0) {
			t.Errorf("joined %q and %q", kind1, kind2)
		}
	})
}

func TestPortForwardRefusals(t *testing.T) {
	config := forwardServer(t, func(context.Context, Client) error { return nil })
	tests := map[string]struct {
		header http.Header
		says   string
	}{
		"if it asks for no upgrade, then it says which there are": {http.Header{}, "WebSocket and SPDY/3.1"},
		"if it speaks the old WebSocket protocol, then it says which it speaks": {http.Header{
			"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="},
			"Sec-Websocket-Protocol": {"v4.channel.k8s.io"},
		}, "SPDY/3.1+portforward.k8s.io"},
		"if it speaks another SPDY protocol, then it is refused": {http.Header{
			"Connection": {"Upgrade"}, "Upgrade": {"SPDY/3.1"}, "X-Stream-Protocol-Version": {"v4.channel.k8s.io"},
		}, "portforward.k8s.io"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, config.Host, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header = tc.header
			transport, err := rest.TransportFor(&rest.Config{TLSClientConfig: rest.TLSClientConfig{Insecure: true, NextProtos: []string{"http/1.1"}}})
			if err != nil {
				t.Fatal(err)
			}
			response, err := transport.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode < 400 || !strings.Contains(string(body), tc.says) {
				t.Errorf("%s: %s, %v", response.Status, body, err)
			}
		})
	}
}

func TestTextInATunnelEndsTheSession(t *testing.T) {
	ended := make(chan error, 1)
	config := forwardServer(t, func(ctx context.Context, _ Client) error {
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return nil
	})
	conn := open(t, config, 0, "SPDY/3.1+portforward.k8s.io")
	if err := conn.WriteMessage(websocket.TextMessage, []byte("not SPDY")); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if !errors.Is(err, ErrClientGone) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the session goes on")
	}
}

func TestAForwardedFrameIsBounded(t *testing.T) {
	for name, dialer := range forwardDialers {
		t.Run(name, func(t *testing.T) {
			ended := make(chan error, 1)
			config := forwardServer(t, func(ctx context.Context, _ Client) error {
				<-ctx.Done()
				ended <- context.Cause(ctx)
				return nil
			})
			conn := dialled(t, dialer(t, config))
			stream := forwardStream(t, conn, "data", "80", "1")
			go func() { _, _ = stream.Write(make([]byte, maxDataFrame+1)) }()
			select {
			case err := <-ended:
				if !errors.Is(err, ErrProtocol) {
					t.Errorf("ended with %v", err)
				}
			case <-time.After(patience):
				t.Fatal("the session goes on")
			}
		})
	}
}

// forwardAPI is an API server whose pod's ports do h.
func forwardAPI(t *testing.T, first http.HandlerFunc, h Handler) *apiServer {
	t.Helper()
	s := &apiServer{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.note(r)
		if first != nil && websocket.IsWebSocketUpgrade(r) {
			first(w, r)
			return
		}
		_ = ServeForward(w, r, h)
	}))
	s.Server.EnableHTTP2 = true
	s.Server.StartTLS()
	t.Cleanup(s.Server.Close)
	return s
}

func TestTargetForwards(t *testing.T) {
	noTunnel := func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "not supported", http.StatusBadRequest) }
	tests := map[string]struct {
		first http.HandlerFunc
		calls []string
	}{
		"if the server has the tunnel, then over WebSocket": {nil, []string{"GET dev devs t1 command=id"}},
		"if it has not, then over SPDY with another token":  {noTunnel, []string{"GET dev devs t1 command=id", "POST dev devs t2 command=id"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := forwardAPI(t, tc.first, echoing)
			f, err := s.target(t).Forward(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for id, port := range []uint16{80, 5432} {
				remote, err := f.Dial(uint64(id), port)
				if err != nil {
					t.Fatal(err)
				}
				out := make(chan string, 1)
				go func() { out <- digest(t, remote) }()
				if _, err := io.Copy(remote, pattern(3<<20)); err != nil {
					t.Error(err)
				}
				if err := remote.CloseWrite(); err != nil {
					t.Error(err)
				}
				want := digest(t, io.MultiReader(strings.NewReader(fmt.Sprint(port, " ")), pattern(3<<20)))
				if got := <-out; got != want {
					t.Errorf("port %d: got %s, want %s", port, got, want)
				}
				if why := <-remote.Failure; why != "" {
					t.Errorf("failed with %q", why)
				}
				remote.Reset()
			}
			if diff := cmp.Diff(tc.calls, s.calls); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTargetForwardPassesTheAPIServersRefusalOn(t *testing.T) {
	s := forwardAPI(t, func(w http.ResponseWriter, _ *http.Request) {
		_ = refuse(w, http.StatusForbidden, "the webhook says no")
	}, echoing)
	_, err := s.target(t).Forward(t.Context())
	var api apierrors.APIStatus
	if !errors.As(err, &api) || api.Status().Message != "the webhook says no" || len(s.calls) != 1 {
		t.Errorf("got %v after %v", err, s.calls)
	}
}

func TestTargetForwardTellsWhatFailed(t *testing.T) {
	s := forwardAPI(t, nil, func(ctx context.Context, c Client) error {
		f := <-c.Forwards
		f.End("connection refused")
		<-ctx.Done()
		return nil
	})
	f, err := s.target(t).Forward(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	remote, err := f.Dial(1, 80)
	if err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(remote); len(rest) > 0 || err != nil {
		t.Errorf("read %q, %v", rest, err)
	}
	if why := <-remote.Failure; why != "connection refused" {
		t.Errorf("failed with %q", why)
	}
	f.Close()
	<-f.Lost()
}

func TestForwardingLeavesNothingBehind(t *testing.T) {
	config := forwardServer(t, echoing)
	before := runtime.NumGoroutine()
	for name, dialer := range forwardDialers {
		for range 3 {
			addresses, over, stop := forwarder(t, dialer(t, config), ":80")
			if got := talk(t, addresses[0], strings.NewReader("x")); got != "80 x" {
				t.Errorf("%s: got %q", name, got)
			}
			stop()
			<-over
		}
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		now := runtime.NumGoroutine()
		if now <= before+2 {
			return
		}
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines before, %d after:\n%s", before, now, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func TestAForwardingClientThatVanishesIsGone(t *testing.T) {
	for range 20 { // the end of the connection is seen in two places at once
		ended := make(chan error, 1)
		config := forwardServer(t, func(ctx context.Context, _ Client) error {
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return nil
		})
		conn, err := tls.Dial("tcp", strings.TrimPrefix(config.Host, "https://"), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 12)); err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
		if err := <-ended; !errors.Is(err, ErrClientGone) {
			t.Fatalf("ended with %v", err)
		}
	}
}
