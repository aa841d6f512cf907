package webhooks_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/approval"
	"github.com/sallyport-dev/sallyport/test/gen"
)

func TestAGrantSaysWhoRequestedIt(t *testing.T) {
	ns := cluster.Namespace(t)
	people := developer(t, ns, "grant-developer")
	pod := makePod(t, ns, "web")
	g := gen.MakeGrant(ns, "g").ForCreate().Requester("").Obj()
	if err := people.Create(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&accessv1alpha1.Identity{Username: "grant-developer", Groups: []string{"developers", "system:authenticated"}}, g.Spec.Requester); diff != "" {
		t.Errorf("requester (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&accessv1alpha1.Subject{Kind: accessv1alpha1.SubjectUser, Name: "grant-developer"}, g.Spec.Subject); diff != "" {
		t.Errorf("subject (-want +got):\n%s", diff)
	}
	if g.Spec.Target.PodUID != string(pod.UID) {
		t.Errorf("bound to the pod %q, want %q", g.Spec.Target.PodUID, pod.UID)
	}
	rebound := g.DeepCopy()
	rebound.Spec.Target.PodUID = "another"
	if err := people.Update(t.Context(), rebound); !apierrors.IsInvalid(err) {
		t.Errorf("bound to another pod afterwards: %v", err)
	}

	forged := gen.MakeGrant(ns, "forged").ForCreate().Requester("admin").Obj()
	wantInvalid(t, people.Create(t.Context(), forged), "spec.requester", "leave it out")
	wantInvalid(t, cluster.AdminClient.Create(t.Context(), forged), "spec.requester")
	bound := gen.MakeGrant(ns, "bound").ForCreate().Requester("").PodUID("another").Obj()
	wantInvalid(t, people.Create(t.Context(), bound), "spec.target.podUID", `"another"`, "leave it out")
	other := gen.MakeGrant(ns, "other").ForCreate().Requester("").Subject(accessv1alpha1.Subject{Kind: accessv1alpha1.SubjectUser, Name: "x"}).Obj()
	wantDenied(t, people.Create(t.Context(), other), "spec.subject", "delegate")
	role(t, ns, "grant-developer", "sallyport-delegate")
	if err := people.Create(t.Context(), other); err != nil {
		t.Errorf("a delegate could not declare a grant: %v", err)
	}
	wantInvalid(t, people.Create(t.Context(), gen.MakeGrant(ns, "none").ForCreate().Requester("").Pod("none").Obj()), "spec.target.podName")
	wantInvalid(t, people.Create(t.Context(), gen.MakeGrant(ns, "none").ForCreate().Requester("").Labels(map[string]string{"a": "none"}).Obj()), "spec.target.selector")
}

// manifest is a grant as GitOps carries it.
func manifest(ns, name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "access.sallyport.dev/v1alpha1", "kind": "ExecutionGrant",
		"metadata": map[string]any{"namespace": ns, "name": name},
		"spec": map[string]any{
			"actions": []any{"Exec"}, "target": map[string]any{"podName": "web"}, "reason": "migration",
			"window": map[string]any{
				"notBefore": time.Now().Add(-time.Minute).In(time.FixedZone("", 7200)).Format(time.RFC3339),
				"notAfter":  time.Now().Add(time.Hour).In(time.FixedZone("", 7200)).Format(time.RFC3339),
			},
		},
	}}
}

// applyClientSide does what kubectl apply does: the patch from what was applied last, what is stored and what is sent.
func applyClientSide(t *testing.T, c client.Client, o *unstructured.Unstructured) error {
	t.Helper()
	sent := patchJSON(t, o.Object)
	last := o.DeepCopy()
	last.SetAnnotations(map[string]string{corev1.LastAppliedConfigAnnotation: string(sent)})
	stored := o.DeepCopy()
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(o), stored); apierrors.IsNotFound(err) {
		return c.Create(t.Context(), last)
	} else if err != nil {
		return err
	}
	original := []byte(stored.GetAnnotations()[corev1.LastAppliedConfigAnnotation])
	patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(original, patchJSON(t, last.Object), patchJSON(t, stored.Object))
	if err != nil {
		return err
	}
	if string(patch) != "{}" {
		t.Errorf("configured, not unchanged: %s", patch)
	}
	return c.Patch(t.Context(), stored, client.RawPatch(types.MergePatchType, patch))
}

func TestApplyingTheSameManifestAgainChangesNothing(t *testing.T) {
	ns := cluster.Namespace(t)
	people := developer(t, ns, "gitops-developer")
	pod := makePod(t, ns, "web")
	for name, apply := range map[string]func(*unstructured.Unstructured) error{
		"server-side": func(o *unstructured.Unstructured) error {
			return people.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(o), client.FieldOwner("gitops"), client.ForceOwnership)
		},
		"client-side": func(o *unstructured.Unstructured) error { return applyClientSide(t, people, o) },
		"replace": func(o *unstructured.Unstructured) error {
			old := o.DeepCopy()
			if err := people.Get(t.Context(), client.ObjectKeyFromObject(o), old); client.IgnoreNotFound(err) != nil {
				return err
			} else if err != nil {
				return people.Create(t.Context(), o)
			}
			o.SetResourceVersion(old.GetResourceVersion())
			return people.Update(t.Context(), o)
		},
	} {
		t.Run("if it is applied by "+name+", then the second time changes nothing", func(t *testing.T) {
			var versions []string
			sent := manifest(ns, name)
			if err := apply(sent.DeepCopy()); err != nil {
				t.Fatal(err)
			}
			activate(t, &accessv1alpha1.ExecutionGrant{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}})
			for range 2 {
				if err := apply(sent.DeepCopy()); err != nil {
					t.Fatal(err)
				}
				stored := sent.DeepCopy()
				if err := people.Get(t.Context(), client.ObjectKeyFromObject(sent), stored); err != nil {
					t.Fatal(err)
				}
				versions = append(versions, stored.GetResourceVersion())
				if uid, _, _ := unstructured.NestedString(stored.Object, "spec", "target", "podUID"); uid != string(pod.UID) {
					t.Errorf("bound to the pod %q, want %q", uid, pod.UID)
				}
				want, _, _ := unstructured.NestedMap(sent.Object, "spec", "window")
				if got, _, _ := unstructured.NestedMap(stored.Object, "spec", "window"); !cmp.Equal(want, got) {
					t.Errorf("the window was rewritten:\n%s", cmp.Diff(want, got))
				}
			}
			if versions[0] != versions[1] {
				t.Errorf("resource versions %v", versions)
			}
		})
	}
}

// pendingRequest makes a pod, a grant of a developer, and the request for its approval, as Sallyport does.
func pendingRequest(t *testing.T, ns, requester string) *accessv1alpha1.ApprovalRequest {
	t.Helper()
	people := developer(t, ns, requester)
	makePod(t, ns, "web")
	g := gen.MakeGrant(ns, "g").ForCreate().Requester("").Obj()
	if err := people.Create(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	request := approval.NewRequest(g, approval.Terms{Required: 2})
	if err := program(t, sallyport).Create(t.Context(), request); err != nil {
		t.Fatalf("Sallyport could not make an approval request: %v", err)
	}
	return request
}

func patchJSON(t *testing.T, object map[string]any) []byte {
	t.Helper()
	b, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPeopleDecideOnceAndUnderTheirOwnName(t *testing.T) {
	ns := cluster.Namespace(t)
	request := pendingRequest(t, ns, "decision-developer")
	approver := func(name string, groups ...string) client.Client {
		c := cluster.UserClient(t, name, groups...)
		role(t, ns, name, "sallyport-approver")
		return c
	}
	merge := func(c client.Client, decisions ...any) error {
		patch := patchJSON(t, map[string]any{"spec": map[string]any{"decisions": decisions}})
		return c.Patch(t.Context(), request.DeepCopy(), client.RawPatch(types.MergePatchType, patch))
	}
	add := func(c client.Client, decision map[string]any) error {
		patch, err := json.Marshal([]any{map[string]any{"op": "add", "path": "/spec/decisions/-", "value": decision}})
		if err != nil {
			t.Fatal(err)
		}
		return c.Patch(t.Context(), request.DeepCopy(), client.RawPatch(types.JSONPatchType, patch))
	}
	approved := map[string]any{"verdict": "Approved"}
	first, second := approver("approver-1"), approver("approver-2")

	role(t, ns, "decision-developer", "sallyport-approver")
	requester := cluster.UserClient(t, "decision-developer")
	wantInvalid(t, merge(requester, approved), "spec.decisions[0].approver", "you requested this grant", "decision-developer")
	wantInvalid(t, merge(cluster.AdminClient, map[string]any{"verdict": "Approved", "approver": "approver-1"}), "spec.decisions[0].approver", "leave it out")
	wantInvalid(t, merge(first, map[string]any{"verdict": "Approved", "time": "2026-01-01T00:00:00Z"}), "spec.decisions[0].time", "time")

	before := time.Now().Truncate(time.Second)
	if err := merge(first, approved); err != nil {
		t.Fatalf("an approver could not decide: %v", err)
	}
	if err := first.Get(t.Context(), client.ObjectKeyFromObject(request), request); err != nil {
		t.Fatal(err)
	}
	if d := request.Spec.Decisions; len(d) != 1 || d[0].Approver != "approver-1" || d[0].Time.Time.Before(before) {
		t.Errorf("decisions %+v", d)
	}
	wantDenied(t, merge(second, approved), "append-only", `"op":"add"`)
	wantDenied(t, merge(first), "append-only")
	wantDenied(t, add(first, map[string]any{"verdict": "Denied"}), "has decided already")

	apply := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "access.sallyport.dev/v1alpha1", "kind": "ApprovalRequest", "metadata": map[string]any{"namespace": ns, "name": request.Name},
		"spec": map[string]any{"decisions": []any{map[string]any{"approver": "approver-2", "verdict": "Approved"}}},
	}}
	var decisions [][]accessv1alpha1.ApprovalDecision
	for range 2 {
		if err := second.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(apply.DeepCopy()), client.FieldOwner("approver-2")); err != nil {
			t.Fatalf("an approver could not decide by server-side apply: %v", err)
		}
		if err := second.Get(t.Context(), client.ObjectKeyFromObject(request), request); err != nil {
			t.Fatal(err)
		}
		decisions = append(decisions, request.Spec.Decisions)
	}
	if diff := cmp.Diff(decisions[0], decisions[1]); diff != "" || len(decisions[0]) != 2 {
		t.Errorf("%d decisions; the second apply changed:\n%s", len(decisions[0]), diff)
	}
	wantInvalid(t, add(cluster.UserClient(t, "approver-3", "system:masters"), map[string]any{"verdict": "Approved", "approver": "approver-4"}), "spec.decisions[2].approver", "leave it out")
}

func TestWithoutTheVerbNobodyDecides(t *testing.T) {
	ns := cluster.Namespace(t)
	request := pendingRequest(t, ns, "verb-developer")
	role(t, ns, "editor", "sallyport-delegate")
	editor := cluster.UserClient(t, "editor")
	cluster.Allow(t, ns, "editor", rbacRule("approvalrequests", "patch", "update", "get"))
	patch := patchJSON(t, map[string]any{"spec": map[string]any{"decisions": []any{map[string]any{"verdict": "Approved"}}}})
	wantDenied(t, editor.Patch(t.Context(), request.DeepCopy(), client.RawPatch(types.MergePatchType, patch)), "lacks the verb approve")
}

func TestNobodyWritesWhatIsSallyports(t *testing.T) {
	ns := cluster.Namespace(t)
	request := pendingRequest(t, ns, "own-developer")
	admin := cluster.AdminClient
	status := patchJSON(t, map[string]any{"status": map[string]any{"observedGeneration": 1}})
	g := gen.MakeGrant(ns, "g").ForCreate().Obj()
	session := gen.MakeSession(ns, "0199aaaa-0000-7000-8000-000000000002").ForCreate().Obj()

	wantDenied(t, admin.Status().Patch(t.Context(), g, client.RawPatch(types.MergePatchType, status)), "status of executiongrants is written by Sallyport only")
	wantDenied(t, admin.Status().Patch(t.Context(), request.DeepCopy(), client.RawPatch(types.MergePatchType, status)), "status of approvalrequests is written by Sallyport only")
	wantDenied(t, admin.Create(t.Context(), session.DeepCopy()), "executionsessions are written by Sallyport only")
	wantDenied(t, admin.Create(t.Context(), gen.MakeRequest(gen.MakeGrant(ns, "g").Obj(), request.Spec.Digest).ForCreate().Obj()), "only Sallyport makes approval requests")
	wantDenied(t, admin.Delete(t.Context(), request.DeepCopy()), "deleted with their grant")

	if err := masters(t, sallyport).Create(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	session.Labels = map[string]string{"a": "b"}
	wantDenied(t, admin.Update(t.Context(), session.DeepCopy()), "executionsessions are written by Sallyport only")
	if err := admin.Delete(t.Context(), session); err != nil {
		t.Errorf("deleting a session ends it, and is for whom RBAC lets: %v", err)
	}
	if err := masters(t, "system:serviceaccount:kube-system:generic-garbage-collector").Delete(t.Context(), request); err != nil {
		t.Errorf("the garbage collector could not delete: %v", err)
	}
}
