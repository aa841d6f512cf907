package streaming

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// open dials with gorilla's client, which can say what client-go never would.
func open(t *testing.T, config *rest.Config, writeBuffer int, subprotocols ...string) *websocket.Conn {
	t.Helper()
	dialer := websocket.Dialer{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Subprotocols: subprotocols, WriteBufferSize: writeBuffer,
	}
	conn, response, err := dialer.DialContext(t.Context(), strings.Replace(config.Host, "https", "wss", 1), nil)
	if err != nil {
		t.Fatalf("dialing: %v %v", err, response)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// echo sends back what it gets until n bytes have come.
func echo(n int) Handler {
	return func(_ context.Context, c Client) error {
		_, err := io.CopyN(c.Stdout, c.Stdin, int64(n))
		return err
	}
}

// received reads messages until the server closes, and returns what came on stdout and the status.
func received(t *testing.T, conn *websocket.Conn, decode func([]byte) (byte, []byte)) (string, metav1.Status) {
	t.Helper()
	var stdout bytes.Buffer
	var status metav1.Status
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	for {
		_, message, err := conn.ReadMessage()
		if err != nil {
			if !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
				t.Errorf("the connection ended with %v", err)
			}
			return stdout.String(), status
		}
		channel, data := decode(message)
		switch channel {
		case 1:
			stdout.Write(data)
		case 3:
			_ = json.Unmarshal(data, &status)
		default:
			t.Errorf("a message on channel %d", channel)
		}
	}
}

func binary(message []byte) (byte, []byte) { return message[0], message[1:] }

func text(message []byte) (byte, []byte) {
	data, err := base64.StdEncoding.DecodeString(string(message[1:]))
	if err != nil {
		return 0xff, nil
	}
	return message[0] - '0', data
}

func TestWebSocketEncodings(t *testing.T) {
	want := strings.Repeat("0123456789", 10_000)
	encoded := base64.StdEncoding.EncodeToString([]byte(want))
	tests := map[string]struct {
		protocol    string
		kind        int
		message     string
		decode      func([]byte) (byte, []byte)
		writeBuffer int
	}{
		"if no subprotocol is offered, then it is the first version": {"", websocket.BinaryMessage, "\x00" + want, binary, 0},
		"if a binary protocol gets text, then that is data too":      {"v4.channel.k8s.io", websocket.TextMessage, "\x00" + want, binary, 0},
		"if a message is in fragments, then it is one message":       {"v5.channel.k8s.io", websocket.BinaryMessage, "\x00" + want, binary, 100},
		"if it is base64, then it is decoded":                        {"base64.channel.k8s.io", websocket.TextMessage, "0" + encoded, text, 0},
		"if it is base64 in fragments, then it is decoded":           {"v4.base64.channel.k8s.io", websocket.TextMessage, "0" + encoded, text, 100},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			config := serve(t, Options{Stdin: true, Stdout: true}, echo(len(want)))
			var offered []string
			if tc.protocol != "" {
				offered = []string{"unknown", tc.protocol}
			}
			conn := open(t, config, tc.writeBuffer, offered...)
			if conn.Subprotocol() != tc.protocol {
				t.Errorf("negotiated %q", conn.Subprotocol())
			}
			if err := conn.WriteMessage(tc.kind, []byte(tc.message)); err != nil {
				t.Fatal(err)
			}
			if got, _ := received(t, conn, tc.decode); got != want {
				t.Errorf("got %d bytes, want %d", len(got), len(want))
			}
		})
	}
}

func TestServerMessagesAreNotFragmented(t *testing.T) {
	size := 3*MessageBytes + 17
	for _, protocol := range []string{"v5.channel.k8s.io", "v4.base64.channel.k8s.io"} {
		t.Run(protocol, func(t *testing.T) {
			config := serve(t, Options{Stdout: true}, func(_ context.Context, c Client) error {
				_, err := c.Stdout.Write(make([]byte, size))
				return err
			})
			conn := open(t, config, 0, protocol)
			raw := frames{t: t, r: conn.NetConn()}
			for !raw.closed {
				raw.next()
			}
			if raw.fragments > 0 || raw.largest > MessageBytes+1 {
				t.Errorf("%d fragments, the largest frame has %d bytes", raw.fragments, raw.largest)
			}
		})
	}
}

// frames reads the heads of a server's frames.
type frames struct {
	t                  *testing.T
	r                  io.Reader
	fragments, largest int
	closed             bool
}

func (f *frames) next() {
	head := make([]byte, 2)
	f.read(head)
	length := int(head[1] & 0x7f)
	switch length {
	case 126:
		extended := make([]byte, 2)
		f.read(extended)
		length = int(extended[0])<<8 | int(extended[1])
	case 127:
		f.t.Fatal("a frame of more than 64 KiB")
	}
	f.read(make([]byte, length))
	if head[0]&0x80 == 0 || head[0]&0x0f == 0 {
		f.fragments++
	}
	f.closed = head[0]&0x0f == 8
	f.largest = max(f.largest, length)
}

func (f *frames) read(p []byte) {
	if _, err := io.ReadFull(f.r, p); err != nil {
		f.t.Fatal(err)
	}
}

func TestBrokenProtocolEndsTheSession(t *testing.T) {
	const v5, v4base64 = "v5.channel.k8s.io", "v4.base64.channel.k8s.io"
	tests := map[string]struct{ protocol, message string }{
		"if the channel is unknown":                  {v5, "\x09data"},
		"if the client writes to stdout":             {v5, "\x01data"},
		"if the client writes to the error channel":  {v5, "\x03data"},
		"if a close signal names no channel":         {v5, "\xff"},
		"if a close signal names two channels":       {v5, "\xff\x00\x01"},
		"if a close signal names an unknown channel": {v5, "\xff\x09"},
		"if version 4 gets a close signal of two":    {"v4.channel.k8s.io", "\xff\x00\x01"},
		"if base64 is malformed":                     {v4base64, "0????"},
		"if base64 has an unknown channel":           {v4base64, "\x00AAAA"},
		"if a size is malformed":                     {v5, "\x04{80x24}"},
		"if a size is cut short":                     {v5, `` + "\x04" + `{"Width":80`},
		"if a size is negative":                      {v5, "\x04" + `{"Width":-1}`},
		"if a size is huge":                          {v5, "\x04" + `{"Width":80,"x":"` + strings.Repeat("x", 2*maxSizeBytes) + `"}`},
	}
	for name, tc := range tests {
		t.Run(name+", then the session ends", func(t *testing.T) {
			cause := make(chan error, 1)
			config := serve(t, Options{Stdin: true, Stdout: true, TTY: true}, func(ctx context.Context, c Client) error {
				_, err := io.Copy(io.Discard, c.Stdin)
				<-ctx.Done()
				cause <- errors.Join(context.Cause(ctx), err)
				return err
			})
			conn := open(t, config, 0, tc.protocol)
			if err := conn.WriteMessage(websocket.BinaryMessage, []byte(tc.message)); err != nil {
				t.Fatal(err)
			}
			if err := <-cause; !errors.Is(err, ErrProtocol) {
				t.Errorf("ended with %v", err)
			}
			for {
				if _, _, err := conn.ReadMessage(); err != nil {
					if !websocket.IsCloseError(err, websocket.CloseProtocolError) {
						t.Errorf("the client reads %v", err)
					}
					break
				}
			}
		})
	}
}

func TestWhatIsNotAskedForIsIgnored(t *testing.T) {
	config := serve(t, Options{Stdout: true}, func(ctx context.Context, c Client) error {
		if c.Stdin != nil || c.Resize != nil || c.Stderr != nil {
			return errors.New("streams that were not asked for")
		}
		_, err := io.WriteString(c.Stdout, "fine")
		return err
	})
	conn := open(t, config, 0, "v5.channel.k8s.io")
	for _, message := range []string{"", "\x00input", "\xff\x00", "\x04{broken"} {
		if err := conn.WriteMessage(websocket.BinaryMessage, []byte(message)); err != nil {
			t.Fatal(err)
		}
	}
	if got, status := received(t, conn, binary); got != "fine" || status.Status != metav1.StatusSuccess {
		t.Errorf("got %q, %v", got, status)
	}
}

func TestRefusals(t *testing.T) {
	tests := map[string]struct {
		method string
		header http.Header
		code   int
		says   string
	}{
		"if no upgrade is asked for, then it is refused": {"GET", nil, 400, "not to"},
		"if it is another protocol, then it is refused":  {"GET", http.Header{"Connection": {"Upgrade"}, "Upgrade": {"h2c"}}, 400, "h2c"},
		"if no WebSocket subprotocol fits, then it is refused": {"GET", http.Header{
			"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
			"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Protocol": {"v6.channel.k8s.io, x"},
		}, 400, "v6.channel.k8s.io"},
		"if the WebSocket handshake is broken, then it is refused": {"GET", http.Header{
			"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Protocol": {"v5.channel.k8s.io"},
		}, 400, "websocket"},
		"if SPDY names no version, then it is refused": {"POST", http.Header{"Connection": {"Upgrade"}, "Upgrade": {"SPDY/3.1"}}, 400, "X-Stream-Protocol-Version"},
		"if no SPDY version fits, then it is refused": {"POST", http.Header{
			"Connection": {"Upgrade"}, "Upgrade": {"SPDY/3.1"}, "X-Stream-Protocol-Version": {"v5.channel.k8s.io"},
		}, 403, "v5.channel.k8s.io"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			config := serve(t, Options{Stdout: true}, func(context.Context, Client) error {
				t.Error("a session began")
				return nil
			})
			hc, err := rest.HTTPClientFor(config)
			if err != nil {
				t.Fatal(err)
			}
			request, err := http.NewRequestWithContext(t.Context(), tc.method, config.Host, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header = tc.header
			response, err := hc.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(response.Body)
			response.Body.Close()
			if response.StatusCode != tc.code || !strings.Contains(string(body), tc.says) {
				t.Errorf("status %d: %s", response.StatusCode, body)
			}
		})
	}
}

// spdyClient opens a SPDY connection and gives it to the test.
func spdyClient(t *testing.T, config *rest.Config, protocol string) httpstream.Connection {
	t.Helper()
	roundTripper, err := spdy.NewRoundTripper(&tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, config.Host, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set(httpstream.HeaderProtocolVersion, protocol)
	response, err := roundTripper.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := roundTripper.NewConnection(response)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func spdyStream(conn httpstream.Connection, name string) (httpstream.Stream, error) {
	return conn.CreateStream(http.Header{corev1.StreamType: {name}})
}

func TestSPDYStreamsThatWereNotExpectedAreRefused(t *testing.T) {
	config := serve(t, Options{Stdin: true, Stdout: true}, func(_ context.Context, c Client) error {
		all, err := io.ReadAll(c.Stdin)
		_, err2 := c.Stdout.Write(all)
		return errors.Join(err, err2)
	})
	conn := spdyClient(t, config, "v4.channel.k8s.io")
	stdin, err := spdyStream(conn, "stdin")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"stdin", "stderr", "resize", "sideways", ""} {
		if _, err := spdyStream(conn, name); err == nil {
			t.Errorf("a stream %q was accepted", name)
		}
	}
	stdout, err := spdyStream(conn, "stdout")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := spdyStream(conn, "error"); err != nil {
		t.Fatal(err)
	}
	if _, err := spdyStream(conn, "stdout"); err == nil {
		t.Error("a second stdout was accepted while the session runs")
	}
	if _, err := io.WriteString(stdin, "once"); err != nil {
		t.Fatal(err)
	}
	stdin.Close()
	if got, err := io.ReadAll(stdout); err != nil || string(got) != "once" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestSPDYClientWithoutStreamsIsLetGo(t *testing.T) {
	c := newCollector(Options{Stdout: true}, false)
	if _, err := c.wait(make(chan bool), time.Millisecond); err == nil || !strings.Contains(err.Error(), "within") {
		t.Errorf("got %v", err)
	}
	closed := make(chan bool)
	close(closed)
	if _, err := c.wait(closed, patience); !errors.Is(err, ErrClientGone) {
		t.Errorf("got %v", err)
	}
}

func TestAClientThatLeavesEndsTheSession(t *testing.T) {
	leave := map[string]func(t *testing.T, config *rest.Config, begun <-chan struct{}){
		"WebSocket closes": func(t *testing.T, config *rest.Config, begun <-chan struct{}) {
			conn := open(t, config, 0, "v5.channel.k8s.io")
			<-begun
			_ = conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
		},
		"WebSocket breaks": func(t *testing.T, config *rest.Config, begun <-chan struct{}) {
			conn := open(t, config, 0, "v5.channel.k8s.io")
			<-begun
			conn.NetConn().(*tls.Conn).NetConn().Close()
		},
		"SPDY closes": func(t *testing.T, config *rest.Config, begun <-chan struct{}) {
			conn := spdyClient(t, config, "v4.channel.k8s.io")
			for _, name := range []string{"error", "stdin", "stdout"} {
				if _, err := spdyStream(conn, name); err != nil {
					t.Fatal(err)
				}
			}
			<-begun
			conn.Close()
		},
	}
	for name, leave := range leave {
		t.Run(name, func(t *testing.T) {
			begun, cause := make(chan struct{}), make(chan error, 1)
			config := serve(t, Options{Stdin: true, Stdout: true}, func(ctx context.Context, _ Client) error {
				close(begun)
				<-ctx.Done()
				cause <- context.Cause(ctx)
				return nil
			})
			leave(t, config, begun)
			if err := <-cause; !errors.Is(err, ErrClientGone) {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

func TestCutEndsABlockedWrite(t *testing.T) {
	for _, client := range []string{"WebSocket v5", "SPDY v4"} {
		t.Run(client, func(t *testing.T) {
			ended := make(chan error, 1)
			config := serve(t, Options{Stdout: true}, func(_ context.Context, c Client) error {
				c.Cut(time.Hour)
				c.Cut(500 * time.Millisecond) // until then the network is full
				block := make([]byte, chunkBytes)
				for {
					if _, err := c.Stdout.Write(block); err != nil {
						ended <- err
						return err
					}
				}
			})
			stuck, release := io.Pipe()
			defer stuck.Close()
			go func() { _ = stream(t, config, clients[client], remotecommand.StreamOptions{Stdout: release}) }()
			select {
			case <-ended:
			case <-time.After(3 * time.Second):
				t.Error("the cut waits for a client that does not read") // TLS alone would for 5 s
				<-ended
			}
			stuck.Close()
		})
	}
}

func TestTheLastReadOfStdinMayBeUnderWay(t *testing.T) {
	for name, d := range clients {
		t.Run(name, func(t *testing.T) {
			config := serve(t, Options{Stdin: true, Stdout: true}, func(_ context.Context, c Client) error {
				go func() { _, _ = io.Copy(io.Discard, c.Stdin) }() // beside the leg, which throws input away at the end
				_, err := io.WriteString(c.Stdout, "over")
				return err
			})
			var stdout bytes.Buffer
			if err := stream(t, config, d, remotecommand.StreamOptions{Stdin: pattern(1 << 20), Stdout: &stdout}); err != nil || stdout.String() != "over" {
				t.Errorf("got %q, %v", &stdout, err)
			}
		})
	}
}

func TestAPingIsAnsweredBehindASlowReader(t *testing.T) {
	var written atomic.Int64
	config := serve(t, Options{Stdout: true}, func(_ context.Context, c Client) error {
		for {
			n, err := c.Stdout.Write(make([]byte, MessageBytes))
			written.Add(int64(n))
			if err != nil {
				return nil
			}
		}
	})
	conn := open(t, config, 0, "v5.channel.k8s.io")
	for before := int64(-1); before != written.Load(); time.Sleep(200 * time.Millisecond) {
		before = written.Load() // until the network is full
	}
	if err := conn.WriteControl(websocket.PingMessage, []byte("still there?"), time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1500 * time.Millisecond) // longer than the deadline of gorilla/websocket's own answer
	answered := false
	conn.SetPongHandler(func(said string) error {
		answered = said == "still there?"
		return nil
	})
	for !answered {
		if _, _, err := conn.ReadMessage(); err != nil {
			t.Fatalf("the ping ended the session: %v", err)
		}
	}
}

func TestASlowReaderSlowsTheWriter(t *testing.T) {
	const total, bound = 1 << 30, 48 << 20 // the bound leaves room for the kernel's buffers
	var written atomic.Int64
	config := serve(t, Options{Stdout: true}, func(_ context.Context, c Client) error {
		block := make([]byte, chunkBytes)
		for written.Load() < total {
			if _, err := c.Stdout.Write(block); err != nil {
				return nil
			}
			written.Add(chunkBytes)
		}
		return nil
	})
	conn := open(t, config, 0, "v5.channel.k8s.io")
	var read int64
	for range 200 {
		_, message, err := conn.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		read += int64(len(message))
		runtime.Gosched()
		if ahead := written.Load() - read; ahead > bound {
			t.Fatalf("the writer is %d bytes ahead of its reader", ahead)
		}
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	config := serve(t, Options{Stdin: true, Stdout: true, TTY: true}, func(ctx context.Context, c Client) error {
		_, _ = io.CopyN(io.Discard, c.Stdin, 4)
		return nil
	})
	before := runtime.NumGoroutine()
	for range 5 {
		for _, client := range []string{"WebSocket v5", "WebSocket v4", "SPDY v4"} {
			if err := stream(t, config, clients[client], remotecommand.StreamOptions{
				Stdin: strings.NewReader("some input"), Stdout: io.Discard, Tty: true, TerminalSizeQueue: &sizeList{},
			}); err != nil {
				t.Fatal(err)
			}
		}
		conn := open(t, config, 0, "v5.channel.k8s.io")
		conn.NetConn().(*tls.Conn).NetConn().(*net.TCPConn).Close()
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
