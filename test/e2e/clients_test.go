//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"

	"github.com/sallyport-dev/sallyport/test/reader"
)

// program is a client that is no kubectl: it runs a command in app-0, through the gateway, as the developer.
type program struct {
	run func(t *testing.T, stdin io.Reader, command ...string) result
	// halfClose: the end of standard input can be said without ending the connection.
	halfClose bool
}

// Exit codes of a program that no command has.
const (
	failed   = 125 // the session was refused, or failed
	noStatus = 126 // the connection ended first
)

// maskedKey is what is left of the access key in app-0.
const maskedKey = "key=AKIA****************\n"

func programs(t *testing.T) map[string]program {
	return map[string]program{
		"client-go over WebSocket v5": {clientGo(overWebSocket("v5.channel.k8s.io")), true},
		"client-go over WebSocket v4": {clientGo(overWebSocket("v4.channel.k8s.io")), false},
		"client-go over SPDY":         {clientGo(overSPDY), true},
		"JavaScript, v5 first":        {javaScript(t), true},
		"JavaScript, only v4":         {javaScript(t, "v4.channel.k8s.io"), false},
	}
}

func TestPrograms(t *testing.T) {
	all := programs(t)
	for name, p := range all {
		t.Run("if there is no grant, then the message says how to request one, "+name, func(t *testing.T) {
			r := p.run(t, nil, "id")
			if r.Code != failed || !strings.Contains(r.Stderr, "kubectl sallyport request") {
				t.Error(r)
			}
		})
	}
	active(t, grant{Pod: "app-0"})
	for name, p := range all {
		t.Run(name, func(t *testing.T) {
			t.Run("if the command exits with a code, then the program sees it", func(t *testing.T) {
				for _, code := range []int{0, 1, 7, 255} {
					if r := p.run(t, nil, "sh", "-c", fmt.Sprint("exit ", code)); r.Code != code {
						t.Errorf("exit %d: %s", code, r)
					}
				}
			})
			t.Run("if both outputs are written, then they stay apart", func(t *testing.T) {
				r := p.run(t, nil, "sh", "-c", "echo out; echo err >&2")
				if r.Code != 0 || r.Stdout != "out\n" || r.Stderr != "err\n" {
					t.Error(r)
				}
			})
			t.Run("if a secret is printed, then it arrives masked", func(t *testing.T) {
				r := p.run(t, nil, "sh", "-c", "echo key=${AWS_ACCESS_KEY_ID?}")
				if r.Code != 0 || r.Stdout != maskedKey {
					t.Error(r)
				}
			})
			t.Run("if there is input, then it arrives whole", p.input)
		})
	}
}

// input sends many lines. A protocol without half-close has no way to say their end: there the command has to know it,
// as a shell knows its "exit".
func (p program) input(t *testing.T) {
	in := strings.Repeat("a line of input\n", 5000)
	if p.halfClose {
		if r := p.run(t, strings.NewReader(in), "cat"); r.Code != 0 || r.Stdout != in {
			t.Errorf("exit code %d, %d bytes of %d, stderr %q", r.Code, len(r.Stdout), len(in), r.Stderr)
		}
		return
	}
	open, feed := io.Pipe()
	defer feed.Close()
	go io.WriteString(feed, in)
	if r := p.run(t, open, "head", "-c", fmt.Sprint(len(in))); r.Code != 0 || r.Stdout != in {
		t.Errorf("exit code %d, %d bytes of %d, stderr %q", r.Code, len(r.Stdout), len(in), r.Stderr)
	}
}

// TestInputEndsWithTheConnection is what the JavaScript client does where it cannot half-close: it closes the connection
// with its input. That ends the session, as it does at the API server; the command's exit code reaches nobody.
func TestInputEndsWithTheConnection(t *testing.T) {
	g := active(t, grant{Pod: "app-0"})
	r := javaScript(t, "v4.channel.k8s.io")(t, strings.NewReader("the last words\n"), "cat")
	if r.Code != noStatus {
		t.Errorf("want the end of the connection, without a status: %s", r)
	}
	_, prefix := lastSession(t, g)
	recording, err := reader.Read(openStore(t, "auditor").Versions(prefix))
	if err != nil || string(recording.Streams["stdin"]) != "the last words\n" || !strings.Contains(string(recording.Streams["exit"]), "client") {
		t.Errorf("%v: %+v", err, recording)
	}
}

func gatewayRest(t *testing.T) *rest.Config {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", through("developer").Config)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// execURL is the exec subresource of app-0, behind the gateway's path.
func execURL(t *testing.T, config *rest.Config, o *corev1.PodExecOptions) *url.URL {
	t.Helper()
	config.GroupVersion, config.APIPath = &corev1.SchemeGroupVersion, "/api"
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	client, err := rest.RESTClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	return client.Post().Resource("pods").Name("app-0").Namespace(namespace).SubResource("exec").VersionedParams(o, scheme.ParameterCodec).URL()
}

type dial func(*rest.Config, *url.URL) (remotecommand.Executor, error)

func overSPDY(config *rest.Config, at *url.URL) (remotecommand.Executor, error) {
	return remotecommand.NewSPDYExecutor(config, "POST", at)
}

func overWebSocket(protocol string) dial {
	return func(config *rest.Config, at *url.URL) (remotecommand.Executor, error) {
		return remotecommand.NewWebSocketExecutorForProtocols(config, "GET", at.String(), protocol)
	}
}

// clientGo runs a command with an executor of client-go, as Go programs do.
func clientGo(d dial) func(*testing.T, io.Reader, ...string) result {
	return func(t *testing.T, stdin io.Reader, command ...string) result {
		t.Helper()
		config := gatewayRest(t)
		executor, err := d(config, execURL(t, config, &corev1.PodExecOptions{Command: command, Stdin: stdin != nil, Stdout: true, Stderr: true}))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var stdout, stderr bytes.Buffer
		err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: stdin, Stdout: &stdout, Stderr: &stderr})
		r := result{Stdout: stdout.String(), Stderr: stderr.String()}
		var exit utilexec.CodeExitError
		switch {
		case errors.As(err, &exit):
			r.Code = exit.Code
		case err != nil:
			r.Code, r.Stderr = failed, r.Stderr+err.Error()
		}
		return r
	}
}

// javaScript runs a command with testdata/js/exec.mjs.
func javaScript(t *testing.T, protocols ...string) func(*testing.T, io.Reader, ...string) result {
	t.Helper()
	dir := t.TempDir()
	script, err := os.ReadFile(filepath.Join("testdata", "js", "exec.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "exec.mjs"), script, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(jsClient, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return func(t *testing.T, stdin io.Reader, command ...string) result {
		t.Helper()
		asked, err := json.Marshal(map[string]any{
			"namespace": namespace, "pod": "app-0", "container": "main", "command": command, "stdin": stdin != nil, "protocols": protocols,
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "node", filepath.Join(dir, "exec.mjs"), string(asked))
		cmd.Env = append(os.Environ(), "KUBECONFIG="+through("developer").Config)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if stdin != nil {
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				io.Copy(in, stdin)
				in.Close()
			}()
		}
		err = cmd.Run()
		r := result{Stdout: stdout.String(), Stderr: stderr.String()}
		if exit := new(exec.ExitError); errors.As(err, &exit) {
			r.Code = exit.ExitCode()
		} else if err != nil {
			t.Fatalf("running node: %v", err)
		}
		return r
	}
}

// sizes is a terminal that is resized by the test.
type sizes chan remotecommand.TerminalSize

func (s sizes) Next() *remotecommand.TerminalSize {
	size, ok := <-s
	if !ok {
		return nil
	}
	return &size
}

func TestProgramTerminal(t *testing.T) {
	active(t, grant{Pod: "app-0"})
	for name, d := range map[string]dial{"WebSocket v5": overWebSocket("v5.channel.k8s.io"), "WebSocket v4": overWebSocket("v4.channel.k8s.io"), "SPDY": overSPDY} {
		t.Run("if a program resizes its terminal, then the command sees it, over "+name, func(t *testing.T) {
			config := gatewayRest(t)
			executor, err := d(config, execURL(t, config, &corev1.PodExecOptions{Command: []string{"sh"}, Stdin: true, Stdout: true, TTY: true}))
			if err != nil {
				t.Fatal(err)
			}
			screenRead, screenWrite, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			keys, keyboard := io.Pipe()
			queue := make(sizes, 4)
			queue <- remotecommand.TerminalSize{Width: 97, Height: 31}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			ended := make(chan error, 1)
			go func() {
				defer screenWrite.Close()
				ended <- executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: keys, Stdout: screenWrite, Tty: true, TerminalSizeQueue: queue})
			}()
			screen := newScreen(screenRead)
			for _, want := range []remotecommand.TerminalSize{{Width: 97, Height: 31}, {Width: 111, Height: 43}} {
				queue <- want
				eventually(t, "the terminal has the size", 10*time.Second, func() bool {
					typing(t, keyboard, "stty size\n")
					time.Sleep(200 * time.Millisecond)
					return strings.Contains(screen.text(), fmt.Sprint(want.Height, " ", want.Width))
				})
			}
			typing(t, keyboard, "exit 9\n")
			var exit utilexec.CodeExitError
			if err := <-ended; !errors.As(err, &exit) || exit.Code != 9 {
				t.Errorf("ended with %v; screen: %q", err, screen.text())
			}
			close(queue)
		})
	}
}
