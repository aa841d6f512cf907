package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/authorizer/accessreview"
	"github.com/sallyport-dev/sallyport/internal/authorizer/podrequest"
	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/maskpolicy"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/streaming"
)

// request is a session that somebody asks for.
type request struct {
	route       route
	method      string
	subresource string
	user        authorizer.User
	streams     streaming.Options
	exec        *corev1.PodExecOptions        // for exec
	attach      *corev1.PodAttachOptions      // for attach
	forward     *corev1.PodPortForwardOptions // for portforward

	rules        *mask.Rules           // by which all of it is masked, from its first moment to its last
	maskPolicies []recording.PolicyRef // that made the rules

	pod        *corev1.Pod
	attributes authorizer.Attributes
	archive    *recording.ArchiveOpen // of a Copy that carries one; known once the recording is
	onEnd      accessv1alpha1.OnEnd   // known then, too; only for exec
	decision   authorizer.Decision
}

func newRequest(r *http.Request, to route, user authorizer.User) (*request, error) {
	q := &request{route: to, method: r.Method, user: user, rules: mask.Default()}
	var err error
	switch to.Kind {
	case kindExec:
		q.subresource = "exec"
		if q.exec, err = execOptions(r.URL.Query()); err != nil {
			return nil, err
		}
		q.streams = streaming.Options{Stdin: q.exec.Stdin, Stdout: q.exec.Stdout, Stderr: q.exec.Stderr, TTY: q.exec.TTY}
	case kindAttach:
		q.subresource = "attach"
		if q.attach, err = attachOptions(r.URL.Query()); err != nil {
			return nil, err
		}
		q.streams = streaming.Options{Stdin: q.attach.Stdin, Stdout: q.attach.Stdout, Stderr: q.attach.Stderr, TTY: q.attach.TTY}
	case kindPortForward:
		q.subresource = "portforward"
		if q.forward, err = portForwardOptions(r.URL.Query()); err != nil {
			return nil, err
		}
	case kindNone, kindGroups, kindGroup, kindResources, kindGatewayList, kindGateway, kindPass:
		fallthrough
	default:
		return nil, fmt.Errorf("a session of kind %d", to.Kind)
	}
	return q, nil
}

// admit finds out about the pod and asks for a decision. Errors are for the person.
func (s *sessions) admit(ctx context.Context, q *request) error {
	found := ahead(func() (*corev1.Pod, error) {
		return s.Pods.Pods(q.route.Namespace).Get(ctx, q.route.Pod, metav1.GetOptions{})
	})
	if err := s.checkRBAC(ctx, q); err != nil {
		return err
	}
	if err := s.findRules(ctx, q); err != nil {
		return err
	}
	pod, err := found()
	if err != nil {
		return forPerson(err, "the gateway cannot read the pod")
	}
	if pod.DeletionTimestamp != nil {
		return apierrors.NewConflict(podResource, pod.Name, errors.New("the pod is being deleted"))
	}
	q.pod = pod
	if q.attributes, err = q.describe(pod); err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	return s.decide(ctx, q)
}

func (q *request) describe(pod *corev1.Pod) (authorizer.Attributes, error) {
	switch {
	case q.exec != nil:
		return podrequest.Exec(q.user, pod, q.exec)
	case q.attach != nil:
		return podrequest.Attach(q.user, pod, q.attach)
	case q.forward != nil:
		return podrequest.PortForward(q.user, pod, q.forward)
	default:
		return authorizer.Attributes{}, errors.New("neither exec, attach nor port-forward")
	}
}

func (s *sessions) decide(ctx context.Context, q *request) error {
	attributes, decision, err := authorizer.Decide(ctx, s.Authorizer, q.attributes)
	if err != nil {
		s.Log.Error(err, "deciding", q.logValues()...)
		return unavailable("sallyport cannot decide about this request now, so it is denied")
	}
	if decision.Outcome != authorizer.Allow || decision.Until <= s.Now().UnixNano() {
		s.Log.Info("session denied", append(q.logValues(), "outcome", decision.Outcome.String(), "reasons", decision.Reasons)...)
		return forbidden(denial(q.attributes, decision, q.rules))
	}
	q.attributes, q.decision = attributes, decision
	return nil
}

// findRules takes the mask rules that are in force in the namespace now.
func (s *sessions) findRules(ctx context.Context, q *request) error {
	rules, policies, err := s.Rules(ctx, q.route.Namespace)
	if refused, ok := errors.AsType[*maskpolicy.RefusedError](err); ok {
		s.Log.Error(err, "finding the mask rules", append(q.logValues(), "why", refused.Why)...)
		return unavailable(refused.Error())
	}
	if err != nil {
		s.Log.Error(err, "finding the mask rules", q.logValues()...)
		return unavailable("the gateway cannot find out what to mask now; run the command again")
	}
	q.rules = rules
	for _, p := range policies {
		q.maskPolicies = append(q.maskPolicies, recording.PolicyRef(p))
	}
	return nil
}

// checkRBAC asks the API server whether the user may do this at all, before the gateway says anything about the pod. The
// API server asks itself again when the target leg is opened.
func (s *sessions) checkRBAC(ctx context.Context, q *request) error {
	verb := "create"
	if q.method == http.MethodGet {
		verb = "get"
	}
	review, err := s.Access.SubjectAccessReviews().Create(ctx, accessreview.New(q.user, authorizationv1.ResourceAttributes{
		Namespace: q.route.Namespace, Verb: verb, Version: "v1",
		Resource: "pods", Subresource: q.subresource, Name: q.route.Pod,
	}), metav1.CreateOptions{})
	if err != nil {
		s.Log.Error(err, "asking for the user's rights", "user", q.user.Name)
		return unavailable("the gateway cannot ask the API server for your rights")
	}
	if !accessreview.Allows(review) {
		return apierrors.NewForbidden(podResource, q.route.Pod, fmt.Errorf(
			`User %q cannot %s resource "pods/%s" in API group "" in the namespace %q`, q.user.Name, verb, q.subresource, q.route.Namespace))
	}
	return nil
}

// ahead begins to call f. What it returns waits for the end of the call.
func ahead[T any](f func() (T, error)) func() (T, error) {
	var value T
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		value, err = f()
	}()
	return func() (T, error) {
		<-done
		return value, err
	}
}

// forPerson keeps an error of the API server, and hides any other behind a line.
func forPerson(err error, line string) error {
	var api apierrors.APIStatus
	if errors.As(err, &api) && (apierrors.IsNotFound(err) || apierrors.IsTooManyRequests(err)) {
		return err
	}
	return unavailable(line)
}
