// Package node brings the development node up, takes it down and tells how it is.
//
// Up is a sequence of steps of which each first looks whether there is anything to do. That makes it
// the repair too: after a crash, a kill or a reboot the steps that are undone are done again. Down
// needs no memory of how far Up came: it removes whatever package host can name as the node's own.
package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/build"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/host"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/layout"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/process"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/progress"
)

// Node is the one node of this machine.
type Node struct {
	Layout layout.Layout
	Say    *progress.Printer
	Now    func() time.Time
	// Source finds the directory of this module in the checkout. It is called only when programs are
	// to be built or checked.
	Source func() (string, error)

	table process.Table
}

// New returns the node of these directories.
func New(l layout.Layout, say *progress.Printer, now func() time.Time, source func() (string, error)) *Node {
	return &Node{Layout: l, Say: say, Now: now, Source: source, table: process.Table{Root: "/proc"}}
}

// firstBuildBytes is what a first build adds to the disk: sources, Go's build cache and the programs.
const firstBuildBytes = 8 << 30

// marker is the file that makes a directory a node's state: no other is ever removed. It holds the
// highest directory that was made for it.
const marker = ".sallyport-node"

// lock waits until no other command changes the node, and returns what releases it.
func (n *Node) lock(ctx context.Context) (func(), error) {
	path := n.Layout.Lock()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("locking the node: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("locking the node: %w", err)
	}
	for waited := false; ; waited = true {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			file.Close()
			return nil, fmt.Errorf("locking the node: %w", err)
		}
		if !waited {
			n.Say.Stepf("another devcluster command is at work; waiting for it")
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Build builds all programs that are missing or out of date.
func (n *Node) Build(ctx context.Context) error {
	unlock, err := n.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	built, err := n.build(ctx)
	if err == nil && !built {
		n.Say.Stepf("all programs are built already, in %s", n.Layout.Cache)
	}
	return err
}

func (n *Node) build(ctx context.Context) (bool, error) {
	source, err := n.Source()
	if err != nil {
		return false, err
	}
	if !exists(n.Layout.Bin("kubernetes")) {
		if err := host.CheckDisk(n.Layout.Cache, firstBuildBytes); err != nil {
			return false, err
		}
	}
	return build.All(ctx, n.Say, n.Layout, build.Recipes(n.Layout, source))
}

// Assets builds the Kubernetes program if needed and writes the directory that holds envtest's
// binaries.
func (n *Node) Assets(ctx context.Context, out io.Writer) error {
	unlock, err := n.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	source, err := n.Source()
	if err != nil {
		return err
	}
	if _, err := build.All(ctx, n.Say, n.Layout, []build.Recipe{build.Kubernetes(n.Layout, source)}); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, n.Layout.Assets())
	return err
}
