package api_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/podsecrets"
)

// The Role of the sample, which names its Secrets, is enough to read them and to see them rotated, and for no other.
func TestSecretsByName(t *testing.T) {
	namespace, value := cluster.Namespace(t), "s3cr3t-"+strings.Repeat("x7", 6)
	rule := sampleRule(t)
	cluster.Allow(t, namespace, "the-gateway", rule)
	named := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: rule.ResourceNames[0]}, StringData: map[string]string{"k": value + "1"}}
	other := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "other"}, StringData: map[string]string{"k": value + "3"}}
	for _, secret := range []*corev1.Secret{named, other} {
		if err := cluster.AdminClient.Create(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
	}
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}}}}
	for _, name := range []string{named.Name, other.Name} {
		pod.Spec.Containers[0].EnvFrom = append(pod.Spec.Containers[0].EnvFrom,
			corev1.EnvFromSource{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}})
	}
	news := make(chan struct{}, 8)
	api := &watched{API: kubernetes.NewForConfigOrDie(cluster.UserConfig(t, "the-gateway")).CoreV1().Secrets(namespace), watches: make(chan string, 8)}
	s := podsecrets.New(t.Context(), api, pod, "app")
	defer s.Close()
	s.Announce(func(context.Context) error {
		news <- struct{}{}
		return nil
	})
	for _, secret := range s.Report().Secrets {
		want := podsecrets.Known
		if secret.Name == other.Name {
			want = podsecrets.Forbidden
		}
		if secret.State != want {
			t.Errorf("%s is %s, want %s", secret.Name, secret.State, want)
		}
	}
	select {
	case name := <-api.watches:
		if name != "metadata.name="+named.Name {
			t.Errorf("a watch of %q was allowed", name)
		}
	case <-time.After(time.Minute):
		t.Fatal("no watch was allowed")
	}
	named.StringData = map[string]string{"k": value + "2"}
	if err := cluster.AdminClient.Update(t.Context(), named); err != nil {
		t.Fatal(err)
	}
	select {
	case <-news:
	case <-time.After(time.Minute):
		t.Fatal("the rotation was not seen")
	}
	var texts []string
	_, _ = s.Use(func(values []mask.Value) ([]mask.Ignored, error) {
		for _, v := range values {
			texts = append(texts, strings.TrimPrefix(string(v.Text), value))
		}
		return nil, nil
	})
	if strings.Join(texts, " ") != "1 2" {
		t.Errorf("known are %q", texts)
	}
}

// watched tells of the watches that the API server allowed.
type watched struct {
	podsecrets.API

	watches chan string
}

func (w *watched) Watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	events, err := w.API.Watch(ctx, options)
	if err == nil {
		w.watches <- options.FieldSelector
	}
	return events, err
}

// sampleRule is what the sample allows.
func sampleRule(t *testing.T) rbacv1.PolicyRule {
	t.Helper()
	text, err := os.ReadFile("../../config/samples/secret-values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n---\n")
	var role rbacv1.Role
	if err := yaml.UnmarshalStrict([]byte(first), &role); err != nil || len(role.Rules) != 1 || len(role.Rules[0].ResourceNames) != 1 {
		t.Fatalf("the sample has %+v: %v", role.Rules, err)
	}
	return role.Rules[0]
}
