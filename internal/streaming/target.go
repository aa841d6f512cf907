package streaming

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport"
	utilexec "k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"
)

// maxRefusalBytes bounds the API server's answer to a request that it does not upgrade.
const maxRefusalBytes = 64 << 10

// Streams are what a Target reads and writes. Nil streams are not asked for.
type Streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	TTY            bool
	Resize         <-chan TerminalSize
}

// Target is a container behind the API server.
//
// BUG(streaming): over SPDY client-go takes a connection that breaks for a command that ended well. SPDY is used only for
// API servers without WebSocket v5 (before 1.30).
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
// 0, an ExitError, an error with a metav1.Status where the API server refused, or another one. When it returns, a write to
// Stdout or Stderr, and a read of Stdin, may still be under way; no other will begin after it.
func (t Target) Stream(ctx context.Context, s Streams) error {
	a := &attempts{target: t}
	executor, err := a.executor()
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
	switch {
	case errors.As(err, &exit) && exit.Exited():
		return ExitError{Code: exit.ExitStatus()}
	case err != nil && a.refusal != nil:
		return a.refusal
	case a.connected && ctx.Err() == nil && isRemote(err):
		return &apierrors.StatusError{ErrStatus: metav1.Status{
			Status: metav1.StatusFailure, Code: http.StatusInternalServerError, Reason: metav1.StatusReasonInternalError, Message: err.Error(),
		}}
	default:
		return err
	}
}

// isRemote reports whether an error on an open connection is the node's word on why the command did not run, such as that
// there is no such program. client-go gives it as bare text, and wraps what breaks in the connection itself.
func isRemote(err error) bool {
	return err != nil && errors.Unwrap(err) == nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) &&
		!errors.Is(err, io.ErrClosedPipe) && !errors.Is(err, net.ErrClosed)
}

// attempts are those to connect for one session, one after the other.
type attempts struct {
	target Target
	// refusal is the API server's answer to the last attempt; nil if it was accepted, or answered without a Status.
	refusal   error
	connected bool
}

func (a *attempts) executor() (remotecommand.Executor, error) {
	config := rest.CopyConfig(a.target.API)
	config.Wrap(func(rt http.RoundTripper) http.RoundTripper { return attempt{rt, a} })
	// Neither upgrade exists in HTTP/2.
	config.NextProtos = []string{"http/1.1"}
	webSocket, err := remotecommand.NewWebSocketExecutor(config, http.MethodGet, a.target.URL.String())
	if err != nil {
		return nil, fmt.Errorf("preparing the WebSocket connection to the container: %w", err)
	}
	spdy, err := remotecommand.NewSPDYExecutor(config, http.MethodPost, a.target.URL)
	if err != nil {
		return nil, fmt.Errorf("preparing the SPDY connection to the container: %w", err)
	}
	executor, err := remotecommand.NewFallbackExecutor(webSocket, spdy, httpstream.IsUpgradeFailure)
	if err != nil {
		return nil, fmt.Errorf("preparing the connection to the container: %w", err)
	}
	return executor, nil
}

// attempt gives each attempt to connect an identity of its own, and keeps the answer: the SPDY client drops it.
type attempt struct {
	http.RoundTripper

	all *attempts
}

func (a attempt) RoundTrip(r *http.Request) (*http.Response, error) {
	as, err := a.all.target.As()
	if err != nil {
		return nil, err
	}
	response, err := transport.NewImpersonatingRoundTripper(as, a.RoundTripper).RoundTrip(r)
	a.all.refusal = refusalIn(response, err)
	a.all.connected = err == nil && response.StatusCode == http.StatusSwitchingProtocols
	if a.all.connected && a.all.target.Connected != nil {
		a.all.target.Connected()
	}
	return response, err
}

// refusalIn returns the Status in an answer to an upgrade request as an error, or nil. The answer can still be read.
func refusalIn(response *http.Response, err error) error {
	var refused *httpstream.UpgradeFailureError
	var api apierrors.APIStatus
	switch {
	case errors.As(err, &refused) && errors.As(refused.Cause, &api):
		return refused.Cause
	case response == nil || response.StatusCode == http.StatusSwitchingProtocols:
		return nil
	}
	// An answer that is cut short is no Status.
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxRefusalBytes))
	_ = response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	status := &apierrors.StatusError{}
	if json.Unmarshal(body, &status.ErrStatus) == nil && status.ErrStatus.Kind == "Status" {
		return status
	}
	return nil
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
