package app

import (
	"context"
	"errors"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/exit"
)

func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	return scheme, accessv1alpha1.AddToScheme(scheme)
}

// newClient needs no discovery: the plugin knows its three kinds.
func newClient(config *rest.Config) (client.WithWatch, error) {
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	mapper := meta.NewDefaultRESTMapper(scheme.PrioritizedVersionsAllGroups())
	for kind := range scheme.KnownTypes(accessv1alpha1.GroupVersion) {
		mapper.Add(accessv1alpha1.GroupVersion.WithKind(kind), meta.RESTScopeNamespace)
	}
	return client.NewWithWatch(config, client.Options{Scheme: scheme, Mapper: mapper})
}

// connect returns a client of the chosen context.
func (p *plugin) connect() (client.WithWatch, error) {
	config, err := p.flags.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	p.introduce(config)
	return p.NewClient(config)
}

// introduce sets what the API server, and the person, see of this program's requests.
func (p *plugin) introduce(config *rest.Config) {
	config.UserAgent = "kubectl-sallyport/" + buildVersion()
	config.WarningHandler = rest.NewWarningWriter(p.Streams.ErrOut, rest.WarningWriterOptions{Deduplicate: true})
}

// namespace is the chosen one: of --namespace, else of the context.
func (p *plugin) namespace() (string, error) {
	namespace, _, err := p.flags.ToRawKubeConfigLoader().Namespace()
	return namespace, err
}

// clusterScope is a client, and where to look.
type clusterScope struct {
	client.WithWatch
	namespace string // empty for all
}

// in connects and chooses the namespace.
func (p *plugin) in(all bool) (clusterScope, error) {
	c, err := p.connect()
	if err != nil {
		return clusterScope{}, err
	}
	if all {
		return clusterScope{WithWatch: c}, nil
	}
	namespace, err := p.namespace()
	return clusterScope{WithWatch: c, namespace: namespace}, err
}

// list reads all objects of the scope.
func (s clusterScope) list(ctx context.Context, into client.ObjectList) error {
	return s.List(ctx, into, client.InNamespace(s.namespace))
}

// hintFor is the hint that err carries, else one for the errors that have a usual cause.
func hintFor(err error) string {
	if hint := exit.Hint(err); hint != "" {
		return hint
	}
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) {
		return ""
	}
	details := status.Status().Details
	switch {
	case apierrors.IsNotFound(err) && (details == nil || details.Name == ""):
		return "Sallyport's API is not installed in this cluster, or the context leads to another one"
	case apierrors.IsUnauthorized(err):
		return "the cluster does not know you: renew the credentials of this context"
	case apierrors.IsForbidden(err) && details != nil && details.Group == accessv1alpha1.GroupVersion.Group && byRBAC(status.Status()):
		return "an administrator can bind the ClusterRole sallyport-requester, sallyport-approver or sallyport-auditor to you"
	}
	return ""
}

// byRBAC tells a missing right, which the API server words as "User … cannot …", from a refusal by admission, which
// gives its own reasons.
func byRBAC(s metav1.Status) bool { return strings.Contains(s.Message, " cannot ") }
