package app

import (
	"context"
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/proxy/session"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func facts() session.Facts {
	return session.Facts{
		ID: "s1", Namespace: "shop", Pod: "web", PodUID: "u-web",
		Grant: authorizer.GrantRef{Namespace: "shop", Name: "g", UID: "u-g"},
	}
}

// ended returns the reason for which an event ends the session, or "".
func ended(t *testing.T, event func(*session.Registry)) string {
	t.Helper()
	registry := session.Registry{MaxSessions: 1, MaxPerUser: 1}
	ctx, release, err := registry.Add(t.Context(), facts())
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	event(&registry)
	if end, ok := errors.AsType[*session.End](context.Cause(ctx)); ok {
		return end.Reason
	}
	return ""
}

func activeGrant(change func(*accessv1alpha1.ExecutionGrant)) *accessv1alpha1.ExecutionGrant {
	g := &accessv1alpha1.ExecutionGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "g", UID: "u-g"},
		Status: accessv1alpha1.ExecutionGrantStatus{
			ApprovedDigest: "sha256:d", ActiveFrom: &metav1.Time{Time: noon.Add(-time.Minute)}, ActiveUntil: &metav1.Time{Time: noon.Add(time.Minute)},
			Conditions: []metav1.Condition{{Type: accessv1alpha1.ConditionActive, Status: metav1.ConditionTrue}},
		},
	}
	change(g)
	return g
}

func TestGrantEvents(t *testing.T) {
	tests := map[string]struct {
		grant   any
		deleted bool
		want    string
	}{
		"if the grant is active, then the session goes on":      {grant: activeGrant(func(*accessv1alpha1.ExecutionGrant) {})},
		"if the grant is deleted, then the session ends":        {activeGrant(func(*accessv1alpha1.ExecutionGrant) {}), true, session.ReasonRevoked},
		"if the grant is being deleted, then the session ends":  {activeGrant(func(g *accessv1alpha1.ExecutionGrant) { g.DeletionTimestamp = &metav1.Time{Time: noon} }), false, session.ReasonRevoked},
		"if the grant was replaced, then the session ends":      {activeGrant(func(g *accessv1alpha1.ExecutionGrant) { g.UID = "other" }), false, session.ReasonRevoked},
		"if the grant is no longer active, then it ends":        {activeGrant(func(g *accessv1alpha1.ExecutionGrant) { g.Status.Conditions[0].Status = metav1.ConditionFalse }), false, session.ReasonRevoked},
		"if the grant has expired, then it ends as expired":     {activeGrant(func(g *accessv1alpha1.ExecutionGrant) { g.Status.ActiveUntil.Time = noon }), false, session.ReasonExpired},
		"if another grant is deleted, then the session goes on": {grant: activeGrant(func(g *accessv1alpha1.ExecutionGrant) { g.Name = "other" }), deleted: true},
		"if one of another namespace is, then it goes on":       {grant: activeGrant(func(g *accessv1alpha1.ExecutionGrant) { g.Namespace = "other" }), deleted: true},
		"if the event is of something else, then it goes on":    {grant: "?", deleted: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := ended(t, func(r *session.Registry) { grantChanged(r, tc.grant, tc.deleted, noon) }); got != tc.want {
				t.Errorf("ended with %q, want %q", got, tc.want)
			}
		})
	}
}

func TestSessionEvents(t *testing.T) {
	object := func(name string, deletion *metav1.Time) *accessv1alpha1.ExecutionSession {
		return &accessv1alpha1.ExecutionSession{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, DeletionTimestamp: deletion}}
	}
	tests := map[string]struct {
		object  any
		deleted bool
		want    string
	}{
		"if the object changes, then the session goes on":            {object: object("s1", nil)},
		"if the object is deleted, then the session ends":            {object("s1", nil), true, session.ReasonDeleted},
		"if the object is being deleted, then the session ends":      {object("s1", &metav1.Time{Time: noon}), false, session.ReasonDeleted},
		"if another object is deleted, then the session goes on":     {object: object("s2", nil), deleted: true},
		"if the event is of something else, then it goes on":         {object: "?", deleted: true},
		"if the deletion was missed and is told later, then it ends": {present(toolscache.DeletedFinalStateUnknown{Obj: object("s1", nil)}), true, session.ReasonDeleted},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := ended(t, func(r *session.Registry) { sessionChanged(r, tc.object, tc.deleted) }); got != tc.want {
				t.Errorf("ended with %q, want %q", got, tc.want)
			}
		})
	}
}

func TestPodEvents(t *testing.T) {
	pod := func(change func(*metav1.PartialObjectMetadata)) *metav1.PartialObjectMetadata {
		p := podMetadata()
		p.Namespace, p.Name, p.UID = "shop", "web", "u-web"
		change(p)
		return p
	}
	tests := map[string]struct {
		object  any
		deleted bool
		want    string
	}{
		"if the pod changes, then the session goes on":        {object: pod(func(*metav1.PartialObjectMetadata) {})},
		"if the pod is deleted, then the session ends":        {pod(func(*metav1.PartialObjectMetadata) {}), true, session.ReasonPodGone},
		"if the pod is being deleted, then the session ends":  {pod(func(p *metav1.PartialObjectMetadata) { p.DeletionTimestamp = &metav1.Time{Time: noon} }), false, session.ReasonPodGone},
		"if the pod was replaced, then the session ends":      {pod(func(p *metav1.PartialObjectMetadata) { p.UID = "other" }), false, session.ReasonPodGone},
		"if another pod is deleted, then the session goes on": {object: pod(func(p *metav1.PartialObjectMetadata) { p.Name = "db" }), deleted: true},
		"if the event is of something else, then it goes on":  {object: "?", deleted: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := ended(t, func(r *session.Registry) { podChanged(r, tc.object, tc.deleted) }); got != tc.want {
				t.Errorf("ended with %q, want %q", got, tc.want)
			}
		})
	}
}
