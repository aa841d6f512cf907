package app

import (
	"context"
	"errors"
	"testing"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/maskpolicy"
)

// policyCache is a cluster's cache: namespaces with their labels, and policies that the test sends.
type policyCache struct {
	cache.Cache
	cache.Informer

	namespaces map[string]map[string]string
	handler    toolscache.ResourceEventHandler // the last one: that for policies
	synced     bool
	listed     chan struct{}
}

func (c *policyCache) GetInformer(context.Context, client.Object, ...cache.InformerGetOption) (cache.Informer, error) {
	return c, nil
}

func (c *policyCache) AddEventHandler(h toolscache.ResourceEventHandler) (toolscache.ResourceEventHandlerRegistration, error) {
	c.handler = h
	return c, nil
}

func (c *policyCache) HasSynced() bool { return c.synced }

func (c *policyCache) Get(_ context.Context, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	labels, ok := c.namespaces[key.Name]
	if !ok {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, key.Name)
	}
	object.SetLabels(labels)
	return nil
}

func maskPolicy(generation int64, detector string) *accessv1alpha1.ExecutionPolicy {
	p := &accessv1alpha1.ExecutionPolicy{ObjectMeta: metav1.ObjectMeta{Name: "p", UID: types.UID("u"), Generation: generation}}
	p.Spec.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"team": "shop"}}
	p.Spec.Masking = &accessv1alpha1.MaskingPolicy{DisabledDetectors: []string{detector}}
	return p
}

func TestPolicies(t *testing.T) {
	c := &policyCache{namespaces: map[string]map[string]string{"shop": {"team": "shop"}, "pay": nil}}
	p := newPolicies(c, []byte("key"), logr.Discard())
	inForce := func(namespace string) int64 {
		t.Helper()
		_, refs, err := p.rules(t.Context(), namespace)
		if err != nil {
			t.Fatalf("%s: %v", namespace, err)
		}
		if len(refs) == 0 {
			return 0
		}
		return refs[0].Generation
	}
	refused := func(namespace string) bool {
		t.Helper()
		_, _, err := p.rules(t.Context(), namespace)
		_, ok := errors.AsType[*maskpolicy.RefusedError](err)
		return ok
	}
	if _, _, err := p.rules(t.Context(), "shop"); !errors.Is(err, errPoliciesUnread) {
		t.Errorf("before it watches: %v", err)
	}
	if err := p.watch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.rules(t.Context(), "shop"); !errors.Is(err, errPoliciesUnread) || p.ready() == nil {
		t.Errorf("before it has read them: %v", err)
	}
	c.synced = true
	if inForce("shop") != 0 || p.ready() != nil {
		t.Error("a policy is in force where there is none")
	}
	c.handler.OnAdd(maskPolicy(1, "fly"), true)
	if !refused("shop") || refused("pay") {
		t.Error("a bad policy does not refuse its namespaces, and those alone")
	}
	c.handler.OnUpdate(maskPolicy(1, "fly"), maskPolicy(2, "jwt"))
	if inForce("shop") != 2 || inForce("pay") != 0 {
		t.Error("the policy is not in force in its namespaces, and those alone")
	}
	c.handler.OnUpdate(maskPolicy(2, "jwt"), maskPolicy(3, "fly"))
	if inForce("shop") != 2 {
		t.Error("a bad form replaced the one in force")
	}
	c.handler.OnDelete(toolscache.DeletedFinalStateUnknown{Key: "p", Obj: maskPolicy(3, "fly")})
	if inForce("shop") != 0 {
		t.Error("a policy is in force after it was deleted")
	}
	if _, _, err := p.rules(t.Context(), "unknown"); !apierrors.IsNotFound(err) {
		t.Errorf("in a namespace that nobody knows: %v", err)
	}
}

func (c *policyCache) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	all, ok := list.(*metav1.PartialObjectMetadataList)
	if !ok || all.Kind != "Namespace" {
		return errors.New("only namespaces are listed")
	}
	for name, labels := range c.namespaces {
		all.Items = append(all.Items, metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}})
	}
	c.listed <- struct{}{}
	return nil
}

// A change wakes what compiles, which comes to every namespace, and ends with its context.
func TestPoliciesAreCompiledAhead(t *testing.T) {
	c := &policyCache{namespaces: map[string]map[string]string{"shop": {"team": "shop"}}, synced: true, listed: make(chan struct{})}
	p := newPolicies(c, []byte("key"), logr.Discard())
	if err := p.watch(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); p.run(ctx) }()
	c.handler.OnAdd(maskPolicy(1, "jwt"), true)
	<-c.listed
	c.handler.OnDelete(maskPolicy(1, "jwt"))
	<-c.listed
	stop()
	<-done
}
