package webhooks

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
)

func TestChangingAnImageTakesAGrant(t *testing.T) {
	const needs = "change the image of a pod in this cluster only under a grant for the action Run"
	asked := func(command []string, images ...string) []authorizer.Attributes {
		return []authorizer.Attributes{{
			User:   authorizer.User{Name: "developer", UID: "developer-uid", Groups: []string{"developers", "system:authenticated"}},
			Action: "Run", Namespace: namespace, Images: images, Command: command,
		}}
	}
	image := func(i int, name string) func(*corev1.Pod) {
		return func(p *corev1.Pod) { p.Spec.Containers[i].Image = name }
	}
	yes := fakeAuthorizer{decision: allowed()}
	tests := map[string]struct {
		before     *corev1.Pod // webPod if nil
		change     func(*corev1.Pod)
		user       string // developer if empty
		authorizer fakeAuthorizer
		request    func(*admission.Request)
		asked      []authorizer.Attributes
		want       string
	}{
		"if a grant covers the pod as it will be, then the image changes": {
			change: image(0, "new:1"), authorizer: yes, asked: asked(nil, "init:1", "new:1", "side:1"),
		},
		"if the pod runs one program, then its command is asked about, too": {
			before: newPod(nil), change: image(0, "new:1"), authorizer: yes, asked: asked([]string{"sleep", "60"}, "new:1"),
		},
		"if no grant covers it, then it is denied": {change: image(1, "evil:1"), asked: asked(nil, "app:1", "evil:1", "init:1"), want: needs},
		"if people would have to agree, then it is denied": {
			change: image(0, "new:1"), authorizer: fakeAuthorizer{decision: authorizer.Decision{Outcome: authorizer.NeedsApproval}},
			asked: asked(nil, "init:1", "new:1", "side:1"), want: needs,
		},
		"if it is offered to request a grant, then stock kubectl is offered, too": {
			before: newPod(nil), change: image(0, "new:1"), asked: asked([]string{"sleep", "60"}, "new:1"),
			authorizer: fakeAuthorizer{decision: authorizer.Decision{OffersRequest: true, Reasons: []string{"request one: kubectl sallyport request -n shop --action Run --image new:1 --reason WHY"}}},
			want:       `"actions":["Run"],"target":{"images":["new:1"]}`,
		},
		"if an init container's image changes, then it is denied": {
			change: func(p *corev1.Pod) { p.Spec.InitContainers[0].Image = "evil:1" }, asked: asked(nil, "app:1", "evil:1", "side:1"), want: needs,
		},
		"if two containers swap their images, then it is denied": {
			change: func(p *corev1.Pod) { image(0, "side:1")(p); image(1, "app:1")(p) }, asked: asked(nil, "app:1", "init:1", "side:1"), want: needs,
		},
		"if no image changes, then nobody is asked": {change: func(p *corev1.Pod) { p.Labels = map[string]string{"a": "b"} }},
		"if a controller changes it, then it passes": {
			user: "system:serviceaccount:kube-system:replicaset-controller", change: image(0, "new:1"),
		},
		"if Sallyport changes it, then it passes": {user: sallyport, change: image(0, "new:1")},
		"if a kubelet changes what is said to be its static pod, then it does not pass": {
			user: "system:node:a", want: needs,
			change: func(p *corev1.Pod) {
				p.Annotations, p.Spec.NodeName = map[string]string{corev1.MirrorPodAnnotationKey: "x"}, "a"
				p.Spec.Containers[0].Image = "new:1"
			},
			asked: []authorizer.Attributes{{
				User:   authorizer.User{Name: "system:node:a", UID: "system:node:a-uid", Groups: []string{"developers", "system:authenticated"}},
				Action: "Run", Namespace: namespace, Images: []string{"init:1", "new:1", "side:1"},
			}},
		},
		"if the authorizer fails, then it is denied": {
			change: image(0, "new:1"), authorizer: fakeAuthorizer{err: errBroken}, asked: asked(nil, "init:1", "new:1", "side:1"), want: "could not decide",
		},
		"if the operation is another, then it is denied":  {request: func(r *admission.Request) { r.Operation = admissionv1.Create }, want: "does not know"},
		"if a subresource is updated, then it is denied":  {request: func(r *admission.Request) { r.SubResource = "resize" }, want: "does not know"},
		"if the stored pod is missing, then it is denied": {request: func(r *admission.Request) { r.OldObject.Raw = nil }, want: "cannot be read"},
		"if the pod is garbage, then it is denied":        {request: func(r *admission.Request) { r.Object.Raw = []byte("[]") }, want: "cannot be read"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			before := tc.before
			if before == nil {
				before = webPod()
			}
			after := before.DeepCopy()
			if tc.change != nil {
				tc.change(after)
			}
			user := tc.user
			if user == "" {
				user = "developer"
			}
			req := request(t, admissionv1.Update, user, after, before)
			if tc.request != nil {
				tc.request(req)
			}
			wantAnswer(t, (&PodImageHandler{gate(&tc.authorizer)}).Handle(t.Context(), *req), tc.want)
			if diff := cmp.Diff(tc.asked, tc.authorizer.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}
