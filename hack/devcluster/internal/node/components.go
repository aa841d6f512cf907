package node

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/build"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/config"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/host"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/process"
)

const (
	startLimit = 3 * time.Minute
	// A running component that is not well for this long is started anew.
	recoverLimit = 20 * time.Second
	// The API server and etcd would wait a minute for watchers to leave.
	stopGrace = 5 * time.Second
	// The kernel lets go of ports some time after the process is seen to have ended.
	portLimit = 10 * time.Second
)

// ensure starts the components that do not run, or run with another configuration, and waits until
// all are well.
func (n *Node) ensure(ctx context.Context, components []config.Component) error {
	var started []string
	for _, c := range components {
		fresh, err := n.startIfNeeded(ctx, c)
		if err != nil {
			return err
		}
		if fresh {
			started = append(started, c.Name)
		}
	}
	for _, c := range components {
		if !slices.Contains(started, c.Name) {
			if err := n.awaitOrRestart(ctx, c); err != nil {
				return err
			}
			continue
		}
		if err := n.await(ctx, c, startLimit); err != nil {
			return err
		}
		n.Say.Stepf("%s runs", c.Name)
	}
	return nil
}

func (n *Node) startIfNeeded(ctx context.Context, c config.Component) (bool, error) {
	digest, err := digest(c)
	if err != nil {
		return false, err
	}
	id, _ := process.ReadIdentity(n.Layout.PIDFile(c.Name))
	if n.table.Alive(id) {
		if id.Digest == digest {
			return false, nil
		}
		n.Say.Stepf("%s runs with another configuration; starting it anew", c.Name)
		if err := n.table.Stop(ctx, stopGrace, id); err != nil {
			return false, err
		}
	}
	return true, n.start(ctx, c, digest)
}

func (n *Node) start(ctx context.Context, c config.Component, digest string) error {
	// A process of this node that no file names was started by an "up" that was killed right then.
	strays, err := n.table.Find(func(argv []string) bool { return len(argv) > 0 && argv[0] == c.Path && config.Owns(n.Layout, argv) })
	if err != nil {
		return err
	}
	if err := n.table.Stop(ctx, stopGrace, strays...); err != nil {
		return err
	}
	if err := awaitPorts(ctx, c); err != nil {
		return err
	}
	id, err := n.table.Start(process.Command{
		Path: c.Path, Args: c.Args, Dir: n.Layout.State, Log: n.Layout.Log(c.Name),
		Env: append([]string{
			"PATH=" + filepath.Dir(n.Layout.Bin("x")) + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			"HOME=" + n.Layout.Path("home"), "TMPDIR=" + n.Layout.Path("tmp"),
		}, c.Env...),
	})
	if err != nil {
		return n.withLog(c.Name, err)
	}
	id.Digest = digest
	return process.WriteIdentity(n.Layout.PIDFile(c.Name), id)
}

// awaitPorts waits until nobody listens on the component's ports. It fails at once if a living process
// does.
func awaitPorts(ctx context.Context, c config.Component) error {
	deadline := time.NewTimer(portLimit)
	defer deadline.Stop()
	for {
		taken, err := host.Listeners(c.Ports)
		if err != nil || len(taken) == 0 {
			return err
		}
		failure := fmt.Errorf("%s cannot start: %v", c.Name, taken[0])
		if taken[0].PID != 0 {
			return failure
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return failure
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// await waits until the component is well. It fails at once if the process ends.
func (n *Node) await(ctx context.Context, c config.Component, limit time.Duration) error {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for {
		err := n.probe(ctx, c.Name)
		if err == nil {
			return nil
		}
		if id, _ := process.ReadIdentity(n.Layout.PIDFile(c.Name)); !n.table.Alive(id) {
			return n.withLog(c.Name, fmt.Errorf("%s ended", c.Name))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return n.withLog(c.Name, fmt.Errorf("%s is not well after %s: %w", c.Name, limit, err))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// awaitOrRestart gives a running component some time, and starts it anew if it stays unwell.
func (n *Node) awaitOrRestart(ctx context.Context, c config.Component) error {
	if err := n.await(ctx, c, recoverLimit); err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	n.Say.Stepf("%s runs but is not well; starting it anew", c.Name)
	id, _ := process.ReadIdentity(n.Layout.PIDFile(c.Name))
	if err := n.table.Stop(ctx, stopGrace, id); err != nil {
		return err
	}
	digest, err := digest(c)
	if err != nil {
		return err
	}
	if err := n.start(ctx, c, digest); err != nil {
		return err
	}
	return n.await(ctx, c, startLimit)
}

func (n *Node) withLog(component string, err error) error {
	return fmt.Errorf("%w\nlast lines of %s:\n%s", err, n.Layout.Log(component), process.Tail(n.Layout.Log(component), 15))
}

// digest changes whenever a running process of this component would be out of date.
func digest(c config.Component) (string, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "%q\n%q\n%q\n", c.Path, c.Args, c.Env)
	program, err := filepath.EvalSymlinks(c.Path)
	if err != nil {
		return "", fmt.Errorf("finding the program of %s: %w", c.Name, err)
	}
	for _, file := range append([]string{build.StampOf(program)}, c.Inputs...) {
		content, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("reading configuration of %s: %w", c.Name, err)
		}
		fmt.Fprintf(sum, "%x\n", sha256.Sum256(content))
	}
	return fmt.Sprintf("%x", sum.Sum(nil)), nil
}

// owned returns the node's processes, without those inside containers. names limits it to these
// components; none means all, shims and runc included.
func (n *Node) owned(names ...string) ([]process.Identity, error) {
	return n.table.Find(func(argv []string) bool {
		if len(names) > 0 && (len(argv) == 0 || !slices.Contains(names, filepath.Base(argv[0]))) {
			return false
		}
		return config.Owns(n.Layout, argv)
	})
}

// killContainers kills all containers, their shims and whatever runc is doing for them. It repeats
// that, because what is being killed may be starting others.
func (n *Node) killContainers(ctx context.Context) (int, error) {
	killed := 0
	for range 20 {
		inside, err := host.ContainerProcesses(n.table)
		if err != nil {
			return killed, err
		}
		around, err := n.owned("containerd-shim-runc-v2", "runc")
		if err != nil {
			return killed, err
		}
		all := slices.Concat(inside, around)
		if len(all) == 0 {
			return killed, nil
		}
		killed += len(inside)
		if err := n.table.Kill(ctx, all...); err != nil {
			return killed, err
		}
	}
	return killed, errors.New("containers are started faster than they can be killed")
}
