package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/config"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/host"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/image"
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
	if err := n.recover(ctx); err != nil {
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
	_, err := os.Stat(n.Layout.Path(marker))
	return err == nil
}

// recover clears away what a dead containerd left, when pods cannot go on anyway: after a reboot, and
// when neither containerd nor the kubelet runs. If only one of them is gone, the containers live and
// the new process finds them again.
func (n *Node) recover(ctx context.Context) error {
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
	if _, err := os.Stat(n.Layout.Path("containerd", "run")); err != nil {
		return nil
	}
	if rebooted {
		n.Say.Step("the machine was restarted; starting the node anew")
	} else {
		n.Say.Step("the node stopped without being taken down; clearing away its old containers")
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
		if !slices.ContainsFunc(ours, func(id process.Identity) bool { return id.PID == l.PID }) {
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
		n.Say.Step("made %d certificates", made)
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
	if _, err := n.ensure(ctx, stage("etcd", "minio", "containerd")); err != nil {
		return err
	}
	if _, err := n.ensure(ctx, stage("kube-apiserver")); err != nil {
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
	if _, err := n.ensure(ctx, stage("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")); err != nil {
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
	n.Say.Step("the node is up: Kubernetes at %s, object store at %s", layout.ServerURL, layout.ObjectStoreURL)
	return nil
}

// loadBaseImages loads the pause image, without which no pod starts, and busybox.
func (n *Node) loadBaseImages(ctx context.Context) error {
	busybox, err := host.Busybox()
	if err != nil {
		return err
	}
	applets, err := Applets(ctx, busybox)
	if err != nil {
		return err
	}
	for _, spec := range []image.Spec{
		{Name: layout.PauseImage, Files: []image.File{{Host: n.Layout.Bin("pause"), Image: "/pause"}}, Entrypoint: []string{"/pause"}, User: "65532"},
		{Name: layout.BusyboxImage, Busybox: busybox, Applets: applets, Entrypoint: nil},
	} {
		if err := n.LoadImage(ctx, spec); err != nil {
			return err
		}
	}
	return nil
}

// Applets lists the names under which a busybox can be called.
func Applets(ctx context.Context, busybox string) ([]string, error) {
	out, err := exec.CommandContext(ctx, busybox, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("listing busybox's applets: %w", err)
	}
	return strings.Fields(string(out)), nil
}

// LoadImage builds an image and loads it, unless it is loaded already.
func (n *Node) LoadImage(ctx context.Context, spec image.Spec) error {
	built, err := image.Build(spec, runtime.GOARCH)
	if err != nil {
		return err
	}
	fresh, err := image.Loader{Ctr: n.Layout.Bin("ctr"), Socket: n.Layout.ContainerdSocket()}.Load(ctx, spec.Name, built)
	if err != nil {
		return err
	}
	if fresh {
		n.Say.Step("loaded image %s", spec.Name)
	}
	return nil
}

// awaitNode waits until pods can be made: the node is ready and the default service account exists.
func (n *Node) awaitNode(ctx context.Context) error {
	deadline := time.NewTimer(startLimit)
	defer deadline.Stop()
	for {
		missing := n.notReady(ctx)
		if missing == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return n.withLog("kubelet", fmt.Errorf("not so after %s: %s", startLimit, missing))
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// notReady says what is missing until pods can be made, "" if nothing is.
func (n *Node) notReady(ctx context.Context) string {
	const ready = `jsonpath={.status.conditions[?(@.type=="Ready")].status}/{.spec.taints}`
	state, err := n.kubectl(ctx, "", "get", "node", layout.NodeName, "-o", ready)
	if err != nil || state != "True/" {
		return fmt.Sprintf("the node is ready and without taints (ready and taints are %q)", state)
	}
	if _, err := n.kubectl(ctx, "", "get", "serviceaccount", "default", "--namespace=default"); err != nil {
		return "the default service account exists"
	}
	return ""
}
