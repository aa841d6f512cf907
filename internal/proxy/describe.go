package proxy

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/authorizer/copyshape"
	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

// openObject is what the recording says before its first byte.
func (l *live) openObject(ctx context.Context, q *request, id string) (recording.Open, error) {
	ref := q.decision.Grant
	grant, err := l.Grants.Grant(ctx, ref.Namespace, ref.Name)
	if err != nil {
		return recording.Open{}, fmt.Errorf("reading grant %s/%s: %w", ref.Namespace, ref.Name, err)
	}
	if string(grant.UID) != ref.UID {
		return recording.Open{}, fmt.Errorf("grant %s/%s was replaced", ref.Namespace, ref.Name)
	}
	approvals, err := l.approvals(ctx, grant, q.rules)
	if err != nil {
		return recording.Open{}, err
	}
	a := q.attributes
	q.archive = archiveOf(&a, grant)
	if q.exec != nil {
		q.onEnd = grant.Spec.OnEnd
	}
	open := recording.Open{
		Session: id, Recorder: l.Program, Gateway: recording.Gateway{Installation: l.Installation, Instance: l.Proxy}, Cluster: l.Cluster,
		Subject:   recording.Subject{Username: a.User.Name, UID: a.User.UID, Groups: a.User.Groups},
		Requester: requester(grant),
		Action:    a.Action, Namespace: a.Namespace, Pod: a.Pod, PodUID: a.PodUID, Node: q.pod.Spec.NodeName,
		Container: a.Container, Argv: q.rules.Strings(a.Command), TTY: a.TTY, Stdin: a.Stdin, Archive: q.archive,
		Grant:     grantOf(grant, q.rules),
		Approvals: approvals, MaskDigest: q.rules.Digest(), MaskPolicies: q.maskPolicies,
		SecretValues: l.values.recorded,
	}
	open.SecretValues.Mode = string(l.Secrets.Mode)
	if r := grant.Spec.Recording; r != nil {
		open.Durability = recording.Durability(r.Durability)
	}
	open.Image, open.ImageID = image(q.pod, a.Container)
	if open.PodSpec, err = podSpec(q.pod, q.rules); err != nil {
		return recording.Open{}, err
	}
	return open, nil
}

// archiveOf says which stream of the request passes as an archive, and what the grant has recorded of it. Only a Copy has
// one: the same command under a grant for Exec is masked as any other, or tar would be a way round masking.
func archiveOf(a *authorizer.Attributes, grant *accessv1alpha1.ExecutionGrant) *recording.ArchiveOpen {
	if a.Action != string(accessv1alpha1.ActionCopy) {
		return nil
	}
	open := &recording.ArchiveOpen{Recorded: recording.RecordedFull}
	if r := grant.Spec.Recording; r != nil && r.Copies == accessv1alpha1.RecordedDigestOnly {
		open.Recorded = recording.RecordedDigestOnly
	}
	switch copyshape.Of(*a).Kind {
	case copyshape.Out:
		open.Stream = recording.Stdout
	case copyshape.In:
		open.Stream = recording.Stdin
	case copyshape.None, copyshape.Probe:
		return nil
	}
	return open
}

func grantOf(g *accessv1alpha1.ExecutionGrant, rules *mask.Rules) recording.Grant {
	out := recording.Grant{
		Namespace: g.Namespace, Name: g.Name, UID: string(g.UID), Digest: g.Status.ApprovedDigest,
		Reason: rules.Text(g.Spec.Reason), Ticket: rules.Text(g.Spec.Ticket),
	}
	if from, until := g.Status.ActiveFrom, g.Status.ActiveUntil; from != nil && until != nil {
		out.ActiveFrom, out.ActiveUntil = from.UTC(), until.UTC()
	}
	return out
}

func requester(grant *accessv1alpha1.ExecutionGrant) recording.Subject {
	r := grant.Spec.Requester
	if r == nil {
		return recording.Subject{}
	}
	return recording.Subject{Username: r.Username, UID: r.UID, Groups: r.Groups}
}

func (s *sessions) approvals(ctx context.Context, grant *accessv1alpha1.ExecutionGrant, rules *mask.Rules) ([]recording.Approval, error) {
	name := grant.Status.ApprovalRequestName
	if name == "" {
		return nil, nil
	}
	request, err := s.Grants.Approval(ctx, grant.Namespace, name)
	if err != nil {
		return nil, fmt.Errorf("reading approvalrequest %s/%s: %w", grant.Namespace, name, err)
	}
	approvals := make([]recording.Approval, 0, len(request.Spec.Decisions))
	for _, d := range request.Spec.Decisions {
		approvals = append(approvals, recording.Approval{
			Approver: d.Approver, Time: d.Time.UTC(), Decision: string(d.Verdict), Comment: rules.Text(d.Comment),
		})
	}
	return approvals, nil
}

// image is what the container was to run, and what it runs.
func image(pod *corev1.Pod, container string) (name, id string) {
	statuses := append(append(append([]corev1.ContainerStatus{}, pod.Status.ContainerStatuses...),
		pod.Status.InitContainerStatuses...), pod.Status.EphemeralContainerStatuses...)
	for i := range statuses {
		if statuses[i].Name == container {
			return statuses[i].Image, statuses[i].ImageID
		}
	}
	return "", ""
}

// podSpec is the pod's specification without the values of its environment and of its probes' headers, and with secrets in
// its commands masked: a recording cannot be deleted.
func podSpec(pod *corev1.Pod, rules *mask.Rules) (json.RawMessage, error) {
	spec := pod.Spec.DeepCopy()
	for i := range spec.InitContainers {
		hideSecrets(&spec.InitContainers[i], rules)
	}
	for i := range spec.Containers {
		hideSecrets(&spec.Containers[i], rules)
	}
	for i := range spec.EphemeralContainers {
		hideSecrets((*corev1.Container)(&spec.EphemeralContainers[i].EphemeralContainerCommon), rules)
	}
	text, err := json.Marshal(spec)
	var tree any
	if err == nil {
		err = json.Unmarshal(text, &tree)
	}
	if err == nil {
		text, err = json.Marshal(maskedTree(tree, rules))
	}
	if err != nil {
		return nil, fmt.Errorf("encoding the specification of pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	return text, nil
}

// maskedTree is a JSON value with the secrets in its texts masked: a probe's path and a volume's attributes can hold some, too.
func maskedTree(node any, rules *mask.Rules) any {
	switch n := node.(type) {
	case string:
		return rules.Text(n)
	case []any:
		for i := range n {
			n[i] = maskedTree(n[i], rules)
		}
	case map[string]any:
		for key := range n {
			n[key] = maskedTree(n[key], rules)
		}
	}
	return node
}

const notRecorded = "(not recorded)"

func hideSecrets(c *corev1.Container, rules *mask.Rules) {
	for i := range c.Env {
		if c.Env[i].Value != "" {
			c.Env[i].Value = notRecorded
		}
	}
	c.Command, c.Args = rules.Strings(c.Command), rules.Strings(c.Args)
	for _, probe := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
		if probe != nil {
			hideInHandler(probe.Exec, probe.HTTPGet, rules)
		}
	}
	if c.Lifecycle == nil {
		return
	}
	for _, hook := range []*corev1.LifecycleHandler{c.Lifecycle.PostStart, c.Lifecycle.PreStop} {
		if hook != nil {
			hideInHandler(hook.Exec, hook.HTTPGet, rules)
		}
	}
}

func hideInHandler(exec *corev1.ExecAction, get *corev1.HTTPGetAction, rules *mask.Rules) {
	if exec != nil {
		exec.Command = rules.Strings(exec.Command)
	}
	if get == nil {
		return
	}
	for i := range get.HTTPHeaders {
		get.HTTPHeaders[i].Value = notRecorded
	}
}

// logValues describe a request in the log. A command is masked there, always.
func (q *request) logValues() []any {
	values := []any{"user", q.user.Name, "action", q.subresource, "namespace", q.route.Namespace, "pod", q.route.Pod}
	if q.attributes.Container != "" {
		values = append(values, "container", q.attributes.Container, "command", q.rules.Strings(q.attributes.Command))
	}
	return values
}
