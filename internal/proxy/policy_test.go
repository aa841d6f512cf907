package proxy

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

func disabling(name string, detectors ...string) *accessv1alpha1.ExecutionPolicy {
	return &accessv1alpha1.ExecutionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("u-" + name), Generation: 4},
		Spec:       accessv1alpha1.ExecutionPolicySpec{Masking: &accessv1alpha1.MaskingPolicy{DisabledDetectors: detectors}},
	}
}

func TestThePolicyOfTheNamespaceRules(t *testing.T) {
	w := newWorld(t)
	here, elsewhere := disabling("here", "aws-access-key-id"), disabling("elsewhere")
	here.Spec.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": "shop"}}
	elsewhere.Spec.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": "pay"}}
	w.policies.Put(here)
	w.policies.Put(elsewhere)
	var stdout bytes.Buffer
	if err := w.exec("WebSocket", nil, &stdout, io.Discard, "exec", "print", secret); err != nil || stdout.String() != secret {
		t.Errorf("%v: %q", err, stdout.String())
	}
	r, text := w.recorded()
	if !strings.Contains(text, secret) || !cmp.Equal(r.Open.Argv, []string{"print", secret}) || !cmp.Equal(w.sessions[0].Spec.Command, []string{"print", secret}) {
		t.Errorf("recorded %q of %v, shown as %v", text, r.Open.Argv, w.sessions[0].Spec.Command)
	}
	if diff := cmp.Diff([]recording.PolicyRef{{Name: "here", UID: "u-here", Generation: 4}}, r.Open.MaskPolicies); diff != "" {
		t.Errorf("policies: %s", diff)
	}
	rules, err := mask.New(mask.Config{Off: []string{"aws-access-key-id"}})
	if err != nil || r.Open.MaskDigest != rules.Digest() {
		t.Errorf("%v: digest %s", err, r.Open.MaskDigest)
	}
}

func TestASessionKeepsItsRules(t *testing.T) {
	w := newWorld(t)
	in, typing := io.Pipe()
	seen, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- w.exec("WebSocket", in, out, io.Discard, "exec", "cat")
		_ = out.Close()
	}()
	lines := bufio.NewScanner(seen)
	say := func(text, want string) {
		t.Helper()
		if _, err := io.WriteString(typing, text+"\n"); err != nil {
			t.Fatal(err)
		}
		if !lines.Scan() || lines.Text() != want {
			t.Errorf("%q arrived, want %q", lines.Text(), want)
		}
	}
	say("hello", "hello")
	w.policies.Put(disabling("new", "aws-access-key-id"))
	say(secret, "AKIA****************")
	_ = typing.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if r, _ := w.recorded(); len(r.Open.MaskPolicies) > 0 {
		t.Errorf("recorded policies %v", r.Open.MaskPolicies)
	}
}
