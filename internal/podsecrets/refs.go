package podsecrets

import (
	"maps"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Ref names a Secret that a container can read.
type Ref struct {
	Name string
	Keys []string // the only ones that it can; nil for all
}

// Refs returns the Secrets that a container can read, by name, with those that its image was pulled with. Containers that see
// each other's processes read each other's files and variables, too: then they are those of all containers. So they are where there is
// no such container, as for a port-forward.
func Refs(pod *corev1.Pod, container string) []Ref {
	c := collected{}
	volumes := map[string]*corev1.Volume{}
	for i := range pod.Spec.Volumes {
		volumes[pod.Spec.Volumes[i].Name] = &pod.Spec.Volumes[i]
	}
	for _, one := range containersOf(pod, container) {
		c.environment(one)
		for i := range one.VolumeMounts {
			if v := volumes[one.VolumeMounts[i].Name]; v != nil {
				c.volume(v, &one.VolumeMounts[i])
			}
		}
	}
	for _, s := range pod.Spec.ImagePullSecrets {
		c.add(s.Name)
	}
	refs := make([]Ref, 0, len(c))
	for _, name := range slices.Sorted(maps.Keys(c)) {
		ref := Ref{Name: name}
		if keys := c[name]; keys != nil {
			ref.Keys = slices.Sorted(maps.Keys(keys))
		}
		refs = append(refs, ref)
	}
	return refs
}

// containersOf returns the containers whose files and variables can be read from one.
func containersOf(pod *corev1.Pod, container string) []*corev1.Container {
	var all []*corev1.Container
	for i := range pod.Spec.InitContainers {
		all = append(all, &pod.Spec.InitContainers[i])
	}
	for i := range pod.Spec.Containers {
		all = append(all, &pod.Spec.Containers[i])
	}
	shared := pod.Spec.HostPID || pod.Spec.ShareProcessNamespace != nil && *pod.Spec.ShareProcessNamespace
	for i := range pod.Spec.EphemeralContainers {
		e := &pod.Spec.EphemeralContainers[i]
		shared = shared || e.TargetContainerName != ""
		all = append(all, (*corev1.Container)(&e.EphemeralContainerCommon))
	}
	at := slices.IndexFunc(all, func(c *corev1.Container) bool { return c.Name == container })
	if shared || at < 0 {
		return all
	}
	return all[at : at+1]
}

// collected are keys by the names of Secrets; nil keys are all of them.
type collected map[string]map[string]bool

func (c collected) add(name string, keys ...string) {
	known, seen := c[name]
	switch {
	case name == "", seen && known == nil:
	case len(keys) == 0:
		c[name] = nil
	case !seen:
		c[name] = map[string]bool{}
		fallthrough
	default:
		for _, key := range keys {
			c[name][key] = true
		}
	}
}

func (c collected) environment(container *corev1.Container) {
	for _, e := range container.Env {
		if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
			c.add(e.ValueFrom.SecretKeyRef.Name, e.ValueFrom.SecretKeyRef.Key)
		}
	}
	for _, e := range container.EnvFrom {
		if e.SecretRef != nil {
			c.add(e.SecretRef.Name)
		}
	}
}

func (c collected) volume(v *corev1.Volume, mount *corev1.VolumeMount) {
	if v.Secret != nil {
		c.files(v.Secret.SecretName, v.Secret.Items, mount)
	}
	if v.Projected == nil {
		return
	}
	for _, source := range v.Projected.Sources {
		if source.Secret != nil {
			c.files(source.Secret.Name, source.Secret.Items, mount)
		}
	}
}

// files adds the keys that a mount shows: all, the items, or those below its path in the volume.
func (c collected) files(secret string, items []corev1.KeyToPath, mount *corev1.VolumeMount) {
	below := path.Clean(mount.SubPath)
	// What a path beside the keys shows ("..data" is a directory of all of them) is not worth knowing better.
	all := mount.SubPath == "" || below == "." || strings.HasPrefix(below, "..")
	switch {
	case len(items) == 0 && (all || strings.Contains(below, "/")):
		c.add(secret)
	case len(items) == 0:
		c.add(secret, below)
	default:
		for _, item := range items {
			at := path.Clean(item.Path)
			if all || at == below || strings.HasPrefix(at, below+"/") {
				c.add(secret, item.Key)
			}
		}
	}
}
