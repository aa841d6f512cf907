//go:build e2e

package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Client is one user with one kubectl, one path and one transport.
type Client struct {
	User, Config, Binary string
	SPDY                 bool
	Stdin                string
	Timeout              time.Duration
}

// As is the user on the direct path, with the newest kubectl.
func As(user string) Client {
	return Client{User: user, Config: filepath.Join(kubeconfigs, user+".yaml"), Binary: kubectl, Timeout: 60 * time.Second}
}

// Through is the user through the gateway.
func Through(user string) Client {
	c := As(user)
	c.Config = gatewayConfig(user)
	return c
}

func gatewayConfig(user string) string { return filepath.Join(Work, user+"-gateway.yaml") }

func (c Client) OverSPDY() Client            { c.SPDY = true; return c }
func (c Client) With(binary string) Client   { c.Binary = binary; return c }
func (c Client) Reading(stdin string) Client { c.Stdin = stdin; return c }

// Result is how a command ended.
type Result struct {
	Stdout, Stderr string
	Code           int
}

func (r Result) String() string {
	return fmt.Sprintf("exit code %d\nstdout: %s\nstderr: %s", r.Code, r.Stdout, r.Stderr)
}

// Command is a kubectl that has not been started.
func (c Client) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.Binary, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Config, "HOME="+Work)
	if c.SPDY {
		cmd.Env = append(cmd.Env, "KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false", "KUBECTL_PORT_FORWARD_WEBSOCKETS=false")
	}
	if c.Stdin != "" {
		cmd.Stdin = strings.NewReader(c.Stdin)
	}
	return cmd
}

// Kubectl runs to the end; a command that hangs gets exit code -1.
func (c Client) Kubectl(args ...string) Result {
	ctx, cancel := context.WithTimeout(context.Background(), c.Timeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := c.Command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	r := Result{Stdout: stdout.String(), Stderr: stderr.String()}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		r.Code, r.Stderr = -1, r.Stderr+"\n(hangs: killed after "+c.Timeout.String()+")"
	case errors.As(err, &exit):
		r.Code = exit.ExitCode()
	case err != nil:
		r.Code, r.Stderr = -2, err.Error()
	}
	return r
}

// Must fails the test unless the command exits 0.
func (c Client) Must(t *testing.T, args ...string) string {
	t.Helper()
	r := c.Kubectl(args...)
	if r.Code != 0 {
		t.Fatalf("%s: kubectl %s: %s", c.User, strings.Join(args, " "), r)
	}
	return r.Stdout
}

// Refused fails the test unless the command exits neither 0 nor by a hang and its message holds each of want.
func (c Client) Refused(t *testing.T, want []string, args ...string) {
	t.Helper()
	r := c.Kubectl(args...)
	if r.Code <= 0 {
		t.Fatalf("%s: kubectl %s had to be refused: %s", c.User, strings.Join(args, " "), r)
	}
	for _, w := range want {
		if !strings.Contains(r.Stderr, w) {
			t.Errorf("%s: kubectl %s: the message does not say %q: %s", c.User, strings.Join(args, " "), w, r)
		}
	}
}
