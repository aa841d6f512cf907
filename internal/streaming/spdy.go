package streaming

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

var spdyProtocols = []string{
	remotecommand.StreamProtocolV4Name, remotecommand.StreamProtocolV3Name,
	remotecommand.StreamProtocolV2Name, remotecommand.StreamProtocolV1Name,
}

type spdyLeg struct {
	conn       httpstream.Connection
	limit      *frameLimit
	cut        *cutter
	send       sender
	opts       Options
	jsonStatus bool
	streams    map[string]httpstream.Stream
	stdin      turns
	sizes      sizes

	done chan struct{}
	mu   sync.Mutex
	err  error
}

func acceptSPDY(w http.ResponseWriter, r *http.Request, o Options) (leg, error) {
	protocol, err := httpstream.Handshake(r, w, spdyProtocols)
	if err != nil {
		return nil, fmt.Errorf("negotiating the SPDY subprotocol: %w", err)
	}
	resizes := o.TTY && (protocol == remotecommand.StreamProtocolV4Name || protocol == remotecommand.StreamProtocolV3Name)
	streams := newCollector(o, resizes)
	hijacker := &hijacker{ResponseWriter: w}
	conn := spdy.NewResponseUpgrader().UpgradeResponse(hijacker, r, streams.add)
	if conn == nil {
		return nil, errors.New("upgrading to SPDY failed")
	}
	l := &spdyLeg{
		conn: conn, limit: hijacker.limit, cut: &cutter{conn: network(hijacker.conn)}, send: sender{corks: corksOf(hijacker.conn)},
		opts: o, sizes: newSizes(), done: make(chan struct{}),
		jsonStatus: protocol == remotecommand.StreamProtocolV4Name,
	}
	if l.streams, err = streams.wait(conn.CloseChan(), createTimeout); err != nil {
		l.abort()
		return nil, err
	}
	l.stdin.from = l.streams[corev1.StreamTypeStdin]
	go l.watch()
	go l.readSizes(resizes)
	for _, name := range []string{corev1.StreamTypeError, corev1.StreamTypeStdout, corev1.StreamTypeStderr} {
		go l.readNothing(name)
	}
	return l, nil
}

func (l *spdyLeg) watch() {
	<-l.conn.CloseChan()
	if l.limit.over.Load() {
		l.fail(errFrame)
	}
	l.fail(ErrClientGone)
}

// fail ends the leg with the first cause.
func (l *spdyLeg) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
		close(l.done)
	}
}

func (l *spdyLeg) readSizes(resizes bool) {
	defer close(l.sizes)
	if !resizes {
		return
	}
	stream := l.streams[corev1.StreamTypeResize]
	if err := l.sizes.decode(stream); err != nil {
		l.fail(err)
	}
	drain(stream)
}

// readNothing ends the session at the first byte on a stream that carries only what the gateway says.
func (l *spdyLeg) readNothing(name string) {
	stream := l.streams[name]
	if stream == nil {
		return
	}
	if n, _ := stream.Read(make([]byte, 1)); n > 0 {
		l.fail(fmt.Errorf("%w: data on stream %s", ErrProtocol, name))
		drain(stream)
	}
}

func (l *spdyLeg) client() Client {
	c := Client{Cut: l.cut.in}
	if l.opts.Stdin {
		c.Stdin = &l.stdin
	}
	if l.opts.Stdout {
		c.Stdout = chunkedWriter{&l.send, l.streams[corev1.StreamTypeStdout]}
	}
	if l.opts.Stderr {
		c.Stderr = chunkedWriter{&l.send, l.streams[corev1.StreamTypeStderr]}
	}
	if l.opts.TTY {
		c.Resize = l.sizes
	}
	return c
}

func (l *spdyLeg) gone() <-chan struct{} { return l.done }

func (l *spdyLeg) cause() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *spdyLeg) finish(status metav1.Status) {
	l.cut.in(lingerTime)
	if l.opts.Stdin {
		// Input is thrown away from here on, so that the client's other frames still get through.
		go drain(&l.stdin)
	}
	body, err := encodeStatus(status, l.jsonStatus)
	if err == nil && len(body) > 0 {
		_, err = l.streams[corev1.StreamTypeError].Write(body)
	}
	// The first version looks at the error stream only until its output ends, so the error stream goes first.
	for _, name := range []string{corev1.StreamTypeError, corev1.StreamTypeStdout, corev1.StreamTypeStderr} {
		if stream := l.streams[name]; err == nil && stream != nil {
			err = stream.Close()
		}
	}
	if err == nil {
		<-l.conn.CloseChan()
	}
	l.abort()
}

func (l *spdyLeg) abort() {
	l.cut.stop()
	// First the network: closing the streams writes to it, and would wait for a client that does not read.
	l.cut.now()
	_ = l.conn.Close()
}

// turns lets one read through at a time, which a SPDY stream does not see to: when its input is to be thrown away, the
// handler's last read may still be under way.
type turns struct {
	mu   sync.Mutex
	from io.Reader
}

func (t *turns) Read(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.from.Read(p) //nolint:wrapcheck // io.EOF has to stay what it is
}

// sender writes to the streams of one SPDY connection.
type sender struct {
	mu    sync.Mutex
	corks corks
}

// write keeps frames small: one write to a stream is one frame.
func (s *sender) write(to io.Writer, p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := 0
	err := s.corks.together(func() error {
		for sent < len(p) {
			n, err := to.Write(p[sent:min(len(p), sent+chunkBytes)])
			sent += n
			if err != nil {
				return fmt.Errorf("writing to a stream: %w", err)
			}
		}
		return nil
	})
	return sent, err
}

type chunkedWriter struct {
	send *sender
	to   io.Writer
}

func (w chunkedWriter) Write(p []byte) (int, error) { return w.send.write(w.to, p) }

func drain(r io.Reader) { _, _ = io.Copy(io.Discard, r) }

// hijacker remembers the network connection under an upgrade, and bounds the frames that come over it.
type hijacker struct {
	http.ResponseWriter

	conn  net.Conn
	limit *frameLimit
}

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("taking over the connection: %w", err)
	}
	// What SPDY writes in parts shall also be one TLS record.
	h.conn = &corkable{Conn: conn}
	h.limit = &frameLimit{r: rw.Reader}
	rw.Reader = bufio.NewReader(h.limit)
	// The server's deadlines were for a request.
	return h.conn, rw, conn.SetDeadline(time.Time{})
}

// collector gathers the streams that a SPDY client opens.
type collector struct {
	full chan struct{}

	mu      sync.Mutex
	missing map[string]bool
	streams map[string]httpstream.Stream
	replies []<-chan struct{}
}

func newCollector(o Options, resizes bool) *collector {
	missing := map[string]bool{corev1.StreamTypeError: true}
	for name, wanted := range map[string]bool{
		corev1.StreamTypeStdin: o.Stdin, corev1.StreamTypeStdout: o.Stdout,
		corev1.StreamTypeStderr: o.Stderr, corev1.StreamTypeResize: resizes,
	} {
		if wanted {
			missing[name] = true
		}
	}
	return &collector{full: make(chan struct{}), missing: missing, streams: map[string]httpstream.Stream{}}
}

// add takes a stream, or refuses it: unknown, not asked for, or a second of its kind. It must not block, because it
// runs where the connection's frames are handled.
func (c *collector) add(stream httpstream.Stream, replied <-chan struct{}) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := stream.Headers().Get(corev1.StreamType)
	if !c.missing[name] {
		return fmt.Errorf("a stream of type %q was not expected", name)
	}
	delete(c.missing, name)
	c.streams[name] = stream
	c.replies = append(c.replies, replied)
	if len(c.missing) == 0 {
		close(c.full)
	}
	return nil
}

// wait returns the streams once all are there and the client has been told so.
func (c *collector) wait(closed <-chan bool, timeout time.Duration) (map[string]httpstream.Stream, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	steps := []<-chan struct{}{c.full}
	for i := 0; i < len(steps); i++ {
		select {
		case <-steps[i]:
		case <-closed:
			return nil, ErrClientGone
		case <-timer.C:
			return nil, fmt.Errorf("the client did not open its streams within %s", timeout)
		}
		if i == 0 {
			c.mu.Lock()
			steps = append(steps, c.replies...)
			c.mu.Unlock()
		}
	}
	return c.streams, nil
}
