//go:build e2e

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
)

const echoTime = 10 * time.Second

func executor(config *rest.Config, pod string, o *corev1.PodExecOptions) (remotecommand.Executor, error) {
	base, err := url.Parse(config.Host)
	if err != nil {
		return nil, err
	}
	base = base.JoinPath("api/v1/namespaces", namespace, "pods", pod, "exec")
	query, err := scheme.ParameterCodec.EncodeParameters(o, corev1.SchemeGroupVersion)
	if err != nil {
		return nil, err
	}
	base.RawQuery = query.Encode()
	return remotecommand.NewWebSocketExecutor(config, "GET", base.String())
}

// terminal is a session that is typed into. What comes to the screen is in shown, in the pieces in which it comes.
type terminal struct {
	keys  *io.PipeWriter
	shown chan string
	ended chan error
	stop  context.CancelFunc
}

func openTerminal(ctx context.Context, config *rest.Config, pod string, command ...string) (*terminal, error) {
	e, err := executor(config, pod, &corev1.PodExecOptions{Container: "main", Command: command, Stdin: true, Stdout: true, TTY: true})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	in, keys := io.Pipe()
	t := &terminal{keys: keys, shown: make(chan string, 64), ended: make(chan error, 1), stop: stop}
	go func() {
		err := e.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: in, Stdout: screen{ctx, t.shown}, Tty: true})
		in.CloseWithError(errors.New("the session is over"))
		t.ended <- err
	}()
	return t, nil
}

type screen struct {
	ctx   context.Context
	shown chan string
}

func (s screen) Write(p []byte) (int, error) {
	select {
	case s.shown <- string(p):
		return len(p), nil
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
}

// await reads the screen until it has shown want.
func (t *terminal) await(want string) (string, error) {
	timer := time.NewTimer(echoTime)
	defer timer.Stop()
	seen := ""
	for !strings.Contains(seen, want) {
		select {
		case s := <-t.shown:
			seen += s
		case err := <-t.ended:
			return seen, fmt.Errorf("the session ended (%w) before it showed %q; it showed %q", err, want, seen)
		case <-timer.C:
			return seen, fmt.Errorf("the session did not show %q within %s; it showed %q", want, echoTime, seen)
		}
	}
	return seen, nil
}

// press types a key and returns how long its echo took.
func (t *terminal) press(key byte) (time.Duration, error) {
	begin := time.Now()
	if _, err := t.keys.Write([]byte{key}); err != nil {
		return 0, err
	}
	_, err := t.await(string(key))
	return time.Since(begin), err
}

// close says that no key follows, and waits for the end of the command.
func (t *terminal) close() error {
	defer t.stop()
	_ = t.keys.Close() // never fails
	timer := time.NewTimer(echoTime)
	defer timer.Stop()
	for {
		select {
		case <-t.shown:
		case err := <-t.ended:
			return err
		case <-timer.C:
			return fmt.Errorf("the session did not end within %s", echoTime)
		}
	}
}
