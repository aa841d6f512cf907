//go:build e2e

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/test/node"
)

// vault are the Secrets of pod vault-0, and every text in them that must not be seen.
type vault struct {
	env, files map[string]string // by variable, and by file
	secrets    []string
}

// Values that are in its environment and are not masked.
const (
	shortValue  = "q7Zx"
	commonValue = "production"
)

// newVault makes the Secrets anew, and the pod that has them.
func newVault(t *testing.T) *vault {
	t.Helper()
	password, database, quoted, registry, token := rand.Text(), rand.Text(), rand.Text(), rand.Text(), rand.Text()
	key := privateKey(t)
	v := &vault{
		env: map[string]string{
			"DATABASE": database, "GREETING": `"` + quoted[:9] + `'\` + quoted[9:18] + "\n$ü€ " + quoted[18:], "ORDERS": token,
			"PIN": shortValue, "STAGE": commonValue,
		},
		files: map[string]string{
			"/files/database": database,
			"/files/app.conf": "# the orders of the shop\nlisten = 0.0.0.0:8080\n\n[database]\nuser = shop\npassword = " + password + "\n",
			"/files/tls.key":  key,
			"/registry/config.json": `{"auths":{"registry.example":{"username":"shop","password":"` + registry + `","auth":"` +
				base64.StdEncoding.EncodeToString([]byte("shop:"+registry)) + `"}}}`,
		},
		secrets: []string{password, database, quoted[:9], quoted[9:18], quoted[18:], registry, token},
	}
	for line := range strings.Lines(key) {
		if !strings.HasPrefix(line, "-") && len(line) > 40 {
			v.secrets = append(v.secrets, strings.TrimSpace(line))
		}
	}
	remove := func() {
		as("admin").Kubectl("delete", "-f", "testdata/vault.yaml", "--ignore-not-found")
		as("admin").Kubectl("delete", "-n", namespace, "pod/vault-0", "--ignore-not-found")
		as("admin").Kubectl("delete", "-n", namespace, "secret", "vault-env", "vault-files", "vault-registry", "--ignore-not-found")
	}
	remove()
	t.Cleanup(remove)
	v.make(t, "vault-env", "Opaque", map[string]string{
		"GREETING": v.env["GREETING"], "ORDERS": token, "PIN": shortValue, "STAGE": commonValue,
	})
	v.make(t, "vault-files", "Opaque", map[string]string{
		"database": database, "app.conf": v.files["/files/app.conf"], "tls.key": key,
	})
	v.make(t, "vault-registry", "kubernetes.io/dockerconfigjson", map[string]string{".dockerconfigjson": v.files["/registry/config.json"]})
	as("admin").Must(t, "apply", "-f", "testdata/vault.yaml")
	as("admin").Must(t, "-n", namespace, "rollout", "status", "statefulset/vault", "--timeout=60s")
	return v
}

// make writes a Secret, new or changed. Its values are nowhere but in its data.
func (v *vault) make(t *testing.T, name, kind string, data map[string]string) {
	t.Helper()
	manifest, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": kind, "metadata": map[string]string{"name": name, "namespace": namespace}, "stringData": data,
	})
	if err != nil {
		t.Fatal(err)
	}
	as("admin").Reading(string(manifest)).Must(t, "apply", "--server-side", "--force-conflicts", "-f", "-")
}

func privateKey(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE " + "KEY", Bytes: der}))
}

// allowReading gives the gateway the Role of config/samples, for the vault's Secrets.
func allowReading(t *testing.T) {
	t.Helper()
	sample, err := os.ReadFile("../../config/samples/secret-values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	role := strings.NewReplacer("namespace: demo", "namespace: "+namespace, "[web-credentials]", "[vault-env, vault-files, vault-registry]").Replace(string(sample))
	t.Cleanup(func() { as("admin").Reading(role).Kubectl("delete", "-f", "-", "--ignore-not-found") })
	as("admin").Reading(role).Must(t, "apply", "-f", "-")
}

// secretMode sets the gateway's flag --secret-values, until the test ends.
func secretMode(t *testing.T, mode string) {
	t.Helper()
	var args []string
	text := as("super-admin").Must(t, "get", "-n", node.System, "deployment", "sallyport", "-o", `jsonpath={.spec.template.spec.containers[?(@.name=="proxy")].args}`)
	if err := json.Unmarshal([]byte(text), &args); err != nil {
		t.Fatal(err)
	}
	set := func(args []string) {
		pods, err := json.Marshal(map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"name": "proxy", "args": args}},
		}}}})
		if err != nil {
			t.Fatal(err)
		}
		as("super-admin").Must(t, "patch", "-n", node.System, "deployment", "sallyport", "-p", string(pods))
		as("super-admin").Must(t, "rollout", "status", "-n", node.System, "deployment/sallyport", "--timeout=50s")
	}
	at := slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--secret-values=") })
	if at < 0 {
		t.Fatalf("the gateway has no --secret-values: %q", args)
	}
	changed := slices.Clone(args)
	changed[at] = "--secret-values=" + mode
	t.Cleanup(func() { set(args) })
	set(changed)
}
