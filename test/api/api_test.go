// Package api_test holds the API against a real API server: what it refuses, with which words, and what it keeps.
//
// Names of cases read "if X, then Y"; a case that is refused gives the fragments that the answer has to hold: the field
// and the reason.
package api_test

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/test/env"
)

var cluster *env.Env

func TestMain(m *testing.M) { env.Main(m, env.Options{}, func(e *env.Env) { cluster = e }) }

// change is one difference from a valid object.
type change func(t *testing.T, obj map[string]any)

// set puts a value at a path like "spec.target.podName".
func set(path string, value any) change {
	return func(t *testing.T, obj map[string]any) {
		t.Helper()
		if err := unstructured.SetNestedField(obj, value, strings.Split(path, ".")...); err != nil {
			t.Fatalf("setting %s: %v", path, err)
		}
	}
}

// unset removes what is at a path.
func unset(path string) change {
	return func(_ *testing.T, obj map[string]any) {
		unstructured.RemoveNestedField(obj, strings.Split(path, ".")...)
	}
}

// list is never null: the API server drops nulls.
func list(values ...any) []any { return append([]any{}, values...) }

type object = map[string]any

// creation is one attempt to create an object that differs from a valid one.
type creation struct {
	changes []change
	// refused holds fragments of the answer; none if the object is accepted.
	refused []string
}

func with(changes ...change) creation { return creation{changes: changes} }

func (c creation) isRefused(fragments ...string) creation { c.refused = fragments; return c }

// runCreations makes one object a case, with the strictness of kubectl.
func runCreations(t *testing.T, kind string, valid func() client.Object, cases map[string]creation) {
	t.Helper()
	c := client.WithFieldValidation(cluster.AdminClient, metav1.FieldValidationStrict)
	ns := cluster.Namespace(t)
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			obj := plain(t, kind, ns, valid())
			for _, apply := range tt.changes {
				apply(t, obj.Object)
			}
			checkAnswer(t, c.Create(t.Context(), obj, client.DryRunAll), tt.refused)
		})
	}
}

// plain is the object as a manifest would hold it.
func plain(t *testing.T, kind, ns string, obj client.Object) *unstructured.Unstructured {
	t.Helper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		t.Fatalf("converting the %s: %v", kind, err)
	}
	u := &unstructured.Unstructured{Object: content}
	u.SetGroupVersionKind(accessv1alpha1.GroupVersion.WithKind(kind))
	u.SetNamespace(ns)
	unstructured.RemoveNestedField(u.Object, "status")
	return u
}

// checkAnswer wants success where there are no fragments, else a refusal that holds all of them.
func checkAnswer(t *testing.T, err error, fragments []string) {
	t.Helper()
	if len(fragments) == 0 {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	if !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) {
		t.Fatalf("got %v, want a refusal", err)
	}
	for _, f := range fragments {
		if !strings.Contains(err.Error(), f) {
			t.Errorf("%q is missing in the answer: %v", f, err)
		}
	}
}
