// Package webhooks_test runs the webhooks behind a real API server, as the generated manifest and roles install them,
// and comes to it as real users: with client certificates and the rights that RBAC gives them.
package webhooks_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/approval"
	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/authorizer/grant"
	"github.com/sallyport-dev/sallyport/internal/layout"
	"github.com/sallyport-dev/sallyport/test/env"
	"github.com/sallyport-dev/sallyport/test/gen"
	"github.com/sallyport-dev/sallyport/webhooks"
)

const patience = time.Minute

var (
	commandKey = authorizer.CommandKey("a key for digests of commands")

	cluster    *env.Env
	cached     client.Reader // what the webhooks see
	sallyport  = layout.ServiceAccountUsername(layout.SystemNamespace, layout.ServiceAccount)
	signingKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run stops the webhooks before the API server, which otherwise waits a minute for their watches to end.
func run(m *testing.M) int {
	e, err := env.Start(env.Options{Webhooks: []string{"config/webhook/manifests.yaml"}})
	if err != nil {
		fmt.Fprintln(os.Stderr, "no API server for the tests:", err)
		return 1
	}
	cluster = e
	ctx, stop := context.WithCancel(context.Background())
	code := 1
	stopped, err := start(ctx, e)
	if err == nil {
		code = m.Run()
	}
	stop()
	if err = errors.Join(err, stopped(), e.Stop()); err != nil {
		fmt.Fprintln(os.Stderr, "the webhooks of the tests:", err)
		return max(code, 1)
	}
	return code
}

// start runs the webhooks with the rights of Sallyport's service account, and returns once they answer. They stop with
// ctx; stopped waits for that.
func start(ctx context.Context, e *env.Env) (stopped func() error, err error) {
	stopped = func() error { return nil }
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: layout.SystemNamespace}}
	if err := e.AdminClient.Create(ctx, namespace); err != nil {
		return stopped, err
	}
	for _, file := range []string{"role.yaml", "bindings.yaml", "user_roles.yaml"} {
		if err := install(ctx, e.AdminClient, filepath.Join("..", "..", "config", "rbac", file)); err != nil {
			return stopped, err
		}
	}
	mgr, err := manager(e)
	if err != nil {
		return stopped, err
	}
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	stopped = func() error { return <-done }
	return stopped, wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		return mgr.GetWebhookServer().StartedChecker()(nil) == nil && mgr.GetCache().WaitForCacheSync(ctx), nil
	})
}

func manager(e *env.Env) (ctrl.Manager, error) {
	config := as(sallyport)
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: env.Scheme(), Metrics: metricsserver.Options{BindAddress: "0"}, WebhookServer: webhook.NewServer(e.WebhookOptions()),
	})
	if err != nil {
		return nil, err
	}
	live, err := client.New(config, client.Options{Scheme: env.Scheme()})
	if err != nil {
		return nil, err
	}
	cached = mgr.GetCache()
	public, _ := signingKey.Public().(ed25519.PublicKey)
	return mgr, webhooks.Setup(mgr.GetWebhookServer(), webhooks.Options{
		Scheme: env.Scheme(), Live: live, Authorizer: &grant.Authorizer{Reader: cached, Now: time.Now},
		PublicKey: public, CommandKey: commandKey, Now: time.Now, Username: sallyport,
		MaskArgs: func(argv []string) []string { return argv },
	})
}

// install creates the objects of a manifest.
func install(ctx context.Context, c client.Client, file string) error {
	manifest, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifest), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(&object.Object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := c.Create(ctx, object); err != nil {
			return fmt.Errorf("installing %s: %w", file, err)
		}
	}
}

// as is the configuration of anybody, by impersonation: for programs, which have no certificate here.
func as(user string, groups ...string) *rest.Config {
	config := rest.CopyConfig(cluster.AdminConfig)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: append([]string{"system:authenticated"}, groups...)}
	return config
}

func clientOf(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	c, err := client.New(config, client.Options{Scheme: env.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// program is a client of a program.
func program(t *testing.T, user string) client.Client {
	t.Helper()
	return clientOf(t, as(user))
}

// masters is a program with every right that RBAC has.
func masters(t *testing.T, user string) client.Client {
	t.Helper()
	return clientOf(t, as(user, "system:masters"))
}

// role gives a user what a ClusterRole of config/rbac allows, in one namespace.
func role(t *testing.T, namespace, user, name string) {
	t.Helper()
	clusterRole := &rbacv1.ClusterRole{}
	if err := cluster.AdminClient.Get(t.Context(), client.ObjectKey{Name: name}, clusterRole); err != nil {
		t.Fatal(err)
	}
	cluster.Allow(t, namespace, user, clusterRole.Rules...)
}

// developer is a user who may do with pods what developers may, and request grants.
func developer(t *testing.T, namespace, name string) client.Client {
	t.Helper()
	c := cluster.UserClient(t, name, "developers")
	role(t, namespace, name, "sallyport-requester")
	cluster.Allow(t, namespace, name,
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "create", "update", "patch"}},
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods/exec", "pods/attach", "pods/portforward"}, Verbs: []string{"create", "get"}},
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods/ephemeralcontainers"}, Verbs: []string{"patch", "update"}},
	)
	return c
}

// makePod makes a pod as a ReplicaSet's controller does: without a grant.
func makePod(t *testing.T, namespace, name string) *corev1.Pod {
	t.Helper()
	pod := newPod(namespace, name, "app:1", "sleep", "60")
	pod.Labels = map[string]string{"app": name}
	if err := masters(t, "system:serviceaccount:kube-system:replicaset-controller").Create(t.Context(), pod); err != nil {
		t.Fatalf("a controller could not make a pod: %v", err)
	}
	return pod
}

func newPod(namespace, name, image string, command ...string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: image, Command: command}}},
	}
}

// activate does what the controllers do once people have agreed, and waits until the webhooks' cache has seen it.
func activate(t *testing.T, g *accessv1alpha1.ExecutionGrant) {
	t.Helper()
	c := program(t, sallyport)
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(g), g); err != nil {
		t.Fatal(err)
	}
	before := g.DeepCopy()
	now := time.Now()
	g.Status = gen.MakeGrant(g.Namespace, g.Name).Active(approval.Digest(g), now.Add(-time.Second), now.Add(time.Hour)).Obj().Status
	if err := c.Status().Patch(t.Context(), g, client.MergeFrom(before)); err != nil {
		t.Fatalf("Sallyport could not activate a grant: %v", err)
	}
}

// eventually retries what depends on the webhooks' cache.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		last = try()
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("%s: %v", what, last)
	}
}

// wantDenied checks that an error is a denial by a webhook, with these words in it.
func wantDenied(t *testing.T, err error, words ...string) {
	t.Helper()
	wantRefused(t, err, metav1.StatusReasonForbidden, words...)
}

// wantInvalid checks that an error is the refusal of an object by a webhook, which names the field in its causes.
func wantInvalid(t *testing.T, err error, field string, words ...string) {
	t.Helper()
	wantRefused(t, err, metav1.StatusReasonInvalid, words...)
	if cause, ok := apierrors.StatusCause(err, metav1.CauseTypeFieldValueInvalid); !ok || cause.Field != field {
		t.Errorf("%q is not a cause of: %v", field, err)
	}
}

func wantRefused(t *testing.T, err error, reason metav1.StatusReason, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("allowed, want a denial with %q", words)
	}
	if !strings.Contains(err.Error(), "denied the request") {
		t.Errorf("not denied by a webhook: %v", err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q is not in: %v", word, err)
		}
	}
	if got := apierrors.ReasonForError(err); got != reason {
		t.Errorf("it is %s, not %s: %v", got, reason, err)
	}
}

// rbacRule is a right on one of Sallyport's kinds.
func rbacRule(resource string, verbs ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{accessv1alpha1.GroupVersion.Group}, Resources: []string{resource}, Verbs: verbs}
}
