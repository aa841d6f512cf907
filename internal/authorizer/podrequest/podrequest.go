// Package podrequest describes a request for a pod's subresource as authorizer.Attributes. The CONNECT
// webhook and the proxy both use it, so that they ask about the same facts.
package podrequest

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/authorizer/copyshape"
	"github.com/sallyport-dev/sallyport/internal/layout"
)

// Exec describes pods/exec with these options: as a Copy if kubectl cp makes such a request, else as an Exec.
func Exec(user authorizer.User, pod *corev1.Pod, o *corev1.PodExecOptions) (authorizer.Attributes, error) {
	a, err := attributes(user, "Exec", pod, o.Container)
	if err != nil {
		return authorizer.Attributes{}, err
	}
	if len(o.Command) == 0 {
		return authorizer.Attributes{}, fmt.Errorf("a command must be given")
	}
	a.Command, a.TTY, a.Stdin = o.Command, o.TTY, o.Stdin
	if copyshape.Of(a).Kind != copyshape.None {
		a.Action = "Copy"
	}
	return a, nil
}

// Attach describes pods/attach with these options.
func Attach(user authorizer.User, pod *corev1.Pod, o *corev1.PodAttachOptions) (authorizer.Attributes, error) {
	a, err := attributes(user, "Attach", pod, o.Container)
	if err != nil {
		return authorizer.Attributes{}, err
	}
	a.TTY, a.Stdin = o.TTY, o.Stdin
	return a, nil
}

// PortForward describes pods/portforward with these options. It is to the pod: which ports is known to the streams only.
func PortForward(user authorizer.User, pod *corev1.Pod, o *corev1.PodPortForwardOptions) (authorizer.Attributes, error) {
	if len(o.Ports) > 0 {
		return authorizer.Attributes{}, fmt.Errorf("ports in the query are of a protocol without recording; use a newer kubectl")
	}
	return authorizer.Attributes{
		User: user, Action: "PortForward",
		Namespace: pod.Namespace, Pod: pod.Name, PodUID: string(pod.UID), PodLabels: pod.Labels,
	}, nil
}

func attributes(user authorizer.User, action string, pod *corev1.Pod, container string) (authorizer.Attributes, error) {
	name, err := resolveContainer(pod, container)
	if err != nil {
		return authorizer.Attributes{}, err
	}
	return authorizer.Attributes{
		User: user, Action: action,
		Namespace: pod.Namespace, Pod: pod.Name, PodUID: string(pod.UID), PodLabels: pod.Labels,
		Container: name,
	}, nil
}

// resolveContainer chooses as kubectl does: the name given, else the annotation, else the first container.
func resolveContainer(pod *corev1.Pod, name string) (string, error) {
	names := containerNames(pod)
	if name == "" {
		name = pod.Annotations[layout.AnnotationDefaultContainer]
	}
	if name == "" && len(pod.Spec.Containers) > 0 {
		return pod.Spec.Containers[0].Name, nil
	}
	for _, n := range names {
		if n == name {
			return n, nil
		}
	}
	return "", fmt.Errorf("pod %s/%s has no container %q, only: %s", pod.Namespace, pod.Name, name, strings.Join(names, ", "))
}

func containerNames(pod *corev1.Pod) []string {
	names := make([]string, 0, len(pod.Spec.Containers)+len(pod.Spec.InitContainers)+len(pod.Spec.EphemeralContainers))
	for i := range pod.Spec.Containers {
		names = append(names, pod.Spec.Containers[i].Name)
	}
	for i := range pod.Spec.InitContainers {
		names = append(names, pod.Spec.InitContainers[i].Name)
	}
	for i := range pod.Spec.EphemeralContainers {
		names = append(names, pod.Spec.EphemeralContainers[i].Name)
	}
	return names
}
