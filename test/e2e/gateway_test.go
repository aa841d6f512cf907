//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

func TestTheWholeAPIPassesThrough(t *testing.T) {
	developer := through("developer")
	same := func(args ...string) {
		t.Helper()
		if a, b := as("developer").Must(t, args...), developer.Must(t, args...); a != b {
			t.Errorf("kubectl %s differs through the gateway:\n%s\ndirectly:\n%s", strings.Join(args, " "), b, a)
		}
	}
	same("auth", "whoami", "-o", "jsonpath={.status.userInfo.username} {.status.userInfo.groups}")
	same("get", "pods", "-n", namespace, "-o", "name")
	same("get", "statefulset", "-n", namespace, "app", "-o", "yaml")
	same("api-resources", "--api-group=apps")
	same("explain", "pod.spec.containers")
	same("auth", "can-i", "--list", "-n", namespace)

	manifest := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"through","namespace":"e2e"},"data":{"a":"1"}}`
	developer.Reading(manifest).Must(t, "apply", "-f", "-")
	developer.Reading(strings.Replace(manifest, `"1"`, `"2"`, 1)).Must(t, "apply", "--server-side", "--force-conflicts", "-f", "-")
	if got := as("developer").Must(t, "get", "cm", "-n", namespace, "through", "-o", "jsonpath={.data.a}"); got != "2" {
		t.Errorf("after apply through the gateway the value is %q", got)
	}
	developer.Must(t, "delete", "cm", "-n", namespace, "through")
	developer.Refused(t, []string{"cannot list resource"}, "get", "nodes")
}

func TestWatchAndLogsStream(t *testing.T) {
	for name, args := range map[string][]string{
		"logs -f": {"logs", "-f", "-n", namespace, "deploy/logger", "--tail=1"},
		"watch":   {"get", "pods", "-n", namespace, "--watch"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			cmd := through("developer").Command(ctx, args...)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { cancel(); _ = cmd.Wait() }()
			buf := make([]byte, 64)
			for reads := range 2 { // the second read comes while the stream is open
				if _, err := io.ReadAtLeast(out, buf, 8); err != nil {
					t.Fatalf("read %d: %v", reads, err)
				}
			}
		})
	}
}

// raw speaks to the API server as the user, with headers that kubectl does not send.
func raw(t *testing.T, user, path string, header http.Header) (int, string) {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", as(user).Config)
	if err != nil {
		t.Fatal(err)
	}
	config.NextProtos = []string{"http/1.1"}
	hc, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, config.Host+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(req.Header, header)
	hc.Timeout = 20 * time.Second
	resp, err := hc.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	return resp.StatusCode, string(body)
}

// A refusal comes before the API server has read the body; the gateway once kept such answers open for ever.
func TestRefusedRequestsWithABodyEnd(t *testing.T) {
	results := make(chan result)
	const requests = 30
	slots := make(chan struct{}, 6)
	for range requests {
		go func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			c := through("developer")
			c.Timeout = 20 * time.Second
			results <- c.Kubectl("create", "configmap", "refused", "-n", "kube-system")
		}()
	}
	for range requests {
		if r := <-results; r.Code <= 0 || !strings.Contains(r.Stderr, "cannot create resource") {
			t.Error(r)
		}
	}
}

const gateway = "/apis/gateway.sallyport.dev/v1alpha1/gateways/main/proxy"

func TestGatewayRefuses(t *testing.T) {
	upgrade := http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}
	oddUpgrade := http.Header{"connection": {"keep-alive, uPgRaDe"}, "upgrade": {"WebSocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}
	for name, tc := range map[string]struct {
		user, path string
		header     http.Header
	}{
		"if the path leads back to the gateway, then it is no loop":                 {"developer", gateway + gateway + "/version", nil},
		"if a pod's subresource proxy is asked for, then it is refused":             {"admin", gateway + "/api/v1/namespaces/e2e/pods/app-0/proxy/", nil},
		"if a node's subresource proxy is asked for, then it is refused":            {"admin", gateway + "/api/v1/nodes/sallyport/proxy/pods", nil},
		"if something else is upgraded, then it is refused":                         {"developer", gateway + "/api/v1/namespaces/e2e/pods", upgrade},
		"if something else is upgraded in another spelling, then it is refused":     {"developer", gateway + "/api/v1/namespaces/e2e/pods", oddUpgrade},
		"if a port is forwarded by a query, then it is refused":                     {"developer", gateway + "/api/v1/namespaces/e2e/pods/app-0/portforward?ports=80", upgrade},
		"if exec comes without an upgrade, then it is refused":                      {"developer", gateway + "/api/v1/namespaces/e2e/pods/app-0/exec?command=id&stdout=1", nil},
		"if the path has dots, then it is refused":                                  {"developer", gateway + "/api/v1/namespaces/e2e/configmaps/../pods/app-0/exec?command=id&stdout=1", upgrade},
		"if the path has encoded slashes, then it is refused":                       {"developer", gateway + "/api/v1/namespaces/e2e/pods%2Fapp-0%2Fexec?command=id&stdout=1", upgrade},
		"if another gateway is named, then there is none":                           {"developer", strings.Replace(gateway, "main", "other", 1) + "/version", nil},
		"if the highest group comes, then it is asked to use a named administrator": {"super-admin", gateway + "/version", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if code, body := raw(t, tc.user, tc.path, tc.header); code < 400 || code >= 500 {
				t.Errorf("status %d: %s", code, body)
			}
		})
	}
	t.Run("if a user may not impersonate, then the gateway does not help", func(t *testing.T) {
		through("developer").Refused(t, []string{"impersonate"}, "get", "pods", "-n", namespace, "--as=admin", "--as-group=sallyport:cluster-admins")
	})
	t.Run("if the session token's extra is set by the caller, then it opens nothing", func(t *testing.T) {
		code, body := raw(t, "admin", gateway+"/api/v1/namespaces/e2e/pods/app-0/exec?command=id&stdout=1", http.Header{
			"Impersonate-User": {"developer"}, "Impersonate-Extra-Gateway.sallyport.dev%2fsession-Token": {"v1.e30.AA"},
			"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"},
			"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Protocol": {"v5.channel.k8s.io"},
		})
		if code < 400 {
			t.Errorf("status %d: %s", code, body)
		}
	})
}

// The proxy listens in the pod network, which every pod reaches: only the API server's certificate may name users.
func TestForgedFrontProxyIsRefused(t *testing.T) {
	ip := strings.TrimSpace(as("admin").Must(t, "get", "pods", "-n", "sallyport-system", "-l", "app.kubernetes.io/name=sallyport", "-o", "jsonpath={.items[0].status.podIP}"))
	developer, err := clientcmd.BuildConfigFromFlags("", as("developer").Config)
	if err != nil {
		t.Fatal(err)
	}
	own, err := tls.X509KeyPair(developer.CertData, developer.KeyData)
	if err != nil {
		own, err = tls.LoadX509KeyPair(developer.CertFile, developer.KeyFile)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, certificates := range map[string][]tls.Certificate{"no certificate": nil, "a user's certificate": {own}} {
		t.Run(name, func(t *testing.T) {
			hc := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{
				Certificates: certificates, RootCAs: x509.NewCertPool(),
				InsecureSkipVerify: true, // the test plays the attacker, who does not care whom it talks to
			}}}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+ip+":8443"+gateway+"/api/v1/namespaces/kube-system/secrets", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("X-Remote-User", "admin")
			req.Header.Set("X-Remote-Group", "sallyport:cluster-admins")
			resp, err := hc.Do(req)
			if err != nil {
				if os.IsTimeout(err) {
					t.Fatal(err)
				}
				return // refused in the handshake
			}
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusForbidden {
				t.Errorf("status %d", resp.StatusCode)
			}
		})
	}
}
