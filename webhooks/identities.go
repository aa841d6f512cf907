package webhooks

import (
	"maps"
	"slices"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/layout"
)

// nodePrefix begins the user name of a kubelet.
const nodePrefix = "system:node:"

// PodControllers are the user names whose pods pass without a grant. The webhooks' matchConditions hold the same list,
// so that a webhook that is down does not stop them. The last one is that of a controller-manager that runs without a
// service account for each controller.
func PodControllers() []string {
	return []string{
		"system:serviceaccount:kube-system:replicaset-controller",
		"system:serviceaccount:kube-system:statefulset-controller",
		"system:serviceaccount:kube-system:daemon-set-controller",
		"system:serviceaccount:kube-system:job-controller",
		"system:serviceaccount:kube-system:replication-controller",
		"system:kube-controller-manager",
	}
}

// caretakers delete the dependents of what is gone, and clear finalizers and owners.
func caretakers() []string {
	return []string{
		"system:serviceaccount:kube-system:generic-garbage-collector",
		"system:serviceaccount:kube-system:namespace-controller",
		"system:kube-controller-manager",
	}
}

// makesMirrorOfItsOwn reports whether a kubelet shows a static pod of its own node. That the pod is nothing else is
// checked by the API server's NodeRestriction.
func makesMirrorOfItsOwn(username string, pod *corev1.Pod) bool {
	node, ok := strings.CutPrefix(username, nodePrefix)
	_, mirror := pod.Annotations[corev1.MirrorPodAnnotationKey]
	return ok && node != "" && mirror && pod.Spec.NodeName == node
}

// identityOf is what an object says about who asked.
func identityOf(u *authenticationv1.UserInfo) *accessv1alpha1.Identity {
	return &accessv1alpha1.Identity{Username: u.Username, UID: u.UID, Groups: slices.Clone(u.Groups)}
}

// userOf is what authorizers are told about who asked: everything but the session token.
func userOf(u *authenticationv1.UserInfo) authorizer.User {
	user := authorizer.User{Name: u.Username, UID: u.UID, Groups: slices.Clone(u.Groups)}
	for _, key := range slices.Sorted(maps.Keys(u.Extra)) {
		if key == layout.ExtraSessionToken {
			continue
		}
		if user.Extra == nil {
			user.Extra = map[string][]string{}
		}
		user.Extra[key] = slices.Clone(u.Extra[key])
	}
	return user
}
