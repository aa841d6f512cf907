package app

import (
	"context"
	"errors"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/exit"
)

// requestFor reads the request that a person means: approvalrequest/NAME, grant/NAME for that of a grant, or NAME
// for either. The kind may have its group, as `kubectl get -o name` prints it.
func (s clusterScope) requestFor(ctx context.Context, name string) (*accessv1alpha1.ApprovalRequest, error) {
	kind, rest, slash := strings.Cut(name, "/")
	if !slash {
		return s.eitherRequest(ctx, name)
	}
	switch strings.TrimSuffix(kind, "."+accessv1alpha1.GroupVersion.Group) {
	case "approvalrequest", "approvalrequests", "xar":
		return s.request(ctx, rest)
	case "grant", "executiongrant", "executiongrants", "xg":
		return s.requestOfGrant(ctx, rest)
	}
	return nil, exit.New(exit.Usage, "%q is neither approvalrequest/NAME nor grant/NAME", name)
}

// eitherRequest reads the request called name, or that of the grant called name. Whoever asks for a grant chooses its
// name, so a name that means two different requests is refused rather than guessed.
func (s clusterScope) eitherRequest(ctx context.Context, name string) (*accessv1alpha1.ApprovalRequest, error) {
	direct, err := s.request(ctx, name)
	if err != nil && !absent(err, name) {
		return nil, err
	}
	ofGrant, grantErr := s.requestOfGrant(ctx, name)
	switch {
	case err != nil && absent(grantErr, name):
		return nil, exit.WithHint(exit.New(exit.NotFound, "namespace %s has neither a request nor a grant named %q", s.namespace, name),
			"kubectl sallyport approvals -A lists the requests")
	case err != nil:
		return ofGrant, grantErr
	case grantErr == nil && ofGrant.UID != direct.UID:
		return nil, exit.WithHint(exit.New(exit.Usage, "%q names a request and the grant of another request", name),
			"say approvalrequest/%s or grant/%s", name, name)
	}
	return direct, nil
}

// absent reports whether err says that there is no object of that name (and not: no such kind of objects).
func absent(err error, name string) bool {
	status := apierrors.APIStatus(nil)
	return errors.As(err, &status) && apierrors.IsNotFound(err) && status.Status().Details != nil && status.Status().Details.Name == name
}

func (s clusterScope) request(ctx context.Context, name string) (*accessv1alpha1.ApprovalRequest, error) {
	var r accessv1alpha1.ApprovalRequest
	if err := s.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, &r); err != nil {
		return nil, err
	}
	return &r, nil
}

func (s clusterScope) requestOfGrant(ctx context.Context, name string) (*accessv1alpha1.ApprovalRequest, error) {
	var grant accessv1alpha1.ExecutionGrant
	if err := s.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, &grant); err != nil {
		return nil, err
	}
	if grant.Status.ApprovalRequestName == "" {
		return nil, exit.WithHint(exit.New(exit.NotFound, "grant %s has no request for approval yet", name), "try again in a moment")
	}
	r, err := s.request(ctx, grant.Status.ApprovalRequestName)
	if err == nil && r.Spec.GrantRef.UID != string(grant.UID) {
		return nil, exit.New(exit.Refused, "request %s is about another grant than %s", r.Name, name)
	}
	return r, err
}
