package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/maskpolicy"
)

// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;list;watch
// +kubebuilder:rbac:groups=access.sallyport.dev,resources=executionpolicies,verbs=get;list;watch

// policies are the ExecutionPolicies of the cluster, as they come in.
type policies struct {
	cache  cache.Cache
	log    logr.Logger
	set    maskpolicy.Set
	synced func() bool // whether set has all of them; nil before watch
	// changes wakes run after a change of policies or namespaces.
	changes chan struct{}
}

// newPolicies takes the key of the fingerprints of what is masked.
func newPolicies(c cache.Cache, key []byte, log logr.Logger) *policies {
	return &policies{cache: c, log: log, set: maskpolicy.Set{Key: key}, changes: make(chan struct{}, 1)}
}

var errPoliciesUnread = errors.New("the cluster's policies have not been read yet")

// watch takes in every change from now on.
func (p *policies) watch(ctx context.Context) error {
	namespaces, err := p.cache.GetInformer(ctx, namespaceMetadata())
	if err != nil {
		return fmt.Errorf("watching namespaces: %w", err)
	}
	if _, err := namespaces.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { p.wake() },
		UpdateFunc: func(_, _ any) { p.wake() },
	}); err != nil {
		return fmt.Errorf("watching namespaces: %w", err)
	}
	informer, err := p.cache.GetInformer(ctx, &accessv1alpha1.ExecutionPolicy{})
	if err != nil {
		return fmt.Errorf("watching policies: %w", err)
	}
	registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    p.changed,
		UpdateFunc: p.replaced,
		DeleteFunc: func(object any) { p.deleted(present(object)) },
	})
	if err != nil {
		return fmt.Errorf("watching policies: %w", err)
	}
	p.synced = registration.HasSynced
	return nil
}

func (p *policies) changed(object any) {
	policy, ok := object.(*accessv1alpha1.ExecutionPolicy)
	if !ok {
		return
	}
	if why := p.set.Put(policy); why != "" {
		p.log.Info("a policy cannot be used; the last form of it that could stays in force, or else it refuses sessions",
			"policy", policy.Name, "generation", policy.Generation, "why", why)
	}
	p.wake()
}

// replaced is also what a watch that was away tells of a policy that was deleted and made again under its name.
func (p *policies) replaced(old, object any) {
	before, ok := old.(*accessv1alpha1.ExecutionPolicy)
	if after, is := object.(*accessv1alpha1.ExecutionPolicy); ok && is && before.UID != after.UID {
		p.set.Delete(before.UID)
	}
	p.changed(object)
}

func (p *policies) deleted(object any) {
	if policy, ok := object.(*accessv1alpha1.ExecutionPolicy); ok {
		p.set.Delete(policy.UID)
		p.wake()
	}
}

func (p *policies) wake() {
	select {
	case p.changes <- struct{}{}:
	default: // it will look at this change, too
	}
}

// run compiles the rules of every namespace when something has changed, so that no session waits for that.
func (p *policies) run(ctx context.Context) {
	if !toolscache.WaitForCacheSync(ctx.Done(), p.synced) {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.changes:
		}
		all := &metav1.PartialObjectMetadataList{}
		all.SetGroupVersionKind(namespaceMetadata().GroupVersionKind())
		if err := p.cache.List(ctx, all); err != nil {
			p.log.Error(err, "listing namespaces")
			continue
		}
		for i := range all.Items {
			// What is refused here is refused again, and told, when somebody asks for a session.
			_, _, _ = p.set.Rules(all.Items[i].Labels)
		}
	}
}

// ready says whether the policies are known.
func (p *policies) ready() error {
	if p.synced == nil || !p.synced() {
		return errPoliciesUnread
	}
	return nil
}

// rules are those in force in a namespace. A namespace that is not known has none, and no session either.
func (p *policies) rules(ctx context.Context, namespace string) (*mask.Rules, []maskpolicy.Ref, error) {
	if err := p.ready(); err != nil {
		return nil, nil, err
	}
	found := namespaceMetadata()
	if err := p.cache.Get(ctx, client.ObjectKey{Name: namespace}, found); err != nil {
		return nil, nil, fmt.Errorf("reading the labels of namespace %s: %w", namespace, err)
	}
	return p.set.Rules(found.Labels)
}

func namespaceMetadata() *metav1.PartialObjectMetadata {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: "Namespace"})
	return namespace
}
