package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/host"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/layout"
)

// Down removes the node: processes, mounts, interfaces, packet filter rules, cgroups and files. What
// was built stays. It can be repeated, and works on a node that is half up or crashed. A step that
// fails does not keep the others from being done.
func (n *Node) Down(ctx context.Context) error {
	if err := host.CheckRoot(); err != nil {
		return err
	}
	unlock, err := n.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	state, err := host.NodeOnMachine()
	if err != nil {
		return err
	}
	if state != "" && state != n.Layout.State {
		return fmt.Errorf("the node on this machine is in %s; take it down with: SALLYPORT_NODE=%s devcluster down", state, state)
	}
	if err := n.killAll(ctx); err != nil {
		return err
	}
	if state == "" && !n.isState() {
		n.Say.Stepf("there is no node")
		return nil
	}
	if err := n.giveBack(ctx); err != nil {
		return fmt.Errorf("%w\nthe node is not fully removed; run the command again", err)
	}
	n.Say.Stepf("the node is gone; what was built stays in %s", n.Layout.Cache)
	return nil
}

// killAll kills every process of the node. Nothing is asked to end by itself: all it could save is
// about to be removed. What starts others goes first.
func (n *Node) killAll(ctx context.Context) error {
	for range 5 {
		ids, err := n.owned()
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			break
		}
		if err := n.table.Kill(ctx, ids...); err != nil {
			return err
		}
		n.Say.Stepf("stopped %d processes of the node", len(ids))
	}
	if !n.isState() {
		return nil
	}
	killed, err := n.killContainers(ctx)
	if err == nil && killed > 0 {
		n.Say.Stepf("stopped %d processes in containers", killed)
	}
	return err
}

// giveBack returns the machine to what it was. The state directory goes last: as long as it is there,
// a repeated Down knows that there is work left.
func (n *Node) giveBack(ctx context.Context) error {
	err := errors.Join(
		host.Unmount(n.Layout.State, layout.RunDir),
		host.RemoveNetwork(ctx),
		host.RemoveCgroup(),
		host.RemoveStrays(n.Layout.State),
		host.Settings{Root: "/proc/sys"}.Restore(n.Layout.Path("kernel-settings.json")),
	)
	if err != nil {
		return err
	}
	n.Say.Stepf("removed mounts, interfaces, packet filter rules and cgroups; kernel settings are as before")
	if err := os.RemoveAll(layout.RunDir); err != nil {
		return fmt.Errorf("removing sockets: %w", err)
	}
	if !n.isState() {
		return nil
	}
	return removeState(n.Layout.State)
}

// removeState removes the directory, the marker last: without it nothing would ever be removed. Parents
// that were made for it go too, if nothing else is in them.
func removeState(dir string) error {
	if err := host.CheckUnmounted(dir); err != nil {
		return fmt.Errorf("removing %s: %w", dir, err)
	}
	content, err := os.ReadFile(filepath.Join(dir, marker))
	if err != nil {
		return fmt.Errorf("removing %s: %w", dir, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("removing %s: %w", dir, err)
	}
	for _, entry := range entries {
		if entry.Name() == marker {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return fmt.Errorf("removing %s: %w", dir, err)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("removing %s: %w", dir, err)
	}
	top := strings.TrimSpace(string(content))
	for parent := filepath.Dir(dir); top != "" && strings.HasPrefix(parent+"/", top+"/"); parent = filepath.Dir(parent) {
		_ = syscall.Rmdir(parent) // refused unless empty
	}
	return nil
}
