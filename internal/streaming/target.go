package streaming

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
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

// Target is a container, or a pod, behind the API server.
type Target struct {
	API *API
	// URL is of pods/exec, pods/attach or pods/portforward, with the options in its query.
	URL *url.URL
	// As says whom to impersonate. It is asked anew for every attempt to connect, so that each can carry a token of its
	// own.
	As func() (transport.ImpersonationConfig, error)
	// Connected is called when the API server has accepted an attempt.
	Connected func()
}

// Stream connects and copies until the command ends, the connection breaks or ctx ends. The error is nil for exit code
// 0, an ExitError, an error with a metav1.Status where the API server refused or the node could not run the command, or
// another one where the connection broke. When it returns, a read of Stdin may still be under way, and, if ctx has ended,
// a write to Stdout or Stderr; no other will begin after it.
func (t Target) Stream(ctx context.Context, s Streams) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a, config := t.attempts()
	err := t.streamWebSocket(ctx, config, s)
	// A refusal by the API server is final: another transport is no way round it.
	if httpstream.IsUpgradeFailure(err) && a.refusal == nil {
		err = t.streamSPDY(ctx, config, s)
	}
	if err != nil && a.refusal != nil {
		return a.refusal
	}
	return err
}

// attempts prepares the configuration with which all attempts of one session are made.
func (t Target) attempts() (*attempts, *rest.Config) {
	a := &attempts{target: t}
	config := rest.CopyConfig(t.API.config)
	config.Wrap(func(rt http.RoundTripper) http.RoundTripper { return attempt{rt, a} })
	return a, config
}

// attempts are those to connect for one session, one after the other.
type attempts struct {
	target Target
	// refusal is the API server's answer to the last attempt; nil if it was accepted, or answered without a Status.
	refusal error
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
	if err == nil && response.StatusCode == http.StatusSwitchingProtocols && a.all.target.Connected != nil {
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

// statusError is the inverse of statusOf for what a server says on the error stream.
func statusError(body []byte) error {
	var status metav1.Status
	if err := json.Unmarshal(body, &status); err != nil {
		return fmt.Errorf("reading the exit status: %w", err)
	}
	switch {
	case status.Status == metav1.StatusSuccess:
		return nil
	case status.Reason == nonZeroExit:
		return exitError(status.Details)
	default:
		return &apierrors.StatusError{ErrStatus: status}
	}
}
