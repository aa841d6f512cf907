package streaming

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
)

// apiServer answers exec as the API server does, and notes who came.
type apiServer struct {
	*httptest.Server

	mu    sync.Mutex
	calls []string
}

func newAPIServer(t *testing.T, o Options, first http.HandlerFunc, h Handler) *apiServer {
	t.Helper()
	s := &apiServer{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.note(r)
		if first != nil && websocket.IsWebSocketUpgrade(r) {
			first(w, r)
			return
		}
		_ = Serve(w, r, o, h)
	}))
	// As the real one: HTTP/2 wherever the client does not insist on something else.
	s.Server.EnableHTTP2 = true
	s.Server.StartTLS()
	t.Cleanup(s.Server.Close)
	return s
}

func (s *apiServer) note(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, fmt.Sprint(r.Method, " ", r.Header.Get("Impersonate-User"), " ",
		r.Header.Get("Impersonate-Group"), " ", r.Header.Get("Impersonate-Extra-Example.com%2ftoken"), " ", r.URL.RawQuery))
}

func (s *apiServer) target(t *testing.T) Target {
	t.Helper()
	u, err := url.Parse(s.URL + "/api/v1/namespaces/n/pods/p/exec?command=id")
	if err != nil {
		t.Fatal(err)
	}
	api, err := NewAPI(&rest.Config{Host: s.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}})
	if err != nil {
		t.Fatal(err)
	}
	tokens := 0
	return Target{
		API: api,
		URL: u,
		As: func() (transport.ImpersonationConfig, error) {
			tokens++
			return transport.ImpersonationConfig{
				UserName: "dev", Groups: []string{"devs"}, Extra: map[string][]string{"example.com/token": {fmt.Sprint("t", tokens)}},
			}, nil
		},
	}
}

func TestTargetCarriesStreamsAsTheUser(t *testing.T) {
	const size = 5 << 20
	s := newAPIServer(t, Options{Stdin: true, Stdout: true, Stderr: true}, nil, func(_ context.Context, c Client) error {
		n, err := io.Copy(c.Stdout, c.Stdin)
		fmt.Fprint(c.Stderr, n)
		return errors.Join(err, ExitError{7})
	})
	target := s.target(t)
	connected := 0
	target.Connected = func() { connected++ }
	out := make(chan string, 1)
	r, w := io.Pipe()
	go func() { out <- digest(t, r) }()
	var stderr bytes.Buffer
	err := target.Stream(t.Context(), Streams{Stdin: pattern(size), Stdout: w, Stderr: &stderr})
	w.Close()
	var exit ExitError
	if !errors.As(err, &exit) || exit.Code != 7 {
		t.Errorf("ended with %v", err)
	}
	if got := <-out; got != digest(t, pattern(size)) || stderr.String() != fmt.Sprint(size) {
		t.Errorf("stdout %s, stderr %s", got, stderr.String())
	}
	if diff := cmp.Diff([]string{"GET dev devs t1 command=id"}, s.calls); diff != "" || connected != 1 {
		t.Errorf("connected %d times, calls differ: %s", connected, diff)
	}
}

func TestTargetFallsBackWithAnotherToken(t *testing.T) {
	refuseWebSocket := func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "requested protocol(s) are not supported", http.StatusForbidden)
	}
	s := newAPIServer(t, Options{Stdin: true, Stdout: true}, refuseWebSocket, func(_ context.Context, c Client) error {
		_, err := io.Copy(c.Stdout, c.Stdin)
		return err
	})
	target := s.target(t)
	connected := 0
	target.Connected = func() { connected++ }
	var stdout bytes.Buffer
	if err := target.Stream(t.Context(), Streams{Stdin: strings.NewReader("through"), Stdout: &stdout}); err != nil {
		t.Fatal(err)
	}
	want := []string{"GET dev devs t1 command=id", "POST dev devs t2 command=id"}
	if diff := cmp.Diff(want, s.calls); diff != "" || stdout.String() != "through" || connected != 1 {
		t.Errorf("stdout %q, connected %d times, calls differ: %s", stdout.String(), connected, diff)
	}
}

func TestTargetPassesTheAPIServersRefusalOn(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = refuse(w, http.StatusForbidden, "the webhook says no")
	}))
	defer server.Close()
	err := (&apiServer{Server: server}).target(t).Stream(t.Context(), Streams{Stdout: io.Discard})
	var api apierrors.APIStatus
	if !errors.As(err, &api) || api.Status().Message != "the webhook says no" || api.Status().Code != http.StatusForbidden {
		t.Errorf("got %v", err)
	}
}

func TestTargetTellsAMessageFromABrokenConnection(t *testing.T) {
	t.Run("if the node cannot run the command, then its message comes", func(t *testing.T) {
		s := newAPIServer(t, Options{Stdout: true}, nil, func(context.Context, Client) error {
			return apierrors.NewInternalError(errors.New("no such program"))
		})
		err := s.target(t).Stream(t.Context(), Streams{Stdout: io.Discard})
		var api apierrors.APIStatus
		if !errors.As(err, &api) || !strings.Contains(api.Status().Message, "no such program") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("if the connection breaks, then no message is made up", func(t *testing.T) {
		s := newAPIServer(t, Options{Stdout: true}, nil, func(_ context.Context, c Client) error {
			c.Cut(0)
			<-t.Context().Done()
			return nil
		})
		err := s.target(t).Stream(t.Context(), Streams{Stdout: io.Discard})
		var api apierrors.APIStatus
		if err == nil || errors.As(err, &api) {
			t.Errorf("got %v", err)
		}
	})
}

func TestTargetWithoutIdentityDoesNotConnect(t *testing.T) {
	s := newAPIServer(t, Options{Stdout: true}, nil, func(context.Context, Client) error { return nil })
	target := s.target(t)
	target.As = func() (transport.ImpersonationConfig, error) {
		return transport.ImpersonationConfig{}, errors.New("no key")
	}
	if err := target.Stream(t.Context(), Streams{Stdout: io.Discard}); err == nil || len(s.calls) > 0 {
		t.Errorf("ended with %v after %v", err, s.calls)
	}
}

func TestTargetEndsWithItsContext(t *testing.T) {
	s := newAPIServer(t, Options{Stdin: true, Stdout: true, TTY: true}, nil, func(ctx context.Context, _ Client) error {
		<-ctx.Done()
		return nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	target := s.target(t)
	target.Connected = cancel
	stdin, feed := io.Pipe()
	defer feed.Close()
	err := target.Stream(ctx, Streams{Stdin: stdin, Stdout: io.Discard, TTY: true, Resize: make(chan TerminalSize)})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

func TestTargetJudgesByTheStatus(t *testing.T) {
	normal := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	tests := map[string]struct {
		messages []string
		closing  []byte // nil breaks the connection
		says     string // "" for exit code 0
		code     int
	}{
		"if the status is success, then the code is 0":                 {[]string{`{"status":"Success"}`}, normal, "", 0},
		"if the connection breaks after success, then the code is 0":   {[]string{`{"status":"Success"}`}, nil, "", 0},
		"if the status comes in parts, then they are one":              {[]string{`{"status":`, `"Success"}`}, normal, "", 0},
		"if the status names a code, then it is that":                  {[]string{`{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"137"}]}}`}, normal, "137", 137},
		"if the status names no code, then it failed":                  {[]string{`{"status":"Failure","reason":"NonZeroExitCode"}`}, normal, "no details", 0},
		"if the code is no code, then it failed":                       {[]string{`{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"4096"}]}}`}, normal, "no number", 0},
		"if the causes name no code, then it failed":                   {[]string{`{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{}]}}`}, normal, "no code", 0},
		"if the status is a message, then it comes":                    {[]string{`{"status":"Failure","message":"no such program"}`}, normal, "no such program", 0},
		"if the status is empty, then it is no success":                {[]string{`{}`}, normal, "", -1},
		"if the status is malformed, then it failed":                   {[]string{`{`}, normal, "exit status", 0},
		"if there is no status, then it failed":                        {nil, normal, "without an exit status", 0},
		"if the connection breaks without a status, then it failed":    {nil, nil, "connection to the container ended", 0},
		"if the status is huge, then it is cut short and so malformed": {[]string{`{"status":"Success","message":"` + strings.Repeat("x", 2*maxStatusBytes) + `"}`}, normal, "exit status", 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				upgrader := websocket.Upgrader{Subprotocols: []string{"v5.channel.k8s.io"}}
				conn, err := upgrader.Upgrade(w, r, nil)
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				_ = conn.WriteMessage(websocket.BinaryMessage, nil)
				_ = conn.WriteMessage(websocket.BinaryMessage, []byte("\x09unknown"))
				for _, message := range tc.messages {
					_ = conn.WriteMessage(websocket.BinaryMessage, append([]byte{3}, message...))
				}
				if tc.closing != nil {
					_ = conn.WriteMessage(websocket.CloseMessage, tc.closing)
					_, _, _ = conn.ReadMessage()
				}
			}))
			defer server.Close()
			err := (&apiServer{Server: server}).target(t).Stream(t.Context(), Streams{Stdout: io.Discard})
			var exit ExitError
			if errors.As(err, &exit); exit.Code != max(tc.code, 0) {
				t.Errorf("exit code %d of %v", exit.Code, err)
			}
			if (err == nil) != (tc.says == "" && tc.code == 0) || !strings.Contains(fmt.Sprint(err), tc.says) {
				t.Errorf("ended with %v", err)
			}
		})
	}
}
