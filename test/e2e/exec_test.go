//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/sallyport-dev/sallyport/internal/mask/masktest"
	"github.com/sallyport-dev/sallyport/test/node"
)

// clients are the kubectls and transports that have to work the same.
func clients() map[string]client {
	developer := through("developer")
	return map[string]client{
		"kubectl 1.37 over WebSocket": developer,
		"kubectl 1.37 over SPDY":      developer.OverSPDY(),
		"kubectl 1.32 over WebSocket": developer.With(node.Kubectl132),
		"kubectl 1.32 over SPDY":      developer.With(node.Kubectl132).OverSPDY(),
	}
}

func TestExec(t *testing.T) {
	active(t, grant{Pod: "app-0"})
	for name, c := range clients() {
		t.Run(name, func(t *testing.T) {
			exec := func(args ...string) []string { return append([]string{"exec", "-n", namespace, "app-0"}, args...) }
			t.Run("if the command exits with a code, then kubectl does", func(t *testing.T) {
				for _, code := range []int{0, 1, 7, 255} {
					if r := c.Kubectl(exec("--", "sh", "-c", fmt.Sprint("exit ", code))...); r.Code != code {
						t.Errorf("exit %d: %s", code, r)
					}
				}
			})
			t.Run("if both outputs are written, then they stay apart", func(t *testing.T) {
				r := c.Kubectl(exec("--", "sh", "-c", "echo out; echo err >&2")...)
				if r.Code != 0 || r.Stdout != "out\n" || r.Stderr != "err\n" {
					t.Error(r)
				}
			})
			t.Run("if standard input ends, then the command reads its end", func(t *testing.T) {
				in := strings.Repeat("a line of input\n", 5000)
				r := c.Reading(in).Kubectl("exec", "-i", "-n", namespace, "app-0", "--", "cat")
				if r.Code != 0 || r.Stdout != in {
					t.Errorf("exit code %d, %d bytes of %d, stderr %q", r.Code, len(r.Stdout), len(in), r.Stderr)
				}
			})
			t.Run("if no container is named, then it is the default one, else the one named", func(t *testing.T) {
				if r := c.Kubectl(exec("--", "sh", "-c", "echo key=${AWS_ACCESS_KEY_ID?}")...); r.Code != 0 {
					t.Errorf("default container main: %s", r)
				}
				if r := c.Kubectl(exec("-c", "side", "--", "sh", "-c", "echo key=${AWS_ACCESS_KEY_ID?}")...); r.Code == 0 {
					t.Errorf("container side has no such variable: %s", r)
				}
			})
			t.Run("if a command does not exist, then the message says so", func(t *testing.T) {
				if r := c.Kubectl(exec("--", "no-such-program")...); r.Code == 0 || !strings.Contains(r.Stderr, "no-such-program") {
					t.Error(r)
				}
			})
			t.Run("if a secret is printed, then it arrives masked", func(t *testing.T) {
				r := c.Kubectl(exec("--", "sh", "-c", "echo key=${AWS_ACCESS_KEY_ID?}")...)
				if r.Code != 0 || strings.Contains(r.Stdout, "ENDTOENDTEST") || len(r.Stdout) != len("key=AKIAENDTOENDTESTABCD\n") {
					t.Error(r)
				}
			})
			t.Run("if there is a terminal, then it has a size and follows it", func(t *testing.T) { terminal(t, c) })
		})
	}
}

// terminal runs an interactive shell under a pseudo-terminal, resizes it and leaves it with an exit code.
func terminal(t *testing.T, c client) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := c.Command(ctx, "exec", "-it", "-n", namespace, "app-0", "--", "sh")
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 31, Cols: 97})
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	screen := newScreen(master)
	screen.expect(t, "# ")
	typing(t, master, "stty size; echo first-$((1+1))\n")
	screen.expect(t, "first-2")
	screen.has(t, "31 97")
	if err := pty.Setsize(master, &pty.Winsize{Rows: 43, Cols: 111}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the terminal in the container has the new size", 10*time.Second, func() bool {
		typing(t, master, "stty size\n")
		time.Sleep(200 * time.Millisecond)
		return strings.Contains(screen.text(), "43 111")
	})
	typing(t, master, "exit 9\n")
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 9 {
		t.Errorf("exit code %d, want 9; screen: %q", code, screen.text())
	}
}

func typing(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
}

// typingSlowly gives a program time to show each byte before the next one comes.
func typingSlowly(t *testing.T, w io.Writer, text string) {
	t.Helper()
	for i := range len(text) {
		typing(t, w, text[i:i+1])
		time.Sleep(15 * time.Millisecond)
	}
}

// screen gathers what a terminal shows.
type screen struct {
	chunks chan string
	all    string
}

func newScreen(r *os.File) *screen {
	s := &screen{chunks: make(chan string, 1024)}
	go func() {
		defer close(s.chunks)
		buf := make([]byte, 4096)
		for {
			n, err := r.Read(buf)
			if n > 0 {
				s.chunks <- string(buf[:n])
			}
			if err != nil {
				return
			}
		}
	}()
	return s
}

// text is everything shown until now.
func (s *screen) text() string {
	for {
		select {
		case chunk, ok := <-s.chunks:
			if !ok {
				return s.all
			}
			s.all += chunk
		default:
			return s.all
		}
	}
}

func (s *screen) expect(t *testing.T, want string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if strings.Contains(s.text(), want) {
			return
		}
	}
	t.Fatalf("the terminal never showed %q, only: %q", want, s.all)
}

// shows waits until a text was shown so many times, be it across the right margin.
func (s *screen) shows(t *testing.T, want string, times int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if strings.Count(string(masktest.Joined([]byte(s.text()))), want) >= times {
			return
		}
	}
	t.Fatalf("the terminal never showed %q %d times, only: %q", want, times, s.all)
}

func (s *screen) has(t *testing.T, want string) {
	t.Helper()
	if !strings.Contains(s.text(), want) {
		t.Errorf("the terminal does not show %q: %q", want, s.all)
	}
}
