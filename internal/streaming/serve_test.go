package streaming

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	utilexec "k8s.io/client-go/util/exec"
)

// patience bounds what must not hang; no test passes because of it.
const patience = 30 * time.Second

// serve starts a server, on a Listener as in the gateway, whose every request becomes a session.
func serve(t *testing.T, o Options, h Handler) *rest.Config {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := Serve(w, r, o, h); err != nil {
			t.Logf("refused: %v", err)
		}
	}))
	server.Listener = Listener(server.Listener)
	server.StartTLS()
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}}
}

type dial func(*rest.Config) (remotecommand.Executor, error)

func overSPDY(protocol string) dial {
	return func(config *rest.Config) (remotecommand.Executor, error) {
		transport, upgrader, err := spdy.RoundTripperFor(config)
		if err != nil {
			return nil, err
		}
		u, err := url.Parse(config.Host)
		if err != nil {
			return nil, err
		}
		return remotecommand.NewSPDYExecutorForProtocols(transport, upgrader, http.MethodPost, u, protocol)
	}
}

func overWebSocket(protocol string) dial {
	return func(config *rest.Config) (remotecommand.Executor, error) {
		return remotecommand.NewWebSocketExecutorForProtocols(config, http.MethodGet, config.Host, protocol)
	}
}

// clients are client-go's own, one for each protocol that it speaks.
var clients = map[string]dial{
	"SPDY v1":      overSPDY("channel.k8s.io"),
	"SPDY v2":      overSPDY("v2.channel.k8s.io"),
	"SPDY v3":      overSPDY("v3.channel.k8s.io"),
	"SPDY v4":      overSPDY("v4.channel.k8s.io"),
	"WebSocket v1": overWebSocket("channel.k8s.io"),
	"WebSocket v4": overWebSocket("v4.channel.k8s.io"),
	"WebSocket v5": overWebSocket("v5.channel.k8s.io"),
}

func stream(t *testing.T, config *rest.Config, d dial, o remotecommand.StreamOptions) error {
	t.Helper()
	executor, err := d(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return executor.StreamWithContext(ctx, o)
}

func TestOutputIsDeliveredApart(t *testing.T) {
	for name, d := range clients {
		t.Run(name, func(t *testing.T) {
			config := serve(t, Options{Stdout: true, Stderr: true}, func(_ context.Context, c Client) error {
				_, err := io.WriteString(c.Stdout, "out")
				_, err2 := io.WriteString(c.Stderr, "err")
				return errors.Join(err, err2)
			})
			var stdout, stderr bytes.Buffer
			if err := stream(t, config, d, remotecommand.StreamOptions{Stdout: &stdout, Stderr: &stderr}); err != nil {
				t.Fatal(err)
			}
			if got, want := stdout.String()+"|"+stderr.String(), "out|err"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestExit(t *testing.T) {
	gone := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "web", errors.New("no grant"))
	tests := map[string]struct {
		end      error
		code     int    // exit code that version 4 and later see
		contains string // of the client's error, in every version
	}{
		"if the command ends well, then there is no error":            {},
		"if the command ends with 3, then that is the exit code":      {end: ExitError{3}, code: 3, contains: "3"},
		"if the command ends with 255, then that is the exit code":    {end: fmt.Errorf("so: %w", ExitError{255}), code: 255, contains: "255"},
		"if the session is refused, then its message arrives":         {end: gone, contains: "no grant"},
		"if the session fails otherwise, then the cause stays inside": {end: errors.New("secret"), contains: "its log says why"},
	}
	for name, tc := range tests {
		for client, d := range clients {
			t.Run(name+"/"+client, func(t *testing.T) {
				config := serve(t, Options{Stdout: true}, func(_ context.Context, c Client) error {
					_, err := io.WriteString(c.Stdout, "last words")
					return errors.Join(err, tc.end)
				})
				var stdout bytes.Buffer
				err := stream(t, config, d, remotecommand.StreamOptions{Stdout: &stdout})
				if strings.HasSuffix(client, "v1") && tc.end != nil {
					return // the client of version 1 races its output against the error
				}
				if stdout.String() != "last words" {
					t.Errorf("stdout is %q", stdout.String())
				}
				if tc.end == nil && err != nil || tc.end != nil && (err == nil || !strings.Contains(err.Error(), tc.contains)) {
					t.Fatalf("client got %v, want %q", err, tc.contains)
				}
				if strings.Contains(fmt.Sprint(err), "secret") {
					t.Errorf("the client sees the cause: %v", err)
				}
				var exit utilexec.CodeExitError
				if versioned := strings.HasSuffix(client, "v4") || strings.HasSuffix(client, "v5"); versioned && errors.As(err, &exit) != (tc.code != 0) {
					t.Errorf("client got %v, want code %d", err, tc.code)
				}
				if exit.Code != 0 && exit.Code != tc.code {
					t.Errorf("client got code %d, want %d", exit.Code, tc.code)
				}
			})
		}
	}
}

func TestStdinEndsWhereTheProtocolCanSaySo(t *testing.T) {
	for _, client := range []string{"SPDY v2", "SPDY v3", "SPDY v4", "WebSocket v5"} {
		t.Run(client, func(t *testing.T) {
			config := serve(t, Options{Stdin: true, Stdout: true}, func(_ context.Context, c Client) error {
				all, err := io.ReadAll(c.Stdin)
				_, err2 := fmt.Fprintf(c.Stdout, "%d bytes: %s", len(all), all)
				return errors.Join(err, err2)
			})
			var stdout bytes.Buffer
			err := stream(t, config, clients[client], remotecommand.StreamOptions{Stdin: strings.NewReader("hello"), Stdout: &stdout})
			if err != nil || stdout.String() != "5 bytes: hello" {
				t.Errorf("got %q, %v", stdout.String(), err)
			}
		})
	}
}

type sizeList []remotecommand.TerminalSize

func (l *sizeList) Next() *remotecommand.TerminalSize {
	if len(*l) == 0 {
		return nil
	}
	next := (*l)[0]
	*l = (*l)[1:]
	return &next
}

func TestTheLastTerminalSizeArrives(t *testing.T) {
	for _, client := range []string{"SPDY v3", "SPDY v4", "WebSocket v4", "WebSocket v5"} {
		t.Run(client, func(t *testing.T) {
			want := TerminalSize{Width: 132, Height: 43}
			config := serve(t, Options{Stdin: true, Stdout: true, Stderr: true, TTY: true}, func(ctx context.Context, c Client) error {
				if c.Stderr != nil {
					return errors.New("stderr with a terminal")
				}
				for size := range c.Resize {
					if size == want {
						_, err := io.WriteString(c.Stdout, "seen")
						return err
					}
				}
				return context.Cause(ctx)
			})
			var stdout bytes.Buffer
			stdin, feed := io.Pipe()
			defer feed.Close()
			queue := &sizeList{{Width: 80, Height: 24}, {Width: 100, Height: 30}, {Width: want.Width, Height: want.Height}}
			err := stream(t, config, clients[client], remotecommand.StreamOptions{
				Stdin: stdin, Stdout: &stdout, Tty: true, TerminalSizeQueue: queue,
			})
			if err != nil || stdout.String() != "seen" {
				t.Errorf("got %q, %v", stdout.String(), err)
			}
		})
	}
}

// pattern yields n bytes that repeat nowhere near.
func pattern(n int) io.Reader {
	block := make([]byte, 0, 1<<16)
	for i := 0; len(block) < 1<<16; i++ {
		block = append(block, sha256.New().Sum(fmt.Append(nil, i))...)
	}
	return io.LimitReader(&repeat{block: block}, int64(n))
}

type repeat struct {
	block []byte
	at    int
}

func (r *repeat) Read(p []byte) (int, error) {
	n := copy(p, r.block[r.at:])
	r.at = (r.at + n) % len(r.block)
	return n, nil
}

func digest(t *testing.T, r io.Reader) string {
	t.Helper()
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil {
		t.Error(err)
	}
	return fmt.Sprintf("%d %x", n, h.Sum(nil))
}

func TestLargeDataBothWaysIsWhole(t *testing.T) {
	const size = 20 << 20
	want := digest(t, pattern(size))
	for _, client := range []string{"SPDY v2", "SPDY v3", "SPDY v4", "WebSocket v5"} {
		t.Run(client, func(t *testing.T) {
			got := make(chan string, 1)
			config := serve(t, Options{Stdin: true, Stdout: true}, func(_ context.Context, c Client) error {
				go func() { got <- digest(t, c.Stdin) }()
				_, err := io.Copy(c.Stdout, pattern(size))
				in := <-got
				got <- in
				return err
			})
			stdout, feed := io.Pipe()
			out := make(chan string, 1)
			go func() { out <- digest(t, stdout) }()
			err := stream(t, config, clients[client], remotecommand.StreamOptions{Stdin: pattern(size), Stdout: feed})
			feed.Close()
			if diff := cmp.Diff([]string{want, want}, []string{<-got, <-out}); diff != "" || err != nil {
				t.Errorf("stdin, stdout differ: %s %v", diff, err)
			}
		})
	}
}
