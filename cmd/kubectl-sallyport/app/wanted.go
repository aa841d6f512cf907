package app

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/execline"
)

// wanted is what a person asks for, as the flags of request give it.
type wanted struct {
	name       string
	pod        string
	selector   string
	containers []string
	actions    []string
	images     []string
	duration   time.Duration // 0 if there is a window
	from       string        // RFC 3339; empty for now
	until      string        // RFC 3339; empty if there is a duration
	reason     string
	ticket     string
	subject    string   // KIND:NAME, empty for the requester
	copies     string   // Full or DigestOnly; empty for the default
	durability string   // Spool or Store; empty for the gateway's own
	onEnd      string   // Leave or Kill; empty for the default
	command    []string // literal; empty for any
}

// grant turns w into the object to create. It checks what the person would otherwise be told in the words of a
// schema; everything else is the API server's to judge.
func (w *wanted) grant(namespace string, now time.Time) (*accessv1alpha1.ExecutionGrant, error) {
	grant := &accessv1alpha1.ExecutionGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: w.name},
		Spec: accessv1alpha1.ExecutionGrantSpec{
			Target: accessv1alpha1.Target{Containers: w.containers, Images: w.images},
			Reason: w.reason, Ticket: w.ticket,
		},
	}
	if w.name == "" {
		grant.GenerateName = "grant-"
	}
	if w.reason == "" {
		return nil, errors.New("say why with --reason")
	}
	for _, set := range []func(*accessv1alpha1.ExecutionGrantSpec) error{
		w.setActions, w.setTarget, w.setSubject, w.setCommand, w.setRecording, w.setOnEnd,
		func(spec *accessv1alpha1.ExecutionGrantSpec) error { return w.setTime(spec, now) },
	} {
		if err := set(&grant.Spec); err != nil {
			return nil, err
		}
	}
	return grant, nil
}

func (w *wanted) setActions(spec *accessv1alpha1.ExecutionGrantSpec) error {
	all := []accessv1alpha1.Action{
		accessv1alpha1.ActionExec, accessv1alpha1.ActionAttach, accessv1alpha1.ActionCopy, accessv1alpha1.ActionPortForward,
		accessv1alpha1.ActionRun, accessv1alpha1.ActionDebug,
	}
	for _, word := range w.actions {
		i := slices.IndexFunc(all, func(a accessv1alpha1.Action) bool { return strings.EqualFold(string(a), word) })
		if i < 0 {
			return fmt.Errorf("--action must be Exec, Attach, Copy, PortForward, Run or Debug, not %q", word)
		}
		if !slices.Contains(spec.Actions, all[i]) {
			spec.Actions = append(spec.Actions, all[i])
		}
	}
	return nil
}

func (w *wanted) setRecording(spec *accessv1alpha1.ExecutionGrantSpec) error {
	copies, ok := oneOf(w.copies, accessv1alpha1.RecordedFull, accessv1alpha1.RecordedDigestOnly)
	if !ok {
		return fmt.Errorf("--record-copies must be Full or DigestOnly, not %q", w.copies)
	}
	if copies != "" && !slices.Contains(spec.Actions, accessv1alpha1.ActionCopy) {
		return errors.New("--record-copies is for --action Copy")
	}
	durability, ok := oneOf(w.durability, accessv1alpha1.DurabilitySpool, accessv1alpha1.DurabilityStore)
	if !ok {
		return fmt.Errorf("--durability must be Spool or Store, not %q", w.durability)
	}
	if copies != "" || durability != "" {
		spec.Recording = &accessv1alpha1.RecordingPolicy{Copies: copies, Durability: durability}
	}
	return nil
}

// oneOf returns the value that a word means, in whatever case; no word means none.
func oneOf[T ~string](word string, values ...T) (value T, ok bool) {
	for _, v := range values {
		if strings.EqualFold(string(v), word) {
			return v, true
		}
	}
	return "", word == ""
}

func (w *wanted) setTarget(spec *accessv1alpha1.ExecutionGrantSpec) error {
	onlyRun := !slices.ContainsFunc(spec.Actions, func(a accessv1alpha1.Action) bool { return a != accessv1alpha1.ActionRun })
	makes := slices.Contains(spec.Actions, accessv1alpha1.ActionRun) || slices.Contains(spec.Actions, accessv1alpha1.ActionDebug)
	switch {
	case w.pod != "" && w.selector != "":
		return errors.New("give --pod or --selector, not both")
	case w.pod == "" && w.selector == "" && !onlyRun:
		return errors.New("say where with --pod or --selector")
	case makes && len(w.images) == 0:
		return errors.New("the actions Run and Debug need --image")
	case len(w.containers) > 0 && slices.Contains(spec.Actions, accessv1alpha1.ActionPortForward):
		return errors.New("PortForward is to the whole pod: leave --container out, or ask for it in a request of its own")
	}
	if w.selector != "" {
		selector, err := metav1.ParseToLabelSelector(w.selector)
		if err != nil {
			return fmt.Errorf("reading --selector: %w", err)
		}
		spec.Target.Selector = selector
	}
	if w.pod != "" {
		name, err := execline.PodName(w.pod)
		if err != nil {
			return err
		}
		spec.Target.PodName = name
	}
	return nil
}

// setSubject reads user:NAME, group:NAME or serviceaccount:NAMESPACE:NAME. Names of users may hold colons.
func (w *wanted) setSubject(spec *accessv1alpha1.ExecutionGrantSpec) error {
	if w.subject == "" {
		return nil
	}
	kind, name, _ := strings.Cut(w.subject, ":")
	subject := &accessv1alpha1.Subject{Name: name}
	switch strings.ToLower(kind) {
	case "user":
		subject.Kind = accessv1alpha1.SubjectUser
	case "group":
		subject.Kind = accessv1alpha1.SubjectGroup
	case "serviceaccount", "sa":
		subject.Kind = accessv1alpha1.SubjectServiceAccount
		subject.Namespace, subject.Name, _ = strings.Cut(name, ":")
	}
	if subject.Kind == "" || subject.Name == "" || (subject.Kind == accessv1alpha1.SubjectServiceAccount && subject.Namespace == "") {
		return fmt.Errorf("--subject must be user:NAME, group:NAME or serviceaccount:NAMESPACE:NAME, not %q", w.subject)
	}
	spec.Subject = subject
	return nil
}

// setCommand makes the one argument vector that is asked for a pattern which matches just that.
func (w *wanted) setCommand(spec *accessv1alpha1.ExecutionGrantSpec) error {
	if len(w.command) == 0 {
		return nil
	}
	literal := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`)
	pattern := accessv1alpha1.CommandPattern{}
	for _, arg := range w.command {
		if arg == "" {
			return errors.New("a grant cannot name an empty argument: leave the command out, or use another")
		}
		pattern.Argv = append(pattern.Argv, literal.Replace(arg))
	}
	spec.Commands = []accessv1alpha1.CommandPattern{pattern}
	return nil
}

func (w *wanted) setTime(spec *accessv1alpha1.ExecutionGrantSpec, now time.Time) error {
	if w.until == "" {
		if w.from != "" {
			return errors.New("--from needs --until")
		}
		seconds := w.duration.Seconds()
		if seconds != math.Trunc(seconds) || w.duration < 10*time.Second || w.duration > 12*time.Hour {
			return fmt.Errorf("--for must be whole seconds between 10s and 12h, not %s", w.duration)
		}
		spec.DurationSeconds = int32(seconds)
		return nil
	}
	window := &accessv1alpha1.Window{NotBefore: metav1.NewTime(now.UTC().Truncate(time.Second))}
	for _, end := range []struct {
		flag, value string
		into        *metav1.Time
	}{{"--from", w.from, &window.NotBefore}, {"--until", w.until, &window.NotAfter}} {
		if end.value == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, end.value)
		if err != nil || !t.Equal(t.Truncate(time.Second)) {
			return fmt.Errorf("%s must be a time like 2026-11-23T14:00:00Z, not %q", end.flag, end.value)
		}
		*end.into = metav1.NewTime(t.UTC())
	}
	spec.Window = window
	return nil
}

func (w *wanted) setOnEnd(spec *accessv1alpha1.ExecutionGrantSpec) error {
	all := []accessv1alpha1.OnEnd{accessv1alpha1.OnEndLeave, accessv1alpha1.OnEndKill}
	i := slices.IndexFunc(all, func(e accessv1alpha1.OnEnd) bool { return strings.EqualFold(string(e), w.onEnd) })
	switch {
	case w.onEnd == "":
	case i < 0:
		return fmt.Errorf("--on-end must be Leave or Kill, not %q", w.onEnd)
	default:
		spec.OnEnd = all[i]
	}
	return nil
}
