package webhooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/test/gen"
)

const (
	namespace = "shop"
	sallyport = "system:serviceaccount:sallyport-system:sallyport"
)

var (
	commandKey = authorizer.CommandKey("a key for digests of commands")

	errBroken = errors.New("connection refused to 10.0.0.1, token eyJhbGciOi")
	present   = gen.Epoch().Add(time.Minute)
)

func clock() time.Time { return present }

func testScheme() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, accessv1alpha1.AddToScheme} {
		if err := add(s); err != nil {
			panic(err)
		}
	}
	return s
}

func testDecoder() admission.Decoder { return admission.NewDecoder(testScheme()) }

// fakeAuthorizer gives one answer and remembers what it was asked.
type fakeAuthorizer struct {
	decision authorizer.Decision
	deny     string // an action that is denied
	err      error
	asked    []authorizer.Attributes
}

func (f *fakeAuthorizer) Authorize(_ context.Context, a authorizer.Attributes) (authorizer.Decision, error) {
	f.asked = append(f.asked, a)
	if a.Action == f.deny {
		return authorizer.Decision{}, f.err
	}
	return f.decision, f.err
}

// allowed is a decision by the grant "grant", for ten minutes more.
func allowed() authorizer.Decision {
	return authorizer.Decision{
		Outcome: authorizer.Allow, Until: present.Add(10 * time.Minute).UnixNano(),
		Grant: authorizer.GrantRef{Namespace: namespace, Name: "grant", UID: "grant-" + namespace + "-grant-uid"},
	}
}

// world is an API server with these objects; verbs are those that a SubjectAccessReview allows.
type world struct {
	objects []client.Object
	verbs   []string
	broken  bool // every read fails
	reviews []authorizationv1.SubjectAccessReviewSpec
	funcs   interceptor.Funcs
}

func (w *world) client() client.WithWatch {
	funcs := w.funcs
	funcs.Create = func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
		review, ok := o.(*authorizationv1.SubjectAccessReview)
		if !ok {
			return c.Create(ctx, o, opts...)
		}
		if w.broken {
			return errBroken
		}
		w.reviews = append(w.reviews, review.Spec)
		for _, verb := range w.verbs {
			review.Status.Allowed = review.Status.Allowed || verb == review.Spec.ResourceAttributes.Verb
		}
		return nil
	}
	if w.broken {
		funcs.Get = func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return errBroken
		}
		funcs.List = func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
			return errBroken
		}
	}
	return fake.NewClientBuilder().WithScheme(testScheme()).WithObjects(w.objects...).
		WithStatusSubresource(&accessv1alpha1.ExecutionSession{}).WithInterceptorFuncs(funcs).Build()
}

// request is an admission request by a user for an object.
func request(tb testing.TB, op admissionv1.Operation, user string, object, old any) *admission.Request {
	tb.Helper()
	return &admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		UID: "request-uid", Operation: op, Namespace: namespace,
		UserInfo: authenticationv1.UserInfo{Username: user, UID: user + "-uid", Groups: []string{"developers", "system:authenticated"}},
		Object:   raw(tb, object), OldObject: raw(tb, old),
	}}
}

func raw(tb testing.TB, object any) runtime.RawExtension {
	tb.Helper()
	switch o := object.(type) {
	case nil:
		return runtime.RawExtension{}
	case string:
		return runtime.RawExtension{Raw: []byte(o)}
	}
	b, err := json.Marshal(object)
	if err != nil {
		tb.Fatal(err)
	}
	return runtime.RawExtension{Raw: b}
}

func webPod() *corev1.Pod {
	return &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web", UID: "web-uid", Labels: map[string]string{"app": "web"}},
		Spec: corev1.PodSpec{
			Containers:     []corev1.Container{{Name: "app", Image: "app:1"}, {Name: "side", Image: "side:1"}},
			InitContainers: []corev1.Container{{Name: "init", Image: "init:1"}},
		},
	}
}

// wantAnswer checks a response: an empty message means that it allows.
func wantAnswer(t *testing.T, r admission.Response, message string) {
	t.Helper()
	if message == "" {
		if !r.Allowed {
			t.Errorf("denied: %s", text(r))
		}
		return
	}
	if r.Allowed || len(r.Patches) > 0 {
		t.Fatalf("allowed with patches %v, want a denial with %q", r.Patches, message)
	}
	if !strings.Contains(text(r), message) {
		t.Errorf("message %q, want %q", text(r), message)
	}
	wantStatus(t, r.Result)
	if len(text(r)) >= 2048 {
		t.Errorf("the message has %d bytes", len(text(r)))
	}
	if strings.Contains(text(r), "eyJhbGciOi") {
		t.Error("the message tells an internal error")
	}
}

// wantStatus checks that code and reason of a denial fit what it says.
func wantStatus(t *testing.T, s *metav1.Status) {
	t.Helper()
	code, reason := http.StatusForbidden, metav1.StatusReasonForbidden
	switch {
	case s.Message == troubled:
		code, reason = http.StatusInternalServerError, metav1.StatusReasonInternalError
	case strings.Contains(s.Message, ".access.sallyport.dev \"") && strings.Contains(s.Message, "\" is invalid: ") && !strings.Contains(s.Message, ": Forbidden: "):
		code, reason = http.StatusUnprocessableEntity, metav1.StatusReasonInvalid
	}
	if s.Status != metav1.StatusFailure || int(s.Code) != code || s.Reason != reason || (s.Details != nil) != (code == http.StatusUnprocessableEntity) {
		t.Errorf("%s %d %s with details %v; want %d %s", s.Status, s.Code, s.Reason, s.Details, code, reason)
	}
}

func text(r admission.Response) string {
	if r.Result == nil {
		return ""
	}
	return r.Result.Message
}

// patched is the object of a request after the patches of a mutating response, as JSON. It knows the operations that
// a response holds, and fails on all others.
func patched(t *testing.T, req *admission.Request, r admission.Response) []byte {
	t.Helper()
	var object any
	decoder := json.NewDecoder(bytes.NewReader(req.Object.Raw))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil {
		t.Fatal(err)
	}
	for _, op := range r.Patches {
		if op.Operation != "add" && op.Operation != "replace" {
			t.Fatalf("unexpected operation %q at %s", op.Operation, op.Path)
		}
		var path []string
		for _, step := range strings.Split(op.Path, "/")[1:] {
			path = append(path, strings.NewReplacer("~1", "/", "~0", "~").Replace(step))
		}
		set(t, object, path, op.Value)
	}
	b, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func set(t *testing.T, object any, path []string, value any) {
	t.Helper()
	switch o := object.(type) {
	case map[string]any:
		if len(path) == 1 {
			o[path[0]] = value
			return
		}
		set(t, o[path[0]], path[1:], value)
	case []any:
		i, err := strconv.Atoi(path[0])
		if err != nil || i >= len(o) || len(path) == 1 {
			t.Fatalf("unexpected path %q", path)
		}
		set(t, o[i], path[1:], value)
	default:
		t.Fatalf("unexpected path %q in a %T", path, object)
	}
}
