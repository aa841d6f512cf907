// Package layout fixes where the development node keeps its files and which names, addresses and
// ports it uses. Everything the node writes lies under two directories:
//
//	Cache  what was built; kept when the node goes down
//	State  certificates, data, logs, mounts; removed when the node goes down
//
// RunDir is the one exception: sockets there must have short names (the kernel takes 107 bytes).
package layout

import (
	"errors"
	"fmt"
	"path/filepath"
)

// Addresses of the one node. The bridge's address is the node's address: it exists on every machine,
// whatever its other interfaces, and is no loopback address, which a node may not have.
const (
	Bridge         = "sallyport0"
	NodeName       = "sallyport"
	NodeAddress    = "10.244.0.1"
	NodePrefix     = NodeAddress + "/24"
	PodCIDR        = "10.244.0.0/24"
	ServiceCIDR    = "10.96.0.0/16"
	APIServiceIP   = "10.96.0.1"
	DNSServiceIP   = "10.96.0.10" // nobody answers: the cluster has no DNS
	ObjectStoreIP  = "10.96.0.90"
	Network        = "sallyport" // name of the CNI network
	Cgroup         = "sallyport" // parent of every pod's cgroup
	RunDir         = "/run/sallyport"
	FilterTable    = "sallyport" // nftables table of the inet family
	Bucket         = "sallyport-evidence"
	PauseImage     = "localhost/pause:dev"
	BusyboxImage   = "localhost/busybox:dev"
	ServerURL      = "https://127.0.0.1:6443"
	ObjectStoreURL = "https://127.0.0.1:9000"
	// ObjectStoreInCluster is where pods reach the object store.
	ObjectStoreInCluster = "https://" + ObjectStoreIP + ":9000"
	MaxStateDirBytes     = 60
)

// Ports that the node listens on.
const (
	PortAPIServer         = 6443
	PortObjectStore       = 9000
	PortEtcd              = 2379
	PortEtcdPeer          = 2380
	PortKubelet           = 10250
	PortKubeletHealth     = 10248
	PortProxyMetrics      = 10249
	PortProxyHealth       = 10256
	PortControllerManager = 10257
	PortScheduler         = 10259
)

// Layout names the node's directories and the files in them.
type Layout struct {
	State string // absolute
	Cache string // absolute
}

// FromEnvironment reads SALLYPORT_NODE and SALLYPORT_CACHE, and falls back to the directories of the
// XDG base directory specification. It fails if neither these nor HOME is set, and on a state
// directory that is too long for the sockets below it.
func FromEnvironment(getenv func(string) string) (Layout, error) {
	state, err := directory(getenv, "SALLYPORT_NODE", "XDG_STATE_HOME", ".local/state", "sallyport/node")
	if err != nil {
		return Layout{}, err
	}
	cache, err := directory(getenv, "SALLYPORT_CACHE", "XDG_CACHE_HOME", ".cache", "sallyport")
	if err != nil {
		return Layout{}, err
	}
	if len(state) > MaxStateDirBytes {
		return Layout{}, fmt.Errorf("state directory %s is longer than %d bytes, too long for the sockets below it: set SALLYPORT_NODE",
			state, MaxStateDirBytes)
	}
	return Layout{State: state, Cache: cache}, nil
}

func directory(getenv func(string) string, own, xdg, underHome, name string) (string, error) {
	if dir := getenv(own); dir != "" {
		return filepath.Abs(dir)
	}
	if dir := getenv(xdg); filepath.IsAbs(dir) {
		return filepath.Join(dir, name), nil
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, underHome, name), nil
	}
	return "", errors.New("HOME is not set: set " + own)
}

// Bin is a program that was built.
func (l Layout) Bin(name string) string { return filepath.Join(l.Cache, "bin", name) }

// Assets holds one link for each component to the Kubernetes program.
func (l Layout) Assets() string { return filepath.Join(l.Cache, "assets") }

// Asset is the link a component is started by.
func (l Layout) Asset(component string) string { return filepath.Join(l.Assets(), component) }

// OldKubectl is kubectl 1.32. It lies in a directory of its own because a file named kubectl-1.32
// would pass for a plugin.
func (l Layout) OldKubectl() string { return filepath.Join(l.Cache, "kubectl-1.32", "kubectl") }

// Lock serialises commands that change the node. It lies in the cache, as the state is removed.
func (l Layout) Lock() string { return filepath.Join(l.Cache, "node.lock") }

// Path joins elements below the state directory.
func (l Layout) Path(elements ...string) string {
	return filepath.Join(append([]string{l.State}, elements...)...)
}

// Log is a component's log file.
func (l Layout) Log(component string) string { return l.Path("log", component+".log") }

// PIDFile holds the identity of a component's process.
func (l Layout) PIDFile(component string) string { return l.Path("pid", component+".json") }

// PKI is a certificate or key.
func (l Layout) PKI(file string) string { return l.Path("pki", file) }

// Kubeconfig is the credentials file of a user or a component.
func (l Layout) Kubeconfig(name string) string { return l.Path("kubeconfig", name+".yaml") }

// Config is a component's configuration file.
func (l Layout) Config(file string) string { return l.Path("config", file) }

// ContainerdSocket is where the kubelet and ctr reach the node's own containerd.
func (l Layout) ContainerdSocket() string { return l.Path("containerd", "containerd.sock") }

// ObjectStore is a file of the object store.
func (l Layout) ObjectStore(elements ...string) string {
	return l.Path(append([]string{"object-store"}, elements...)...)
}
