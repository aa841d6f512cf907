package gatewaycontext

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

var update = flag.Bool("update", false, "write the golden files")

func load(t *testing.T, file string) *api.Config {
	t.Helper()
	config, err := clientcmd.LoadFromFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func written(t *testing.T, config *api.Config) string {
	t.Helper()
	out, err := clientcmd.Write(*config)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: (-want +got)\n%s", file, diff)
	}
}

func TestAddAndRemove(t *testing.T) {
	config := load(t, "before.yaml")
	for _, from := range []string{"prod", "behind"} {
		if err := Add(config, from, DefaultName(from), "main"); err != nil {
			t.Fatal(err)
		}
	}
	config.CurrentContext = "prod-sallyport"
	golden(t, "after.yaml", written(t, config))

	// What was written must be read back as ours, from the file as from memory.
	config = load(t, "after.yaml")
	if m, ok := MarkOf(config, "prod-sallyport"); !ok || m != (Mark{From: "prod", Gateway: "main"}) {
		t.Errorf("mark = %+v, %t", m, ok)
	}
	before := written(t, config)
	if err := Add(config, "prod", "prod-sallyport", "main"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, written(t, config)); diff != "" {
		t.Errorf("adding again changed it:\n%s", diff)
	}

	config.Contexts["prod-sallyport"].Namespace = "elsewhere"
	if err := Add(config, "prod", "prod-sallyport", "main"); err != nil || config.Contexts["prod-sallyport"].Namespace != "elsewhere" {
		t.Errorf("adding again lost the namespace (%v)", err)
	}

	if got, err := Remove(config, "behind-sallyport"); err != nil || got != "prod-sallyport" {
		t.Errorf("Remove = %q, %v", got, err)
	}
	if got, err := Remove(config, "prod-sallyport"); err != nil || got != "prod" {
		t.Errorf("Remove = %q, %v", got, err)
	}
	if diff := cmp.Diff(written(t, load(t, "before.yaml")), written(t, config)); diff != "" {
		t.Errorf("adding and removing left a trace:\n%s", diff)
	}
}

func TestRefusals(t *testing.T) {
	tests := map[string]struct {
		do   func(*api.Config) error
		want error
	}{
		"if the context goes through a gateway, then no second one": {
			func(c *api.Config) error { return Add(c, "by-hand", "x", "main") }, ErrNested,
		},
		"if there is no such context, then refused": {
			func(c *api.Config) error { return Add(c, "nowhere", "x", "main") }, ErrNotFound,
		},
		"if its cluster is missing, then refused": {
			func(c *api.Config) error { return Add(c, "dangling", "x", "main") }, ErrNotFound,
		},
		"if the name is taken by another context, then refused": {
			func(c *api.Config) error { return Add(c, "prod", "behind", "main") }, ErrForeign,
		},
		"if the name is taken by a cluster, then refused": {
			func(c *api.Config) error {
				delete(c.Contexts, "behind")
				return Add(c, "prod", "behind", "main")
			}, ErrForeign,
		},
		"if a context made by hand is removed, then refused": {
			func(c *api.Config) error { _, err := Remove(c, "by-hand"); return err }, ErrForeign,
		},
		"if an unknown context is removed, then refused": {
			func(c *api.Config) error { _, err := Remove(c, "nowhere"); return err }, ErrNotFound,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			config := load(t, "before.yaml")
			if err := tc.do(config); !errors.Is(err, tc.want) {
				t.Errorf("error = %v, want %v", err, tc.want)
			}
		})
	}
}

func TestRemoveWithoutWayBack(t *testing.T) {
	config := load(t, "after.yaml")
	delete(config.Contexts, "prod")
	if got, err := Remove(config, "prod-sallyport"); err != nil || got != "" || config.CurrentContext != "" {
		t.Errorf("Remove = %q, %v; current %q", got, err, config.CurrentContext)
	}
	config = load(t, "after.yaml")
	config.Contexts["mine"] = &api.Context{Cluster: "prod-sallyport", AuthInfo: "jane"}
	if _, err := Remove(config, "prod-sallyport"); err != nil || config.Clusters["prod-sallyport"] == nil {
		t.Errorf("a cluster that another context uses was removed (%v)", err)
	}
}

func TestServer(t *testing.T) {
	const path = "/apis/gateway.sallyport.dev/v1alpha1/gateways/main/proxy"
	tests := map[string]struct{ in, want string }{
		"if a plain server, then its path":         {"https://a:6443", "https://a:6443" + path},
		"if a slash at the end, then none doubled": {"https://a/", "https://a" + path},
		"if a path, then behind it":                {"https://a/k8s/c-1", "https://a/k8s/c-1" + path},
		"if no host, then refused":                 {"localhost", ""},
		"if it has a query, then refused":          {"https://a/?x=1", ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Server(tc.in, "main")
			if got != tc.want || (err != nil) != (tc.want == "") {
				t.Errorf("Server(%q) = %q, %v", tc.in, got, err)
			}
		})
	}
}
