package process

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

const kubeconfig = `{"apiVersion": "v1", "kind": "Config", "current-context": "c",
"contexts": [{"name": "c", "context": {"cluster": "c"}}], "clusters": [{"name": "c", "cluster": {"server": "https://api.example:6443"}}]}`

// out is shared by all tests: controller-runtime takes the first log that it is given, for good.
var out bytes.Buffer

// useKubeconfig lets the API server be found by a file with this content.
func useKubeconfig(t *testing.T, content string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", path)
}

func TestEveryLogIsJSONInOnePlace(t *testing.T) {
	useKubeconfig(t, kubeconfig)
	log, config, err := Start(&out)
	if err != nil || config.Host != "https://api.example:6443" {
		t.Fatalf("got %v, %v", config, err)
	}
	out.Reset()
	log.Info("own")
	ctrl.Log.Info("of controller-runtime")
	klog.Background().Info("of client-go")
	slog.New(logr.ToSlogHandler(log)).Info("of slog")

	var got []string
	for line := range strings.Lines(out.String()) {
		var entry struct {
			Msg string `json:"msg"`
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		got = append(got, entry.Msg)
	}
	if diff := cmp.Diff([]string{"own", "of controller-runtime", "of client-go", "of slog"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWithoutAnAPIServerNothingStarts(t *testing.T) {
	useKubeconfig(t, "]")
	if _, config, err := Start(&out); err == nil || config != nil || !strings.Contains(err.Error(), "finding the API server") {
		t.Errorf("got %v, %v", config, err)
	}
}
