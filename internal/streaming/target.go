package streaming

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport"
	utilexec "k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"
)

// Streams are what a Target reads and writes. Nil streams are not asked for.
type Streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	TTY            bool
	Resize         <-chan TerminalSize
}

// Target is a container behind the API server.
type Target struct {
	// API is the gateway's own access; it is not changed.
	API *rest.Config
	// URL is of pods/exec or pods/attach, with the options in its query.
	URL *url.URL
	// As says whom to impersonate. It is asked anew for every attempt to connect, so that each can carry a token of its
	// own.
	As func() (transport.ImpersonationConfig, error)
	// Connected is called when the API server has accepted an attempt.
	Connected func()
}

// Stream connects and copies until the command ends, the connection breaks or ctx ends. The error is nil for exit code
// 0, an ExitError, an error with a metav1.Status from the API server, or another one. When it returns, a write to
// Stdout or Stderr, and a read of Stdin, may still be under way; no other will begin after it.
func (t Target) Stream(ctx context.Context, s Streams) error {
	executor, err := t.executor()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{
		Stdin: s.Stdin, Stdout: s.Stdout, Stderr: s.Stderr, Tty: s.TTY,
		TerminalSizeQueue: sizeQueue{ctx, s.Resize},
	})
	var exit utilexec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return ExitError{Code: exit.ExitStatus()}
	}
	var refused *httpstream.UpgradeFailureError
	if errors.As(err, &refused) {
		return refused.Cause
	}
	return err
}

func (t Target) executor() (remotecommand.Executor, error) {
	config := rest.CopyConfig(t.API)
	config.Wrap(func(rt http.RoundTripper) http.RoundTripper { return attempt{rt, t} })
	// Neither upgrade exists in HTTP/2.
	config.NextProtos = []string{"http/1.1"}
	webSocket, err := remotecommand.NewWebSocketExecutor(config, http.MethodGet, t.URL.String())
	if err != nil {
		return nil, fmt.Errorf("preparing the WebSocket connection to the container: %w", err)
	}
	spdy, err := remotecommand.NewSPDYExecutor(config, http.MethodPost, t.URL)
	if err != nil {
		return nil, fmt.Errorf("preparing the SPDY connection to the container: %w", err)
	}
	executor, err := remotecommand.NewFallbackExecutor(webSocket, spdy, httpstream.IsUpgradeFailure)
	if err != nil {
		return nil, fmt.Errorf("preparing the connection to the container: %w", err)
	}
	return executor, nil
}

// attempt gives each attempt to connect an identity of its own.
type attempt struct {
	http.RoundTripper

	target Target
}

func (a attempt) RoundTrip(r *http.Request) (*http.Response, error) {
	as, err := a.target.As()
	if err != nil {
		return nil, err
	}
	response, err := transport.NewImpersonatingRoundTripper(as, a.RoundTripper).RoundTrip(r)
	if err == nil && response.StatusCode == http.StatusSwitchingProtocols && a.target.Connected != nil {
		a.target.Connected()
	}
	return response, err
}

type sizeQueue struct {
	ctx    context.Context //nolint:containedctx // the interface of client-go has no room for it
	resize <-chan TerminalSize
}

// Next returns nil when no more sizes will come.
func (q sizeQueue) Next() *remotecommand.TerminalSize {
	select {
	case size, ok := <-q.resize:
		if ok {
			return &remotecommand.TerminalSize{Width: size.Width, Height: size.Height}
		}
	case <-q.ctx.Done():
	}
	return nil
}
