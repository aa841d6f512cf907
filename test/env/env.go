// Package env gives a test package a real API server: etcd and kube-apiserver as controller-runtime's
// envtest starts them, with the CRDs of config/crd/bases, RBAC on, and real users.
//
// One server a package, started in TestMain:
//
//	var cluster *env.Env
//
//	func TestMain(m *testing.M) { env.Main(m, env.Options{}, func(e *env.Env) { cluster = e }) }
//
// The programs come from the directory that KUBEBUILDER_ASSETS names. Where it is unset the package fails and
// says so: tests that need a server are never skipped in silence. The server starts before the tests do, so go test's
// cache does not see which CRDs it read: after a change of these, run with -count=1 (`make test` caches nothing).
//
// Nothing runs beside the API server, so nothing deletes the dependents of a deleted object, no namespace ever goes
// away, and no pod ever runs. Every test takes a namespace of its own.
package env

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/webhook"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

const (
	assetsVariable = "KUBEBUILDER_ASSETS"
	// patience is how long a program may take to start or stop on a busy machine.
	patience = 2 * time.Minute
)

// Options says what a server needs beyond the CRDs.
type Options struct {
	// Webhooks are manifests of webhook configurations (files or directories, relative to the module's root).
	// They are installed with their services replaced by the address that Env.WebhookOptions gives.
	Webhooks []string
}

// Env is a running API server.
type Env struct {
	// AdminConfig and AdminClient belong to a member of system:masters. The client reads without a cache.
	AdminConfig *rest.Config
	AdminClient client.Client

	server *envtest.Environment
}

// Main starts a server, hands it to ready, runs the tests of m, stops the server and ends the program.
func Main(m *testing.M, o Options, ready func(*Env)) {
	os.Exit(run(m, o, ready))
}

func run(m *testing.M, o Options, ready func(*Env)) int {
	e, err := Start(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "no API server for the tests:", err)
		return 1
	}
	ready(e)
	code := m.Run()
	if err := e.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "the API server of the tests did not stop:", err)
		return max(code, 1)
	}
	return code
}

// Start starts a server; Main is the better way in.
func Start(o Options) (*Env, error) {
	if os.Getenv(assetsVariable) == "" {
		return nil, fmt.Errorf("%s is not set: it names the directory that holds etcd, kube-apiserver and kubectl (`make test` sets it)", assetsVariable)
	}
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	ctrl.SetLogger(logr.Discard())
	server := &envtest.Environment{
		CRDDirectoryPaths:        []string{filepath.Join(root, "config", "crd", "bases")},
		ErrorIfCRDPathMissing:    true,
		ControlPlaneStartTimeout: patience,
		ControlPlaneStopTimeout:  patience,
	}
	for _, path := range o.Webhooks {
		server.WebhookInstallOptions.Paths = append(server.WebhookInstallOptions.Paths, filepath.Join(root, path))
	}
	config, err := server.Start()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting it from %s=%s: %w", assetsVariable, os.Getenv(assetsVariable), err), server.Stop())
	}
	config.QPS = -1 // tests wait for nobody
	c, err := client.New(config, client.Options{Scheme: Scheme()})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making the admin's client: %w", err), server.Stop())
	}
	return &Env{AdminConfig: config, AdminClient: c, server: server}, nil
}

// Stop stops the server and removes its files.
func (e *Env) Stop() error { return e.server.Stop() }

// WebhookOptions are those of a webhook server that the installed webhook configurations reach.
func (e *Env) WebhookOptions() webhook.Options {
	o := e.server.WebhookInstallOptions
	return webhook.Options{Host: o.LocalServingHost, Port: o.LocalServingPort, CertDir: o.LocalServingCertDir}
}

// Scheme knows the kinds of Kubernetes and of Sallyport.
func Scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, accessv1alpha1.AddToScheme} {
		if err := add(s); err != nil {
			panic(err) // two types under one name: a mistake in the source
		}
	}
	return s
}

// moduleRoot is the nearest directory above the working directory that holds go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the module's root: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("finding the module's root: no go.mod above the working directory")
		}
		dir = parent
	}
}
