// Package config renders the configuration files of the node's components. The files themselves are
// in templates/, each with the reasons for its settings; this package only fills in what differs
// from machine to machine.
package config

import (
	"bytes"
	"embed"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/layout"
)

//go:embed templates
var templates embed.FS

// Machine is what a machine decides about the configuration.
type Machine struct {
	CgroupV2     bool   // the unified hierarchy is the only one
	RestrictOOM  bool   // no CAP_SYS_RESOURCE: containers may not be shielded from the OOM killer
	Snapshotter  string // "overlayfs" or "native"
	Runc         string // path of runc
	CNIPluginDir string // directory of bridge and host-local
}

// Values is all that templates can refer to.
type Values struct {
	layout.Layout
	Machine
}

// Constants of package layout, for templates.
var constants = template.FuncMap{
	"nodeName":      func() string { return layout.NodeName },
	"nodeAddress":   func() string { return layout.NodeAddress },
	"podCIDR":       func() string { return layout.PodCIDR },
	"bridge":        func() string { return layout.Bridge },
	"network":       func() string { return layout.Network },
	"cgroup":        func() string { return layout.Cgroup },
	"runDir":        func() string { return layout.RunDir },
	"dnsIP":         func() string { return layout.DNSServiceIP },
	"objectStoreIP": func() string { return layout.ObjectStoreIP },
	"pauseImage":    func() string { return layout.PauseImage },
	"apiServerPort": func() int { return layout.PortAPIServer },
	"objectPort":    func() int { return layout.PortObjectStore },
	"kubeletPort":   func() int { return layout.PortKubelet },
	"kubeletHealth": func() int { return layout.PortKubeletHealth },
	"proxyHealth":   func() int { return layout.PortProxyHealth },
	"proxyMetrics":  func() int { return layout.PortProxyMetrics },
	"quote":         func(s string) string { return fmt.Sprintf("%q", s) },
}

// Render fills in one template, by its file name.
func Render(name string, v Values) ([]byte, error) {
	content, err := templates.ReadFile("templates/" + name)
	if err != nil {
		return nil, fmt.Errorf("rendering %s: %w", name, err)
	}
	parsed, err := template.New(name).Option("missingkey=error").Funcs(constants).Parse(string(content))
	if err != nil {
		return nil, fmt.Errorf("rendering %s: %w", name, err)
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, v); err != nil {
		return nil, fmt.Errorf("rendering %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// Files are the templates that become files below the state directory's config directory.
var Files = []string{
	"audit-policy.yaml", "authentication.yaml", "cluster.yaml", "containerd.toml", "kube-proxy.yaml", "kubelet.yaml",
	"cni/10-sallyport.conflist",
}

// WriteAll renders every file. Files whose content is the same are left alone.
func WriteAll(v Values) error {
	for _, name := range Files {
		content, err := Render(filepath.Base(name), v)
		if err != nil {
			return err
		}
		if err := write(v.Config(name), content); err != nil {
			return err
		}
	}
	return nil
}

func write(path string, content []byte) error {
	if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, content) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("writing configuration: %w", err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		return fmt.Errorf("writing configuration: %w", err)
	}
	return nil
}

// Kubeconfig renders a credentials file for one user of the cluster. Certificates are embedded, so
// that the file can be copied anywhere on the machine.
func Kubeconfig(user string, ca, cert, key []byte, token string) []byte {
	credentials := "    client-certificate-data: " + encode(cert) + "\n    client-key-data: " + encode(key)
	if token != "" {
		credentials = "    token: " + token
	}
	return []byte(strings.NewReplacer(
		"USER", user, "SERVER", layout.ServerURL, "CA", encode(ca), "CREDENTIALS", credentials,
	).Replace(kubeconfig))
}

const kubeconfig = `apiVersion: v1
kind: Config
clusters:
- name: sallyport
  cluster:
    server: SERVER
    certificate-authority-data: CA
users:
- name: USER
  user:
CREDENTIALS
contexts:
- name: USER
  context:
    cluster: sallyport
    user: USER
current-context: USER
`

func encode(content []byte) string { return base64.StdEncoding.EncodeToString(content) }
