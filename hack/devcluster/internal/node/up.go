package node

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/config"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/host"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/layout"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/objectstore"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/process"
)

// Up brings the node up, or repairs it. It returns when pods can be made and the object store answers.
func (n *Node) Up(ctx context.Context) error {
	if err := host.CheckRoot(); err != nil {
		return err
	}
	unlock, err := n.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := n.checkOtherNode(ctx); err != nil {
		return err
	}
	if _, err := n.build(ctx); err != nil {
		return err
	}
	machine, err := host.Detect(n.Layout.State)
	if err != nil {
		return err
	}
	values := config.Values{Layout: n.Layout, Machine: machine}
	if err := n.claim(); err != nil {
		return err
	}
	if err := n.clearRemains(ctx); err != nil {
		return err
	}
	if err := n.checkRoom(values); err != nil {
		return err
	}
	if err := n.prepareHost(ctx); err != nil {
		return err
	}
	if err := n.configure(values); err != nil {
		return err
	}
	return n.run(ctx, values)
}

func (n *Node) runs(component string) bool {
	id, _ := process.ReadIdentity(n.Layout.PIDFile(component))
	return n.table.Alive(id)
}

// checkRoom looks for ports, memory and disk if any component is still to be started.
func (n *Node) checkRoom(v config.Values) error {
	var ports []int
	for _, c := range config.Components(v) {
		if !n.runs(c.Name) {
			ports = append(ports, c.Ports...)
		}
	}
	if len(ports) == 0 {
		return nil
	}
	if err := host.CheckSpace(n.Layout.State); err != nil {
		return err
	}
	taken, err := host.Listeners(ports)
	if err != nil {
		return err
	}
	ours, err := n.owned()
	if err != nil {
		return err
	}
	var foreign []string
	for _, l := range taken {
		// A port without a process is one that the kernel is about to let go of; the start waits for it.
		if l.PID != 0 && !slices.ContainsFunc(ours, func(id process.Identity) bool { return id.PID == l.PID }) {
			foreign = append(foreign, l.String())
		}
	}
	if len(foreign) > 0 {
		slices.Sort(foreign)
		return fmt.Errorf("the node needs ports that are in use: %s", strings.Join(foreign, "; "))
	}
	return nil
}

func (n *Node) prepareHost(ctx context.Context) error {
	settings := host.Settings{Root: "/proc/sys"}
	if err := settings.Save(n.Layout.Path("kernel-settings.json")); err != nil {
		return err
	}
	if err := settings.Set("net/ipv4/ip_forward", "1"); err != nil {
		return err
	}
	if err := host.MakeBridge(ctx, n.Layout.State); err != nil {
		return err
	}
	if err := host.Guard(ctx); err != nil {
		return err
	}
	if err := host.AllowBridge(ctx); err != nil {
		return err
	}
	return host.MakeCgroup()
}

// configure writes certificates, credentials and configuration files.
func (n *Node) configure(v config.Values) error {
	for _, dir := range []string{"etcd", "home", "tmp", "cni", "volume-plugins", "kubelet", "object-store/data", "log"} {
		if err := os.MkdirAll(n.Layout.Path(dir), 0o700); err != nil {
			return fmt.Errorf("making the state directory: %w", err)
		}
	}
	made, err := n.certificates()
	if err != nil {
		return err
	}
	if made > 0 {
		n.Say.Stepf("made %d certificates", made)
	}
	if err := (objectstore.Store{Layout: n.Layout}).WriteCredentials(); err != nil {
		return err
	}
	return config.WriteAll(v)
}

// run starts the components, each after those that it needs, and fills the cluster.
func (n *Node) run(ctx context.Context, v config.Values) error {
	all := config.Components(v)
	stage := func(names ...string) []config.Component {
		return slices.DeleteFunc(slices.Clone(all), func(c config.Component) bool { return !slices.Contains(names, c.Name) })
	}
	if err := n.ensure(ctx, stage("etcd", "minio", "containerd")); err != nil {
		return err
	}
	if err := n.ensure(ctx, stage("kube-apiserver")); err != nil {
		return err
	}
	if err := n.loadBaseImages(ctx); err != nil {
		return err
	}
	manifest, err := os.ReadFile(n.Layout.Config("cluster.yaml"))
	if err != nil {
		return fmt.Errorf("reading the cluster's own objects: %w", err)
	}
	if _, err := n.kubectl(ctx, string(manifest), "apply", "--server-side", "--force-conflicts", "--field-manager=devcluster", "-f", "-"); err != nil {
		return fmt.Errorf("making the cluster's own objects: %w", err)
	}
	if err := n.ensure(ctx, stage("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")); err != nil {
		return err
	}
	if err := (objectstore.Store{Layout: n.Layout}).Prepare(ctx); err != nil {
		return err
	}
	if err := n.awaitNode(ctx); err != nil {
		return err
	}
	if err := n.pipelineToken(ctx); err != nil {
		return err
	}
	n.Say.Stepf("the node is up: Kubernetes at %s, object store at %s", layout.ServerURL, layout.ObjectStoreURL)
	return nil
}
