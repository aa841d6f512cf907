package podsecrets

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func fromKey(secret, key string) corev1.EnvVar {
	ref := &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: key}
	return corev1.EnvVar{Name: "V", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: ref}}
}

func fromAll(secret string) corev1.EnvFromSource {
	return corev1.EnvFromSource{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: secret}}}
}

func secretVolume(name, secret string, items ...corev1.KeyToPath) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: secret, Items: items}}}
}

func projected(name string, secrets ...string) corev1.Volume {
	v := corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{}}}
	for _, s := range secrets {
		source := &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: s}}
		v.Projected.Sources = append(v.Projected.Sources, corev1.VolumeProjection{Secret: source}, corev1.VolumeProjection{})
	}
	return v
}

func mounting(name string, mounts ...corev1.VolumeMount) corev1.Container {
	return corev1.Container{Name: name, VolumeMounts: mounts}
}

func TestRefs(t *testing.T) {
	mount := func(volume, subPath string) corev1.VolumeMount {
		return corev1.VolumeMount{Name: volume, SubPath: subPath}
	}
	items := []corev1.KeyToPath{{Key: "a", Path: "dir/a"}, {Key: "b", Path: "b"}}
	app := corev1.Container{Name: "app", Env: []corev1.EnvVar{fromKey("db", "password")}}
	side := corev1.Container{Name: "side", EnvFrom: []corev1.EnvFromSource{fromAll("other")}}
	debug := func(target string) corev1.EphemeralContainer {
		return corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debug"}, TargetContainerName: target}
	}
	for name, tc := range map[string]struct {
		spec      corev1.PodSpec
		container string
		want      []Ref
	}{
		"if there is nothing, nothing": {spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}}}, want: []Ref{}},
		"if a variable has a key, that key": {
			spec: corev1.PodSpec{Containers: []corev1.Container{app}}, want: []Ref{{Name: "db", Keys: []string{"password"}}},
		},
		"if two variables have keys of one Secret, both": {
			spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Env: []corev1.EnvVar{fromKey("db", "user"), fromKey("db", "password")}}}},
			want: []Ref{{Name: "db", Keys: []string{"password", "user"}}},
		},
		"if the whole Secret is there, too, all keys": {
			spec: corev1.PodSpec{Containers: []corev1.Container{{
				Name: "app", Env: []corev1.EnvVar{fromKey("db", "user")}, EnvFrom: []corev1.EnvFromSource{fromAll("db")},
			}}},
			want: []Ref{{Name: "db"}},
		},
		"if another container has it, not": {
			spec: corev1.PodSpec{Containers: []corev1.Container{app, side}}, want: []Ref{{Name: "db", Keys: []string{"password"}}},
		},
		"if the containers share their processes, of all": {
			spec: corev1.PodSpec{ShareProcessNamespace: new(true), Containers: []corev1.Container{app}, InitContainers: []corev1.Container{side}},
			want: []Ref{{Name: "db", Keys: []string{"password"}}, {Name: "other"}},
		},
		"if a debugging container has a target, of all": {
			spec: corev1.PodSpec{Containers: []corev1.Container{app, side}, EphemeralContainers: []corev1.EphemeralContainer{debug("app")}}, container: "debug",
			want: []Ref{{Name: "db", Keys: []string{"password"}}, {Name: "other"}},
		},
		"if a debugging container has none, only its own": {
			spec: corev1.PodSpec{Containers: []corev1.Container{app}, EphemeralContainers: []corev1.EphemeralContainer{debug("")}}, container: "debug", want: []Ref{},
		},
		"if the session is to the pod, of all": {
			spec: corev1.PodSpec{Containers: []corev1.Container{app, side}}, container: "-",
			want: []Ref{{Name: "db", Keys: []string{"password"}}, {Name: "other"}},
		},
		"if a volume is not mounted, not": {
			spec: corev1.PodSpec{Volumes: []corev1.Volume{secretVolume("v", "tls")}, Containers: []corev1.Container{mounting("app")}}, want: []Ref{},
		},
		"if it is, all keys": {
			spec: corev1.PodSpec{Volumes: []corev1.Volume{secretVolume("v", "tls")}, Containers: []corev1.Container{mounting("app", mount("v", ""))}},
			want: []Ref{{Name: "tls"}},
		},
		"if it has items, those": {
			spec: corev1.PodSpec{Volumes: []corev1.Volume{secretVolume("v", "tls", items...)}, Containers: []corev1.Container{mounting("app", mount("v", ""))}},
			want: []Ref{{Name: "tls", Keys: []string{"a", "b"}}},
		},
		"if the mount shows a directory of them, what is there": {
			spec: corev1.PodSpec{Volumes: []corev1.Volume{secretVolume("v", "tls", items...)}, Containers: []corev1.Container{mounting("app", mount("v", "dir/"))}},
			want: []Ref{{Name: "tls", Keys: []string{"a"}}},
		},
		"if the mount shows one file, that key": {
			spec: corev1.PodSpec{Volumes: []corev1.Volume{secretVolume("v", "tls")}, Containers: []corev1.Container{mounting("app", mount("v", "tls.key"))}},
			want: []Ref{{Name: "tls", Keys: []string{"tls.key"}}},
		},
		"if the mount shows the kubelet's directory, all keys": {
			spec: corev1.PodSpec{Volumes: []corev1.Volume{secretVolume("v", "tls")}, Containers: []corev1.Container{mounting("app", mount("v", "..data"))}},
			want: []Ref{{Name: "tls"}},
		},
		"if a volume is projected, its Secrets": {
			spec: corev1.PodSpec{Volumes: []corev1.Volume{projected("v", "one", "two")}, Containers: []corev1.Container{mounting("app", mount("v", ""))}},
			want: []Ref{{Name: "one"}, {Name: "two"}},
		},
		"if the image was pulled with one, it": {
			spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}}, ImagePullSecrets: []corev1.LocalObjectReference{{Name: "pull"}, {}}},
			want: []Ref{{Name: "pull"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			container := tc.container
			if container == "" {
				container = "app"
			}
			if diff := cmp.Diff(tc.want, Refs(&corev1.Pod{Spec: tc.spec}, container)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
