//go:build e2e

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/layout"
)

const (
	namespace = "e2e"
	podName   = "app-0"
	restore   = 30 * time.Second // for what is put back, also after an interrupt
)

// node is the development node, with Sallyport installed.
type node struct {
	kubectlPath, kubeconfigs, state string
	admin                           client.Client
}

func findNode(ctx context.Context) (*node, error) {
	n := &node{kubectlPath: os.Getenv("KUBECTL"), kubeconfigs: os.Getenv("KUBECONFIG_DIR"), state: os.Getenv("SALLYPORT_NODE")}
	if n.kubectlPath == "" || n.kubeconfigs == "" || n.state == "" {
		return nil, errors.New("the environment says nothing of the node: run this by make bench")
	}
	config, err := n.config("super-admin")
	if err != nil {
		return nil, err
	}
	if n.admin, err = client.New(config, client.Options{Scheme: knownObjects()}); err != nil {
		return nil, err
	}
	if err := n.kubectl(ctx, "super-admin", "", "apply", "-f", "test/node/testdata/namespace.yaml"); err != nil {
		return nil, err
	}
	return n, n.kubectl(ctx, "super-admin", "", "-n", namespace, "rollout", "status", "statefulset/app", "--timeout=120s")
}

func knownObjects() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, accessv1alpha1.AddToScheme} {
		if err := add(s); err != nil {
			panic(err)
		}
	}
	return s
}

// config is a user's, of the direct way.
func (n *node) config(user string) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(n.kubeconfigs, user+".yaml"))
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	return config, nil
}

// ways are the developer's two.
func (n *node) ways() (direct, through *rest.Config, err error) {
	if direct, err = n.config("developer"); err != nil {
		return nil, nil, err
	}
	through = rest.CopyConfig(direct)
	through.Host += layout.GatewayPath()
	return direct, through, nil
}

func (n *node) kubectl(ctx context.Context, user, stdin string, args ...string) error {
	_, err := n.told(ctx, user, stdin, args...)
	return err
}

// told is what kubectl prints.
func (n *node) told(ctx context.Context, user, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, n.kubectlPath, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(n.kubeconfigs, user+".yaml"))
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: kubectl %s: %w: %s", user, strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// grant gives the developer an hour in a pod, and returns what takes it back.
func (n *node) grant(ctx context.Context, name, pod string) (revoke func(), err error) {
	revoke = func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restore)
		defer cancel()
		g := &accessv1alpha1.ExecutionGrant{}
		g.Namespace, g.Name = namespace, name
		_ = n.admin.Delete(ctx, g) // it also ends by itself
	}
	revoke()
	manifest := fmt.Sprintf(`{"apiVersion": %q, "kind": "ExecutionGrant", "metadata": {"namespace": %q, "name": %q},
		"spec": {"actions": ["Exec"], "target": {"podName": %q}, "reason": "measuring", "durationSeconds": 3600}}`,
		accessv1alpha1.GroupVersion, namespace, name, pod)
	if err := n.kubectl(ctx, "developer", manifest, "apply", "-f", "-"); err != nil {
		return nil, err
	}
	approve := []string{"-n", namespace, "patch", "xar", name, "--type=merge", "-p", `{"spec":{"decisions":[{"verdict":"Approved"}]}}`}
	err = eventually(ctx, 20*time.Second, func() error { return n.kubectl(ctx, "approver", "", approve...) })
	if err == nil {
		err = n.kubectl(ctx, "super-admin", "", "-n", namespace, "wait", "--for=condition=Active", "--timeout=20s", "xg/"+name)
	}
	if err != nil {
		revoke()
		return nil, err
	}
	return revoke, nil
}

// open lets everybody exec directly until shut is called.
func (n *node) open(ctx context.Context) (shut func() error, err error) {
	var was admissionregistrationv1.ValidatingWebhookConfiguration
	if err := n.admin.Get(ctx, client.ObjectKey{Name: "sallyport"}, &was); err != nil {
		return nil, err
	}
	set := func(ctx context.Context, webhooks []admissionregistrationv1.ValidatingWebhook) error {
		var is admissionregistrationv1.ValidatingWebhookConfiguration
		if err := n.admin.Get(ctx, client.ObjectKey{Name: "sallyport"}, &is); err != nil {
			return err
		}
		is.Webhooks = webhooks
		return n.admin.Update(ctx, &is)
	}
	without := slices.DeleteFunc(slices.Clone(was.Webhooks), func(w admissionregistrationv1.ValidatingWebhook) bool {
		return slices.ContainsFunc(w.Rules, func(r admissionregistrationv1.RuleWithOperations) bool {
			return slices.Contains(r.Operations, admissionregistrationv1.Connect)
		})
	})
	if err := set(ctx, without); err != nil {
		return nil, err
	}
	time.Sleep(2 * time.Second) // the API server reads it by and by
	return func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restore)
		defer cancel()
		return set(ctx, was.Webhooks)
	}, nil
}

// eventually repeats do until it succeeds.
func eventually(ctx context.Context, within time.Duration, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		err := do()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}
