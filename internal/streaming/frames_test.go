package streaming

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// rawSPDY is a client that has opened stdin, stdout and error, and now writes what it likes.
type rawSPDY struct {
	net     *tls.Conn
	streams map[string]httpstream.Stream
}

func openSPDY(t *testing.T, config *rest.Config) rawSPDY {
	t.Helper()
	host := strings.TrimPrefix(config.Host, "https://")
	host, _, _ = strings.Cut(host, "/")
	conn, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(t.Context(), "tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, config.Host, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"SPDY/3.1"}, httpstream.HeaderProtocolVersion: {"v4.channel.k8s.io"}}
	if err := request.Write(conn); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v %v", err, response)
	}
	connection, err := spdy.NewClientConnection(conn)
	if err != nil {
		t.Fatal(err)
	}
	raw := rawSPDY{conn.(*tls.Conn), map[string]httpstream.Stream{}}
	for _, name := range []string{corev1.StreamTypeError, corev1.StreamTypeStdin, corev1.StreamTypeStdout} {
		if raw.streams[name], err = spdyStream(connection, name); err != nil {
			t.Fatal(err)
		}
	}
	// A stream that is not read blocks the library's client for ever, also when its connection has ended.
	go drain(raw.streams[corev1.StreamTypeError])
	return raw
}

const fin = 1

// data is a data frame for a stream.
func (r rawSPDY) data(name string, flags byte, body string) string {
	id := r.streams[name].Identifier()
	return frame([4]byte{byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)}, flags, len(body)) + body
}

// frame is the head of a frame.
func frame(first [4]byte, flags byte, length int) string {
	return string(first[:]) + string([]byte{flags, byte(length >> 16), byte(length >> 8), byte(length)})
}

// control is the first word of a control frame of SPDY 3.
func control(kind byte) [4]byte { return [4]byte{0x80, 3, 0, kind} }

const (
	synStream, rstStream, settings, ping, goAway, headers = 1, 3, 4, 6, 7, 8
)

// TestSPDYFramesThatEndTheSession writes them into a session, and reads the cause that its handler sees.
func TestSPDYFramesThatEndTheSession(t *testing.T) {
	tests := map[string]struct {
		frames func(rawSPDY) string
		cause  error
	}{
		"if a data frame is too large": {func(r rawSPDY) string {
			return r.data("stdin", 0, "")[:4] + frame([4]byte{}, 0, maxDataFrame+1)[4:]
		}, ErrProtocol},
		"if a control frame is too large":      {func(rawSPDY) string { return frame(control(headers), 0, maxControlFrame+1) }, ErrProtocol},
		"if a large frame follows a small one": {func(r rawSPDY) string { return r.data("stdin", 0, "x") + frame(control(ping), 0, 1<<24-1) }, ErrProtocol},
		"if there is data on stdout":           {func(r rawSPDY) string { return r.data("stdout", 0, "x") }, ErrProtocol},
		"if there is data on the error stream": {func(r rawSPDY) string { return r.data("error", 0, "x") }, ErrProtocol},
		"if a control frame is unknown":        {func(rawSPDY) string { return frame(control(99), 0, 0) }, ErrClientGone},
		"if headers are no zlib":               {func(rawSPDY) string { return frame(control(synStream), 0, 20) + strings.Repeat("x", 20) }, ErrClientGone},
		"if a reset is of no stream":           {func(rawSPDY) string { return frame(control(rstStream), 0, 8) + "\x00\x00\x00\x00\x00\x00\x00\x01" }, ErrClientGone},
		"if settings lie about their number":   {func(rawSPDY) string { return frame(control(settings), 0, 4) + "\x00\xff\xff\xff" }, ErrClientGone},
		"if the client says that it goes":      {func(rawSPDY) string { return frame(control(goAway), 0, 8) + "\x00\x00\x00\x00\x00\x00\x00\x00" }, ErrClientGone},
	}
	for name, tc := range tests {
		t.Run(name+", then the session ends", func(t *testing.T) {
			begun, cause := make(chan struct{}), make(chan error, 1)
			config := serve(t, Options{Stdin: true, Stdout: true}, func(ctx context.Context, c Client) error {
				close(begun)
				go drain(c.Stdin)
				<-ctx.Done()
				cause <- context.Cause(ctx)
				return nil
			})
			raw := openSPDY(t, config)
			<-begun
			if _, err := io.WriteString(raw.net, tc.frames(raw)); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-cause:
				if !errors.Is(err, tc.cause) {
					t.Errorf("the cause is %v, want %v", err, tc.cause)
				}
			case <-time.After(patience):
				t.Error("the session goes on")
			}
			if _, err := io.ReadAll(raw.streams["stdout"]); err != nil {
				t.Errorf("the connection ended with %v", err)
			}
		})
	}
}

// TestSPDYFramesThatPass are handled as the specification says, or have no meaning; stdin stays what it was.
func TestSPDYFramesThatPass(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", maxDataFrame/16)
	tests := map[string]struct {
		frames func(rawSPDY) string
		want   string
	}{
		"if a frame is as large as may be, then it is taken": {func(r rawSPDY) string { return r.data("stdin", 0, large) + r.data("stdin", fin, "") }, large},
		"if frames are coalesced, then they are in order": {func(r rawSPDY) string {
			return r.data("stdin", 0, "a") + r.data("stdin", 0, "b") + r.data("stdin", fin, "c")
		}, "abc"},
		"if a frame is empty, then it says nothing":          {func(r rawSPDY) string { return r.data("stdin", 0, "") + r.data("stdin", fin, "x") }, "x"},
		"if there is data after the end, then it is dropped": {func(r rawSPDY) string { return r.data("stdin", fin, "x") + r.data("stdin", 0, "y") }, "x"},
		"if input ends twice, then it ends":                  {func(r rawSPDY) string { return r.data("stdin", fin, "x") + r.data("stdin", fin, "") }, "x"},
		"if data is for no stream, then it is dropped":       {func(r rawSPDY) string { return frame([4]byte{0, 0, 0, 99}, 0, 1) + "y" + r.data("stdin", fin, "x") }, "x"},
		"if the client's stdout ends, then output goes on":   {func(r rawSPDY) string { return r.data("stdout", fin, "") + r.data("stdin", fin, "x") }, "x"},
		"if a ping comes between, then it harms nothing": {func(r rawSPDY) string {
			return frame(control(ping), 0, 4) + "\x00\x00\x00\x01" + r.data("stdin", fin, "x")
		}, "x"},
		"if a reply is for no stream, then it is dropped": {func(r rawSPDY) string {
			return frame(control(rstStream), 0, 8) + "\x00\x00\x00\x63\x00\x00\x00\x01" + r.data("stdin", fin, "x")
		}, "x"},
		"if settings come, then they are passed over": {func(r rawSPDY) string {
			return frame(control(settings), 0, 4) + "\x00\x00\x00\x00" + r.data("stdin", fin, "x")
		}, "x"},
	}
	for name, tc := range tests {
		for how, size := range map[string]int{"at once": 1 << 24, "in fragments": 1} {
			if len(tc.want) > 100 && size == 1 {
				size = 1000
			}
			t.Run(name+", "+how, func(t *testing.T) {
				config := serve(t, Options{Stdin: true, Stdout: true}, func(_ context.Context, c Client) error {
					all, err := io.ReadAll(c.Stdin)
					_, err2 := c.Stdout.Write(all)
					return errors.Join(err, err2)
				})
				raw := openSPDY(t, config)
				for rest := []byte(tc.frames(raw)); len(rest) > 0; rest = rest[min(size, len(rest)):] {
					if _, err := raw.net.Write(rest[:min(size, len(rest))]); err != nil {
						t.Fatal(err)
					}
				}
				got, err := io.ReadAll(raw.streams["stdout"])
				if err != nil || string(got) != tc.want {
					t.Errorf("got %d bytes, want %d: %v", len(got), len(tc.want), err)
				}
			})
		}
	}
}

// TestWebSocketMessagesThatPass have no meaning, or one that stdin does not change by.
func TestWebSocketMessagesThatPass(t *testing.T) {
	tests := map[string][]string{
		"if input ends twice, then it ends":                  {"\x00x", "\xff\x00", "\xff\x00"},
		"if there is data after the end, then it is dropped": {"\x00x", "\xff\x00", "\x00y"},
		"if another channel is closed, then input goes on":   {"\xff\x01", "\xff\x04", "\x00x", "\xff\x00"},
		"if a message is empty, then it says nothing":        {"", "\x00", "\x00x", "", "\xff\x00"},
		"if sizes come between, then they are no input":      {"\x04{\"Width\":1}", "\x00x", "\x04", "\xff\x00"},
	}
	for name, messages := range tests {
		t.Run(name, func(t *testing.T) {
			config := serve(t, Options{Stdin: true, Stdout: true}, func(_ context.Context, c Client) error {
				all, err := io.ReadAll(c.Stdin)
				_, err2 := c.Stdout.Write(all)
				return errors.Join(err, err2)
			})
			conn := open(t, config, 0, "v5.channel.k8s.io")
			for _, message := range messages {
				if err := conn.WriteMessage(websocket.BinaryMessage, []byte(message)); err != nil {
					t.Fatal(err)
				}
			}
			if got, status := received(t, conn, binary); got != "x" || status.Status != "Success" {
				t.Errorf("got %q, %v", got, status)
			}
		})
	}
}

// TestBeforeV5InputDoesNotEnd is about client-go, which sends a close signal in every version.
func TestBeforeV5InputDoesNotEnd(t *testing.T) {
	config := serve(t, Options{Stdin: true, Stdout: true}, func(ctx context.Context, c Client) error {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = io.Copy(c.Stdout, c.Stdin)
		}()
		select {
		case <-ended:
			return errors.New("the input ended")
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(200 * time.Millisecond):
			return ExitError{7}
		}
	})
	var stdout bytes.Buffer
	err := stream(t, config, clients["WebSocket v4"], remotecommand.StreamOptions{Stdin: strings.NewReader("x"), Stdout: &stdout})
	if stdout.String() != "x" || err == nil || !strings.Contains(err.Error(), "7") {
		t.Errorf("%q, %v", stdout.String(), err)
	}
}

// TestWebSocketFramesThatAreNone are answered by a close frame that says why.
func TestWebSocketFramesThatAreNone(t *testing.T) {
	const text, masked = "\x81", "\x80\x00\x00\x00\x00"
	for name, raw := range map[string]string{
		"if a reserved bit is set":           "\xf1" + masked,
		"if an opcode is unknown":            "\x83" + masked,
		"if a frame is not masked":           text + "\x01x",
		"if a continuation has no beginning": "\x80" + masked,
		"if a message begins in another":     "\x01" + masked + "\x01" + masked,
		"if a control frame is in fragments": "\x09" + masked,
		"if a control frame is too long":     "\x89\xfe\x01\x00" + masked[1:],
		"if a length is negative":            "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00",
	} {
		t.Run(name+", then the close frame says why", func(t *testing.T) {
			cause := make(chan error, 1)
			config := serve(t, Options{Stdin: true, Stdout: true}, func(ctx context.Context, _ Client) error {
				<-ctx.Done()
				cause <- context.Cause(ctx)
				return nil
			})
			conn := open(t, config, 0, "v5.channel.k8s.io")
			if _, _, err := conn.ReadMessage(); err != nil {
				t.Fatalf("there is no greeting: %v", err)
			}
			if _, err := io.WriteString(conn.NetConn(), raw); err != nil {
				t.Fatal(err)
			}
			var closed *websocket.CloseError
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			for {
				if _, _, err := conn.ReadMessage(); err != nil {
					if !errors.As(err, &closed) || closed.Code != websocket.CloseProtocolError || closed.Text == "" {
						t.Errorf("the connection ended with %v", err)
					}
					break
				}
			}
			if err := <-cause; !errors.Is(err, ErrProtocol) {
				t.Errorf("the cause is %v", err)
			}
		})
	}
}

// TestFrameLimit cuts a stream of frames anywhere.
func TestFrameLimit(t *testing.T) {
	frames := frame([4]byte{0, 0, 0, 1}, 0, 300) + strings.Repeat("x", 300) + frame(control(ping), 0, 4) + "1234" + frame([4]byte{}, fin, 0)
	tooLarge := frame([4]byte{}, 0, maxDataFrame+1)
	for size := 1; size < len(frames)+len(tooLarge); size++ {
		var passed bytes.Buffer
		_, err := io.CopyBuffer(onlyWriter{&passed}, onlyReader{&frameLimit{r: strings.NewReader(frames + tooLarge)}}, make([]byte, size))
		if !errors.Is(err, ErrProtocol) {
			t.Fatalf("in pieces of %d: %v", size, err)
		}
		if !strings.HasPrefix(frames+tooLarge, passed.String()) || passed.Len() >= len(frames)+len(tooLarge) {
			t.Fatalf("in pieces of %d: %d bytes passed", size, passed.Len())
		}
	}
}

type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)

// TestUnreadInputIsHeldBack writes the largest frames into a session that reads none of them.
func TestUnreadInputIsHeldBack(t *testing.T) {
	const bound = 32 << 20 // 50 frames, and the kernel's buffers
	config := serve(t, Options{Stdin: true, Stdout: true}, func(ctx context.Context, _ Client) error {
		<-ctx.Done()
		return nil
	})
	raw := openSPDY(t, config)
	largest := raw.data("stdin", 0, strings.Repeat("x", maxDataFrame))
	taken := 0
	for taken <= 2*bound {
		_ = raw.net.SetWriteDeadline(time.Now().Add(time.Second))
		n, err := io.WriteString(raw.net, largest)
		taken += n
		if err != nil {
			break
		}
	}
	if taken < maxDataFrame || taken > bound {
		t.Errorf("%d bytes were taken, want at most %d", taken, bound)
	}
}
