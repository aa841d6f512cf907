package streaming

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	constants "k8s.io/apimachinery/pkg/util/portforward"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// Remote is one connection into a pod. It is to be reset at last.
type Remote struct {
	Pipe

	// Failure gives one text once the far end has ended: why, or nothing if all went well.
	Failure <-chan string
}

// Forwarding is a connection to the API server through which ports of one pod are reached.
type Forwarding struct {
	conn httpstream.Connection
	cut  func()
	send sender
}

// Forward connects. Its errors are those of Stream. Close what it returns.
func (t Target) Forward(ctx context.Context) (*Forwarding, error) {
	a, config := t.attempts()
	f, err := t.forwardWebSocket(ctx, config)
	if httpstream.IsUpgradeFailure(err) && a.refusal == nil {
		f, err = t.forwardSPDY(ctx, config)
	}
	if err != nil && a.refusal != nil {
		return nil, a.refusal
	}
	return f, err
}

// forwardWebSocket sends no pings, for the reason that streamWebSocket gives.
func (t Target) forwardWebSocket(ctx context.Context, config *rest.Config) (*Forwarding, error) {
	conn, err := t.API.dial(ctx, config, t.URL, constants.WebsocketsSPDYTunnelingPortForwardV1)
	if err != nil {
		return nil, err
	}
	cut := &cutter{conn: conn.NetConn()}
	tunnel := tunnelOver(conn)
	client, err := spdy.NewClientConnection(tunnel)
	if err != nil {
		cut.now()
		return nil, fmt.Errorf("beginning SPDY inside of WebSocket: %w", err)
	}
	return &Forwarding{conn: client, cut: cut.now, send: sender{corks: corks{tunnel}}}, nil
}

// forwardSPDY is for API servers without the tunnel, before 1.31.
func (t Target) forwardSPDY(ctx context.Context, config *rest.Config) (*Forwarding, error) {
	transport, upgrader, err := t.API.spdyTransport(config)
	if err != nil {
		return nil, fmt.Errorf("preparing the SPDY connection to the pod: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("preparing the SPDY connection to the pod: %w", err)
	}
	request.Header.Set(httpstream.HeaderProtocolVersion, constants.PortForwardV1Name)
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, fmt.Errorf("opening the SPDY connection to the pod: %w", err)
	}
	defer response.Body.Close()
	conn, err := upgrader.NewConnection(response)
	if err != nil {
		return nil, fmt.Errorf("opening the SPDY connection to the pod: %w", err)
	}
	f := &Forwarding{conn: conn, cut: func() {}}
	if got := response.Header.Get(httpstream.HeaderProtocolVersion); got != constants.PortForwardV1Name {
		f.Close()
		return nil, fmt.Errorf("opening the SPDY connection to the pod: the server speaks %q", got)
	}
	return f, nil
}

// Lost is closed when the connection is over.
func (f *Forwarding) Lost() <-chan bool { return f.conn.CloseChan() }

// Close ends the connection, and with it all that it carries.
func (f *Forwarding) Close() {
	f.cut()
	// Where there is nothing to cut, it may wait for a server that does not read.
	go func() { _ = f.conn.Close() }()
}

// Dial begins a connection to a port. It waits for the server at most as long as client-go does, half a minute.
func (f *Forwarding) Dial(id uint64, port uint16) (Remote, error) {
	failure, err := f.stream(corev1.StreamTypeError, id, port)
	if err != nil {
		return Remote{}, err
	}
	p := &remotePipe{forwarding: f, failure: failure}
	// Only the server has something to say on it.
	if err = failure.Close(); err == nil {
		p.Stream, err = f.stream(corev1.StreamTypeData, id, port)
	}
	if err != nil {
		p.Reset()
		return Remote{}, err
	}
	texts := make(chan string, 1)
	go func() {
		// A text that is cut short is still a text.
		text, _ := io.ReadAll(io.LimitReader(failure, maxStatusBytes))
		drain(failure)
		texts <- string(text)
	}()
	return Remote{Pipe: p, Failure: texts}, nil
}

func (f *Forwarding) stream(kind string, id uint64, port uint16) (httpstream.Stream, error) {
	stream, err := f.conn.CreateStream(http.Header{
		http.CanonicalHeaderKey(corev1.StreamType):                 {kind},
		http.CanonicalHeaderKey(corev1.PortHeader):                 {strconv.Itoa(int(port))},
		http.CanonicalHeaderKey(corev1.PortForwardRequestIDHeader): {strconv.FormatUint(id, 10)},
	})
	if err != nil {
		return nil, fmt.Errorf("opening a stream to port %d of the pod: %w", port, err)
	}
	return stream, nil
}

type remotePipe struct {
	httpstream.Stream // of the data; nil if it was not opened

	forwarding *Forwarding
	failure    httpstream.Stream
}

func (p *remotePipe) Write(b []byte) (int, error) { return p.forwarding.send.write(p.Stream, b) }
func (p *remotePipe) CloseWrite() error           { return p.Stream.Close() }

func (p *remotePipe) Reset() {
	for _, stream := range []httpstream.Stream{p.Stream, p.failure} {
		if stream != nil {
			_ = stream.Reset()
			p.forwarding.conn.RemoveStreams(stream)
		}
	}
}
