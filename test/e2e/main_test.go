//go:build e2e

// Package e2e runs Sallyport on the real node of hack/devcluster, by stock kubectl, as real users. Run it by
// make e2e: it needs the node up and Sallyport installed, and the output of "devcluster env" in its environment.
package e2e

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

const namespace = "e2e"

// node is what the tests know of the machine.
var node struct {
	kubectl, kubectl132, mc, js, kubeconfigs, state, devcluster string
	work                                                        string
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	for name, field := range map[string]*string{
		"KUBECTL": &node.kubectl, "KUBECTL_1_32": &node.kubectl132, "MC": &node.mc, "JS_CLIENT": &node.js,
		"KUBECONFIG_DIR": &node.kubeconfigs, "SALLYPORT_NODE": &node.state, "DEVCLUSTER": &node.devcluster,
	} {
		if *field = os.Getenv(name); *field == "" {
			fmt.Fprintf(os.Stderr, "%s is not set: run these tests by make e2e\n", name)
			return 2
		}
	}
	var err error
	if node.work, err = os.MkdirTemp("", "sallyport-e2e-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	defer os.RemoveAll(node.work)
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "preparing the node:", err)
		return 2
	}
	return m.Run()
}

// prepare makes the namespace, its pods and the rights of the users, and a kubeconfig through the gateway for each.
func prepare() error {
	admin := as("admin")
	if r := admin.kubectl("apply", "-f", "testdata/namespace.yaml"); r.code != 0 {
		return errors.New(r.stderr)
	}
	// What an earlier run left would open doors that have to be shut.
	if r := admin.kubectl("-n", namespace, "delete", "executiongrants", "--all"); r.code != 0 {
		return errors.New(r.stderr)
	}
	if r := admin.kubectl("-n", namespace, "rollout", "status", "statefulset/app", "--timeout=180s"); r.code != 0 {
		return errors.New(r.stderr)
	}
	for _, user := range []string{"admin", "super-admin", "developer", "developer2", "approver", "approver2", "auditor", "pipeline"} {
		config, err := os.ReadFile(filepath.Join(node.kubeconfigs, user+".yaml"))
		if err != nil {
			return err
		}
		through := strings.Replace(string(config), ":6443", ":6443/apis/gateway.sallyport.dev/v1alpha1/gateways/main/proxy", 1)
		if err := os.WriteFile(gatewayConfig(user), []byte(through), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func gatewayConfig(user string) string { return filepath.Join(node.work, user+"-gateway.yaml") }

// client is one user with one kubectl, one path and one transport.
type client struct {
	user, config, binary string
	spdy                 bool
	stdin                string
	timeout              time.Duration
}

// as is the user on the direct path, with the newest kubectl.
func as(user string) client {
	return client{user: user, config: filepath.Join(node.kubeconfigs, user+".yaml"), binary: node.kubectl, timeout: 60 * time.Second}
}

// through is the user through the gateway.
func through(user string) client {
	c := as(user)
	c.config = gatewayConfig(user)
	return c
}

func (c client) overSPDY() client            { c.spdy = true; return c }
func (c client) with(binary string) client   { c.binary = binary; return c }
func (c client) reading(stdin string) client { c.stdin = stdin; return c }

type result struct {
	stdout, stderr string
	code           int
}

func (r result) String() string {
	return fmt.Sprintf("exit code %d\nstdout: %s\nstderr: %s", r.code, r.stdout, r.stderr)
}

func (c client) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.binary, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.config, "HOME="+node.work)
	if c.spdy {
		cmd.Env = append(cmd.Env, "KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false", "KUBECTL_PORT_FORWARD_WEBSOCKETS=false")
	}
	if c.stdin != "" {
		cmd.Stdin = strings.NewReader(c.stdin)
	}
	return cmd
}

// kubectl runs to the end; a command that hangs gets exit code -1.
func (c client) kubectl(args ...string) result {
	ctx, cancel := context.WithTimeout(context.Background(), c.timeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := c.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	r := result{stdout: stdout.String(), stderr: stderr.String()}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		r.code, r.stderr = -1, r.stderr+"\n(hangs: killed after "+c.timeout.String()+")"
	case errors.As(err, &exit):
		r.code = exit.ExitCode()
	case err != nil:
		r.code, r.stderr = -2, err.Error()
	}
	return r
}

// must fails the test unless the command exits 0.
func (c client) must(t *testing.T, args ...string) string {
	t.Helper()
	r := c.kubectl(args...)
	if r.code != 0 {
		t.Fatalf("%s: kubectl %s: %s", c.user, strings.Join(args, " "), r)
	}
	return r.stdout
}

// refused fails the test unless the command exits neither 0 nor by a hang and its message holds each of want.
func (c client) refused(t *testing.T, want []string, args ...string) {
	t.Helper()
	r := c.kubectl(args...)
	if r.code <= 0 {
		t.Fatalf("%s: kubectl %s had to be refused: %s", c.user, strings.Join(args, " "), r)
	}
	for _, w := range want {
		if !strings.Contains(r.stderr, w) {
			t.Errorf("%s: kubectl %s: the message does not say %q: %s", c.user, strings.Join(args, " "), w, r)
		}
	}
}

// eventually polls until f is true.
func eventually(t *testing.T, what string, within time.Duration, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("did not happen within %s: %s", within, what)
}
