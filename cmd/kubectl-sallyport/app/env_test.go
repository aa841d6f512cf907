package app

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/exit"
	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/objectstore/s3"
)

var update = flag.Bool("update", false, "write the golden files")

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// world is what a command of a test sees.
type world struct {
	t          *testing.T
	clock      clock.Clock
	terminal   bool
	input      string
	objects    []client.Object
	intercept  interceptor.Funcs
	store      objectstore.Store
	getenv     map[string]string
	kubeconfig string // file; empty for one with the current context "prod", namespace "shop"

	client client.WithWatch // made by the first command
}

func newWorld(t *testing.T) *world {
	return &world{t: t, clock: testclock.NewFakeClock(noon), getenv: map[string]string{
		"S3_ENDPOINT": "https://store.example", "S3_BUCKET": "evidence", "AWS_ACCESS_KEY_ID": "auditor", "AWS_SECRET_ACCESS_KEY": "s3cr3t",
	}}
}

// result is what a command did.
type result struct {
	code     exit.Code
	out, err string
}

func (w *world) run(args ...string) result {
	w.t.Helper()
	return w.runContext(w.t.Context(), args...)
}

func (w *world) runContext(ctx context.Context, args ...string) result {
	w.t.Helper()
	return w.exec(ctx, append([]string{"--kubeconfig", w.kubeconfigFile()}, args...)...)
}

func (w *world) kubeconfigFile() string {
	w.t.Helper()
	if w.kubeconfig == "" {
		w.kubeconfig = filepath.Join(w.t.TempDir(), "config")
		if err := os.WriteFile(w.kubeconfig, []byte(kubeconfig("https://203.0.113.7:6443")), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	return w.kubeconfig
}

// exec runs the plugin with the kubeconfig of the environment.
func (w *world) exec(ctx context.Context, args ...string) result {
	var out, errOut bytes.Buffer
	code := Run(ctx, Env{
		Streams:    genericiooptions.IOStreams{In: strings.NewReader(w.input), Out: &out, ErrOut: &errOut},
		InTerminal: w.terminal, OutTerminal: w.terminal, ErrTerminal: w.terminal,
		Size:      func() (cols, rows int, err error) { return 80, 24, nil },
		Clock:     w.clock,
		Getenv:    func(name string) string { return w.getenv[name] },
		NewClient: w.newClient,
		OpenStore: func(o s3.Options) (objectstore.Store, error) {
			// The options have to be good for the real store, which does not connect yet.
			if _, err := System().OpenStore(o); err != nil {
				return nil, err
			}
			return w.store, nil
		},
	}, args)
	return result{code: code, out: out.String(), err: errOut.String()}
}

func (w *world) newClient(*rest.Config) (client.WithWatch, error) {
	if w.client != nil {
		return w.client, nil
	}
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	w.client = fake.NewClientBuilder().WithScheme(scheme).WithObjects(w.objects...).
		WithStatusSubresource(&accessv1alpha1.ExecutionGrant{}).WithInterceptorFuncs(w.intercept).Build()
	return w.client, nil
}

// want checks a result: the exit code, and that each stream holds what it should.
func (r result) want(t *testing.T, code exit.Code, out, err []string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d", r.code, code)
	}
	for _, s := range out {
		if !strings.Contains(r.out, s) {
			t.Errorf("standard output lacks %q", s)
		}
	}
	for _, s := range err {
		if !strings.Contains(r.err, s) {
			t.Errorf("standard error lacks %q", s)
		}
	}
	if strings.Contains(r.out+r.err, "s3cr3t") {
		t.Error("a secret was printed")
	}
	if t.Failed() {
		t.Logf("standard output:\n%s\nstandard error:\n%s", r.out, r.err)
	}
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

func kubeconfig(server string) string {
	return `apiVersion: v1
kind: Config
clusters:
- cluster:
    server: ` + server + `
  name: prod
contexts:
- context:
    cluster: prod
    namespace: shop
    user: jane
  name: prod
current-context: prod
users:
- name: jane
  user:
    token: s3cr3t
`
}
