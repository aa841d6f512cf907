package app

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/proxy/session"
)

// watch ends sessions when their grant, their pod or their own object does. The handlers run in the cache's order, so
// that what ended a session is seen in the cache before it is seen here.
func (c *cluster) watch(ctx context.Context, registry *session.Registry, now func() time.Time) error {
	grants := func(object any, deleted bool) { grantChanged(registry, object, deleted, now()) }
	sessions := func(object any, deleted bool) { sessionChanged(registry, object, deleted) }
	pods := func(object any, deleted bool) { podChanged(registry, object, deleted) }
	for _, w := range []struct {
		object client.Object
		handle func(object any, deleted bool)
	}{
		{&accessv1alpha1.ExecutionGrant{}, grants},
		{&accessv1alpha1.ExecutionSession{}, sessions},
		{podMetadata(), pods},
	} {
		informer, err := c.cache.GetInformer(ctx, w.object)
		if err != nil {
			return fmt.Errorf("watching %T: %w", w.object, err)
		}
		if _, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc:    func(object any) { w.handle(object, false) },
			UpdateFunc: func(_, object any) { w.handle(object, false) },
			DeleteFunc: func(object any) { w.handle(present(object), true) },
		}); err != nil {
			return fmt.Errorf("watching %T: %w", w.object, err)
		}
	}
	return nil
}

// present is the object itself, also where its deletion was missed and is told later.
func present(object any) any {
	if late, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		return late.Obj
	}
	return object
}

func grantChanged(registry *session.Registry, object any, deleted bool, now time.Time) {
	grant, ok := object.(*accessv1alpha1.ExecutionGrant)
	if !ok {
		return
	}
	registry.EndIf(func(f session.Facts) *session.End {
		same := f.Grant.Namespace == grant.Namespace && f.Grant.Name == grant.Name
		switch {
		case !same:
			return nil
		case f.Grant.UID != string(grant.UID):
			return session.Revoked(f.Grant)
		case deleted || !grant.DeletionTimestamp.IsZero():
			return session.Revoked(f.Grant)
		case grant.ActiveAt(now):
			return nil
		case grant.Status.ActiveUntil != nil && !now.Before(grant.Status.ActiveUntil.Time):
			return session.Expired(f.Grant)
		default:
			return session.Revoked(f.Grant)
		}
	})
}

func sessionChanged(registry *session.Registry, object any, deleted bool) {
	s, ok := object.(*accessv1alpha1.ExecutionSession)
	if !ok || !deleted && s.DeletionTimestamp.IsZero() {
		return
	}
	registry.EndIf(func(f session.Facts) *session.End {
		if f.ID != s.Name || f.Namespace != s.Namespace {
			return nil
		}
		return session.Deleted()
	})
}

func podChanged(registry *session.Registry, object any, deleted bool) {
	pod, ok := object.(*metav1.PartialObjectMetadata)
	if !ok {
		return
	}
	registry.EndIf(func(f session.Facts) *session.End {
		same := f.Namespace == pod.Namespace && f.Pod == pod.Name
		if !same || f.PodUID == string(pod.UID) && !deleted && pod.DeletionTimestamp.IsZero() {
			return nil
		}
		return session.PodGone(f.Namespace, f.Pod)
	})
}
