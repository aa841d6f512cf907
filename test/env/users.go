package env

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// Namespace makes a namespace for one test and returns its name.
func (e *Env) Namespace(tb testing.TB) string {
	tb.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	if err := e.AdminClient.Create(tb.Context(), ns); err != nil {
		tb.Fatalf("making a namespace: %v", err)
	}
	return ns.Name
}

// UserConfig is the configuration of a user with a client certificate. The user may do what RBAC allows: see Allow.
func (e *Env) UserConfig(tb testing.TB, name string, groups ...string) *rest.Config {
	tb.Helper()
	user, err := e.server.AddUser(envtest.User{Name: name, Groups: groups}, &rest.Config{QPS: -1})
	if err != nil {
		tb.Fatalf("making the user %s: %v", name, err)
	}
	return user.Config()
}

// UserClient is a client of that user; it reads without a cache.
func (e *Env) UserClient(tb testing.TB, name string, groups ...string) client.Client {
	tb.Helper()
	c, err := client.New(e.UserConfig(tb, name, groups...), client.Options{Scheme: Scheme()})
	if err != nil {
		tb.Fatalf("making a client for the user %s: %v", name, err)
	}
	return c
}

// Allow gives a user rights in a namespace and returns once the API server honours the last of them.
func (e *Env) Allow(tb testing.TB, namespace, user string, rules ...rbacv1.PolicyRule) {
	tb.Helper()
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "test-"}, Rules: rules}
	if err := e.AdminClient.Create(tb.Context(), role); err != nil {
		tb.Fatalf("making a role: %v", err)
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: role.Name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: user}},
		RoleRef:    rbacv1.RoleRef{Kind: "Role", APIGroup: rbacv1.GroupName, Name: role.Name},
	}
	if err := e.AdminClient.Create(tb.Context(), binding); err != nil {
		tb.Fatalf("making a role binding: %v", err)
	}
	for _, rule := range rules {
		if err := e.awaitRule(tb.Context(), namespace, user, rule); err != nil {
			tb.Fatalf("waiting until %s has the rights %v: %v", user, rule, err)
		}
	}
}

// awaitRule waits until the authorizer, which watches roles and bindings, has seen the rule.
func (e *Env) awaitRule(ctx context.Context, namespace, user string, rule rbacv1.PolicyRule) error {
	resource, subresource, _ := strings.Cut(rule.Resources[0], "/")
	review := authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user,
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: rule.Verbs[0],
			Group: rule.APIGroups[0], Resource: resource, Subresource: subresource,
		},
	}}
	if len(rule.ResourceNames) > 0 {
		review.Spec.ResourceAttributes.Name = rule.ResourceNames[0]
	}
	err := wait.PollUntilContextTimeout(ctx, 10*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		answer := review.DeepCopy()
		err := e.AdminClient.Create(ctx, answer)
		return answer.Status.Allowed, err
	})
	if err != nil {
		return fmt.Errorf("polling the authorizer: %w", err)
	}
	return nil
}
