package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/layout"
)

// Component is one long-running program of the node.
type Component struct {
	Name string
	Path string
	Args []string
	Env  []string // added to PATH and HOME
	// Inputs are files that decide how it runs: if one changed, a running process is out of date.
	Inputs []string
	Ports  []int // TCP ports that it listens on
}

// Components lists the programs in the order in which they are started.
func Components(v Values) []Component {
	return []Component{
		etcd(v), objectStore(v), containerd(v), apiServer(v), controllerManager(v), scheduler(v), kubelet(v), kubeProxy(v),
	}
}

func etcd(v Values) Component {
	client, peer := fmt.Sprintf("https://127.0.0.1:%d", layout.PortEtcd), fmt.Sprintf("https://127.0.0.1:%d", layout.PortEtcdPeer)
	return Component{
		Name: "etcd", Path: v.Asset("etcd"), Ports: []int{layout.PortEtcd, layout.PortEtcdPeer},
		Inputs: pair(v, "etcd", "etcd-ca.crt"),
		Args: []string{
			"--name=" + layout.NodeName, "--data-dir=" + v.Path("etcd"),
			"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
			"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer,
			"--initial-cluster=" + layout.NodeName + "=" + peer,
			"--cert-file=" + v.PKI("etcd.crt"), "--key-file=" + v.PKI("etcd.key"),
			"--client-cert-auth", "--trusted-ca-file=" + v.PKI("etcd-ca.crt"),
			"--peer-cert-file=" + v.PKI("etcd.crt"), "--peer-key-file=" + v.PKI("etcd.key"),
			"--peer-client-cert-auth", "--peer-trusted-ca-file=" + v.PKI("etcd-ca.crt"),
			"--auto-compaction-retention=1",
		},
	}
}

func objectStore(v Values) Component {
	return Component{
		Name: "minio", Path: v.Bin("minio"), Ports: []int{layout.PortObjectStore},
		Inputs: []string{v.ObjectStore("certs", "public.crt"), v.ObjectStore("root.env")},
		Env: []string{
			"MINIO_CONFIG_ENV_FILE=" + v.ObjectStore("minio.env"), "MINIO_BROWSER=off", "MINIO_UPDATE=off",
		},
		Args: []string{
			"server", "--quiet", "--certs-dir", v.ObjectStore("certs"),
			"--address", fmt.Sprintf(":%d", layout.PortObjectStore), v.ObjectStore("data"),
		},
	}
}

func containerd(v Values) Component {
	return Component{
		Name: "containerd", Path: v.Bin("containerd"),
		Inputs: []string{v.Config("containerd.toml"), v.Config("cni/10-sallyport.conflist")},
		Args:   []string{"--config", v.Config("containerd.toml"), "--log-level", "info"},
	}
}

func apiServer(v Values) Component {
	return Component{
		Name: "kube-apiserver", Path: v.Asset("kube-apiserver"), Ports: []int{layout.PortAPIServer},
		Inputs: append(pair(v, "kube-apiserver", "ca.crt", "front-proxy-ca.crt", "etcd-ca.crt", "service-accounts.pub"),
			v.PKI("apiserver-etcd-client.crt"), v.PKI("apiserver-kubelet-client.crt"), v.PKI("front-proxy-client.crt"),
			v.Config("authentication.yaml"), v.Config("audit-policy.yaml")),
		Args: []string{
			// It listens on all addresses because users come by loopback and pods by the bridge; the
			// node's packet filter keeps other machines out.
			"--bind-address=0.0.0.0", fmt.Sprintf("--secure-port=%d", layout.PortAPIServer),
			"--advertise-address=" + layout.NodeAddress, "--service-cluster-ip-range=" + layout.ServiceCIDR,
			"--tls-cert-file=" + v.PKI("kube-apiserver.crt"), "--tls-private-key-file=" + v.PKI("kube-apiserver.key"),
			fmt.Sprintf("--etcd-servers=https://127.0.0.1:%d", layout.PortEtcd), "--etcd-cafile=" + v.PKI("etcd-ca.crt"),
			"--etcd-certfile=" + v.PKI("apiserver-etcd-client.crt"), "--etcd-keyfile=" + v.PKI("apiserver-etcd-client.key"),
			"--authentication-config=" + v.Config("authentication.yaml"), "--client-ca-file=" + v.PKI("ca.crt"),
			"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
			"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
			"--service-account-signing-key-file=" + v.PKI("service-accounts.key"),
			"--service-account-key-file=" + v.PKI("service-accounts.pub"),
			"--kubelet-preferred-address-types=InternalIP", "--kubelet-certificate-authority=" + v.PKI("ca.crt"),
			"--kubelet-client-certificate=" + v.PKI("apiserver-kubelet-client.crt"),
			"--kubelet-client-key=" + v.PKI("apiserver-kubelet-client.key"),
			"--requestheader-client-ca-file=" + v.PKI("front-proxy-ca.crt"), "--requestheader-allowed-names=front-proxy-client",
			"--requestheader-username-headers=X-Remote-User", "--requestheader-uid-headers=X-Remote-Uid",
			"--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
			"--proxy-client-cert-file=" + v.PKI("front-proxy-client.crt"), "--proxy-client-key-file=" + v.PKI("front-proxy-client.key"),
			"--enable-aggregator-routing=true",
			"--audit-policy-file=" + v.Config("audit-policy.yaml"), "--audit-log-path=" + v.Path("log", "audit.log"),
			"--audit-log-maxsize=100", "--audit-log-maxbackup=2",
		},
	}
}

func controllerManager(v Values) Component {
	c := controlLoop(v, "kube-controller-manager", layout.PortControllerManager)
	c.Inputs = append(c.Inputs, v.PKI("service-accounts.pub"))
	c.Args = append(c.Args,
		// Each controller under its own service account: admission tells controllers from people by it.
		"--use-service-account-credentials=true",
		"--service-account-private-key-file="+v.PKI("service-accounts.key"), "--root-ca-file="+v.PKI("ca.crt"),
		"--cluster-signing-cert-file="+v.PKI("ca.crt"), "--cluster-signing-key-file="+v.PKI("ca.key"),
		"--cluster-name=sallyport", "--flex-volume-plugin-dir="+v.Path("volume-plugins"))
	return c
}

func scheduler(v Values) Component { return controlLoop(v, "kube-scheduler", layout.PortScheduler) }

// controlLoop has what the controller manager and the scheduler share. There is one of each, so
// they need no leader election.
func controlLoop(v Values, name string, port int) Component {
	config := v.Kubeconfig(name)
	return Component{
		Name: name, Path: v.Asset(name), Ports: []int{port},
		Inputs: append(pair(v, name, "ca.crt"), config),
		Args: []string{
			"--kubeconfig=" + config, "--authentication-kubeconfig=" + config, "--authorization-kubeconfig=" + config,
			"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", port), "--leader-elect=false",
			"--tls-cert-file=" + v.PKI(name+".crt"), "--tls-private-key-file=" + v.PKI(name+".key"),
		},
	}
}

func kubelet(v Values) Component {
	return Component{
		Name: "kubelet", Path: v.Asset("kubelet"), Ports: []int{layout.PortKubelet, layout.PortKubeletHealth},
		Inputs: append(pair(v, "kubelet", "ca.crt"), v.Config("kubelet.yaml"), v.Kubeconfig("kubelet")),
		Args: []string{
			"--config=" + v.Config("kubelet.yaml"), "--kubeconfig=" + v.Kubeconfig("kubelet"),
			"--root-dir=" + v.Path("kubelet"), "--cert-dir=" + v.Path("kubelet", "pki"),
			"--hostname-override=" + layout.NodeName, "--node-ip=" + layout.NodeAddress,
		},
	}
}

func kubeProxy(v Values) Component {
	return Component{
		Name: "kube-proxy", Path: v.Asset("kube-proxy"), Ports: []int{layout.PortProxyHealth, layout.PortProxyMetrics},
		Inputs: []string{v.Config("kube-proxy.yaml"), v.Kubeconfig("kube-proxy")},
		Args:   []string{"--config=" + v.Config("kube-proxy.yaml")},
	}
}

// pair lists a certificate and further files of the PKI.
func pair(v Values, name string, others ...string) []string {
	files := []string{v.PKI(name + ".crt")}
	for _, other := range others {
		files = append(files, v.PKI(other))
	}
	return files
}

// Owns reports whether a command line is that of one of the node's long-running processes, a shim
// and runc included: the program is one that the node starts and an argument lies in its state
// directory. It finds processes whose identity was never written down. Clients, such as kubectl, are
// people's own.
func Owns(l layout.Layout, argv []string) bool {
	if len(argv) < 2 || !isServer(l, argv[0]) {
		return false
	}
	return slices.ContainsFunc(argv[1:], func(arg string) bool { return strings.Contains(arg, l.State+"/") })
}

func isServer(l layout.Layout, program string) bool {
	if program == l.Bin("containerd-shim-runc-v2") || filepath.Base(program) == "runc" {
		return true
	}
	return slices.ContainsFunc(Components(Values{Layout: l}), func(c Component) bool { return c.Path == program })
}
