package webhooks

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/authorizer/howto"
	"github.com/sallyport-dev/sallyport/internal/layout"
)

func newPod(change func(*corev1.Pod)) *corev1.Pod {
	pod := &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shell"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "busybox:1", Command: []string{"sleep"}, Args: []string{"60"}}}},
	}
	if change != nil {
		change(pod)
	}
	return pod
}

func gate(f *fakeAuthorizer) PodGate {
	return PodGate{Decoder: testDecoder(), Authorizer: f, Now: clock, Username: sallyport}
}

// applied is the pod after a mutating response.
func applied(t *testing.T, req *admission.Request, r admission.Response) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{}
	if err := json.Unmarshal(patched(t, req, r), pod); err != nil {
		t.Fatal(err)
	}
	return pod
}

func TestWhoMakesPodsWithoutAGrant(t *testing.T) {
	mirror := func(node string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Annotations, p.Spec.NodeName = map[string]string{corev1.MirrorPodAnnotationKey: "x"}, node
		}
	}
	const needs = "only under a grant for the action Run"
	tests := map[string]struct {
		user   string
		groups []string
		change func(*corev1.Pod)
		want   string
	}{
		"if a ReplicaSet's controller makes it, then it passes":          {user: "system:serviceaccount:kube-system:replicaset-controller"},
		"if a StatefulSet's controller makes it, then it passes":         {user: "system:serviceaccount:kube-system:statefulset-controller"},
		"if a DaemonSet's controller makes it, then it passes":           {user: "system:serviceaccount:kube-system:daemon-set-controller"},
		"if a Job's controller makes it, then it passes":                 {user: "system:serviceaccount:kube-system:job-controller"},
		"if the old replication controller makes it, then it passes":     {user: "system:serviceaccount:kube-system:replication-controller"},
		"if an undivided controller-manager makes it, then it passes":    {user: "system:kube-controller-manager"},
		"if Sallyport makes it, then it passes":                          {user: sallyport},
		"if a kubelet shows its own static pod, then it passes":          {user: "system:node:a", change: mirror("a")},
		"if a kubelet shows another node's static pod, then it does not": {user: "system:node:a", change: mirror("b"), want: needs},
		"if a kubelet makes another pod, then it does not":               {user: "system:node:a", change: func(p *corev1.Pod) { p.Spec.NodeName = "a" }, want: needs},
		"if a nameless kubelet shows a static pod, then it does not":     {user: "system:node:", change: mirror(""), want: needs},
		"if a person shows a static pod, then it does not":               {user: "a", change: mirror("a"), want: needs},
		"if a person makes it, then it does not":                         {user: "developer", want: needs},
		"if the highest administrator makes it, then it does not":        {user: "root", groups: []string{"system:masters"}, want: needs},
		"if a controller's namesake makes it, then it does not":          {user: "system:serviceaccount:shop:replicaset-controller", want: needs},
		"if the name only begins like a controller's, then it does not":  {user: "system:serviceaccount:kube-system:replicaset-controller2", want: needs},
		"if only a group says controller, then it does not":              {user: "x", groups: []string{"system:serviceaccounts:kube-system"}, want: needs},
		"if the cron job's controller makes it, then it does not":        {user: "system:serviceaccount:kube-system:cronjob-controller", want: needs},
		"if nobody is known to make it, then it does not":                {user: "", want: needs},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			req := request(t, admissionv1.Create, tc.user, newPod(tc.change), nil)
			req.UserInfo.Groups = append(req.UserInfo.Groups, tc.groups...)
			f := &fakeAuthorizer{}
			for _, h := range []admission.Handler{&PodMutator{gate(f)}, &PodValidator{gate(f)}} {
				wantAnswer(t, h.Handle(t.Context(), *req), tc.want)
			}
			if tc.want == "" && len(f.asked) > 0 {
				t.Error("the authorizer was asked about who needs no grant")
			}
		})
	}
}

func TestWithoutAnIdentityOfItsOwnTheGateExemptsNobody(t *testing.T) {
	g := gate(&fakeAuthorizer{})
	g.Username = ""
	wantAnswer(t, (&PodValidator{g}).Handle(t.Context(), *request(t, admissionv1.Create, "", newPod(nil), nil)), "Run")
}

func TestThePodAsAttributes(t *testing.T) {
	hook := &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"id"}}}
	probe := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"id"}}}}
	http := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{}}}
	tests := map[string]struct {
		change func(*corev1.Pod)
		want   authorizer.Attributes
	}{
		"if it has one container, then its command and arguments are one": {want: authorizer.Attributes{Images: []string{"busybox:1"}, Command: []string{"sleep", "60"}}},
		"if it has arguments only, then they are the command": {
			change: func(p *corev1.Pod) { p.Spec.Containers[0].Command = nil }, want: authorizer.Attributes{Images: []string{"busybox:1"}, Command: []string{"60"}},
		},
		"if it is interactive, then that is said": {
			change: func(p *corev1.Pod) { p.Spec.Containers[0].TTY, p.Spec.Containers[0].Stdin = true, true },
			want:   authorizer.Attributes{Images: []string{"busybox:1"}, Command: []string{"sleep", "60"}, TTY: true, Stdin: true},
		},
		"if it has a second container, then no command stands for it": {
			change: func(p *corev1.Pod) {
				p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "d", Image: "evil:1"})
			}, want: authorizer.Attributes{Images: []string{"busybox:1", "evil:1"}},
		},
		"if it has an init container, then no command stands for it": {
			change: func(p *corev1.Pod) { p.Spec.InitContainers = []corev1.Container{{Name: "i", Image: "init:1"}} },
			want:   authorizer.Attributes{Images: []string{"busybox:1", "init:1"}},
		},
		"if a volume brings an image, then it counts": {
			change: func(p *corev1.Pod) {
				p.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: "tools:1"}}}}
			}, want: authorizer.Attributes{Images: []string{"busybox:1", "tools:1"}, Command: []string{"sleep", "60"}},
		},
		"if a hook runs at the start, then no command stands for it": {
			change: func(p *corev1.Pod) { p.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{PostStart: hook} }, want: authorizer.Attributes{Images: []string{"busybox:1"}},
		},
		"if a hook runs at the end, then no command stands for it": {
			change: func(p *corev1.Pod) { p.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{PreStop: hook} }, want: authorizer.Attributes{Images: []string{"busybox:1"}},
		},
		"if a liveness probe runs, then no command stands for it":  {change: func(p *corev1.Pod) { p.Spec.Containers[0].LivenessProbe = probe }, want: authorizer.Attributes{Images: []string{"busybox:1"}}},
		"if a readiness probe runs, then no command stands for it": {change: func(p *corev1.Pod) { p.Spec.Containers[0].ReadinessProbe = probe }, want: authorizer.Attributes{Images: []string{"busybox:1"}}},
		"if a startup probe runs, then no command stands for it":   {change: func(p *corev1.Pod) { p.Spec.Containers[0].StartupProbe = probe }, want: authorizer.Attributes{Images: []string{"busybox:1"}}},
		"if a probe runs nothing, then the command stands for it": {
			change: func(p *corev1.Pod) { p.Spec.Containers[0].LivenessProbe = http },
			want:   authorizer.Attributes{Images: []string{"busybox:1"}, Command: []string{"sleep", "60"}},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f := &fakeAuthorizer{decision: allowed()}
			(&PodMutator{gate(f)}).Handle(t.Context(), *request(t, admissionv1.Create, "developer", newPod(tc.change), nil))
			tc.want.User = authorizer.User{Name: "developer", UID: "developer-uid", Groups: []string{"developers", "system:authenticated"}}
			tc.want.Action, tc.want.Namespace = "Run", namespace
			if diff := cmp.Diff([]authorizer.Attributes{tc.want}, f.asked); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAPodIsBoundToItsGrant(t *testing.T) {
	const deadline = 600 // what is left of the grant
	tests := map[string]struct {
		change       func(*corev1.Pod)
		wantDeadline int64
		want         string // of the validator
	}{
		"if nothing is written by hand, then all is stamped":            {wantDeadline: deadline},
		"if the pod has annotations, then they stay":                    {change: func(p *corev1.Pod) { p.Annotations = map[string]string{"a/b": "c"} }, wantDeadline: deadline},
		"if the pod ends earlier by itself, then that stays":            {change: func(p *corev1.Pod) { p.Spec.ActiveDeadlineSeconds = new(int64(5)) }, wantDeadline: 5},
		"if the pod would end later, then it is cut":                    {change: func(p *corev1.Pod) { p.Spec.ActiveDeadlineSeconds = new(int64(86400)) }, wantDeadline: deadline},
		"if the right grant is written by hand, then it stays":          {change: func(p *corev1.Pod) { p.Annotations = map[string]string{layout.AnnotationGrant: "grant"} }, wantDeadline: deadline},
		"if another grant is written by hand, then it is refused":       {change: func(p *corev1.Pod) { p.Annotations = map[string]string{layout.AnnotationGrant: "other"} }, wantDeadline: deadline, want: "leave the annotation out"},
		"if another grant's UID is written by hand, then it is refused": {change: func(p *corev1.Pod) { p.Annotations = map[string]string{layout.AnnotationGrantUID: "other"} }, wantDeadline: deadline, want: "leave the annotation out"},
		"if the annotation is written empty, then it is refused":        {change: func(p *corev1.Pod) { p.Annotations = map[string]string{layout.AnnotationGrant: ""} }, wantDeadline: deadline, want: "leave the annotation out"},
		"if a number is too large for a float, then it is not changed on the way": {change: func(p *corev1.Pod) {
			p.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsUser: new(int64(9007199254740993))}
		}, wantDeadline: deadline},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f := &fakeAuthorizer{decision: allowed()}
			before := newPod(tc.change)
			req := request(t, admissionv1.Create, "developer", before, nil)
			r := (&PodMutator{gate(f)}).Handle(t.Context(), *req)
			wantAnswer(t, r, "")
			pod := applied(t, req, r)
			if pod.Spec.ActiveDeadlineSeconds == nil || *pod.Spec.ActiveDeadlineSeconds != tc.wantDeadline {
				t.Errorf("deadline %v, want %d", pod.Spec.ActiveDeadlineSeconds, tc.wantDeadline)
			}
			want := before.DeepCopy()
			want.Spec.ActiveDeadlineSeconds = pod.Spec.ActiveDeadlineSeconds
			for key, value := range map[string]string{layout.AnnotationGrant: "grant", layout.AnnotationGrantUID: allowed().Grant.UID} {
				if _, ok := want.Annotations[key]; !ok {
					metav1.SetMetaDataAnnotation(&want.ObjectMeta, key, value)
				}
			}
			if diff := cmp.Diff(want, pod); diff != "" {
				t.Errorf("pod (-want +got):\n%s", diff)
			}
			wantAnswer(t, (&PodValidator{gate(f)}).Handle(t.Context(), *request(t, admissionv1.Create, "developer", pod, nil)), tc.want)
		})
	}
}

// The validating webhook sees what others made of the pod after it was stamped.
func TestTheValidatorTrustsNobody(t *testing.T) {
	stamped := func(change func(*corev1.Pod)) *corev1.Pod {
		return newPod(func(p *corev1.Pod) {
			p.Annotations = map[string]string{layout.AnnotationGrant: "grant", layout.AnnotationGrantUID: allowed().Grant.UID}
			p.Spec.ActiveDeadlineSeconds = new(int64(600))
			if change != nil {
				change(p)
			}
		})
	}
	tests := map[string]struct {
		pod      *corev1.Pod
		decision func(*authorizer.Decision)
		want     string
	}{
		"if it is as it was stamped, then it is allowed":            {pod: stamped(nil)},
		"if time has passed since, then it is allowed":              {pod: stamped(nil), decision: func(d *authorizer.Decision) { d.Until -= int64(29 * time.Second) }},
		"if the deadline lies beyond the grant, then it is refused": {pod: stamped(func(p *corev1.Pod) { p.Spec.ActiveDeadlineSeconds = new(int64(631)) }), want: "activeDeadlineSeconds"},
		"if it waits for a gate, then it is refused": {
			pod: stamped(func(p *corev1.Pod) { p.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "later"}} }), want: "schedulingGates",
		},
		"if the deadline is gone, then it is refused":        {pod: stamped(func(p *corev1.Pod) { p.Spec.ActiveDeadlineSeconds = nil }), want: "activeDeadlineSeconds"},
		"if the annotations are gone, then it is refused":    {pod: newPod(nil), want: "metadata.annotations"},
		"if another grant covers it now, then it is refused": {pod: stamped(nil), decision: func(d *authorizer.Decision) { d.Grant.Name = "other" }, want: "metadata.annotations"},
		"if no grant covers it any more, then it is refused": {pod: stamped(nil), decision: func(d *authorizer.Decision) { d.Outcome = authorizer.Deny }, want: "only under a grant"},
		"if people would have to agree, then it is refused":  {pod: stamped(nil), decision: func(d *authorizer.Decision) { d.Outcome = authorizer.NeedsApproval }, want: "only under a grant"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f := &fakeAuthorizer{decision: allowed()}
			if tc.decision != nil {
				tc.decision(&f.decision)
			}
			wantAnswer(t, (&PodValidator{gate(f)}).Handle(t.Context(), *request(t, admissionv1.Create, "developer", tc.pod, nil)), tc.want)
		})
	}
}

func TestPodRequestsThatAreDenied(t *testing.T) {
	tests := map[string]struct {
		change     func(*admission.Request)
		authorizer fakeAuthorizer
		want       string
	}{
		"if the operation is another, then it is denied": {change: func(r *admission.Request) { r.Operation = admissionv1.Update }, want: "does not know this request"},
		"if a subresource is made, then it is denied":    {change: func(r *admission.Request) { r.SubResource = "binding" }, want: "does not know this request"},
		"if the pod is garbage, then it is denied":       {change: func(r *admission.Request) { r.Object.Raw = []byte("{") }, want: "cannot be read"},
		"if the pod is missing, then it is denied":       {change: func(r *admission.Request) { r.Object.Raw = nil }, want: "cannot be read"},
		"if the authorizer fails, then it is denied":     {authorizer: fakeAuthorizer{err: errBroken}, want: "could not decide"},
		"if there is a reason, then it is told": {
			authorizer: fakeAuthorizer{decision: authorizer.Decision{Reasons: []string{`grant "g" covers another image`}}}, want: `grant "g" covers another image`,
		},
		"if it is offered to request a grant, then stock kubectl is offered, too": {
			authorizer: fakeAuthorizer{decision: authorizer.Decision{OffersRequest: true, Reasons: []string{"request one: kubectl sallyport request -n shop --action Run --image busybox:1 --reason WHY"}}},
			want:       `"actions":["Run"],"target":{"images":["busybox:1"]}`,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			req := request(t, admissionv1.Create, "developer", newPod(nil), nil)
			if tc.change != nil {
				tc.change(req)
			}
			for _, h := range []admission.Handler{&PodMutator{gate(&tc.authorizer)}, &PodValidator{gate(&tc.authorizer)}} {
				wantAnswer(t, h.Handle(t.Context(), *req), tc.want)
			}
		})
	}
}

func TestStockKubectlIsOfferedWhereARequestIs(t *testing.T) {
	const reason = "request one: kubectl sallyport request -n shop --action Run --image busybox:1 --reason WHY"
	a := authorizer.Attributes{Action: "Run", Namespace: namespace, Images: []string{"busybox:1"}, Command: []string{"id"}}
	manifest, err := howto.Manifest(a)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		decision authorizer.Decision
		want     string
	}{
		"if a request is offered, then also with stock kubectl": {
			authorizer.Decision{Reasons: []string{reason}, OffersRequest: true}, "intro\n" + reason + "\nor with stock kubectl:\n" + manifest,
		},
		"if a reason only reads like an offer, then it stands alone": {authorizer.Decision{Reasons: []string{reason}}, "intro\n" + reason},
		"if nothing is said, then nothing is offered":                {authorizer.Decision{}, "intro"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, denied("intro", a, tc.decision).Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAGrantThatEndsAtOnceMakesNoPod(t *testing.T) {
	f := &fakeAuthorizer{decision: allowed()}
	f.decision.Until = present.Add(999 * time.Millisecond).UnixNano()
	r := (&PodMutator{gate(f)}).Handle(t.Context(), *request(t, admissionv1.Create, "developer", newPod(nil), nil))
	wantAnswer(t, r, "ends in less than a second")
}

func TestEphemeralContainers(t *testing.T) {
	container := func(name, image, target string, command ...string) corev1.EphemeralContainer {
		return corev1.EphemeralContainer{
			TargetContainerName:      target,
			EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: name, Image: image, Command: command, Stdin: true, TTY: true},
		}
	}
	with := func(containers ...corev1.EphemeralContainer) *corev1.Pod {
		pod := webPod()
		pod.Spec.EphemeralContainers = containers
		return pod
	}
	asked := func(image, container string, command ...string) authorizer.Attributes {
		return authorizer.Attributes{
			User:   authorizer.User{Name: "developer", UID: "developer-uid", Groups: []string{"developers", "system:authenticated"}},
			Action: "Debug", Namespace: namespace, Pod: "web", PodUID: "web-uid", PodLabels: map[string]string{"app": "web"},
			Container: container, Images: []string{image}, Command: command, Stdin: true, TTY: true,
		}
	}
	const needs = "only under a grant for the action Debug"
	old := container("old", "old:1", "")
	tests := map[string]struct {
		before, after *corev1.Pod
		authorizer    fakeAuthorizer
		change        func(*admission.Request)
		asked         []authorizer.Attributes
		want          string
	}{
		"if a grant covers the container, then it is added": {
			before: with(old), after: with(old, container("new", "busybox:1", "app", "sh")), authorizer: fakeAuthorizer{decision: allowed()},
			asked: []authorizer.Attributes{asked("busybox:1", "app", "sh")},
		},
		"if two containers are added, then each is asked about": {
			before: with(), after: with(container("a", "a:1", ""), container("b", "b:1", "")), authorizer: fakeAuthorizer{decision: allowed()},
			asked: []authorizer.Attributes{asked("a:1", ""), asked("b:1", "")},
		},
		"if nothing is added, then nothing is asked": {before: with(old), after: with(old)},
		"if no grant covers it, then it is denied": {
			before: with(), after: with(container("new", "busybox:1", "app")), asked: []authorizer.Attributes{asked("busybox:1", "app")}, want: needs,
		},
		"if a container is changed, then it is asked about like a new one": {
			before: with(old), after: with(container("old", "evil:1", "")), asked: []authorizer.Attributes{asked("evil:1", "")}, want: needs,
		},
		"if labels are changed on the way, then the stored ones count": {
			before: with(), after: func() *corev1.Pod {
				p := with(container("new", "busybox:1", ""))
				p.Labels, p.UID, p.Name = map[string]string{"app": "forged"}, "forged", "forged"
				return p
			}(), authorizer: fakeAuthorizer{decision: allowed()}, asked: []authorizer.Attributes{asked("busybox:1", "")},
		},
		"if the authorizer fails, then it is denied": {
			before: with(), after: with(old), authorizer: fakeAuthorizer{err: errBroken}, asked: []authorizer.Attributes{asked("old:1", "")}, want: "could not decide",
		},
		"if the operation is another, then it is denied":   {before: with(), after: with(old), change: func(r *admission.Request) { r.Operation = admissionv1.Create }, want: "does not know"},
		"if the subresource is another, then it is denied": {before: with(), after: with(old), change: func(r *admission.Request) { r.SubResource = "" }, want: "does not know"},
		"if the stored pod is missing, then it is denied":  {before: with(), after: with(old), change: func(r *admission.Request) { r.OldObject.Raw = nil }, want: "cannot be read"},
		"if the pod is garbage, then it is denied":         {before: with(), after: with(old), change: func(r *admission.Request) { r.Object.Raw = []byte("[]") }, want: "cannot be read"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			req := request(t, admissionv1.Update, "developer", tc.after, tc.before)
			req.SubResource = "ephemeralcontainers"
			if tc.change != nil {
				tc.change(req)
			}
			h := &EphemeralHandler{Decoder: testDecoder(), Authorizer: &tc.authorizer}
			wantAnswer(t, h.Handle(t.Context(), *req), tc.want)
			if diff := cmp.Diff(tc.asked, tc.authorizer.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

func TestClipKeepsCharactersWhole(t *testing.T) {
	for _, s := range []string{"", "short", strings.Repeat("é", maxMessage), strings.Repeat("x", maxMessage+1), strings.Repeat("\xff", 5000)} {
		if got := clip(s); len(got) > maxMessage || len(s) <= maxMessage && got != s {
			t.Errorf("%d bytes became %d", len(s), len(got))
		}
	}
}
