package webhooks_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/layout"
	"github.com/sallyport-dev/sallyport/internal/sessiontoken"
	"github.com/sallyport-dev/sallyport/test/gen"
)

// connect sends a CONNECT as kubectl does, by GET (WebSocket) or POST (SPDY). There is no kubelet: what admission allows
// ends in another error, because the pod is on no node.
func connect(ctx context.Context, t *testing.T, config *rest.Config, verb, subresource string, pod *corev1.Pod, command ...string) error {
	t.Helper()
	c, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	request := c.CoreV1().RESTClient().Verb(verb).Resource("pods").Namespace(pod.Namespace).Name(pod.Name).SubResource(subresource)
	switch subresource {
	case "exec":
		request.VersionedParams(&corev1.PodExecOptions{Container: "app", Command: command, Stdout: true}, scheme.ParameterCodec)
	case "attach":
		request.VersionedParams(&corev1.PodAttachOptions{Container: "app", Stdout: true}, scheme.ParameterCodec)
	case "portforward":
		request.VersionedParams(&corev1.PodPortForwardOptions{Ports: []int32{80}}, scheme.ParameterCodec)
	}
	return request.Do(ctx).Error()
}

// wantAdmitted checks that an error comes from behind admission.
func wantAdmitted(t *testing.T, err error) {
	t.Helper()
	if !apierrors.IsBadRequest(err) || !strings.Contains(err.Error(), "host") {
		t.Errorf("not admitted: %v", err)
	}
}

func TestNobodyComesDirectly(t *testing.T) {
	ns := cluster.Namespace(t)
	developer(t, ns, "direct-developer")
	pod := makePod(t, ns, "web")
	for who, config := range map[string]*rest.Config{
		"a developer":               cluster.UserConfig(t, "direct-developer"),
		"the highest administrator": cluster.AdminConfig,
		"Sallyport":                 as(sallyport, "system:masters"),
		"a controller":              as("system:serviceaccount:kube-system:replicaset-controller", "system:masters"),
	} {
		for _, verb := range []string{http.MethodGet, http.MethodPost} {
			t.Run("if "+who+" comes by "+verb+", then every way is closed", func(t *testing.T) {
				wantDenied(t, connect(t.Context(), t, config, verb, "exec", pod, "id"), "direct exec is closed", "kubectl sallyport login", "kubectl sallyport request -n "+ns)
				wantDenied(t, connect(t.Context(), t, config, verb, "attach", pod), "direct attach is closed")
				wantDenied(t, connect(t.Context(), t, config, verb, "portforward", pod), "port-forward is closed")
			})
		}
	}
}

func TestASessionTokenOpensOneConnection(t *testing.T) {
	ns := cluster.Namespace(t)
	people := developer(t, ns, "session-developer")
	pod := makePod(t, ns, "web")
	g := gen.MakeGrant(ns, "g").ForCreate().Requester("").Obj()
	if err := people.Create(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	activate(t, g)

	command := []string{"id", "-u"}
	session := gen.MakeSession(ns, "0199aaaa-0000-7000-8000-000000000001").ForCreate().Obj()
	session.Spec.User = accessv1alpha1.Identity{Username: "session-developer"}
	session.Spec.GrantRef = accessv1alpha1.ObjectReference{Name: g.Name, UID: string(g.UID)}
	session.Spec.PodRef = accessv1alpha1.ObjectReference{Name: pod.Name, UID: string(pod.UID)}
	session.Spec.CommandDigest = commandKey.Digest(command)
	proxy := masters(t, sallyport)
	if err := proxy.Create(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	session.Status.State = accessv1alpha1.SessionOpening
	if err := proxy.Status().Update(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	token := func(id string) *rest.Config {
		signed, err := sessiontoken.Sign(signingKey, sessiontoken.Claims{
			ID: id, Session: session.Name, Namespace: ns, Username: "session-developer", Pod: pod.Name, PodUID: string(pod.UID),
			Container: "app", Subresource: "exec", CommandDigest: commandKey.Digest(command),
		}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		config := as("session-developer", "developers")
		config.Impersonate.Extra = map[string][]string{layout.ExtraSessionToken: {signed}}
		return config
	}

	eventually(t, "a connection with a token", func() error {
		err := connect(t.Context(), t, token("first"), http.MethodGet, "exec", pod, command...)
		if apierrors.IsForbidden(err) {
			return err
		}
		wantAdmitted(t, err)
		return nil
	})
	wantDenied(t, connect(t.Context(), t, token("first"), http.MethodPost, "exec", pod, command...), "used already")
	wantDenied(t, connect(t.Context(), t, token("other"), http.MethodPost, "exec", pod, "sh"), "for another request")
	wantAdmitted(t, connect(t.Context(), t, token("second"), http.MethodPost, "exec", pod, command...))

	if err := proxy.Get(t.Context(), client.ObjectKeyFromObject(session), session); err != nil {
		t.Fatal(err)
	}
	if len(session.Status.UsedTokens) != 2 {
		t.Errorf("used tokens %v, want two", session.Status.UsedTokens)
	}
	if err := people.Delete(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the webhooks see that the grant is gone", func() error {
		if err := cached.Get(t.Context(), client.ObjectKeyFromObject(g), g.DeepCopy()); !apierrors.IsNotFound(err) {
			return fmt.Errorf("it is still there: %w", err)
		}
		return nil
	})
	wantDenied(t, connect(t.Context(), t, token("third"), http.MethodPost, "exec", pod, command...), "no grant opens this any more")
}

func TestPeopleMakePodsUnderAGrant(t *testing.T) {
	ns := cluster.Namespace(t)
	people := developer(t, ns, "run-developer")
	for who, c := range map[string]client.Client{"a developer": people, "the highest administrator": cluster.AdminClient} {
		t.Run("if "+who+" has no grant, then no pod is made", func(t *testing.T) {
			wantDenied(t, c.Create(t.Context(), newPod(ns, "shell", "busybox:1", "sleep", "60")), "under a grant for the action Run", "--image busybox:1")
		})
	}
	g := gen.MakeGrant(ns, "run").ForCreate().Requester("").Pod("").Actions(accessv1alpha1.ActionRun).Images("busybox:*").Command("sleep", "*").Obj()
	if err := people.Create(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the webhooks know the grant that waits", func() error {
		err := people.Create(t.Context(), newPod(ns, "shell", "busybox:1", "sleep", "60"))
		if !apierrors.IsForbidden(err) {
			t.Fatalf("a grant that waits for approval opened the door: %v", err)
		}
		if !strings.Contains(err.Error(), `grant "run"`) {
			return err
		}
		return nil
	})
	activate(t, g)
	pod := newPod(ns, "shell", "busybox:1", "sleep", "60")
	eventually(t, "a pod under a grant", func() error { return people.Create(t.Context(), pod.DeepCopy()) })
	if err := people.Get(t.Context(), client.ObjectKeyFromObject(pod), pod); err != nil {
		t.Fatal(err)
	}
	deadline := pod.Spec.ActiveDeadlineSeconds
	if pod.Annotations[layout.AnnotationGrant] != "run" || pod.Annotations[layout.AnnotationGrantUID] != string(g.UID) || deadline == nil || *deadline > 3600 {
		t.Errorf("the pod is not bound to its grant: %v, deadline %v", pod.Annotations, deadline)
	}
	wantDenied(t, people.Create(t.Context(), newPod(ns, "other", "evil:1", "sleep", "60")), "image")
	wantDenied(t, people.Create(t.Context(), newPod(ns, "other", "busybox:1", "sh")), "command")
	forged := newPod(ns, "other", "busybox:1", "sleep", "60")
	forged.Annotations = map[string]string{layout.AnnotationGrant: "another"}
	wantDenied(t, people.Create(t.Context(), forged), "leave the annotation out")
}

func TestPeopleChangeImagesUnderAGrant(t *testing.T) {
	ns := cluster.Namespace(t)
	people := developer(t, ns, "image-developer")
	controller := masters(t, "system:serviceaccount:kube-system:replicaset-controller")
	pod := newPod(ns, "web", "app:1", "sleep", "60")
	pod.Spec.InitContainers = []corev1.Container{{Name: "init", Image: "init:1"}}
	if err := controller.Create(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	patch := func(c client.Client, format string, args ...any) error {
		return c.Patch(t.Context(), pod.DeepCopy(), client.RawPatch(types.StrategicMergePatchType, fmt.Appendf(nil, format, args...)))
	}
	const container, initContainer = `{"spec":{"containers":[{"name":"app","image":%q}]}}`, `{"spec":{"initContainers":[{"name":"init","image":%q}]}}`
	for who, c := range map[string]client.Client{"a developer": people, "the highest administrator": cluster.AdminClient} {
		t.Run("if "+who+" has no grant, then no image changes", func(t *testing.T) {
			wantDenied(t, patch(c, container, "evil:1"), "people change the image", "--image evil:1 --image init:1")
			wantDenied(t, patch(c, initContainer, "evil:1"), "people change the image", "--image app:1 --image evil:1")
			replaced := pod.DeepCopy()
			replaced.ResourceVersion, replaced.Spec.Containers[0].Image = "", "evil:1"
			wantDenied(t, c.Update(t.Context(), replaced), "people change the image")
		})
		t.Run("if "+who+" changes something else, then it takes no grant", func(t *testing.T) {
			if err := patch(c, `{"metadata":{"labels":{"who":%q}}}`, strings.ReplaceAll(who, " ", "-")); err != nil {
				t.Error(err)
			}
			if err := patch(c, container, "app:1"); err != nil {
				t.Errorf("the image that it has: %v", err)
			}
		})
	}
	if err := patch(controller, container, "app:2"); err != nil {
		t.Errorf("a controller could not change an image: %v", err)
	}
	g := gen.MakeGrant(ns, "run").ForCreate().Requester("").Pod("").Actions(accessv1alpha1.ActionRun).Images("app:*", "init:1").Obj()
	if err := people.Create(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	activate(t, g)
	eventually(t, "another image under a grant", func() error { return patch(people, container, "app:3") })
	wantDenied(t, patch(people, container, "evil:1"), `grant "run" covers the image`)
	wantDenied(t, patch(people, initContainer, "init:2"), `grant "run" covers the image`)
}

// What has no init containers is compared, too.
func TestAPodWithoutInitContainersIsUpdated(t *testing.T) {
	ns := cluster.Namespace(t)
	people := developer(t, ns, "label-developer")
	pod := makePod(t, ns, "web")
	pod.Labels["team"] = "a"
	if err := people.Update(t.Context(), pod); err != nil {
		t.Error(err)
	}
	pod.Spec.Containers[0].Image = "evil:1"
	wantDenied(t, people.Update(t.Context(), pod), "people change the image")
}

func TestPeopleAddDebuggingContainersUnderAGrant(t *testing.T) {
	ns := cluster.Namespace(t)
	people := developer(t, ns, "debug-developer")
	pod := makePod(t, ns, "web")
	debug := func(c client.Client, image string) error {
		before := pod.DeepCopy()
		after := pod.DeepCopy()
		after.Spec.EphemeralContainers = append(after.Spec.EphemeralContainers, corev1.EphemeralContainer{
			EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "probe", Image: image, TerminationMessagePolicy: corev1.TerminationMessageReadFile},
		})
		return c.SubResource("ephemeralcontainers").Patch(t.Context(), after, client.StrategicMergeFrom(before))
	}
	wantDenied(t, debug(people, "busybox:1"), "under a grant for the action Debug", "--pod web")
	wantDenied(t, debug(cluster.AdminClient, "busybox:1"), "under a grant for the action Debug")

	g := gen.MakeGrant(ns, "debug").ForCreate().Requester("").Actions(accessv1alpha1.ActionDebug).Images("busybox:*").Obj()
	if err := people.Create(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	activate(t, g)
	eventually(t, "a debugging container under a grant", func() error { return debug(people, "busybox:1") })
	if err := people.Get(t.Context(), client.ObjectKeyFromObject(pod), pod); err != nil || len(pod.Spec.EphemeralContainers) != 1 {
		t.Fatalf("%v, containers %v", err, pod.Spec.EphemeralContainers)
	}
}
