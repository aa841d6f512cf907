package app

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/exit"
)

func TestRequestManifest(t *testing.T) {
	tests := map[string]struct {
		file string
		args []string
	}{
		"if the least is said, then the defaults": {"least", []string{"--pod", "web-0", "--reason", "why"}},
		"if all is said, then all of it": {"all", []string{
			"fix", "--pod", "pod/web-0", "-c", "app,sidecar", "--action", "exec,Attach", "--action=EXEC", "--for", "1h", "--reason", "why", "--ticket", "OPS-1",
			"--subject", "user:system:x:jane", "--", "ls", "*.log", `a\b?`, "--", "-x",
		}},
		"if a window and labels are said, then those": {"window", []string{
			"-l", "app=web,tier in (a,b)", "--from", "2026-11-23T23:00:00+01:00", "--until", "2026-11-23T23:00:00Z", "--reason", "why", "--subject", "sa:ci:bot",
		}},
		"if what is left is to be killed, then so":         {"kill", []string{"--pod", "web-0", "--on-end", "kill", "--reason", "why"}},
		"if a copy is wanted, then what of it is recorded": {"copy", []string{"--pod", "web-0", "--action", "copy", "--record-copies", "digestonly", "--reason", "why"}},
		"if bytes are to be stored first, then so":         {"durability", []string{"--pod", "web-0", "--durability", "store", "--reason", "why"}},
		"if only an end is said, then from now":            {"until", []string{"--pod", "a", "--until", "2026-11-23T13:00:00Z", "--reason", "why"}},
		"if a new pod is wanted, then its image":           {"run", []string{"--action", "Run", "--image", "busybox:*", "--reason", "why", "--subject", "group:ops"}},
		"if an exec line is given, then it is read":        {"line", []string{"--reason", "why", "--", "kubectl", "exec", "-it", "-n", "pay", "web-0", "-capp", "--", "sh", "-c", "ls *"}},
		"if an attach line is given, then it is read":      {"attach", []string{"--reason", "why", "--", "kubectl", "attach", "web-0"}},
		"if a port-forward line is given, then it is read": {"forward", []string{"--reason", "why", "--", "kubectl", "port-forward", "-n", "pay", "db-0", "5432"}},
		"if the command is kubectl in a pod, then just so": {"kubectl", []string{"--pod", "web-0", "--reason", "why", "--", "kubectl", "version"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"request", "--dry-run=client", "-o", "yaml"}, tc.args...)
			r := newWorld(t).run(args...)
			r.want(t, exit.OK, nil, nil)
			golden(t, "request-"+tc.file+".yaml", r.out)
		})
	}
}

func TestRequestRefusesWhatNoGrantCanSay(t *testing.T) {
	tests := map[string]struct{ args, says string }{
		"if the action is unknown, then it is named":         {"--pod a --action Fly", `"Fly"`},
		"if PortForward is limited to a container, then so":  {"--pod a -c app --action portforward", "--container"},
		"if the end is unknown, then it is named":            {"--pod a --on-end burn", `"burn"`},
		"if the recording is unknown, then it is named":      {"--pod a --action Copy --record-copies none", `"none"`},
		"if copies are recorded and there are none, then so": {"--pod a --record-copies Full", "--action Copy"},
		"if the durability is unknown, then it is named":     {"--pod a --durability memory", `"memory"`},
		"if Debug has no image, then --image":                {"--pod a --action Debug", "--image"},
		"if a deployment is named, then --selector":          {"--pod deploy/a", "--selector"},
		"if the selector cannot be read, then it is named":   {"-l a=b=c", "--selector"},
		"if the duration is too short, then its bounds":      {"--pod a --for 9s", "between 10s and 12h"},
		"if the duration is zero, then its bounds":           {"--pod a --for 0s", "between 10s and 12h"},
		"if the duration is negative, then its bounds":       {"--pod a --for -1m", "between 10s and 12h"},
		"if the duration is absurd, then its bounds":         {"--pod a --for 300000h", "between 10s and 12h"},
		"if the duration has fractions, then whole seconds":  {"--pod a --for 10.5s", "whole seconds"},
		"if only the beginning is said, then --until":        {"--pod a --from 2026-11-23T13:00:00Z", "--until"},
		"if a time cannot be read, then an example":          {"--pod a --until tomorrow", "2026-11-23T14:00:00Z"},
		"if a time has fractions, then an example":           {"--pod a --until 2026-11-23T13:00:00.5Z", "2026-11-23T14:00:00Z"},
		"if the subject has no kind, then the forms":         {"--pod a --subject jane", "user:NAME"},
		"if the subject has an unknown kind, then the forms": {"--pod a --subject robot:x", "user:NAME"},
		"if the subject has no namespace, then the forms":    {"--pod a --subject sa:bot", "serviceaccount:NAMESPACE:NAME"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.run(append([]string{"request", "--reason", "why"}, strings.Fields(tc.args)...)...).want(t, exit.Usage, nil, []string{tc.says})
			if w.client != nil {
				t.Error("the cluster was asked")
			}
		})
	}
	t.Run("if an argument is empty, then it is refused", func(t *testing.T) {
		newWorld(t).run("request", "--reason", "why", "--pod", "a", "--", "printf", "").want(t, exit.Usage, nil, []string{"empty argument"})
	})
}

func TestRequestCreates(t *testing.T) {
	w := newWorld(t)
	r := w.run("request", "fix", "--pod", "web-0", "--reason", "why", "-n", "pay")
	r.want(t, exit.OK, []string{"executiongrant.access.sallyport.dev/fix created\n"}, []string{"kubectl sallyport approve -n pay fix"})
	var g accessv1alpha1.ExecutionGrant
	if err := w.client.Get(t.Context(), client.ObjectKey{Namespace: "pay", Name: "fix"}, &g); err != nil || g.Spec.DurationSeconds != 900 {
		t.Errorf("%v: %+v", err, g.Spec)
	}
	w.run("request", "--pod", "web-0", "--reason", "why", "-o", "name").want(t, exit.OK, []string{"executiongrant.access.sallyport.dev/grant-"}, nil)
	w.run("request", "fix", "--pod", "web-0", "--reason", "why", "-n", "pay").want(t, exit.Failed, nil, []string{"Error from server (AlreadyExists)"})

	w.run("request", "dry", "--pod", "web-0", "--reason", "why", "--dry-run=server").want(t, exit.OK, []string{"created (server dry run)"}, nil)
	if err := w.client.Get(t.Context(), client.ObjectKey{Namespace: "shop", Name: "dry"}, &g); !apierrors.IsNotFound(err) {
		t.Errorf("a dry run stored it: %v", err)
	}
}

func TestRequestPrintsRefusalsAsTheyAre(t *testing.T) {
	w := newWorld(t)
	group := schema.GroupResource{Group: "access.sallyport.dev", Resource: "executiongrants"}
	answer := error(nil)
	w.intercept.Create = func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error { return answer }
	tests := map[string]struct {
		err  error
		code exit.Code
		says []string
	}{
		"if a webhook refuses, then its words": {
			apierrors.NewForbidden(group, "x", errors.New("pod \x1b[2Jweb-0 does not exist")), exit.Refused, []string{`pod \x1b[2Jweb-0 does not exist`},
		},
		"if RBAC refuses, then a hint": {
			apierrors.NewForbidden(group, "", errors.New(`User "jane" cannot create resource "executiongrants"`)), exit.Refused, []string{"hint: an administrator"},
		},
		"if the schema refuses, then its words": {
			apierrors.NewInvalid(accessv1alpha1.GroupVersion.WithKind("ExecutionGrant").GroupKind(), "x", nil), exit.Refused, []string{"Error from server (Invalid)"},
		},
		"if the API is not installed, then a hint": {
			apierrors.NewGenericServerResponse(404, "POST", group, "", "", 0, true), exit.NotFound, []string{"not installed"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			answer = tc.err
			r := w.run("request", "--pod", "web-0", "--reason", "why")
			r.want(t, tc.code, nil, tc.says)
			if strings.Count(strings.ToLower(r.err), "error") != 1 {
				t.Errorf("said twice: %s", r.err)
			}
		})
	}
}

// became makes the status that Sallyport would write.
func became(g *accessv1alpha1.ExecutionGrant, reason string, more ...string) *accessv1alpha1.ExecutionGrant {
	g = g.DeepCopy()
	g.Status.Conditions = []metav1.Condition{{
		Type: accessv1alpha1.ConditionReady, Status: metav1.ConditionUnknown, Reason: reason, Message: "message of " + reason,
	}}
	for _, condition := range more {
		g.Status.Conditions = append(g.Status.Conditions, metav1.Condition{Type: condition, Status: metav1.ConditionTrue, Reason: reason})
	}
	from, until := metav1.NewTime(noon), metav1.NewTime(noon.Add(15*time.Minute))
	switch reason {
	case accessv1alpha1.ReasonActive:
		g.Status.ActiveFrom, g.Status.ActiveUntil = &from, &until
	case accessv1alpha1.ReasonAwaitingWindow:
		from, until = metav1.NewTime(noon.Add(time.Hour)), metav1.NewTime(noon.Add(2*time.Hour))
		g.Status.ActiveFrom, g.Status.ActiveUntil = &from, &until
	}
	return g
}

func TestRequestWaits(t *testing.T) {
	const stalled, active = accessv1alpha1.ConditionStalled, accessv1alpha1.ConditionActive
	tests := map[string]struct {
		reason    string
		condition string
		code      exit.Code
		out, err  []string
	}{
		"if it becomes active, then until when and how to go in": {
			accessv1alpha1.ReasonActive, active, exit.OK,
			[]string{"Grant fix is active until 2026-11-23T12:15:00Z (15m left)."},
			[]string{"kubectl sallyport approve -n shop fix", "Go in with: kubectl exec -it -n shop web-0 -c app -- sh -c 'ls *'", "kubectl sallyport login"},
		},
		"if its window comes later, then from when": {
			accessv1alpha1.ReasonAwaitingWindow, accessv1alpha1.ConditionApproved, exit.OK,
			[]string{"Grant fix is approved from 2026-11-23T13:00:00Z until 2026-11-23T14:00:00Z"}, nil,
		},
		"if it is denied, then 3": {accessv1alpha1.ReasonDenied, stalled, exit.Refused, nil, []string{"(Denied): message of Denied"}},
		"if nobody decides in time, then 6": {
			accessv1alpha1.ReasonDeadlineExceeded, stalled, exit.TimedOut, nil, []string{"message of DeadlineExceeded"},
		},
		"if the approval is void, then 3": {accessv1alpha1.ReasonApprovalVoid, stalled, exit.Refused, nil, []string{"(ApprovalVoid)"}},
		"if it is over already, then 6":   {accessv1alpha1.ReasonExpired, accessv1alpha1.ConditionApproved, exit.TimedOut, nil, []string{"is over"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			// The state changes once the plugin watches.
			w.intercept.Watch = func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) (watch.Interface, error) {
				options := client.ListOptions{}
				options.ApplyOptions(opts)
				if options.FieldSelector.String() != "metadata.name=fix" || options.Raw.ResourceVersion == "" {
					t.Errorf("watching %v from %q", options.FieldSelector, options.Raw.ResourceVersion)
				}
				events := watch.NewFakeWithOptions(watch.FakeOptions{ChannelSize: 2})
				var g accessv1alpha1.ExecutionGrant
				if err := c.Get(ctx, client.ObjectKey{Namespace: "shop", Name: "fix"}, &g); err != nil {
					t.Error(err)
				}
				events.Modify(became(&g, accessv1alpha1.ReasonAwaitingApproval))
				events.Modify(became(&g, tc.reason, tc.condition))
				return events, nil
			}
			w.run("request", "fix", "--pod", "web-0", "-c", "app", "--reason", "why", "--wait", "--", "sh", "-c", "ls *").want(t, tc.code, tc.out, tc.err)
		})
	}
}

func TestRequestWaitsThroughTrouble(t *testing.T) {
	t.Run("if it may not watch, then it reads again", func(t *testing.T) {
		w, reads := newWorld(t), 0
		w.clock = fast{clock.RealClock{}}
		w.intercept.Watch = func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) (watch.Interface, error) {
			return nil, apierrors.NewForbidden(schema.GroupResource{}, "", errors.New("you cannot watch"))
		}
		w.intercept.Get = func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			if reads++; reads == 2 {
				return apierrors.NewInternalError(errors.New("etcd is out"))
			}
			if err := c.Get(ctx, key, obj, opts...); err != nil || reads < 3 {
				return err
			}
			g, ok := obj.(*accessv1alpha1.ExecutionGrant)
			if !ok {
				t.Fatalf("reading %T", obj)
			}
			became(g, accessv1alpha1.ReasonActive, accessv1alpha1.ConditionActive).DeepCopyInto(g)
			return nil
		}
		w.run("request", "fix", "--pod", "web-0", "--reason", "why", "--wait").want(t, exit.OK, []string{"is active"}, nil)
		if reads != 3 {
			t.Errorf("read %d times", reads)
		}
	})
	t.Run("if the grant is deleted, then 3", func(t *testing.T) {
		w := newWorld(t)
		w.clock = fast{clock.RealClock{}}
		w.intercept.Watch = func(ctx context.Context, c client.WithWatch, _ client.ObjectList, _ ...client.ListOption) (watch.Interface, error) {
			g := &accessv1alpha1.ExecutionGrant{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "fix"}}
			events := watch.NewFakeWithOptions(watch.FakeOptions{ChannelSize: 1})
			events.Delete(g)
			return events, c.Delete(ctx, g)
		}
		w.run("request", "fix", "--pod", "web-0", "--reason", "why", "--wait").want(t, exit.Refused, nil, []string{"grant fix was deleted"})
	})
	t.Run("if nobody decides, then 6 and the request stands", func(t *testing.T) {
		w := newWorld(t)
		r := w.run("request", "fix", "--pod", "web-0", "--reason", "why", "--wait", "--timeout", "10ms")
		r.want(t, exit.TimedOut, nil, []string{"was not decided in 10ms; the request stands", "kubectl sallyport grants"})
	})
	t.Run("if it is interrupted, then 1 and the request stands", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := newWorld(t)
		w.intercept.Watch = func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) (watch.Interface, error) {
			cancel()
			return nil, context.Canceled
		}
		w.runContext(ctx, "request", "fix", "--pod", "web-0", "--reason", "why", "--wait").
			want(t, exit.Failed, nil, []string{"interrupted; the request stands"})
	})
}

// fast is a clock whose timers are a thousand times as fast.
type fast struct{ clock.RealClock }

func (f fast) NewTimer(d time.Duration) clock.Timer { return f.RealClock.NewTimer(d / 1000) }
