package webhooks

import (
	"context"
	"fmt"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/layout"
)

// maxPods bounds how many pods of a selector are read to find its containers.
const maxPods = 500

// GrantMutator stamps a new ExecutionGrant with who requests it, for whom, and with the UID of the pod that it names. On
// an update it puts back what the request leaves out of that, so that applying the same manifest changes nothing.
type GrantMutator struct {
	Decoder admission.Decoder
	// Live reads pods from the API server, not from a cache.
	Live client.Client
}

// GrantValidator refuses a grant that somebody else is said to have requested, or that cannot be used as it is.
type GrantValidator struct {
	Decoder admission.Decoder
	// Live reads pods and asks the authorizer.
	Live client.Client
	Now  func() time.Time
}

// Handle stamps. What is there already stays, for GrantValidator to judge.
func (m *GrantMutator) Handle(ctx context.Context, req admission.Request) admission.Response {
	var response admission.Response
	var err error
	switch req.Operation {
	case admissionv1.Create:
		response, err = m.stampNew(ctx, &req)
	case admissionv1.Update:
		response, err = patch(&req, func(object map[string]any) error { return restoreGrant(object, req.OldObject) })
	case admissionv1.Delete, admissionv1.Connect:
		fallthrough
	default:
		err = refuse("Sallyport does not know this request, so it is denied")
	}
	if err != nil {
		return answer(ctx, err, "operation", req.Operation)
	}
	return response
}

func (m *GrantMutator) stampNew(ctx context.Context, req *admission.Request) (admission.Response, error) {
	g := &accessv1alpha1.ExecutionGrant{}
	if err := m.Decoder.Decode(*req, g); err != nil {
		return admission.Response{}, refuse("the grant cannot be read: %v", err)
	}
	pods, err := choosePods(ctx, m.Live, req.Namespace, &g.Spec.Target)
	if err != nil {
		return admission.Response{}, err
	}
	return patch(req, func(object map[string]any) error { return stampGrant(object, g, &req.UserInfo, pods) })
}

// stampGrant fills in what is missing.
func stampGrant(object map[string]any, g *accessv1alpha1.ExecutionGrant, user *authenticationv1.UserInfo, pods []corev1.Pod) error {
	if g.Spec.Requester == nil {
		if err := setStruct(object, identityOf(user), "spec", "requester"); err != nil {
			return err
		}
	}
	if g.Spec.Subject == nil {
		subject := accessv1alpha1.SubjectOf(user.Username)
		if err := setStruct(object, &subject, "spec", "subject"); err != nil {
			return err
		}
	}
	if g.Spec.Target.PodUID != "" || g.Spec.Target.PodName == "" || len(pods) != 1 {
		return nil
	}
	return setField(object, string(pods[0].UID), "spec", "target", "podUID")
}

// restoreGrant copies from the stored object what admission once stamped and the request leaves out.
func restoreGrant(object map[string]any, stored runtime.RawExtension) error {
	old, err := content(stored)
	if err != nil {
		return err
	}
	for _, path := range [][]string{{"spec", "requester"}, {"spec", "subject"}, {"spec", "target", "podUID"}} {
		value, was, err := unstructured.NestedFieldCopy(old, path...)
		if err != nil || !was {
			continue
		}
		if _, is, err := unstructured.NestedFieldNoCopy(object, path...); err != nil || is {
			continue
		}
		if err := setField(object, value, path...); err != nil {
			return err
		}
	}
	return nil
}

// Handle verifies.
func (v *GrantValidator) Handle(ctx context.Context, req admission.Request) admission.Response {
	return answer(ctx, v.check(ctx, &req), "operation", req.Operation)
}

func (v *GrantValidator) check(ctx context.Context, req *admission.Request) error {
	g := &accessv1alpha1.ExecutionGrant{}
	if err := v.Decoder.Decode(*req, g); err != nil {
		return refuse("the grant cannot be read: %v", err)
	}
	switch req.Operation {
	case admissionv1.Create:
	case admissionv1.Update:
		old := &accessv1alpha1.ExecutionGrant{}
		if err := v.Decoder.DecodeRaw(req.OldObject, old); err != nil {
			return refuse("the stored grant cannot be read, so the update is denied")
		}
		return invalid("ExecutionGrant", g.Name, validateGrantUpdate(old, g))
	case admissionv1.Delete, admissionv1.Connect:
		fallthrough
	default:
		return refuse("Sallyport does not know this request, so it is denied")
	}
	facts, err := v.facts(ctx, req, g)
	if err != nil {
		return err
	}
	return invalid("ExecutionGrant", nameOf(&g.ObjectMeta), validateNewGrant(g, &facts))
}

// facts reads what the judgement of a new grant depends on.
func (v *GrantValidator) facts(ctx context.Context, req *admission.Request, g *accessv1alpha1.ExecutionGrant) (grantFacts, error) {
	f := grantFacts{user: &req.UserInfo, namespace: req.Namespace, now: v.Now()}
	var err error
	if f.pods, err = choosePods(ctx, v.Live, req.Namespace, &g.Spec.Target); err != nil {
		return f, err
	}
	if g.Spec.Subject != nil && *g.Spec.Subject != accessv1alpha1.SubjectOf(req.UserInfo.Username) {
		f.mayDelegate, err = access(ctx, v.Live, &req.UserInfo, layout.VerbDelegate, "executiongrants", req.Namespace, g.Name)
	}
	return f, err
}

// choosePods reads the pods that a target means now: none if there is none, or if it names none.
func choosePods(ctx context.Context, c client.Client, namespace string, target *accessv1alpha1.Target) ([]corev1.Pod, error) {
	switch {
	case target.PodName != "" && len(validation.IsDNS1123Subdomain(target.PodName)) > 0:
		return nil, nil // the schema says so
	case target.PodName != "":
		pod := corev1.Pod{}
		err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: target.PodName}, &pod)
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading pod %s/%s: %w", namespace, target.PodName, err)
		}
		return []corev1.Pod{pod}, nil
	case target.Selector != nil:
		selector, err := metav1.LabelSelectorAsSelector(target.Selector)
		if err != nil {
			return nil, refuse("spec.target.selector cannot be read: %v", err)
		}
		pods := corev1.PodList{}
		options := []client.ListOption{client.InNamespace(namespace), client.MatchingLabelsSelector{Selector: selector}, client.Limit(maxPods)}
		if err := c.List(ctx, &pods, options...); err != nil {
			return nil, fmt.Errorf("listing pods in namespace %q: %w", namespace, err)
		}
		return pods.Items, nil
	default:
		return nil, nil
	}
}

// nameOf is the name that an object has or will begin with.
func nameOf(m *metav1.ObjectMeta) string {
	if m.Name == "" {
		return m.GenerateName
	}
	return m.Name
}

func setStruct(object map[string]any, value any, path ...string) error {
	encoded, err := runtime.DefaultUnstructuredConverter.ToUnstructured(value)
	if err != nil {
		return fmt.Errorf("encoding %v: %w", path, err)
	}
	return setField(object, encoded, path...)
}

func setField(object map[string]any, value any, path ...string) error {
	if err := unstructured.SetNestedField(object, value, path...); err != nil {
		return refuse("the object of the request cannot be read, so it is denied")
	}
	return nil
}
