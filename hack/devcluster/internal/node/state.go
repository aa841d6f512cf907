package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/host"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/layout"
)

// checkOtherNode makes sure that this is the only node of the machine, this program's or another's.
func (n *Node) checkOtherNode(ctx context.Context) error {
	state, err := host.NodeOnMachine()
	if err != nil {
		return err
	}
	if state != "" && state != n.Layout.State {
		return fmt.Errorf("another node is on this machine, in %s; take it down first: SALLYPORT_NODE=%s devcluster down", state, state)
	}
	if n.isState() {
		return nil
	}
	conflict, err := host.Conflict(ctx)
	if err != nil {
		return err
	}
	if conflict != "" {
		return fmt.Errorf("this machine uses the node's networks %s and %s: %s", layout.PodCIDR, layout.ServiceCIDR, conflict)
	}
	if state == "" && host.ForeignKubeProxy(ctx) {
		return errors.New("another Kubernetes runs on this machine: the packet filter has its table \"ip kube-proxy\" (nft list table ip kube-proxy)")
	}
	return nil
}

// claim makes the state directory. It takes an empty one, never one with other things in it.
func (n *Node) claim() error {
	if n.isState() {
		return nil
	}
	entries, err := os.ReadDir(n.Layout.State)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("reading the state directory: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty and not a node's state directory: set SALLYPORT_NODE to another", n.Layout.State)
	}
	top := topMissing(n.Layout.State)
	if err := os.MkdirAll(n.Layout.State, 0o755); err != nil {
		return fmt.Errorf("making the state directory: %w", err)
	}
	return os.WriteFile(n.Layout.Path(marker), []byte(top+"\n"), 0o644)
}

// topMissing is the highest directory that has to be made so that dir exists.
func topMissing(dir string) string {
	for parent := filepath.Dir(dir); parent != dir; dir, parent = parent, filepath.Dir(parent) {
		if _, err := os.Stat(parent); err == nil {
			break
		}
	}
	return dir
}

func (n *Node) isState() bool {
	return exists(n.Layout.Path(marker))
}

// clearRemains clears away what a dead containerd left, when pods cannot go on anyway: after a reboot, and
// when neither containerd nor the kubelet runs. If only one of them is gone, the containers live and
// the new process finds them again.
func (n *Node) clearRemains(ctx context.Context) error {
	boot, err := n.table.Boot()
	if err != nil {
		return err
	}
	last, err := os.ReadFile(n.Layout.Path("boot"))
	rebooted := err == nil && strings.TrimSpace(string(last)) != boot
	if err := os.WriteFile(n.Layout.Path("boot"), []byte(boot+"\n"), 0o644); err != nil {
		return fmt.Errorf("noting the boot: %w", err)
	}
	if n.runs("containerd") || n.runs("kubelet") {
		return nil
	}
	if !exists(n.Layout.Path("containerd", "run")) {
		return nil
	}
	if rebooted {
		n.Say.Stepf("the machine was restarted; starting the node anew")
	} else {
		n.Say.Stepf("the node stopped without being taken down; clearing away its old containers")
	}
	if _, err := n.killContainers(ctx); err != nil {
		return err
	}
	return n.clearRuntime()
}

// clearRuntime removes mounts and run-time state of containers. Images and the API's objects stay.
func (n *Node) clearRuntime() error {
	if err := host.Unmount(n.Layout.State, layout.RunDir); err != nil {
		return err
	}
	for _, dir := range []string{n.Layout.Path("containerd", "run"), n.Layout.Path("containerd", "runc"), layout.RunDir} {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("clearing run-time state: %w", err)
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
