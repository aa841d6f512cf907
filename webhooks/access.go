package webhooks

import (
	"context"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/authorizer/accessreview"
)

// access asks the API server's authorizer whether who made a request has one of Sallyport's own verbs.
func access(ctx context.Context, c client.Client, u *authenticationv1.UserInfo, verb, resource, namespace, name string) (bool, error) {
	return mayDo(ctx, c, u, authorizationv1.ResourceAttributes{
		Verb: verb, Namespace: namespace, Name: name, Resource: resource,
		Group: accessv1alpha1.GroupVersion.Group, Version: accessv1alpha1.GroupVersion.Version,
	})
}

// mayDo asks the API server's authorizer whether who made a request may do something.
func mayDo(ctx context.Context, c client.Client, u *authenticationv1.UserInfo, what authorizationv1.ResourceAttributes) (bool, error) {
	review := accessreview.New(userOf(u), what)
	if err := c.Create(ctx, review); err != nil {
		return false, fmt.Errorf("asking whether %q may %s %s: %w", u.Username, what.Verb, what.Resource, err)
	}
	return accessreview.Allows(review), nil
}
