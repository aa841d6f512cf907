package podrequest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/layout"
)

func testPod() *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "web-uid", Labels: map[string]string{"app": "web"}},
		Spec: corev1.PodSpec{
			Containers:     []corev1.Container{{Name: "app"}, {Name: "side"}},
			InitContainers: []corev1.Container{{Name: "init"}},
			EphemeralContainers: []corev1.EphemeralContainer{
				{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debug"}},
			},
		},
	}
}

func TestContainerIsResolvedAsKubectlDoes(t *testing.T) {
	annotated := func(name string) func(*corev1.Pod) {
		return func(p *corev1.Pod) { p.Annotations = map[string]string{layout.AnnotationDefaultContainer: name} }
	}
	tests := map[string]struct {
		change  func(*corev1.Pod)
		name    string
		want    string
		wantErr string
	}{
		"if none is named, then the first":                               {want: "app"},
		"if one is named, then that":                                     {name: "side", want: "side"},
		"if an init container is named, then that":                       {name: "init", want: "init"},
		"if an ephemeral container is named, then that":                  {name: "debug", want: "debug"},
		"if the pod has a default, then that":                            {change: annotated("side"), want: "side"},
		"if one is named and the pod has a default, then the named":      {change: annotated("side"), name: "app", want: "app"},
		"if the named one does not exist, then an error":                 {name: "nope", wantErr: `no container "nope", only: app, side, init, debug`},
		"if the default does not exist, then an error and not the first": {change: annotated("nope"), wantErr: `no container "nope"`},
		"if the pod has no container, then an error":                     {change: func(p *corev1.Pod) { p.Spec = corev1.PodSpec{} }, wantErr: "no container"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			pod := testPod()
			if tc.change != nil {
				tc.change(pod)
			}
			a, err := Exec(authorizer.User{Name: "dev"}, pod, &corev1.PodExecOptions{Container: tc.name, Command: []string{"id"}})
			b, attachErr := Attach(authorizer.User{Name: "dev"}, pod, &corev1.PodAttachOptions{Container: tc.name})
			if (err == nil) != (attachErr == nil) || a.Container != b.Container {
				t.Errorf("exec and attach differ: %q, %v and %q, %v", a.Container, err, b.Container, attachErr)
			}
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) || !cmp.Equal(a, authorizer.Attributes{}) {
					t.Errorf("got %+v and error %v, want %q", a, err, tc.wantErr)
				}
				return
			}
			if err != nil || a.Container != tc.want {
				t.Errorf("got %q, %v, want %q", a.Container, err, tc.want)
			}
		})
	}
}

func TestAttributesHoldAllFacts(t *testing.T) {
	user := authorizer.User{Name: "dev", UID: "1", Groups: []string{"g"}, Extra: map[string][]string{"k": {"v"}}}
	want := authorizer.Attributes{
		User: user, Action: "Exec", Namespace: "shop", Pod: "web", PodUID: "web-uid", PodLabels: map[string]string{"app": "web"},
		Container: "side", Command: []string{"sh", "-c", "id"}, TTY: true, Stdin: true,
	}
	got, err := Exec(user, testPod(), &corev1.PodExecOptions{Container: "side", Command: want.Command, TTY: true, Stdin: true, Stdout: true})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("exec (-want +got):\n%s", diff)
	}
	want.Action, want.Command = "Attach", nil
	got, err = Attach(user, testPod(), &corev1.PodAttachOptions{Container: "side", TTY: true, Stdin: true})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attach (-want +got):\n%s", diff)
	}
}

func TestPortForwardIsToThePod(t *testing.T) {
	user := authorizer.User{Name: "dev"}
	want := authorizer.Attributes{
		User: user, Action: "PortForward", Namespace: "shop", Pod: "web", PodUID: "web-uid", PodLabels: map[string]string{"app": "web"},
	}
	got, err := PortForward(user, testPod(), &corev1.PodPortForwardOptions{})
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if a, err := PortForward(user, testPod(), &corev1.PodPortForwardOptions{Ports: []int32{80}}); err == nil {
		t.Errorf("ports in the options gave %+v", a)
	}
}

func TestExecNeedsACommand(t *testing.T) {
	if a, err := Exec(authorizer.User{Name: "dev"}, testPod(), &corev1.PodExecOptions{Container: "app"}); err == nil {
		t.Errorf("got %+v", a)
	}
}

func TestWhatKubectlCpSendsIsACopy(t *testing.T) {
	tests := map[string]struct {
		options corev1.PodExecOptions
		want    string
	}{
		"if it fetches an archive, then it is a copy":    {corev1.PodExecOptions{Command: []string{"tar", "cf", "-", "/x"}, Stdout: true, Stderr: true}, "Copy"},
		"if it puts an archive, then it is a copy":       {corev1.PodExecOptions{Command: []string{"tar", "-xmf", "-"}, Stdin: true}, "Copy"},
		"if it asks for a directory, then it is a copy":  {corev1.PodExecOptions{Command: []string{"test", "-d", "/x"}}, "Copy"},
		"if there is a terminal, then it is an exec":     {corev1.PodExecOptions{Command: []string{"tar", "cf", "-", "/x"}, TTY: true}, "Exec"},
		"if there is an input too many, then it is none": {corev1.PodExecOptions{Command: []string{"tar", "cf", "-", "/x"}, Stdin: true}, "Exec"},
		"if it is another command, then it is an exec":   {corev1.PodExecOptions{Command: []string{"tar", "czf", "-", "/x"}}, "Exec"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if a, err := Exec(authorizer.User{Name: "dev"}, testPod(), &tc.options); err != nil || a.Action != tc.want {
				t.Errorf("got %q, %v", a.Action, err)
			}
		})
	}
}
