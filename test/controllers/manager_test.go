package controllers_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/controllers"
	"github.com/sallyport-dev/sallyport/internal/layout"
	"github.com/sallyport-dev/sallyport/test/env"
	"github.com/sallyport-dev/sallyport/test/gen"
)

// patience bounds what is awaited; nothing here passes or fails by how fast it is.
const patience = time.Minute

// TestManagerLivesThroughAWholeGrant runs the controllers as they run in a cluster, with the rights of config/rbac and no
// others, by the wall clock: nobody wakes them when the grant ends. People approve while no manager runs.
func TestManagerLivesThroughAWholeGrant(t *testing.T) {
	account, c := restrictedConfig(t), cluster.AdminClient
	grant := gen.MakeGrant(cluster.Namespace(t), "fix").Duration(10 * time.Second).ForCreate().Obj()
	if err := c.Create(t.Context(), grant); err != nil {
		t.Fatalf("creating the grant: %v", err)
	}
	stop := startManager(t, account)
	await(t, grant, accessv1alpha1.ReasonAwaitingApproval)
	stop()

	var request accessv1alpha1.ApprovalRequest
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(grant), &request); err != nil {
		t.Fatalf("reading the ApprovalRequest: %v", err)
	}
	approved := gen.Stamp(time.Now())
	request.Spec.Decisions = []accessv1alpha1.ApprovalDecision{{Approver: "ann", Verdict: accessv1alpha1.VerdictApproved, Time: approved}}
	if err := c.Update(t.Context(), &request); err != nil {
		t.Fatalf("approving: %v", err)
	}

	stop = startManager(t, account)
	defer stop()
	await(t, grant, accessv1alpha1.ReasonExpired)
	from, until := grant.Status.ActiveFrom.Time, grant.Status.ActiveUntil.Time
	if !from.Equal(approved.Time) || !until.Equal(approved.Add(10*time.Second)) {
		t.Errorf("active from %v until %v, want 10s from %v", from, until, approved)
	}
	gomega.NewWithT(t).Eventually(reasons).WithArguments(t, grant).WithTimeout(patience).
		Should(gomega.ContainElement(accessv1alpha1.ReasonExpired))
}

// await reads the grant until it is in the wanted state.
func await(t *testing.T, grant *accessv1alpha1.ExecutionGrant, reason string) {
	t.Helper()
	state := func(g gomega.Gomega) string {
		g.Expect(cluster.AdminClient.Get(t.Context(), client.ObjectKeyFromObject(grant), grant)).To(gomega.Succeed())
		return readyReason(grant.Status.Conditions)
	}
	gomega.NewWithT(t).Eventually(state).WithTimeout(patience).Should(gomega.Equal(reason))
}

// startManager starts the controllers and returns what stops them and waits until they have.
func startManager(t *testing.T, config *rest.Config) (stop func()) {
	t.Helper()
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: env.Scheme(), Metrics: server.Options{BindAddress: "0"}, Controller: controllerOptions(),
	})
	if err != nil {
		t.Fatalf("making a manager: %v", err)
	}
	if err := controllers.Setup(mgr, controllers.Options{Now: time.Now, MaskKey: []byte("a key for fingerprints")}); err != nil {
		t.Fatalf("setting up the controllers: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the manager ended with: %v", err)
		}
	}
}

// controllerOptions let one process run the same controllers twice, one after the other.
func controllerOptions() config.Controller { return config.Controller{SkipNameValidation: new(true)} }

// restrictedConfig belongs to a user that has the rights of the manager's ClusterRole, as it is generated.
func restrictedConfig(t *testing.T) *rest.Config {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "config", "rbac", "role.yaml"))
	if err != nil {
		t.Fatalf("reading the manager's role: %v", err)
	}
	const user = "restricted-manager"
	for document := range strings.SplitSeq(string(raw), "\n---\n") {
		var role rbacv1.ClusterRole
		if err := yaml.Unmarshal([]byte(document), &role); err != nil {
			t.Fatalf("decoding the manager's role: %v", err)
		}
		if role.Kind != "ClusterRole" {
			continue
		}
		binding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: role.Name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: role.Kind, Name: role.Name},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
		}
		for _, obj := range []client.Object{&role, binding} {
			if err := cluster.AdminClient.Create(t.Context(), obj); err != nil {
				t.Fatalf("binding the manager's role: %v", err)
			}
		}
	}
	return cluster.UserConfig(t, user)
}

// reasons are those of the events about the grant.
func reasons(t *testing.T, grant *accessv1alpha1.ExecutionGrant) ([]string, error) {
	t.Helper()
	var list eventsv1.EventList
	if err := cluster.AdminClient.List(t.Context(), &list, client.InNamespace(grant.Namespace)); err != nil {
		return nil, err
	}
	var found []string
	for i := range list.Items {
		e := &list.Items[i]
		if e.Regarding.UID == grant.UID && e.ReportingController == layout.FieldManager {
			found = append(found, e.Reason)
		}
	}
	return found, nil
}
