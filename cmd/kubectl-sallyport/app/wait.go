package app

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/exit"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/gatewaycontext"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/progress"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/safeterm"
)

// retryEvery is the pause before the grant is read again, after a watch has ended or was refused.
const retryEvery = 2 * time.Second

// settled says what became of a grant: whether there is nothing more to wait for, a sentence for the person, and an
// error if it will not open the door.
func settled(grant *accessv1alpha1.ExecutionGrant) (done bool, text string, err error) {
	conditions := grant.Status.Conditions
	ready := meta.FindStatusCondition(conditions, accessv1alpha1.ConditionReady)
	reason, message := accessv1alpha1.ReasonPending, "waiting for Sallyport"
	if ready != nil {
		reason, message = ready.Reason, ready.Message
	}
	switch {
	case meta.IsStatusConditionTrue(conditions, accessv1alpha1.ConditionActive):
		return true, "is active", nil
	case reason == accessv1alpha1.ReasonExpired:
		return true, "", exit.New(exit.TimedOut, "grant %s is over: %s", grant.Name, message)
	case reason == accessv1alpha1.ReasonDeadlineExceeded:
		return true, "", exit.New(exit.TimedOut, "grant %s was not approved in time: %s", grant.Name, message)
	case meta.IsStatusConditionTrue(conditions, accessv1alpha1.ConditionStalled):
		return true, "", exit.New(exit.Refused, "grant %s will not become active (%s): %s", grant.Name, reason, message)
	case reason == accessv1alpha1.ReasonAwaitingWindow:
		return true, "is approved", nil
	}
	return false, "grant " + grant.Name + ": " + message, nil
}

// await waits until the grant is settled, and says how it ended.
func (o *requestOptions) await(ctx context.Context, c client.WithWatch, grant *accessv1alpha1.ExecutionGrant) error {
	o.next(grant)
	limited, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	waiting := progress.Start(limited, o.Streams.ErrOut, o.ErrTerminal, o.Clock, "waiting for approval")
	defer waiting.Stop()
	text, err := o.follow(limited, c, grant, waiting)
	waiting.Stop()
	switch {
	case ctx.Err() != nil:
		return exit.WithHint(exit.New(exit.Failed, "interrupted; the request stands"), "kubectl sallyport grants shows it")
	case limited.Err() != nil:
		return exit.WithHint(exit.New(exit.TimedOut, "grant %s was not decided in %s; the request stands", grant.Name, o.timeout),
			"kubectl sallyport grants shows it")
	case err != nil:
		return err
	}
	o.print("Grant %s %s%s.", grant.Name, text, o.span(grant))
	o.enter(grant)
	return nil
}

// follow reads the grant, then watches it, and again whenever the watch ends; until it is settled. It leaves the
// last state in grant. Errors on the way are taken for passing ones, unless the grant is gone or may not be read.
func (o *requestOptions) follow(
	ctx context.Context, c client.WithWatch, grant *accessv1alpha1.ExecutionGrant, waiting *progress.Line,
) (string, error) {
	key, uid := client.ObjectKeyFromObject(grant), grant.UID
	for {
		err := c.Get(ctx, key, grant)
		switch code := exit.Of(err); {
		case code == exit.NotFound || (err == nil && grant.UID != uid):
			return "", exit.New(exit.Refused, "grant %s was deleted", key.Name)
		case code == exit.Refused:
			return "", err
		case err != nil:
			waiting.Say("the cluster does not answer: " + safeterm.Line(err.Error()))
		default:
			if text, done, err := o.watch(ctx, c, grant, waiting); done {
				return text, err
			}
		}
		timer := o.Clock.NewTimer(retryEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return "", ctx.Err()
		case <-timer.C():
		}
	}
}

// watch follows the grant from the state that was just read until it is settled, or the watch ends.
func (o *requestOptions) watch(
	ctx context.Context, c client.WithWatch, grant *accessv1alpha1.ExecutionGrant, waiting *progress.Line,
) (text string, done bool, err error) {
	if done, text, err = settled(grant); done {
		return text, true, err
	}
	waiting.Say(safeterm.Line(text))
	events, err := c.Watch(ctx, &accessv1alpha1.ExecutionGrantList{}, &client.ListOptions{
		Namespace:     grant.Namespace,
		FieldSelector: fields.OneTermEqualSelector("metadata.name", grant.Name),
		Raw:           &metav1.ListOptions{ResourceVersion: grant.ResourceVersion},
	})
	if err != nil {
		return "", false, err // may be passing, or a missing right: reading again goes on without
	}
	defer events.Stop()
	for {
		now := nextState(ctx, events, grant)
		if now == nil {
			return "", false, nil
		}
		now.DeepCopyInto(grant)
		if done, text, err = settled(grant); done {
			return text, true, err
		}
		waiting.Say(safeterm.Line(text))
	}
}

// nextState returns the next state of the grant, or nil when there will be none: the watch or ctx has ended, or the
// grant is gone.
func nextState(ctx context.Context, events watch.Interface, grant *accessv1alpha1.ExecutionGrant) *accessv1alpha1.ExecutionGrant {
	for {
		select {
		case <-ctx.Done():
			return nil
		case event := <-events.ResultChan():
			now, ok := event.Object.(*accessv1alpha1.ExecutionGrant)
			if !ok || event.Type == watch.Deleted {
				return nil
			}
			if now.UID == grant.UID && now.Name == grant.Name {
				return now
			}
		}
	}
}

// next says what has to happen for the grant to become active.
func (o *requestOptions) next(grant *accessv1alpha1.ExecutionGrant) {
	o.say("It needs approval. Somebody else, who may approve in namespace %s, runs:", grant.Namespace)
	o.say("  kubectl sallyport approve -n %s %s", grant.Namespace, grant.Name)
}

// span says from when until when a grant is active.
func (p *plugin) span(grant *accessv1alpha1.ExecutionGrant) string {
	from, until := grant.Status.ActiveFrom, grant.Status.ActiveUntil
	text := ""
	if from != nil && from.After(p.Clock.Now()) {
		text += " from " + utc(from.Time)
	}
	if until != nil {
		text += fmt.Sprintf(" until %s (%s left)", utc(until.Time), orNone(p.left(until.Time)))
	}
	return text
}

// enter says how to use a grant for Exec, Attach, Copy or PortForward.
func (o *requestOptions) enter(grant *accessv1alpha1.ExecutionGrant) {
	if config, err := o.flags.ToRESTConfig(); err == nil && !gatewaycontext.Through(config.Host) {
		o.say("This context does not go through the gateway. Once: kubectl sallyport login")
	}
	if grant.Spec.Target.PodName == "" {
		return
	}
	if grant.Spec.Actions[0] == accessv1alpha1.ActionPortForward {
		o.say("Go in with: %s", quote([]string{"kubectl", "port-forward", "-n", grant.Namespace, "pod/" + grant.Spec.Target.PodName, "LOCAL:REMOTE"}))
		return
	}
	if grant.Spec.Actions[0] == accessv1alpha1.ActionCopy {
		o.enterCopy(grant)
		return
	}
	argv := []string{"kubectl", "", "-it", "-n", grant.Namespace, grant.Spec.Target.PodName}
	if len(grant.Spec.Target.Containers) > 0 {
		argv = append(argv, "-c", grant.Spec.Target.Containers[0])
	}
	switch grant.Spec.Actions[0] {
	case accessv1alpha1.ActionExec:
		argv[1] = "exec"
		argv = append(argv, "--")
		if argv = append(argv, o.command...); len(o.command) == 0 {
			argv = append(argv, "sh")
		}
	case accessv1alpha1.ActionAttach:
		argv[1] = "attach"
	case accessv1alpha1.ActionCopy, accessv1alpha1.ActionPortForward, accessv1alpha1.ActionRun, accessv1alpha1.ActionDebug:
		return
	}
	o.say("Go in with: %s", quote(argv))
}

func (o *requestOptions) enterCopy(grant *accessv1alpha1.ExecutionGrant) {
	line := []string{"kubectl", "cp", "-n", grant.Namespace}
	if len(grant.Spec.Target.Containers) > 0 {
		line = append(line, "-c", grant.Spec.Target.Containers[0])
	}
	pod := grant.Spec.Target.PodName + ":PATH"
	o.say("Copy with: %s", quote(append(line, pod, "FILE")))
	o.say("       or: %s", quote(append(line, "FILE", pod)))
}
