package app

import (
	"context"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/layout"
)

// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch
// +kubebuilder:rbac:groups=access.sallyport.dev,resources=executiongrants,verbs=get;list;watch
// +kubebuilder:rbac:groups=access.sallyport.dev,resources=approvalrequests,verbs=get
// +kubebuilder:rbac:groups=access.sallyport.dev,resources=executionsessions,verbs=get;list;watch;create;delete
// +kubebuilder:rbac:groups=access.sallyport.dev,resources=executionsessions/status,verbs=patch

// cluster is the proxy's view of the API server: grants, sessions and the identity of pods from a cache, all else live.
type cluster struct {
	cache cache.Cache
	live  client.Client
}

func newCluster(config *rest.Config) (*cluster, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{accessv1alpha1.AddToScheme, metav1.AddMetaToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("building the scheme: %w", err)
		}
	}
	live, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	cached, err := cache.New(config, cache.Options{
		Scheme:           scheme,
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject:         map[client.Object]cache.ByObject{podMetadata(): {Transform: onlyIdentity}},
	})
	if err != nil {
		return nil, fmt.Errorf("making a cache: %w", err)
	}
	return &cluster{cache: cached, live: live}, nil
}

func podMetadata() *metav1.PartialObjectMetadata {
	pod := &metav1.PartialObjectMetadata{}
	pod.SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: "Pod"})
	return pod
}

// onlyIdentity keeps of a pod what tells it from another, and whether it is going.
func onlyIdentity(object any) (any, error) {
	o, err := meta.Accessor(object)
	if err != nil {
		return nil, fmt.Errorf("reading a pod's metadata: %w", err)
	}
	o.SetManagedFields(nil)
	o.SetAnnotations(nil)
	o.SetLabels(nil)
	o.SetOwnerReferences(nil)
	o.SetFinalizers(nil)
	return object, nil
}

// Grant reads from the cache, as the authorizer does.
func (c *cluster) Grant(ctx context.Context, namespace, name string) (*accessv1alpha1.ExecutionGrant, error) {
	grant := &accessv1alpha1.ExecutionGrant{}
	return grant, c.cache.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, grant)
}

// Approval reads live: the decisions have to be whole.
func (c *cluster) Approval(ctx context.Context, namespace, name string) (*accessv1alpha1.ApprovalRequest, error) {
	request := &accessv1alpha1.ApprovalRequest{}
	return request, c.live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, request)
}

// Create makes a session.
func (c *cluster) Create(ctx context.Context, session *accessv1alpha1.ExecutionSession) error {
	return c.live.Create(ctx, session, client.FieldOwner(layout.FieldManager))
}

// List returns the sessions of a namespace, and asks the API server for them.
func (c *cluster) List(ctx context.Context, namespace string) ([]accessv1alpha1.ExecutionSession, error) {
	var list accessv1alpha1.ExecutionSessionList
	err := c.live.List(ctx, &list, client.InNamespace(namespace))
	return list.Items, err
}

// Delete takes a session back.
func (c *cluster) Delete(ctx context.Context, session *accessv1alpha1.ExecutionSession) error {
	return client.IgnoreNotFound(c.live.Delete(ctx, session, client.Preconditions{UID: &session.UID}))
}

// Report merges a part of a session's status. The UID in the patch makes the API server refuse it for another object
// of the same name.
func (c *cluster) Report(ctx context.Context, s *accessv1alpha1.ExecutionSession, status accessv1alpha1.ExecutionSessionStatus) error {
	patch, err := json.Marshal(struct {
		Metadata struct {
			UID types.UID `json:"uid"`
		} `json:"metadata"`
		Status accessv1alpha1.ExecutionSessionStatus `json:"status"`
	}{struct {
		UID types.UID `json:"uid"`
	}{s.UID}, status})
	if err != nil {
		return fmt.Errorf("encoding a session's status: %w", err)
	}
	object := s.DeepCopy()
	err = c.live.Status().Patch(ctx, object, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(layout.FieldManager))
	return client.IgnoreNotFound(err)
}
