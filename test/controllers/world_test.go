package controllers_test

import (
	"strings"
	"testing"
	"time"

	kstatus "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/controllers"
	"github.com/sallyport-dev/sallyport/test/env"
	"github.com/sallyport-dev/sallyport/test/gen"
)

var cluster *env.Env

func TestMain(m *testing.M) { env.Main(m, env.Options{}, func(e *env.Env) { cluster = e }) }

// world is one grant on the API server, and reconcilers that are called one by one with a clock that the test sets.
type world struct {
	t        *testing.T
	c        client.Client
	key      client.ObjectKey
	now      time.Time
	recorder *events.FakeRecorder
	grants   *controllers.ExecutionGrantReconciler
	requests *controllers.ApprovalRequestReconciler
}

// newWorld creates the grant; the clock stands at its creation.
func newWorld(t *testing.T, build func(ns string) *gen.Grant) *world {
	t.Helper()
	w := &world{t: t, c: cluster.AdminClient, recorder: events.NewFakeRecorder(100)}
	now := func() time.Time { return w.now }
	w.grants = &controllers.ExecutionGrantReconciler{Client: w.c, Live: w.c, Recorder: w.recorder, Now: now}
	w.requests = &controllers.ApprovalRequestReconciler{Client: w.c, Live: w.c, Recorder: w.recorder, Now: now}
	w.create(build(cluster.Namespace(t)).ForCreate().Obj())
	return w
}

func plainGrant(ns string) *gen.Grant { return gen.MakeGrant(ns, "fix") }

func (w *world) create(grant *accessv1alpha1.ExecutionGrant) {
	w.t.Helper()
	if err := w.c.Create(w.t.Context(), grant); err != nil {
		w.t.Fatalf("creating the grant: %v", err)
	}
	w.key, w.now = client.ObjectKeyFromObject(grant), grant.CreationTimestamp.Time
}

// reconcile runs both reconcilers until neither has anything to do now, and returns when the grant's wants to be woken.
func (w *world) reconcile() (next time.Time) {
	w.t.Helper()
	for range 4 {
		w.reconcileRequest()
		next = w.reconcileGrant()
	}
	return next
}

func (w *world) reconcileGrant() time.Time {
	w.t.Helper()
	result, err := w.grants.Reconcile(w.t.Context(), ctrl.Request{NamespacedName: w.key})
	return w.wake(result, err)
}

func (w *world) reconcileRequest() time.Time {
	w.t.Helper()
	result, err := w.requests.Reconcile(w.t.Context(), ctrl.Request{NamespacedName: w.key})
	return w.wake(result, err)
}

func (w *world) wake(result ctrl.Result, err error) time.Time {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("reconciling: %v", err)
	}
	if result.RequeueAfter == 0 {
		return time.Time{}
	}
	return w.now.Add(result.RequeueAfter)
}

func (w *world) grant() *accessv1alpha1.ExecutionGrant {
	w.t.Helper()
	var grant accessv1alpha1.ExecutionGrant
	if err := w.c.Get(w.t.Context(), w.key, &grant); err != nil {
		w.t.Fatalf("reading the grant: %v", err)
	}
	return &grant
}

func (w *world) request() *accessv1alpha1.ApprovalRequest {
	w.t.Helper()
	var request accessv1alpha1.ApprovalRequest
	if err := w.c.Get(w.t.Context(), w.key, &request); err != nil {
		w.t.Fatalf("reading the ApprovalRequest: %v", err)
	}
	return &request
}

func (w *world) deleteRequest() {
	w.t.Helper()
	if err := w.c.Delete(w.t.Context(), w.request()); err != nil {
		w.t.Fatalf("deleting the ApprovalRequest: %v", err)
	}
}

func (w *world) noRequest() {
	w.t.Helper()
	err := w.c.Get(w.t.Context(), w.key, &accessv1alpha1.ApprovalRequest{})
	if !apierrors.IsNotFound(err) {
		w.t.Errorf("reading the ApprovalRequest: got %v, want that there is none", err)
	}
}

// decide adds a decision as admission would stamp it now.
func (w *world) decide(name string, verdict accessv1alpha1.Verdict) {
	w.t.Helper()
	request := w.request()
	request.Spec.Decisions = append(request.Spec.Decisions,
		accessv1alpha1.ApprovalDecision{Approver: name, Verdict: verdict, Time: gen.Stamp(w.now)})
	if err := w.c.Update(w.t.Context(), request); err != nil {
		w.t.Fatalf("deciding as %s: %v", name, err)
	}
}

// expect checks what people and GitOps see of the grant.
func (w *world) expect(reason string, health kstatus.Status) *accessv1alpha1.ExecutionGrant {
	w.t.Helper()
	grant := w.grant()
	if got := readyReason(grant.Status.Conditions); got != reason {
		w.t.Errorf("the grant is %s, want %s: %+v", got, reason, grant.Status)
	}
	if got := w.health("ExecutionGrant"); got != health {
		w.t.Errorf("GitOps sees %s, want %s", got, health)
	}
	return grant
}

func (w *world) health(kind string) kstatus.Status {
	w.t.Helper()
	var u unstructured.Unstructured
	u.SetGroupVersionKind(accessv1alpha1.GroupVersion.WithKind(kind))
	if err := w.c.Get(w.t.Context(), w.key, &u); err != nil {
		w.t.Fatalf("reading the %s: %v", kind, err)
	}
	result, err := kstatus.Compute(&u)
	if err != nil {
		w.t.Fatalf("computing the health of the %s: %v", kind, err)
	}
	return result.Status
}

// events are the severities and reasons of the events so far.
func (w *world) events() []string {
	var list []string
	for {
		select {
		case e := <-w.recorder.Events:
			words := strings.Fields(e)
			list = append(list, words[0]+" "+words[1])
		default:
			return list
		}
	}
}

func readyReason(conditions []metav1.Condition) string {
	if ready := meta.FindStatusCondition(conditions, accessv1alpha1.ConditionReady); ready != nil {
		return ready.Reason
	}
	return ""
}
