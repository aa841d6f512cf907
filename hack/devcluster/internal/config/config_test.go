package config_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/config"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/layout"
)

var values = config.Values{
	Layout:  layout.Layout{State: "/state", Cache: "/cache"},
	Machine: config.Machine{RestrictOOM: true, Snapshotter: "overlayfs", Runc: "/usr/sbin/runc", CNIPluginDir: "/usr/lib/cni"},
}

func TestEveryTemplateIsWellFormed(t *testing.T) {
	for _, name := range config.Files {
		t.Run(name, func(t *testing.T) {
			content, err := config.Render(filepath.Base(name), values)
			if err != nil {
				t.Fatal(err)
			}
			for document := range strings.SplitSeq(string(content), "\n---\n") {
				var decoded map[string]any
				switch filepath.Ext(name) {
				case ".yaml":
					err = yaml.UnmarshalStrict([]byte(document), &decoded)
				case ".conflist":
					err = json.Unmarshal([]byte(document), &decoded)
				case ".toml": // containerd itself refuses a damaged file
				}
				if err != nil {
					t.Errorf("%v in\n%s", err, document)
				}
			}
		})
	}
}

func TestMachineDecides(t *testing.T) {
	tests := map[string]struct {
		file string
		with func(*config.Values)
		want string
	}{
		"if scores may not be lowered, then containerd keeps to that": {"containerd.toml", func(*config.Values) {}, "restrict_oom_score_adj = true"},
		"if scores may be lowered, then containerd may": {
			"containerd.toml", func(v *config.Values) { v.RestrictOOM = false }, "restrict_oom_score_adj = false",
		},
		"if overlayfs does not work, then layers are copied": {
			"containerd.toml", func(v *config.Values) { v.Snapshotter = "native" }, `snapshotter = "native"`,
		},
		"if a path holds a quote, then it is escaped": {
			"containerd.toml", func(v *config.Values) { v.Runc = `/opt/"x"/runc` }, `BinaryName = "/opt/\"x\"/runc"`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			v := values
			tt.with(&v)
			content, err := config.Render(tt.file, v)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(content, []byte(tt.want)) {
				t.Errorf("%s lacks %s", tt.file, tt.want)
			}
		})
	}
}

func TestSafetySettings(t *testing.T) {
	flags := make(map[string]string)
	for _, c := range config.Components(values) {
		flags[c.Name] = strings.Join(c.Args, "\n") + "\n"
	}
	for component, wants := range map[string][]string{
		"etcd":           {"--client-cert-auth\n", "--listen-client-urls=https://127.0.0.1:"},
		"kube-apiserver": {"--authorization-mode=Node,RBAC\n", "--enable-admission-plugins=NodeRestriction\n", "--requestheader-allowed-names=front-proxy-client\n"},
		"kube-controller-manager": {
			"--use-service-account-credentials=true\n", "--bind-address=127.0.0.1\n",
		},
	} {
		for _, want := range wants {
			if !strings.Contains(flags[component], want) {
				t.Errorf("%s lacks %s", component, want)
			}
		}
	}
	var kubelet struct {
		Authentication struct {
			Anonymous struct{ Enabled *bool }
			Webhook   struct{ Enabled bool }
		}
		Authorization struct{ Mode string }
	}
	content, err := config.Render("kubelet.yaml", values)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, &kubelet); err != nil {
		t.Fatal(err)
	}
	anonymous := kubelet.Authentication.Anonymous.Enabled
	if anonymous == nil || *anonymous || !kubelet.Authentication.Webhook.Enabled || kubelet.Authorization.Mode != "Webhook" {
		t.Errorf("the kubelet serves strangers: %+v", kubelet)
	}
}

func TestOwns(t *testing.T) {
	tests := map[string]struct {
		argv []string
		want bool
	}{
		"if a component of this node, then owned": {[]string{"/cache/assets/etcd", "--data-dir=/state/etcd"}, true},
		"if a shim of this node, then owned": {
			[]string{"/cache/bin/containerd-shim-runc-v2", "-namespace", "k8s.io", "-address", "/state/containerd/containerd.sock"}, true,
		},
		"if runc at work for this node, then owned":            {[]string{"runc", "--root", "/state/containerd/runc/k8s.io", "create"}, true},
		"if a component of another node, then not owned":       {[]string{"/cache/assets/etcd", "--data-dir=/other/etcd"}, false},
		"if a directory only begins alike, then not owned":     {[]string{"/cache/assets/etcd", "--data-dir=/state2/etcd"}, false},
		"if the machine's own containerd, then not owned":      {[]string{"/usr/bin/containerd", "--config", "/state/config/containerd.toml"}, false},
		"if envtest's etcd, then not owned":                    {[]string{"/cache/assets/etcd", "--data-dir=/tmp/k8s_test"}, false},
		"if a person's kubectl, then not owned":                {[]string{"/cache/assets/kubectl", "--kubeconfig=/state/kubeconfig/admin.yaml", "exec"}, false},
		"if an editor with a file of the node, then not owned": {[]string{"vi", "/state/config/kubelet.yaml"}, false},
		"if a kernel thread, then not owned":                   {nil, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := config.Owns(values.Layout, tt.argv); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestWriteAllLeavesSameFilesAlone(t *testing.T) {
	v := values
	v.State = t.TempDir()
	if err := config.WriteAll(v); err != nil {
		t.Fatal(err)
	}
	file := v.Config("kubelet.yaml")
	past := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(file, past, past); err != nil {
		t.Fatal(err)
	}
	if err := config.WriteAll(v); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if !info.ModTime().Equal(past) {
		t.Error("a file was written again with the same content")
	}
}

func TestKubeconfig(t *testing.T) {
	type file struct {
		Clusters []struct {
			Cluster struct {
				Server string
				CA     []byte `json:"certificate-authority-data"`
			}
		}
		Users []struct {
			Name string
			User struct {
				Cert  []byte `json:"client-certificate-data"`
				Key   []byte `json:"client-key-data"`
				Token string
			}
		}
		Context string `json:"current-context"`
	}
	decode := func(content []byte) file {
		var f file
		if err := yaml.Unmarshal(content, &f); err != nil {
			t.Fatal(err)
		}
		return f
	}
	person := decode(config.Kubeconfig("developer", []byte("ca"), []byte("cert"), []byte("key"), ""))
	if user := person.Users[0]; user.Name != "developer" || string(user.User.Cert) != "cert" || string(user.User.Key) != "key" || user.User.Token != "" {
		t.Errorf("got %+v", user)
	}
	if cluster := person.Clusters[0].Cluster; cluster.Server != layout.ServerURL || string(cluster.CA) != "ca" {
		t.Errorf("got %+v", cluster)
	}
	account := decode(config.Kubeconfig("pipeline", []byte("ca"), nil, nil, "a.b.c"))
	if user := account.Users[0].User; user.Token != "a.b.c" || len(user.Cert)+len(user.Key) != 0 {
		t.Errorf("got %+v", user)
	}
}
