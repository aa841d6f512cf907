package node

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/config"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/layout"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/pki"
)

// people are the users with a client certificate. What each may do is RBAC's matter: only
// super-admin and admin may do anything from the start.
var people = []pki.Request{
	{Name: "super-admin", CommonName: "super-admin", Organization: []string{"system:masters"}},
	{Name: "admin", CommonName: "admin", Organization: []string{"sallyport:cluster-admins"}},
	{Name: "developer", CommonName: "developer", Organization: []string{"developers"}},
	{Name: "developer2", CommonName: "developer2", Organization: []string{"developers"}},
	{Name: "approver", CommonName: "approver", Organization: []string{"approvers"}},
	{Name: "approver2", CommonName: "approver2", Organization: []string{"approvers"}},
	{Name: "auditor", CommonName: "auditor", Organization: []string{"auditors"}},
}

// pipeline is the service account of a GitOps pipeline; cluster.yaml makes it.
const (
	pipeline          = "pipeline"
	pipelineNamespace = "gitops"
	pipelineLife      = 365 * 24 * time.Hour
)

// clients are the components that have a kubeconfig. Those with addresses serve with the same
// certificate.
var clients = []pki.Request{
	{Name: "kube-controller-manager", CommonName: "system:kube-controller-manager", IPs: []string{"127.0.0.1"}},
	{Name: "kube-scheduler", CommonName: "system:kube-scheduler", IPs: []string{"127.0.0.1"}},
	{Name: "kube-proxy", CommonName: "system:kube-proxy"},
	{Name: "kubelet", CommonName: "system:node:" + layout.NodeName, Organization: []string{"system:nodes"}, IPs: []string{layout.NodeAddress}},
}

// issued says which authority signs what.
func issued() map[string][]pki.Request {
	return map[string][]pki.Request{
		"ca": append([]pki.Request{
			{
				Name: "kube-apiserver", CommonName: "kube-apiserver",
				DNSNames: []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost"},
				IPs:      []string{"127.0.0.1", layout.NodeAddress, layout.APIServiceIP},
			},
			{
				Name: "minio", CommonName: "minio",
				DNSNames: []string{"localhost", "minio.object-store", "minio.object-store.svc", "minio.object-store.svc.cluster.local"},
				IPs:      []string{"127.0.0.1", layout.NodeAddress, layout.ObjectStoreIP},
			},
			{Name: "apiserver-kubelet-client", CommonName: "sallyport:apiserver-kubelet-client"},
		}, append(clients, people...)...),
		"front-proxy-ca": {{Name: "front-proxy-client", CommonName: "front-proxy-client"}},
		"etcd-ca": {
			{Name: "etcd", CommonName: "etcd", DNSNames: []string{"localhost"}, IPs: []string{"127.0.0.1"}},
			{Name: "apiserver-etcd-client", CommonName: "apiserver-etcd-client"},
		},
	}
}

// certificates makes and renews authorities, certificates and the kubeconfigs that embed them. It
// returns how many certificates were made.
func (n *Node) certificates() (int, error) {
	store := pki.Store{Dir: n.Layout.Path("pki"), Now: n.Now}
	made := 0
	for authority, requests := range issued() {
		a, err := store.Authority(authority)
		if err != nil {
			return made, err
		}
		for _, request := range requests {
			fresh, err := store.Issue(a, request)
			if err != nil {
				return made, err
			}
			if fresh {
				made++
			}
		}
	}
	if err := store.SigningKey("service-accounts"); err != nil {
		return made, err
	}
	for _, user := range append(people, clients...) {
		if err := n.writeKubeconfig(user.Name, ""); err != nil {
			return made, err
		}
	}
	return made, n.objectStoreCertificate()
}

// objectStoreCertificate puts MinIO's certificate where MinIO looks for it.
func (n *Node) objectStoreCertificate() error {
	for from, to := range map[string]string{"minio.crt": "public.crt", "minio.key": "private.key"} {
		content, err := os.ReadFile(n.Layout.PKI(from))
		if err != nil {
			return fmt.Errorf("reading MinIO's certificate: %w", err)
		}
		if err := replace(n.Layout.ObjectStore("certs", to), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) writeKubeconfig(user, token string) error {
	ca, err := os.ReadFile(n.Layout.PKI("ca.crt"))
	if err != nil {
		return fmt.Errorf("writing kubeconfig of %s: %w", user, err)
	}
	var cert, key []byte
	if token == "" {
		if cert, err = os.ReadFile(n.Layout.PKI(user + ".crt")); err != nil {
			return fmt.Errorf("writing kubeconfig of %s: %w", user, err)
		}
		if key, err = os.ReadFile(n.Layout.PKI(user + ".key")); err != nil {
			return fmt.Errorf("writing kubeconfig of %s: %w", user, err)
		}
	}
	return replace(n.Layout.Kubeconfig(user), config.Kubeconfig(user, ca, cert, key, token), 0o600)
}

// pipelineToken writes the pipeline's kubeconfig, unless its token still serves.
func (n *Node) pipelineToken(ctx context.Context) error {
	content, err := os.ReadFile(n.Layout.Kubeconfig(pipeline))
	if err == nil && tokenLives(tokenOf(content), n.Now()) && n.kubectlAs(ctx, pipeline, "auth", "whoami") == nil {
		return n.writeKubeconfig(pipeline, tokenOf(content))
	}
	token, err := n.kubectl(ctx, "", "create", "token", pipeline, "--namespace="+pipelineNamespace, "--duration="+pipelineLife.String())
	if err != nil {
		return fmt.Errorf("making the pipeline's token: %w", err)
	}
	return n.writeKubeconfig(pipeline, strings.TrimSpace(token))
}

func tokenOf(kubeconfig []byte) string {
	for line := range strings.SplitSeq(string(kubeconfig), "\n") {
		if token, found := strings.CutPrefix(strings.TrimSpace(line), "token: "); found {
			return token
		}
	}
	return ""
}

// tokenLives reports whether a token is good for another week at least. Its signature is the API
// server's to check.
func tokenLives(token string, now time.Time) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return false
	}
	var claims struct {
		Expiry int64 `json:"exp"`
	}
	return json.Unmarshal(payload, &claims) == nil && time.Unix(claims.Expiry, 0).Sub(now) > 7*24*time.Hour
}

// replace writes a file so that a reader sees the old content or the new, and leaves it alone if it
// has the content already.
func replace(path string, content []byte, mode os.FileMode) error {
	if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, content) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.Remove(path + ".new"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.WriteFile(path+".new", content, mode); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return os.Rename(path+".new", path)
}
