package proxy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/podsecrets"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

// SecretMode is whether the values of the pods' own Secrets are masked.
type SecretMode string

// The modes.
const (
	// SecretsOff: no Secret is read.
	SecretsOff SecretMode = "Off"
	// SecretsWhereAllowed: those are that can be read, and what cannot is recorded and shown.
	SecretsWhereAllowed SecretMode = "WhereAllowed"
	// SecretsRequired: there is no session whose Secrets cannot be read.
	SecretsRequired SecretMode = "Required"
)

// PodSecrets are where the values come from, and what is made of them.
type PodSecrets struct {
	Mode   SecretMode
	API    corev1client.SecretsGetter
	Values *mask.Shared
}

func (p *PodSecrets) sound() bool {
	return p.Values != nil && p.Values.Now != nil && (p.Mode == SecretsOff || p.API != nil && (p.Mode == SecretsWhereAllowed || p.Mode == SecretsRequired))
}

// secretValues are those of one session.
type secretValues struct {
	*podsecrets.Session

	base    *mask.Rules      // without values
	set     string           // names the Secrets, for turns
	changes chan *mask.Rules // has the newest rules that the session's streams have not taken

	mu         sync.Mutex
	report     podsecrets.Report // of what is masked
	conditions []metav1.Condition

	toRecord, toShow news // what is masked is something else
	recording        sync.Mutex
	recorded         *recording.SecretValues // what the recording says is masked
}

// know reads the values of the container's Secrets, and makes them part of the session's rules. Its error is for the person.
func (l *live) know() error {
	var api podsecrets.API
	namespace := l.request.attributes.Namespace
	if l.Secrets.Mode != SecretsOff {
		api = l.Secrets.API.Secrets(namespace)
	}
	read := podsecrets.New(l.ctx, api, l.request.pod, l.request.attributes.Container)
	set := []string{namespace}
	for _, ref := range podsecrets.Refs(l.request.pod, l.request.attributes.Container) {
		set = append(set, ref.Name)
	}
	l.values = &secretValues{
		Session: read, base: l.request.rules, set: strings.Join(set, "/"), changes: make(chan *mask.Rules, 1), toRecord: make(news, 1), toShow: make(news, 1),
	}
	rules, report, err := l.compile(l.ctx)
	if err != nil {
		l.Log.Error(err, "masking the values of a session's Secrets", l.request.logValues()...)
	}
	l.request.rules, l.values.report, l.values.recorded = rules, report, recordedReport(&report)
	return l.lacks(&report, err)
}

// compile makes rules of the newest values: the rules without them, and why, if that fails. Sessions in pods with the same
// Secrets do it one after the other, so that what a rotation brings is compiled by the first, and the others share it; and what
// comes meanwhile is compiled once, however much it was.
func (l *live) compile(ctx context.Context) (rules *mask.Rules, report podsecrets.Report, err error) {
	rules = l.values.base
	end := l.turns.take(ctx, l.values.set)
	if end == nil {
		return rules, l.values.known(), context.Cause(ctx)
	}
	defer end()
	report, err = l.values.Use(func(values []mask.Value) ([]mask.Ignored, error) {
		with, ignored, err := l.Secrets.Values.With(l.values.base, values)
		if err == nil {
			rules = with
		}
		return ignored, err
	})
	return rules, report, err
}

// known is what is masked now.
func (v *secretValues) known() podsecrets.Report {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.report
}

func (v *secretValues) learn(r podsecrets.Report) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report = r
}

// lacks says, for the person, why a session whose Secrets have to be masked may not be; nil if it may.
func (l *live) lacks(report *podsecrets.Report, err error) error {
	unread, cut := report.Unread(), report.Cut()
	switch {
	case l.Secrets.Mode != SecretsRequired:
		return nil
	case len(unread) > 0:
		return l.unread(unread)
	case errors.Is(err, mask.ErrNoRoom):
		return unavailable("the Secrets of this pod have to be masked, and the gateway's memory for their values is full; " +
			"run the command again when other sessions have ended, or ask an administrator to raise --secret-values-bytes")
	case err != nil:
		return unavailable("the Secrets of this pod have to be masked, and the gateway failed to; its log says why")
	case len(cut) > 0:
		return forbidden("the Secrets of this pod have to be masked, and hold more than a session can look for: " +
			shortened(strings.Join(cut, ", "), maxWhy) + "; ask an administrator to split the pod, or to set --secret-values=WhereAllowed")
	default:
		return nil
	}
}

// unread says what to do about Secrets that have to be read.
func (l *live) unread(secrets []podsecrets.Secret) error {
	namespace, names := l.request.attributes.Namespace, make([]string, 0, len(secrets))
	allowed := true
	for _, s := range secrets {
		names = append(names, s.Name)
		allowed = allowed && s.State != podsecrets.Forbidden
	}
	which := "the Secrets of this pod have to be masked, and the gateway cannot read " + shortened(strings.Join(names, ", "), maxWhy)
	if allowed {
		return unavailable(which + "; run the command again")
	}
	own := strings.TrimPrefix(l.Own, "system:serviceaccount:")
	return forbidden(fmt.Sprintf("%s; ask an administrator to allow it: "+
		"kubectl create role -n %s sallyport-secrets --verb=get,list,watch --resource=secrets && "+
		"kubectl create rolebinding -n %s sallyport-secrets --role=sallyport-secrets --serviceaccount=%s", which, namespace, namespace, own))
}

// conditions are those of the session's status, now.
func (l *live) conditions() []metav1.Condition {
	c := secretsCondition(l.Secrets.Mode, l.values.known())
	c.LastTransitionTime = metav1.Time{Time: l.Now().UTC()}
	l.values.mu.Lock()
	defer l.values.mu.Unlock()
	meta.SetStatusCondition(&l.values.conditions, c)
	return append([]metav1.Condition(nil), l.values.conditions...)
}

// secretsCondition says in a line how many values are masked, and which are not.
func secretsCondition(mode SecretMode, report podsecrets.Report) metav1.Condition {
	var unread, cut, ignored []string
	values := report.Environment.Values
	note := func(where, why string, f podsecrets.Found) {
		if f.Cut && why != "" {
			cut = append(cut, fmt.Sprintf("%s (%s)", where, why))
		} else if f.Cut {
			cut = append(cut, where)
		}
		for _, i := range f.Ignored {
			if !i.Public {
				ignored = append(ignored, fmt.Sprintf("%s/%s (%s)", where, i.Key, i.Why))
			}
		}
	}
	note(podsecrets.Environment, "", report.Environment)
	for _, s := range report.Secrets {
		values += s.Values
		note(s.Name, s.Why, s.Found)
	}
	for _, s := range report.Unread() {
		unread = append(unread, fmt.Sprintf("%s (%s)", s.Name, s.State))
	}
	c := metav1.Condition{
		Type: accessv1alpha1.ConditionSecretValuesMasked, Status: metav1.ConditionFalse,
		Message: fmt.Sprintf("%d values of %d Secrets and of the pod's specification are masked", values, len(report.Secrets)),
	}
	switch {
	case mode == SecretsOff:
		c.Reason, c.Message = accessv1alpha1.ReasonSecretsOff, "the gateway does not read Secrets"
	case len(unread) > 0:
		c.Reason = accessv1alpha1.ReasonSecretsNotRead
		c.Message += "; not read, and not masked: " + strings.Join(unread, ", ")
	case len(cut) > 0:
		c.Reason = accessv1alpha1.ReasonSecretsTooLarge
		c.Message += "; there is too much to mask all of it: " + strings.Join(cut, ", ")
	case len(ignored) > 0:
		c.Status, c.Reason = metav1.ConditionTrue, accessv1alpha1.ReasonSecretsIgnored
		c.Message += "; not masked: " + strings.Join(ignored, ", ")
	default:
		c.Status, c.Reason = metav1.ConditionTrue, accessv1alpha1.ReasonSecretsKnown
	}
	c.Message = shortened(c.Message, maxShownReason)
	return c
}
