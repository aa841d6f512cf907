// Package test runs the plugin against a real API server, over the network and as real users: what the fakes of the
// unit tests cannot show (field selectors, watches, dry runs, the words of a refusal).
package test

import (
	"bytes"
	"context"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/app"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/exit"
	"github.com/sallyport-dev/sallyport/test/env"
)

var cluster *env.Env

func TestMain(m *testing.M) { env.Main(m, env.Options{}, func(e *env.Env) { cluster = e }) }

// person is a user with a kubeconfig of their own.
type person struct {
	t          *testing.T
	kubeconfig string
}

func newPerson(t *testing.T, name, namespace string, rules ...rbacv1.PolicyRule) person {
	t.Helper()
	cluster.Allow(t, namespace, name, rules...)
	return withConfig(t, cluster.UserConfig(t, name), namespace)
}

func withConfig(t *testing.T, config *rest.Config, namespace string) person {
	t.Helper()
	kubeconfig := api.NewConfig()
	kubeconfig.Clusters["test"] = &api.Cluster{Server: config.Host, CertificateAuthorityData: config.CAData}
	kubeconfig.AuthInfos["user"] = &api.AuthInfo{ClientCertificateData: config.CertData, ClientKeyData: config.KeyData}
	kubeconfig.Contexts["test"] = &api.Context{Cluster: "test", AuthInfo: "user", Namespace: namespace}
	kubeconfig.CurrentContext = "test"
	file := filepath.Join(t.TempDir(), "config")
	if err := clientcmd.WriteToFile(*kubeconfig, file); err != nil {
		t.Fatal(err)
	}
	return person{t, file}
}

// does runs the plugin and wants an exit code and patterns in what it prints.
func (p person) does(code exit.Code, patterns []string, args ...string) {
	p.t.Helper()
	var out bytes.Buffer
	environment := app.System()
	environment.Streams = genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &out}
	environment.InTerminal, environment.OutTerminal, environment.ErrTerminal = false, false, false
	got := app.Run(p.t.Context(), environment, append([]string{"--kubeconfig", p.kubeconfig}, args...))
	if got != code {
		p.t.Errorf("%v: exit code %d, want %d", args, got, code)
	}
	for _, pattern := range patterns {
		if !regexp.MustCompile(pattern).MatchString(out.String()) {
			p.t.Errorf("%v: nothing matches %q", args, pattern)
		}
	}
	if p.t.Failed() {
		p.t.Logf("%v printed:\n%s", args, out.String())
	}
}

func requester() rbacv1.PolicyRule {
	return rbacv1.PolicyRule{
		APIGroups: []string{"access.sallyport.dev"}, Resources: []string{"executiongrants"},
		Verbs: []string{"get", "list", "watch", "create"},
	}
}

func TestRequest(t *testing.T) {
	namespace := cluster.Namespace(t)
	jane := newPerson(t, "jane", namespace, requester())
	ask := []string{"request", "--pod", "web-0", "--reason", "orders are stuck"}
	with := func(more ...string) []string { return slices.Concat(ask, more) }

	jane.does(exit.OK, []string{`executiongrant.access.sallyport.dev/grant-\w+ created \(server dry run\)`}, with("--dry-run=server")...)
	jane.does(exit.OK, []string{"No grants found in namespace " + namespace}, "grants")
	jane.does(exit.Refused, []string{`Error from server \(Invalid\): .*spec.reason`}, "request", "--pod", "web-0", "--reason", "x")
	jane.does(exit.Refused, []string{`Error from server \(Invalid\): .*metadata.name`}, with("Not a name")...)
	jane.does(exit.Refused, []string{`window may span 12 hours`}, with("--until", "2099-01-01T00:00:00Z")...)
	jane.does(exit.Refused, []string{`Error from server \(Forbidden\): .*cannot create`, "hint: .*sallyport-requester"}, with("-n", "default")...)
	jane.does(exit.Refused, []string{`cannot list`}, "grants", "-A")
	jane.does(exit.OK, []string{"grant-"}, with("-o", "name")...)
	jane.does(exit.TimedOut, []string{"was not decided in 1s; the request stands"}, with("slow", "--wait", "--timeout", "1s")...)
	jane.does(exit.OK, []string{`NAME +SUBJECT`, `slow +<none> +Exec +pod web-0`}, "grants")
	jane.does(exit.OK, []string{`kind: ExecutionGrantList`}, "grants", "-o", "yaml")
}

func TestRequestWaits(t *testing.T) {
	namespace := cluster.Namespace(t)
	jane := newPerson(t, "jane", namespace, requester())
	tests := map[string]struct {
		reason   string
		code     exit.Code
		patterns []string
	}{
		"good": {accessv1alpha1.ReasonActive, exit.OK, []string{`Grant good is active until \S+Z \(\d+[ms]\S* left\)\.`, "Go in with: kubectl exec"}},
		"bad":  {accessv1alpha1.ReasonDenied, exit.Refused, []string{`grant bad will not become active \(Denied\)`}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			decided := make(chan error, 1)
			go func() {
				decided <- decideLater(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, tc.reason)
			}()
			jane.does(tc.code, tc.patterns, "request", name, "--pod", "web-0", "--reason", "orders are stuck", "--wait")
			if err := <-decided; err != nil {
				t.Fatal(err)
			}
		})
	}
}

// decideLater does what the controllers do, a moment after the grant is there.
func decideLater(ctx context.Context, key client.ObjectKey, reason string) error {
	var grant accessv1alpha1.ExecutionGrant
	for cluster.AdminClient.Get(ctx, key, &grant) != nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	now := metav1.Now()
	condition := func(kind string) metav1.Condition {
		return metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: reason, Message: "by the test", LastTransitionTime: now}
	}
	grant.Status.Conditions = []metav1.Condition{condition(accessv1alpha1.ConditionReady)}
	if reason == accessv1alpha1.ReasonActive {
		until := metav1.NewTime(now.Add(15 * time.Minute))
		grant.Status.ActiveFrom, grant.Status.ActiveUntil = &now, &until
		grant.Status.Conditions = append(grant.Status.Conditions, condition(accessv1alpha1.ConditionActive))
	} else {
		grant.Status.Conditions = append(grant.Status.Conditions, condition(accessv1alpha1.ConditionStalled))
	}
	return cluster.AdminClient.Status().Update(ctx, &grant)
}

func TestApprovalsAndSessions(t *testing.T) {
	namespace := cluster.Namespace(t)
	carl := newPerson(t, "carl", namespace, rbacv1.PolicyRule{
		APIGroups: []string{"access.sallyport.dev"}, Resources: []string{"approvalrequests", "executionsessions", "executiongrants"},
		Verbs: []string{"get", "list", "watch", "update"},
	})
	digest := "sha256:" + strings.Repeat("0", 64)
	for _, obj := range []client.Object{
		&accessv1alpha1.ApprovalRequest{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "ask"},
			Spec: accessv1alpha1.ApprovalRequestSpec{
				GrantRef: accessv1alpha1.ObjectReference{Name: "fix", UID: "1"}, Digest: digest, Requester: "jane", Summary: "Exec in web-0",
				Subject: accessv1alpha1.Subject{Kind: accessv1alpha1.SubjectUser, Name: "jane"}, RequiredApprovals: 1,
				Deadline: metav1.NewTime(time.Now().Add(time.Hour)),
			},
		},
		&accessv1alpha1.ExecutionSession{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "019ab034-6100-7abc-8def-000000000001"},
			Spec: accessv1alpha1.ExecutionSessionSpec{
				User: accessv1alpha1.Identity{Username: "jane"}, GrantRef: accessv1alpha1.ObjectReference{Name: "fix", UID: "1"},
				Action: accessv1alpha1.ActionExec, PodRef: accessv1alpha1.ObjectReference{Name: "web-0", UID: "2"}, Container: "app",
				CommandDigest: digest, Recording: "sessions/x/", Proxy: "p",
			},
		},
	} {
		if err := cluster.AdminClient.Create(t.Context(), obj); err != nil {
			t.Fatal(err)
		}
	}
	carl.does(exit.OK, []string{`ask +jane +0/1 +\S+ +\d+m`}, "approvals")
	carl.does(exit.OK, []string{`019ab034\S+ +jane +Exec +web-0 +app`}, "sessions", "--live")
	carl.does(exit.NotFound, []string{`neither a request nor a grant named "nothing"`}, "approve", "nothing")
	// Without Sallyport's webhooks nobody writes the approver's name, and without a name no decision is taken.
	carl.does(exit.Refused, []string{"Digest: +" + digest, `Error from server \(Invalid\): .*approver`}, "approve", "ask")
	dora := newPerson(t, "dora", namespace, rbacv1.PolicyRule{
		APIGroups: []string{"access.sallyport.dev"}, Resources: []string{"approvalrequests"}, Verbs: []string{"get"},
	})
	dora.does(exit.Refused, []string{"cannot update", "hint: .*sallyport-approver"}, "deny", "ask", "-m", "no")
}
