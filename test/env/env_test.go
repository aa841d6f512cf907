package env_test

import (
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/test/env"
)

var cluster *env.Env

func TestMain(m *testing.M) { env.Main(m, env.Options{}, func(e *env.Env) { cluster = e }) }

func TestUsersHaveTheRightsTheyWereGiven(t *testing.T) {
	ns, other := cluster.Namespace(t), cluster.Namespace(t)
	c := cluster.UserClient(t, "reader", "readers")

	if err := c.List(t.Context(), &accessv1alpha1.ExecutionGrantList{}, client.InNamespace(ns)); !apierrors.IsForbidden(err) {
		t.Fatalf("listing grants without rights: got %v, want Forbidden", err)
	}
	cluster.Allow(t, ns, "reader", rbacv1.PolicyRule{
		APIGroups: []string{accessv1alpha1.GroupVersion.Group}, Resources: []string{"executiongrants"}, Verbs: []string{"list"},
	})
	if err := c.List(t.Context(), &accessv1alpha1.ExecutionGrantList{}, client.InNamespace(ns)); err != nil {
		t.Errorf("listing grants with rights: %v", err)
	}
	if err := c.List(t.Context(), &accessv1alpha1.ExecutionGrantList{}, client.InNamespace(other)); !apierrors.IsForbidden(err) {
		t.Errorf("listing grants of another namespace: got %v, want Forbidden", err)
	}
}

func TestNoServerWithoutPrograms(t *testing.T) {
	t.Setenv("KUBEBUILDER_ASSETS", "")
	e, err := env.Start(env.Options{})
	if err == nil {
		t.Fatalf("started a server from nowhere: %v", e.Stop())
	}
}
