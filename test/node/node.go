//go:build e2e

// Package node is the real node of hack/devcluster as tests see it: its users with their kubectl, the grants that they ask
// for and decide about, its object store, and its processes, which a test may stop and kill.
//
// The output of "devcluster env" has to be in the environment; make e2e and make faults see to that.
package node

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Namespace is where the tests' pods run; System is where Sallyport does.
const (
	Namespace = "e2e"
	System    = "sallyport-system"
)

// What the environment says of the node.
var (
	State      string // the directory with its certificates, pid files and volumes
	Kubectl132 string
	DevCluster string
	// Work is a directory of this test run.
	Work string

	kubectl, mc, kubeconfigs string
)

//go:embed testdata/namespace.yaml
var pods string

// Run runs the tests of a package, once the node is prepared and each of also has succeeded.
func Run(m *testing.M, also ...func() error) int {
	for name, field := range map[string]*string{
		"KUBECTL": &kubectl, "KUBECTL_1_32": &Kubectl132, "MC": &mc,
		"KUBECONFIG_DIR": &kubeconfigs, "SALLYPORT_NODE": &State, "DEVCLUSTER": &DevCluster,
	} {
		if *field = os.Getenv(name); *field == "" {
			fmt.Fprintf(os.Stderr, "%s is not set: run these tests by make e2e or make faults\n", name)
			return 2
		}
	}
	var err error
	if Work, err = os.MkdirTemp("", "sallyport-e2e-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	defer func() { _ = os.RemoveAll(Work) }()
	for _, step := range append([]func() error{prepare}, also...) {
		if err := step(); err != nil {
			fmt.Fprintln(os.Stderr, "preparing the node:", err)
			return 2
		}
	}
	return m.Run()
}

// prepare makes the namespace, its pods and the rights of the users, and a kubeconfig through the gateway for each.
func prepare() error {
	admin := As("admin")
	if r := admin.Reading(pods).Kubectl("apply", "-f", "-"); r.Code != 0 {
		return errors.New(r.Stderr)
	}
	// What an earlier run left would open doors that have to be shut.
	if r := admin.Kubectl("-n", Namespace, "delete", "executiongrants", "--all"); r.Code != 0 {
		return errors.New(r.Stderr)
	}
	if r := admin.Kubectl("-n", Namespace, "rollout", "status", "statefulset/app", "--timeout=180s"); r.Code != 0 {
		return errors.New(r.Stderr)
	}
	for _, user := range []string{"admin", "super-admin", "developer", "developer2", "approver", "approver2", "auditor", "pipeline"} {
		config, err := os.ReadFile(filepath.Join(kubeconfigs, user+".yaml"))
		if err != nil {
			return err
		}
		through := strings.Replace(string(config), ":6443", ":6443/apis/gateway.sallyport.dev/v1alpha1/gateways/main/proxy", 1)
		if err := os.WriteFile(gatewayConfig(user), []byte(through), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// Eventually polls until f is true.
func Eventually(t *testing.T, what string, within time.Duration, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("did not happen within %s: %s", within, what)
}

// Up brings back whatever of the node is down, by the command that people use.
func Up(t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), DevCluster, "up")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("bringing the node back: %v: %s", err, out)
	}
}
