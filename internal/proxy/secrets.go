package proxy

import (
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

// PodSecrets are where the values come from.
type PodSecrets struct {
	Mode SecretMode
	API  corev1client.SecretsGetter
}

func (p *PodSecrets) sound() bool {
	return p.Mode == SecretsOff || p.API != nil && (p.Mode == SecretsWhereAllowed || p.Mode == SecretsRequired)
}

// secretValues are those of one session.
type secretValues struct {
	*podsecrets.Session

	changes chan *mask.Rules // has the newest rules that the session's streams have not taken

	mu         sync.Mutex
	conditions []metav1.Condition
}

// know reads the values of the container's Secrets, and makes them part of the session's rules. Its error is for the person.
func (l *live) know() error {
	var api podsecrets.API
	if l.Secrets.Mode != SecretsOff {
		api = l.Secrets.API.Secrets(l.request.attributes.Namespace)
	}
	base := l.request.rules
	v := &secretValues{changes: make(chan *mask.Rules, 1)}
	v.Session = podsecrets.New(l.ctx, api, l.request.pod, l.request.attributes.Container, func(s *podsecrets.Session) {
		// Newer rules have all the values of older ones, which nobody needs any more then.
		rules := l.withValues(base, s)
		select {
		case <-v.changes:
		default:
		}
		v.changes <- rules
		if l.connected.Load() != nil {
			l.reports.Go(func() { l.report(accessv1alpha1.ExecutionSessionStatus{Conditions: l.conditions()}) })
		}
	})
	l.values, l.request.rules = v, l.withValues(base, v.Session)
	report := v.Report()
	if unread := report.Unread(); l.Secrets.Mode == SecretsRequired && len(unread) > 0 {
		return l.unread(unread)
	}
	if cut := report.Cut(); l.Secrets.Mode == SecretsRequired && len(cut) > 0 {
		return forbidden("the Secrets of this pod have to be masked, and hold more than a session can look for: " +
			shortened(strings.Join(cut, ", "), maxWhy) + "; ask an administrator to split the pod, or to set --secret-values=WhereAllowed")
	}
	return nil
}

// withValues are a session's rules, with the values that it knows.
func (s *sessions) withValues(rules *mask.Rules, from *podsecrets.Session) *mask.Rules {
	from.Use(func(values []mask.Value) (ignored []mask.Ignored) {
		rules, ignored = s.shared.With(rules, values)
		return ignored
	})
	return rules
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

// recorded is what the open object says of the values.
func (v *secretValues) recorded(mode SecretMode) *recording.SecretValues {
	report := v.Report()
	out := &recording.SecretValues{Mode: string(mode)}
	for _, s := range report.Secrets {
		out.Secrets = append(out.Secrets, recording.ReadSecret{
			Name: s.Name, ResourceVersion: s.ResourceVersion, State: string(s.State), Why: s.Why, KnownValues: recordedValues(s.Found),
		})
	}
	if e := recordedValues(report.Environment); e.Values > 0 || len(e.Ignored) > 0 {
		out.Environment = &e
	}
	return out
}

func recordedValues(f podsecrets.Found) recording.KnownValues {
	out := recording.KnownValues{Values: f.Values}
	for _, i := range f.Ignored {
		out.Ignored = append(out.Ignored, recording.IgnoredValue{Key: i.Key, Why: i.Why})
	}
	return out
}

// conditions are those of the session's status, now.
func (l *live) conditions() []metav1.Condition {
	c := secretsCondition(l.Secrets.Mode, l.values.Report())
	c.LastTransitionTime = metav1.Time{Time: l.Now().UTC()}
	l.values.mu.Lock()
	defer l.values.mu.Unlock()
	meta.SetStatusCondition(&l.values.conditions, c)
	return append([]metav1.Condition(nil), l.values.conditions...)
}

// secretsCondition says in a line whether the values are masked, and which are not.
func secretsCondition(mode SecretMode, report podsecrets.Report) metav1.Condition {
	var unread, cut, ignored []string
	values := report.Environment.Values
	note := func(where string, f podsecrets.Found) {
		if f.Cut {
			cut = append(cut, where)
		}
		for _, i := range f.Ignored {
			if !i.Public {
				ignored = append(ignored, fmt.Sprintf("%s/%s (%s)", where, i.Key, i.Why))
			}
		}
	}
	note("env", report.Environment)
	for _, s := range report.Secrets {
		values += s.Values
		note(s.Name, s.Found)
	}
	for _, s := range report.Unread() {
		unread = append(unread, fmt.Sprintf("%s (%s)", s.Name, s.State))
	}
	c := metav1.Condition{Type: accessv1alpha1.ConditionSecretValuesMasked, Status: metav1.ConditionFalse}
	switch {
	case mode == SecretsOff:
		c.Reason, c.Message = accessv1alpha1.ReasonSecretsOff, "the gateway does not read Secrets"
	case len(unread) > 0:
		c.Reason, c.Message = accessv1alpha1.ReasonSecretsNotRead, "not read, and not masked: "+strings.Join(unread, ", ")
	case len(cut) > 0:
		c.Reason, c.Message = accessv1alpha1.ReasonSecretsTooLarge, "there is too much to mask all of it: "+strings.Join(cut, ", ")
	case len(ignored) > 0:
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, accessv1alpha1.ReasonSecretsIgnored, "not masked: "+strings.Join(ignored, ", ")
	default:
		c.Status, c.Reason = metav1.ConditionTrue, accessv1alpha1.ReasonSecretsKnown
		c.Message = fmt.Sprintf("%d values of %d Secrets and of the pod's specification are masked", values, len(report.Secrets))
	}
	c.Message = shortened(c.Message, maxShownReason)
	return c
}
