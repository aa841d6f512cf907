//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// portsPod makes the pod with the listeners.
func portsPod(t *testing.T) {
	t.Helper()
	as("admin").Must(t, "apply", "-f", "testdata/ports.yaml")
	as("admin").Must(t, "-n", namespace, "rollout", "status", "statefulset/ports", "--timeout=120s")
}

// forwarding is a kubectl port-forward that runs.
type forwarding struct {
	cmd       *exec.Cmd
	addresses map[string]string // local, by the pod's port
	stderr    *bytes.Buffer
	over      chan struct{}
}

var forwardingFrom = regexp.MustCompile(`^Forwarding from (127\.0\.0\.1:\d+) -> (\d+)$`)

// portForward begins to forward, and returns once kubectl listens for all ports.
func portForward(t *testing.T, c client, pod string, ports ...string) *forwarding {
	t.Helper()
	args := []string{"port-forward", "-n", namespace, "pod/" + pod}
	for _, port := range ports {
		args = append(args, ":"+port)
	}
	f := &forwarding{cmd: c.Command(t.Context(), args...), addresses: map[string]string{}, stderr: &bytes.Buffer{}, over: make(chan struct{})}
	f.cmd.Stderr = f.stderr
	stdout, err := f.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.stop)
	lines := bufio.NewScanner(stdout)
	for len(f.addresses) < len(ports) && lines.Scan() {
		if m := forwardingFrom.FindStringSubmatch(lines.Text()); m != nil {
			f.addresses[m[2]] = m[1]
		}
	}
	go func() {
		defer close(f.over)
		for lines.Scan() { // kubectl must not wait for a reader
		}
		_ = f.cmd.Wait() // the exit code is in the state
	}()
	if len(f.addresses) < len(ports) {
		<-f.over
		t.Fatalf("%s: kubectl %s: %s", c.User, strings.Join(args, " "), f.stderr)
	}
	return f
}

func (f *forwarding) stop() {
	_ = f.cmd.Process.Signal(os.Interrupt)
	<-f.over
}

// check fails the test if kubectl has ended, with what it said.
func (f *forwarding) check(t *testing.T) {
	t.Helper()
	select {
	case <-f.over:
		t.Fatalf("kubectl has ended: %s", f.stderr)
	default:
	}
}

func (f *forwarding) connect(t *testing.T, port string) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", f.addresses[port], 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// echoed sends text and reads as much.
func echoed(conn net.Conn, text string) (string, error) {
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return "", err
	}
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(conn, text)
		sent <- err
	}()
	got := make([]byte, len(text))
	n, err := io.ReadFull(conn, got)
	return string(got[:n]), errors.Join(err, <-sent)
}

func TestPortForward(t *testing.T) {
	portsPod(t)
	for name, c := range clients() {
		t.Run(name, func(t *testing.T) {
			g := active(t, grant{Pod: "ports-0", Actions: []string{"PortForward"}})
			f := portForward(t, c, "ports-0", "9000", "9001")
			var want []string // as the recording has to hold them
			var mu sync.Mutex
			var all sync.WaitGroup
			for i := range 8 {
				conn := f.connect(t, "9000")
				// The listener takes one connection at a time, and more at once would be reset.
				hello := fmt.Sprint("connection ", i, "\x00\xff ")
				if got, err := echoed(conn, hello); err != nil || got != hello {
					t.Fatalf("connection %d: %q, %v", i, got, err)
				}
				all.Go(func() {
					text := strings.Repeat(fmt.Sprint("bytes of connection ", i, "\n"), 500*(i+1))
					if got, err := echoed(conn, text); err != nil || got != text {
						t.Errorf("connection %d: %d bytes of %d, %v", i, len(got), len(text), err)
					}
					conn.Close()
					mu.Lock()
					defer mu.Unlock()
					want = append(want, "forward-in "+hello+text, "forward-out "+hello+text)
				})
			}
			all.Wait()
			var numbers strings.Builder
			for i := range 200000 {
				fmt.Fprintln(&numbers, i+1)
			}
			f.check(t)
			conn := f.connect(t, "9001")
			if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(conn); err != nil || string(got) != numbers.String() {
				t.Errorf("port 9001: %d bytes of %d, %v", len(got), numbers.Len(), err)
			}
			want = append(want, "forward-out "+numbers.String())
			f.stop()
			forwardedRecording(t, g, want)
		})
	}
}

// forwardedRecording verifies the newest recording of a grant, and compares the bytes of its connections.
func forwardedRecording(t *testing.T, grant string, want []string) {
	t.Helper()
	name, _ := lastSession(t, grant)
	auditor := openStore(t, "auditor")
	shown, err := auditor.Plugin("sessions", "show", name)
	if err != nil || !strings.Contains(shown, "PortForward") || !strings.Contains(shown, "yes, all of it") {
		t.Errorf("%v: %s", err, shown)
	}
	out, err := auditor.Plugin("sessions", "show", name, "--json")
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	streams := map[string][]byte{}
	events := 0
	for decoder := json.NewDecoder(strings.NewReader(out)); decoder.More(); {
		var r struct {
			Stream     string `json:"stream"`
			Connection int    `json:"connection"`
			Text       string `json:"text"`
			Base64     []byte `json:"base64"`
		}
		if err := decoder.Decode(&r); err != nil {
			t.Fatal(err)
		}
		switch r.Stream {
		case "forward":
			events++
		case "forward-in", "forward-out":
			key := fmt.Sprint(r.Stream, "/", r.Connection)
			streams[key] = append(append(streams[key], r.Text...), r.Base64...)
		}
	}
	var got []string
	for key, data := range streams {
		direction, _, _ := strings.Cut(key, "/")
		got = append(got, direction+" "+string(data))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d streams are recorded, want %d, and the same bytes", len(got), len(want))
	}
	if connections := 9; events != 2*connections {
		t.Errorf("%d events of %d connections", events, connections)
	}
}

func TestPortForwardDenials(t *testing.T) {
	portsPod(t)
	forward := []string{"port-forward", "-n", namespace, "pod/ports-0", ":9000"}
	for name, c := range clients() {
		c.Timeout = 20 * time.Second
		t.Run("if there is no grant, then the message says how to request one, "+name, func(t *testing.T) {
			c.Refused(t, []string{"kubectl sallyport request", "--pod ports-0", "--action PortForward"}, forward...)
		})
	}
	developer := through("developer")
	developer.Timeout = 20 * time.Second
	t.Run("if the grant is for Exec, then no port is forwarded", func(t *testing.T) {
		name := active(t, grant{Pod: "ports-0"})
		developer.Refused(t, []string{name, "Exec, not PortForward"}, forward...)
	})
	t.Run("if the grant is for PortForward, then nobody gets in by exec, nor to another pod", func(t *testing.T) {
		name := active(t, grant{Pod: "ports-0", Actions: []string{"PortForward"}})
		developer.Refused(t, []string{name, "PortForward, not Exec"}, "exec", "-n", namespace, "ports-0", "--", "id")
		developer.Refused(t, []string{name, "pod"}, "port-forward", "-n", namespace, "pod/app-0", ":9000")
		as("developer").Refused(t, []string{"direct port-forward is closed"}, forward...)
	})
	t.Run("if the user has no right to forward, then a grant does not give it", func(t *testing.T) {
		c := through("auditor")
		c.Timeout = 20 * time.Second
		c.Refused(t, []string{"pods/portforward"}, forward...)
	})
	t.Run("if the grant is for a container, then it is refused at apply", func(t *testing.T) {
		g := grant{Name: "ports-of-a-container", Pod: "ports-0", Actions: []string{"PortForward"}, Containers: []string{"echo"}}
		as("developer").Reading(g.Manifest()).Refused(t, []string{"ports of every container"}, "apply", "-f", "-")
	})
	t.Run("if nobody listens on the port, then kubectl says so", func(t *testing.T) {
		active(t, grant{Pod: "ports-0", Actions: []string{"PortForward"}})
		f := portForward(t, developer, "ports-0", "9999")
		if rest, err := io.ReadAll(f.connect(t, "9999")); len(rest) > 0 {
			t.Errorf("read %q, %v", rest, err)
		}
		<-f.over
		if !strings.Contains(f.stderr.String(), "refused") {
			t.Errorf("kubectl says %s", f.stderr)
		}
	})
}

func TestPortForwardEnds(t *testing.T) {
	portsPod(t)
	ends := map[string]struct {
		seconds int
		end     func(t *testing.T, name string)
		says    string
	}{
		"if its time is over, then every connection ends":       {seconds: 12, end: expiry, says: "expired"},
		"if the grant is deleted, then every connection ends":   {end: deleteGrant, says: "revoked"},
		"if the session is deleted, then every connection ends": {end: deleteSessions, says: "ended the session"},
		"if the pod is being deleted, then every connection ends": {end: func(t *testing.T, _ string) {
			as("admin").Must(t, "delete", "pod", "-n", namespace, "ports-0", "--wait=false")
		}, says: "pod"},
	}
	for name, tc := range ends {
		for transport, c := range map[string]client{"WebSocket": through("developer"), "SPDY": through("developer").OverSPDY()} {
			t.Run(name+" over "+transport, func(t *testing.T) {
				eventually(t, "pod ports-0 is ready", 60*time.Second, func() bool {
					return as("admin").Kubectl("wait", "-n", namespace, "pod/ports-0", "--for=condition=Ready", "--timeout=5s").Code == 0
				})
				g := active(t, grant{Pod: "ports-0", Actions: []string{"PortForward"}, Seconds: tc.seconds})
				f := portForward(t, c, "ports-0", "9000")
				var conns []net.Conn
				for range 3 {
					conn := f.connect(t, "9000")
					if got, err := echoed(conn, "before"); err != nil || got != "before" {
						t.Fatalf("got %q, %v", got, err)
					}
					conns = append(conns, conn)
				}
				tc.end(t, g)
				ended := time.Now()
				for _, conn := range conns {
					_ = conn.SetDeadline(ended.Add(10 * time.Second))
					rest, _ := io.ReadAll(conn)
					if took := time.Since(ended); len(rest) > 0 || took > time.Second {
						t.Errorf("read %q, and ended after %s", rest, took)
					}
				}
				<-f.over
				if f.cmd.ProcessState.ExitCode() <= 0 || !strings.Contains(f.stderr.String(), "sallyport") || !strings.Contains(f.stderr.String(), tc.says) {
					t.Errorf("exit code %d: %s", f.cmd.ProcessState.ExitCode(), f.stderr)
				}
			})
		}
	}
}

// expiry waits for the grant's last moment.
func expiry(t *testing.T, name string) {
	until, err := time.Parse(time.RFC3339, as("admin").Must(t, "get", "xg", "-n", namespace, name, "-o", "jsonpath={.status.activeUntil}"))
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(until))
}
