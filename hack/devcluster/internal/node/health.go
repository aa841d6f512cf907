package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/layout"
)

// probes are the addresses at which components say whether they are well.
var probes = map[string]string{
	"etcd":                    fmt.Sprintf("https://127.0.0.1:%d/health", layout.PortEtcd),
	"minio":                   layout.ObjectStoreURL + "/minio/health/live",
	"kube-apiserver":          layout.ServerURL + "/readyz",
	"kube-controller-manager": fmt.Sprintf("https://127.0.0.1:%d/healthz", layout.PortControllerManager),
	"kube-scheduler":          fmt.Sprintf("https://127.0.0.1:%d/healthz", layout.PortScheduler),
	"kubelet":                 fmt.Sprintf("http://127.0.0.1:%d/healthz", layout.PortKubeletHealth),
	"kube-proxy":              fmt.Sprintf("http://127.0.0.1:%d/livez", layout.PortProxyHealth),
}

// probe asks a component whether it is well; nil if it is.
func (n *Node) probe(ctx context.Context, component string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if component == "containerd" {
		return dial(ctx, n.Layout.ContainerdSocket())
	}
	authority, client := "ca.crt", ""
	if component == "etcd" {
		authority, client = "etcd-ca.crt", "apiserver-etcd-client"
	}
	transport, err := n.transport(authority, client)
	if err != nil {
		return err
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, probes[component], nil)
	if err != nil {
		return fmt.Errorf("asking %s: %w", component, err)
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return fmt.Errorf("asking %s: %w", component, err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("asking %s: it answers %s", component, response.Status)
	}
	return nil
}

// transport trusts the node's own authority and nothing else, and uses no proxy.
func (n *Node) transport(authority, client string) (*http.Transport, error) {
	ca, err := os.ReadFile(n.Layout.PKI(authority))
	if err != nil {
		return nil, fmt.Errorf("reading authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, errors.New("reading authority: no certificate in " + n.Layout.PKI(authority))
	}
	config := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	if client != "" {
		pair, err := tls.LoadX509KeyPair(n.Layout.PKI(client+".crt"), n.Layout.PKI(client+".key"))
		if err != nil {
			return nil, fmt.Errorf("reading client certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return &http.Transport{TLSClientConfig: config}, nil
}

func dial(ctx context.Context, socket string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("reaching containerd: %w", err)
	}
	return conn.Close()
}
