package streaming

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	clientspdy "k8s.io/client-go/transport/spdy"
	utilexec "k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// streamSPDY is for API servers without WebSocket v5, before 1.30.
//
// BUG(streaming): over SPDY client-go takes a connection that breaks for a command that ended well.
func (t Target) streamSPDY(ctx context.Context, config *rest.Config, s Streams) error {
	wrapped, upgrader, err := t.API.spdyTransport(config)
	if err != nil {
		return fmt.Errorf("preparing the SPDY connection to the container: %w", err)
	}
	executor, err := remotecommand.NewSPDYExecutorForTransports(wrapped, clientspdy.NewUpgraderForStreaming(upgrader), http.MethodPost, t.URL)
	if err != nil {
		return fmt.Errorf("preparing the SPDY connection to the container: %w", err)
	}
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{
		Stdin: s.Stdin, Stdout: s.Stdout, Stderr: s.Stderr, Tty: s.TTY, TerminalSizeQueue: sizeQueue{ctx, s.Resize},
	})
	var exit utilexec.ExitError
	switch {
	case errors.As(err, &exit) && exit.Exited():
		return ExitError{Code: exit.ExitStatus()}
	case ctx.Err() != nil:
		return ctx.Err()
	case isRemote(err):
		return &apierrors.StatusError{ErrStatus: metav1.Status{
			Status: metav1.StatusFailure, Code: http.StatusInternalServerError, Reason: metav1.StatusReasonInternalError, Message: err.Error(),
		}}
	default:
		return err
	}
}

// spdyTransport has no pings, for the reason that streamWebSocket gives.
func (a *API) spdyTransport(config *rest.Config) (http.RoundTripper, *spdy.SpdyRoundTripper, error) {
	upgrader, err := spdy.NewRoundTripperWithConfig(spdy.RoundTripperConfig{TLS: a.tls.Clone(), Proxier: config.Proxy})
	if err != nil {
		return nil, nil, err
	}
	wrapped, err := rest.HTTPWrappersForConfig(config, impatient{upgrader})
	return wrapped, upgrader, err
}

// impatient does not wait for an answer after the request's context has ended, as the library does. That cannot be made to
// hang up before, either; but without streams nothing begins in the pod.
type impatient struct{ *spdy.SpdyRoundTripper }

func (i impatient) RoundTrip(r *http.Request) (*http.Response, error) {
	type answer struct {
		response *http.Response
		err      error
	}
	answers := make(chan answer, 1)
	go func() {
		response, err := i.SpdyRoundTripper.RoundTrip(r) //nolint:bodyclose // who takes the answer does
		answers <- answer{response, err}
	}()
	select {
	case a := <-answers:
		return a.response, a.err
	case <-r.Context().Done():
	}
	go func() {
		if a := <-answers; a.err == nil {
			if conn, err := i.NewConnection(a.response); err == nil {
				_ = conn.Close()
			}
		}
	}()
	return nil, r.Context().Err()
}

// isRemote reports whether an error is the node's word on why the command did not run, such as that there is no such
// program. client-go gives it as bare text, and wraps what breaks in the connection itself.
func isRemote(err error) bool {
	return err != nil && errors.Unwrap(err) == nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) &&
		!errors.Is(err, io.ErrClosedPipe) && !errors.Is(err, net.ErrClosed)
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
