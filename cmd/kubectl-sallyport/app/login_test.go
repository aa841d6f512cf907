package app

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/exit"
)

const gatewayPath = "/apis/gateway.sallyport.dev/v1alpha1/gateways/main/proxy"

// gateway answers as the API server behind a gateway does. Status is what it answers to everything, if not 0.
func gateway(t *testing.T, status int) *httptest.Server {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer s3cr3t" {
			t.Errorf("authorization %q", got)
		}
		if !strings.HasPrefix(r.Header.Get("User-Agent"), "kubectl-sallyport/") {
			t.Errorf("user agent %q", r.Header.Get("User-Agent"))
		}
		w.Header().Set("Content-Type", "application/json")
		var answer any
		switch path := strings.TrimPrefix(r.URL.Path, gatewayPath); {
		case status != 0:
			w.WriteHeader(status)
			answer = map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, "message": "as the test wants"}
		case path == "/version":
			answer = map[string]string{"gitVersion": "v1.37.2"}
		case path == "/apis/authentication.k8s.io/v1/selfsubjectreviews":
			answer = map[string]any{
				"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1",
				"status": map[string]any{"userInfo": map[string]string{"username": "jane\x1b[2J"}},
			}
		default:
			t.Errorf("request to %s", r.URL.Path)
		}
		json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(s.Close)
	return s
}

// config writes a kubeconfig for the server, whose CA is in a file beside it.
func config(t *testing.T, dir string, server *httptest.Server) string {
	t.Helper()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	file := filepath.Join(dir, "config")
	text := strings.Replace(kubeconfig(server.URL), "- cluster:\n", "- cluster:\n    certificate-authority: ca.crt\n", 1)
	for name, content := range map[string][]byte{file: []byte(text), filepath.Join(dir, "ca.crt"): ca} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLoginAndLogout(t *testing.T) {
	server := gateway(t, 0)
	w := newWorld(t)
	w.kubeconfig = config(t, t.TempDir(), server)
	w.run("logout").want(t, exit.OK, nil, []string{"nothing to do"})

	w.run("login").want(t, exit.OK,
		[]string{`Switched to context "prod-sallyport"`}, []string{"Kubernetes v1.37.2", `you are jane\x1b[2J.`, `brings you back to "prod"`})
	after := read(t, w.kubeconfig)
	golden(t, "login.yaml", strings.ReplaceAll(after, server.URL, "https://203.0.113.7:6443"))

	w.run("login").want(t, exit.OK, nil, nil)
	w.run("login", "--context", "prod").want(t, exit.OK, nil, nil)
	if read(t, w.kubeconfig) != after {
		t.Error("logging in again changed the kubeconfig")
	}
	w.run("login", "--gateway", "other").want(t, exit.Refused, nil, []string{"already goes through a gateway", "--context"})
	w.run("login", "--context", "prod", "--name", "prod").want(t, exit.Refused, nil, []string{"--name"})
	w.run("login", "--context", "nowhere").want(t, exit.NotFound, nil, []string{"nowhere"})

	w.run("logout").want(t, exit.OK, []string{`Removed context "prod-sallyport"; the current context is "prod"`}, nil)
	golden(t, "logout.yaml", strings.ReplaceAll(read(t, w.kubeconfig), server.URL, "https://203.0.113.7:6443"))
	w.run("logout").want(t, exit.OK, nil, []string{"nothing to do"})
	w.run("logout", "--name", "prod-sallyport").want(t, exit.NotFound, nil, []string{"prod-sallyport"})
	w.run("logout", "--name", "prod").want(t, exit.Refused, nil, []string{"not made by"})
}

func TestLoginWithoutSwitching(t *testing.T) {
	w := newWorld(t)
	w.kubeconfig = config(t, t.TempDir(), gateway(t, 0))
	w.run("login", "--name", "gate", "--no-switch").want(t, exit.OK, []string{`kubectl --context gate`}, nil)
	if got := read(t, w.kubeconfig); !strings.Contains(got, "current-context: prod\n") || !strings.Contains(got, "name: gate\n") {
		t.Errorf("kubeconfig:\n%s", got)
	}
	w.run("logout", "--context", "gate").want(t, exit.OK, []string{`the current context is "prod"`}, nil)
}

func TestLoginWritesNothingWhenTheGatewayDoesNotWork(t *testing.T) {
	tests := map[string]struct {
		status int
		code   exit.Code
		hint   string
	}{
		"if there is no gateway, then 4":       {http.StatusNotFound, exit.NotFound, "is Sallyport installed?"},
		"if it is forbidden, then 3":           {http.StatusForbidden, exit.Refused, "sallyport-gateway-user"},
		"if the gateway is out, then 1":        {http.StatusServiceUnavailable, exit.Failed, "kubectl get apiservice v1alpha1.gateway.sallyport.dev"},
		"if the token is out of date, then 3":  {http.StatusUnauthorized, exit.Refused, "renew the credentials"},
		"if something else goes wrong, then 1": {http.StatusInternalServerError, exit.Failed, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.kubeconfig = config(t, t.TempDir(), gateway(t, tc.status))
			before := read(t, w.kubeconfig)
			w.run("login").want(t, tc.code, nil, []string{"Error from server", "as the test wants", tc.hint})
			if read(t, w.kubeconfig) != before {
				t.Error("the kubeconfig was changed")
			}
		})
	}
}

// KUBECONFIG may list files: entries go to the file they come from, and users are not copied.
func TestLoginWritesToTheRightFile(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "mine")
	if err := os.WriteFile(mine, []byte("apiVersion: v1\nkind: Config\ncurrent-context: prod\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	shared := config(t, t.TempDir(), gateway(t, 0))
	text := strings.Replace(read(t, shared), "current-context: prod\n", "", 1)
	if err := os.WriteFile(shared, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", mine+string(os.PathListSeparator)+shared)
	w := newWorld(t)
	for _, args := range []string{"login", "logout"} {
		w.exec(t.Context(), args).want(t, exit.OK, nil, nil)
		want := map[string]string{"login": "prod-sallyport", "logout": "prod"}[args]
		if got := read(t, mine); !strings.Contains(got, "current-context: "+want+"\n") || strings.Contains(got, "cluster:") {
			t.Errorf("after %s, mine:\n%s", args, got)
		}
		if got := read(t, shared); strings.Contains(got, "name: prod-sallyport") != (args == "login") || strings.Count(got, "token:") != 1 ||
			strings.Count(got, "certificate-authority: ca.crt") != map[string]int{"login": 2, "logout": 1}[args] {
			t.Errorf("after %s, shared:\n%s", args, got)
		}
	}
}
