//go:build e2e

package faults

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/test/node"
)

func TestClientKilled(t *testing.T) {
	r := &row{fault: "kubectl is killed", means: "kill -9 of kubectl in 6 sessions", reasons: []string{"client-gone"}}
	r.try(t, func(t *testing.T, chance *locked) []*trial {
		all := []*trial{begin(t, counting), begin(t, ticking), begin(t, ticking), begin(t, typing), begin(t, typing), begin(t, brief)}
		live(t, all)
		for _, x := range all {
			time.Sleep(chance.duration(300 * time.Millisecond))
			_ = x.cmd.Process.Kill() // one that is over already is fine
		}
		waitAll(t, all)
		return all
	})
}

// TestClientVanishes cuts the wire of a client in a network namespace of its own: no FIN, no RST. The session ends with its
// grant at the latest.
func TestClientVanishes(t *testing.T) {
	r := &row{
		fault: "the client's machine is gone", means: "the link of kubectl's network namespace goes down", reasons: []string{"client-gone", "grant-expired"},
	}
	r.once(t, func(t *testing.T) []*trial {
		c, cut := farAway(t)
		node.Active(t, node.Grant{Pod: "app-0", Seconds: 25})
		all := []*trial{begin(t, counting, c), begin(t, ticking, c), begin(t, typing, c)}
		live(t, all)
		cut()
		for _, x := range all {
			_ = x.cmd.Process.Signal(syscall.SIGSTOP) // a machine without power does nothing
		}
		wholly(t, all)
		for _, x := range all {
			_ = x.cmd.Process.Kill()
			<-x.over
		}
		permit(t)
		return all
	})
}

// farAway is the developer on a machine of their own, and what cuts its wire.
func farAway(t *testing.T) (c node.Client, cut func()) {
	t.Helper()
	address, err := kubectl("get", "node", "-o", `jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}`)
	if err != nil {
		t.Fatal(err)
	}
	const name, far = "sallyport-far", "10.244.0.253/24"
	ip := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
	_ = exec.Command("ip", "netns", "delete", name).Run() // of a run that was killed
	ip("netns", "add", name)
	t.Cleanup(func() { ip("netns", "delete", name) })
	ip("link", "add", "faults0", "type", "veth", "peer", "name", "faults1", "netns", name)
	ip("link", "set", "faults0", "master", "sallyport0", "up")
	ip("-n", name, "address", "add", far, "dev", "faults1")
	ip("-n", name, "link", "set", "faults1", "up")
	ip("-n", name, "link", "set", "lo", "up")

	c = node.Through("developer")
	config, err := os.ReadFile(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	c.Config = filepath.Join(t.TempDir(), "far.yaml")
	if err := os.WriteFile(c.Config, []byte(strings.Replace(string(config), "127.0.0.1:6443", address+":6443", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "kubectl")
	if err := os.WriteFile(binary, fmt.Appendf(nil, "#!/bin/sh\nexec ip netns exec %s %s \"$@\"\n", name, c.Binary), 0o700); err != nil {
		t.Fatal(err)
	}
	return c.With(binary), func() { ip("link", "set", "faults0", "down") }
}

func TestPodDeleted(t *testing.T) {
	r := &row{
		fault: "the pod is deleted", means: "kubectl delete pod, during 3 sessions",
		reasons: []string{"pod-gone", "connection-lost"}, told: "sallyport",
	}
	r.try(t, func(t *testing.T, chance *locked) []*trial {
		node.Active(t, node.Grant{Pod: "app-0"}) // a grant is for the pod that is there
		all := []*trial{begin(t, counting), begin(t, ticking), begin(t, ticking)}
		live(t, all)
		time.Sleep(chance.duration(2 * time.Second))
		node.As("admin").Must(t, "delete", "pod", "-n", node.Namespace, "app-0", "--wait=false")
		waitAll(t, all)
		node.As("admin").Must(t, "-n", node.Namespace, "rollout", "status", "statefulset/app", "--timeout=60s")
		node.Active(t, node.Grant{Pod: "app-0"})
		return all
	})
}

func TestAPIServerRestart(t *testing.T) {
	r := &row{
		fault: "the API server restarts", means: "SIGKILL to kube-apiserver during 3 sessions, then it is started again",
		reasons: []string{"client-gone", "connection-lost", "recorder-died"},
	}
	r.once(t, func(t *testing.T) []*trial {
		permit(t)
		all := []*trial{begin(t, counting), begin(t, ticking), begin(t, typing)}
		live(t, all)
		node.Signal(t, "kube-apiserver", syscall.SIGKILL)
		waitAll(t, all)
		node.Up(t)
		return all
	})
}
