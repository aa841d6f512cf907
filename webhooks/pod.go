package webhooks

import (
	"context"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/authorizer/howto"
	"github.com/sallyport-dev/sallyport/internal/layout"
)

// deadlineSlack is how much later than the grant the deadline may lie when it is verified: other webhooks may take their
// time between stamping and verifying.
const deadlineSlack = 30 * time.Second

// PodGate decides who may make pods and change their images; PodMutator, PodValidator and PodImageHandler share it.
type PodGate struct {
	Decoder    admission.Decoder
	Authorizer authorizer.Authorizer
	Now        func() time.Time
	// Username is Sallyport's own.
	Username string
}

// PodMutator binds a pod that a person makes to the grant that covers it: by annotations, and by a deadline.
type PodMutator struct{ PodGate }

// PodValidator verifies what PodMutator stamped, after every other mutating webhook.
type PodValidator struct{ PodGate }

// Handle denies or stamps.
func (m *PodMutator) Handle(ctx context.Context, req admission.Request) admission.Response {
	_, d, err := m.decide(ctx, &req)
	if err != nil || d == nil {
		return answer(ctx, err, "operation", "CREATE")
	}
	left := int64(time.Unix(0, d.Until).Sub(m.Now()) / time.Second)
	if left < 1 {
		return answer(ctx, refuse("grant %q ends in less than a second", d.Grant.Name), "operation", "CREATE")
	}
	response, err := patch(&req, func(object map[string]any) error { return stampPod(object, d.Grant, left) })
	if err != nil {
		return answer(ctx, err, "operation", "CREATE")
	}
	return response
}

// Handle denies what is not covered, or not bound to what covers it.
func (v *PodValidator) Handle(ctx context.Context, req admission.Request) admission.Response {
	pod, d, err := v.decide(ctx, &req)
	if err == nil && d != nil {
		err = verifyPod(pod, d, v.Now())
	}
	return answer(ctx, err, "operation", "CREATE")
}

// decide returns the decision that allows the pod, or none for who needs none.
func (g *PodGate) decide(ctx context.Context, req *admission.Request) (*corev1.Pod, *authorizer.Decision, error) {
	pod := &corev1.Pod{}
	if req.Operation != admissionv1.Create || req.SubResource != "" {
		return nil, nil, refuse("Sallyport does not know this request, so it is denied")
	}
	if err := g.Decoder.Decode(*req, pod); err != nil {
		return nil, nil, refuse("the pod cannot be read, so it is denied")
	}
	if makesMirrorOfItsOwn(req.UserInfo.Username, pod) {
		return pod, nil, nil
	}
	d, err := g.authorize(ctx, req, pod, "people make pods in this cluster only under a grant for the action Run.")
	return pod, d, err
}

// authorize returns the decision that allows who asks to run the pod, or none for the programs that need none. Its
// denial begins with the intro.
func (g *PodGate) authorize(ctx context.Context, req *admission.Request, pod *corev1.Pod, intro string) (*authorizer.Decision, error) {
	if g.isExempt(req.UserInfo.Username) {
		return nil, nil //nolint:nilnil // no decision is taken
	}
	a := runAttributes(req, pod)
	d, err := g.Authorizer.Authorize(ctx, a)
	if err != nil {
		return nil, err
	}
	if d.Outcome != authorizer.Allow {
		return nil, denied(intro, a, d)
	}
	return &d, nil
}

func (g *PodGate) isExempt(username string) bool {
	return username != "" && username == g.Username || slices.Contains(PodControllers(), username)
}

// denied is a denial with the authorizer's reasons, and how to request what is missing with stock kubectl.
func denied(intro string, a authorizer.Attributes, d authorizer.Decision) error {
	lines := append([]string{intro}, d.Reasons...)
	if !d.OffersRequest {
		return refuse("%s", strings.Join(lines, "\n"))
	}
	manifest, err := howto.Manifest(a)
	if err != nil {
		return err
	}
	return refuse("%s", strings.Join(append(lines, "or with stock kubectl:", manifest), "\n"))
}

// runAttributes describes a pod that is to run as it is given. Its command is known only if it runs exactly one.
func runAttributes(req *admission.Request, pod *corev1.Pod) authorizer.Attributes {
	a := authorizer.Attributes{User: userOf(&req.UserInfo), Action: "Run", Namespace: req.Namespace, Images: images(&pod.Spec)}
	if c := onlyProgram(&pod.Spec); c != nil {
		a.Command = slices.Concat(c.Command, c.Args)
	}
	for i := range pod.Spec.Containers {
		a.TTY = a.TTY || pod.Spec.Containers[i].TTY
		a.Stdin = a.Stdin || pod.Spec.Containers[i].Stdin
	}
	return a
}

// images are all that a pod brings with it, those of volumes included: a program can come from there, too.
func images(spec *corev1.PodSpec) []string {
	all := ownImages(spec)
	for i := range spec.EphemeralContainers {
		all = append(all, spec.EphemeralContainers[i].Image)
	}
	for i := range spec.Volumes {
		if source := spec.Volumes[i].Image; source != nil {
			all = append(all, source.Reference)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// ownImages are those of the init containers and the containers, in their order.
func ownImages(spec *corev1.PodSpec) []string {
	var all []string
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range containers {
			all = append(all, containers[i].Image)
		}
	}
	return all
}

// onlyProgram is the container whose command is the only one that a pod runs; nil if there are more containers, or if a
// hook or a probe runs a command of its own.
func onlyProgram(spec *corev1.PodSpec) *corev1.Container {
	if len(spec.Containers) != 1 || len(spec.InitContainers) > 0 || len(spec.EphemeralContainers) > 0 {
		return nil
	}
	c := &spec.Containers[0]
	if l := c.Lifecycle; l != nil && (l.PostStart != nil && l.PostStart.Exec != nil || l.PreStop != nil && l.PreStop.Exec != nil) {
		return nil
	}
	for _, probe := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
		if probe != nil && probe.Exec != nil {
			return nil
		}
	}
	return c
}

// stampPod writes the annotations where nobody wrote them, and the deadline where it is missing or too late. What
// somebody wrote by hand and does not fit is left for PodValidator to refuse.
func stampPod(pod map[string]any, grant authorizer.GrantRef, left int64) error {
	annotations, _, err := unstructured.NestedStringMap(pod, "metadata", "annotations")
	if err != nil {
		return refuse("the annotations of the pod cannot be read, so it is denied")
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	for key, value := range map[string]string{layout.AnnotationGrant: grant.Name, layout.AnnotationGrantUID: grant.UID} {
		if _, ok := annotations[key]; !ok {
			annotations[key] = value
		}
	}
	if err := unstructured.SetNestedStringMap(pod, annotations, "metadata", "annotations"); err != nil {
		return refuse("the pod cannot be read, so it is denied")
	}
	if has, ok, err := unstructured.NestedInt64(pod, "spec", "activeDeadlineSeconds"); ok && err == nil && has <= left {
		return nil
	}
	if err := unstructured.SetNestedField(pod, left, "spec", "activeDeadlineSeconds"); err != nil {
		return refuse("the pod cannot be read, so it is denied")
	}
	return nil
}

// verifyPod refuses a pod that is not bound to the grant that covers it.
func verifyPod(pod *corev1.Pod, d *authorizer.Decision, now time.Time) error {
	for key, want := range map[string]string{layout.AnnotationGrant: d.Grant.Name, layout.AnnotationGrantUID: d.Grant.UID} {
		if got := pod.Annotations[key]; got != want {
			return refuse("metadata.annotations[%s] is %q, but grant %q covers this pod: leave the annotation out, it is stamped", key, got, d.Grant.Name)
		}
	}
	if len(pod.Spec.SchedulingGates) > 0 {
		return refuse("spec.schedulingGates could hold the pod back until grant %q has ended: leave them out", d.Grant.Name)
	}
	left := time.Unix(0, d.Until).Sub(now)
	deadline := pod.Spec.ActiveDeadlineSeconds
	if deadline == nil || *deadline > int64((left+deadlineSlack)/time.Second) {
		return refuse("spec.activeDeadlineSeconds lies beyond the end of grant %q: leave it out, it is stamped", d.Grant.Name)
	}
	return nil
}
