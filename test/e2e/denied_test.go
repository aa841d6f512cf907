//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/test/node"
)

var execID = []string{"exec", "-n", namespace, "app-0", "--", "id"}

func TestDirectIsClosedForEveryone(t *testing.T) {
	active(t, grant{Pod: "app-0", Actions: []string{"Exec", "Attach", "PortForward"}})
	for _, user := range []string{"developer", "admin", "super-admin"} {
		for transport, c := range map[string]client{"WebSocket": as(user), "SPDY": as(user).OverSPDY()} {
			t.Run(user+" over "+transport, func(t *testing.T) {
				c.Refused(t, []string{"kubectl sallyport login", "gateway"}, execID...)
				c.Refused(t, []string{"gateway"}, "attach", "-n", namespace, "app-0", "-c", "main")
			})
		}
	}
	t.Run("if a port is forwarded, then every connection is refused", func(t *testing.T) {
		for _, c := range []client{as("developer"), as("super-admin").OverSPDY()} {
			c.Timeout = 20 * time.Second
			c.Refused(t, []string{"direct port-forward is closed", "--action PortForward"}, "port-forward", "-n", namespace, "pod/app-0", ":80")
		}
	})
}

func TestDenials(t *testing.T) {
	developer := through("developer")
	t.Run("if there is no grant, then the message says how to request one", func(t *testing.T) {
		for name, c := range map[string]client{"ws": developer, "spdy": developer.OverSPDY(), "1.32": developer.With(node.Kubectl132)} {
			t.Run(name, func(t *testing.T) { c.Refused(t, []string{"kubectl sallyport request", "app-0"}, execID...) })
		}
	})
	t.Run("if the grant is pending, then the message names it", func(t *testing.T) {
		name := request(t, grant{Pod: "app-0"})
		as("admin").Must(t, "wait", "-n", namespace, "xg/"+name, "--for=jsonpath={.status.approvalRequestName}", "--timeout=30s")
		eventually(t, "the proxy knows that the grant waits for approval", 10*time.Second, func() bool {
			return strings.Contains(developer.Kubectl(execID...).Stderr, "approv")
		})
		developer.Refused(t, []string{name, "approv"}, execID...)
	})
	t.Run("if the grant was denied, then the message says so", func(t *testing.T) {
		name := request(t, grant{Pod: "app-0"})
		if r := verdict(t, "approver", name, "Denied"); r.Code != 0 {
			t.Fatal(r)
		}
		waitFor(t, name, "Stalled")
		developer.Refused(t, []string{name, "denied"}, execID...)
	})
	t.Run("if the grant covers something else, then the message says what", func(t *testing.T) {
		name := active(t, grant{Pod: "app-0", Containers: []string{"main"}, Commands: [][]string{{"ls", "**"}, {"cat", "/etc/*"}}})
		developer.Must(t, "exec", "-n", namespace, "app-0", "--", "ls", "/", "/etc")
		developer.Must(t, "exec", "-n", namespace, "app-0", "--", "cat", "/etc/passwd")
		developer.Refused(t, []string{name, "command"}, execID...)
		developer.Refused(t, []string{name, "command"}, "exec", "-n", namespace, "app-0", "--", "cat", "/etc/passwd", "/etc/group")
		developer.Refused(t, []string{name, "container"}, "exec", "-n", namespace, "app-0", "-c", "side", "--", "ls")
		developer.Refused(t, []string{name, "pod"}, "exec", "-n", namespace, "app-1", "--", "ls")
		through("developer2").Refused(t, []string{"kubectl sallyport request"}, "exec", "-n", namespace, "app-0", "--", "ls")
	})
	t.Run("if the pod does not exist, then the message says so", func(t *testing.T) {
		developer.Refused(t, []string{"app-9"}, "exec", "-n", namespace, "app-9", "--", "id")
	})
	t.Run("if the user has no right to exec, then a grant does not give it", func(t *testing.T) {
		through("auditor").Refused(t, []string{"pods/exec"}, execID...)
	})
}

func TestGrantEnds(t *testing.T) {
	ends := map[string]struct {
		seconds int
		end     func(t *testing.T, name string)
		says    string
	}{
		"if its time is over, then the session ends":      {seconds: 12, end: func(*testing.T, string) {}, says: "expired"},
		"if the grant is deleted, then the session ends":  {end: deleteGrant, says: "sallyport"},
		"if the session is deleted, then the stream ends": {end: deleteSessions, says: "sallyport"},
		"if the pod is replaced, then the session ends":   {end: replacePod, says: "sallyport"},
	}
	for name, tc := range ends {
		t.Run(name, func(t *testing.T) {
			g := active(t, grant{Pod: "app-1", Seconds: tc.seconds})
			done := make(chan result, 1)
			go func() {
				c := through("developer")
				c.Timeout = 90 * time.Second
				done <- c.Kubectl("exec", "-n", namespace, "app-1", "--", "sh", "-c", "echo started; sleep 300")
			}()
			eventually(t, "the session is live", 20*time.Second, func() bool {
				return strings.Contains(as("admin").Must(t, "get", "xs", "-n", namespace, "-o", "jsonpath={range .items[*]}{.spec.grantRef.name}={.status.state} {end}"), g+"=Live")
			})
			tc.end(t, g)
			r := <-done
			if r.Code <= 0 || !strings.Contains(r.Stderr, tc.says) || !strings.Contains(r.Stdout, "started") {
				t.Error(r)
			}
			eventually(t, "pod app-1 is ready again", 60*time.Second, func() bool {
				return as("admin").Kubectl("wait", "-n", namespace, "pod/app-1", "--for=condition=Ready", "--timeout=5s").Code == 0
			})
		})
	}
	t.Run("if it has expired, then the message says when", func(t *testing.T) {
		name := active(t, grant{Pod: "app-0", Seconds: 10})
		through("developer").Must(t, execID...)
		as("admin").Must(t, "wait", "-n", namespace, "xg/"+name, "--for=condition=Active=false", "--timeout=40s")
		through("developer").Refused(t, []string{name, "expired"}, execID...)
	})
}

func deleteGrant(t *testing.T, name string) {
	as("developer").Must(t, "delete", "xg", "-n", namespace, name, "--wait=false")
}

func deleteSessions(t *testing.T, _ string) {
	as("approver").Must(t, "delete", "xs", "-n", namespace, "--all", "--wait=false")
}

func replacePod(t *testing.T, _ string) {
	as("admin").Must(t, "delete", "pod", "-n", namespace, "app-1", "--wait=false")
}

func TestPodReplacedDoesNotInherit(t *testing.T) {
	g := active(t, grant{Pod: "app-1"})
	before := as("admin").Must(t, "get", "pod", "-n", namespace, "app-1", "-o", "jsonpath={.metadata.uid}")
	as("admin").Must(t, "delete", "pod", "-n", namespace, "app-1")
	eventually(t, "the pod is back with another UID", 60*time.Second, func() bool {
		r := as("admin").Kubectl("get", "pod", "-n", namespace, "app-1", "-o", "jsonpath={.metadata.uid} {.status.phase}")
		return r.Code == 0 && !strings.Contains(r.Stdout, before) && strings.Contains(r.Stdout, "Running")
	})
	through("developer").Refused(t, []string{g, "replaced"}, "exec", "-n", namespace, "app-1", "--", "id")
}
