package grant

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/approval"
	"github.com/sallyport-dev/sallyport/internal/authorizer"
)

// nearness says how close a grant comes to covering a request. The zero value is not related at all: the person who
// asks learns nothing about the grants of others.
type nearness int

const (
	unrelated nearness = iota
	otherAction
	otherPod
	ended
	otherContainer
	otherCommand
	replacedPod
	notYet
	covers
)

// fit is the comparison of one grant with one request.
type fit struct {
	nearness nearness
	// reason is a sentence for the person who asks; nil for grants that cover, or that are unrelated. It is a function
	// because of thousands of misses only the nearest are told.
	reason func() string
}

func miss(n nearness, format string, args ...any) fit {
	return fit{n, func() string { return fmt.Sprintf(format, args...) }}
}

// match compares a grant with a request at a moment. Only a fit with the nearness covers may open anything, and only if
// the grant is still what was approved (isApproved), which is costly and therefore asked last.
func match(g *accessv1alpha1.ExecutionGrant, a *authorizer.Attributes, now time.Time, m *matcher) fit {
	subject := g.Spec.SubjectOrRequester()
	if g.Namespace != a.Namespace || !subject.Matches(a.User.Name, a.User.Groups) {
		return fit{}
	}
	state := stateAt(g, now)
	scope := matchScope(g, a, m)
	switch {
	case scope.nearness != covers && state.over:
		return fit{} // neither what was asked for nor in force: no help to anybody
	case scope.nearness != covers:
		return scope
	case state.active:
		return fit{nearness: covers}
	case state.over:
		return fit{ended, state.reason}
	default:
		return fit{notYet, state.reason}
	}
}

// isApproved says why a grant is not what was approved; its nearness is covers if it is.
func isApproved(g *accessv1alpha1.ExecutionGrant) fit {
	if g.Status.ApprovedDigest == "" || g.Status.ApprovedDigest != approval.Digest(g) {
		return miss(ended, "grant %q is not what was approved; request another", g.Name)
	}
	return fit{nearness: covers}
}

// matchScope compares what the spec covers, whatever the state of the grant.
func matchScope(g *accessv1alpha1.ExecutionGrant, a *authorizer.Attributes, m *matcher) fit {
	if !slices.Contains(g.Spec.Actions, accessv1alpha1.Action(a.Action)) {
		return fit{otherAction, func() string {
			return fmt.Sprintf("grant %q covers the action %s, not %s", g.Name, actions(g), a.Action)
		}}
	}
	var checks []func(*accessv1alpha1.ExecutionGrant, *authorizer.Attributes, *matcher) fit
	switch accessv1alpha1.Action(a.Action) {
	case accessv1alpha1.ActionExec, accessv1alpha1.ActionCopy:
		checks = append(checks, matchPod, matchContainer, matchCommand)
	case accessv1alpha1.ActionAttach:
		checks = append(checks, matchPod, matchContainer)
	case accessv1alpha1.ActionPortForward:
		checks = append(checks, matchPod, matchNoContainer)
	case accessv1alpha1.ActionRun:
		checks = append(checks, matchImages, matchCommand)
	case accessv1alpha1.ActionDebug:
		checks = append(checks, matchPod, matchContainer, matchImages, matchCommand)
	default:
		return fit{}
	}
	for _, check := range checks {
		if f := check(g, a, m); f.nearness != covers {
			return f
		}
	}
	return fit{nearness: covers}
}

func matchPod(g *accessv1alpha1.ExecutionGrant, a *authorizer.Attributes, _ *matcher) fit {
	target := &g.Spec.Target
	switch {
	case a.Pod == "" || a.PodUID == "":
		return fit{}
	case target.PodName != "" && target.PodName != a.Pod:
		return miss(otherPod, "grant %q covers pod %s, not %s", g.Name, target.PodName, a.Pod)
	case target.PodName != "" && target.PodUID != a.PodUID:
		return miss(replacedPod, "grant %q covers a pod %s that was replaced since; request another grant for the pod that is there now", g.Name, a.Pod)
	case target.PodName != "":
		return fit{nearness: covers}
	case target.Selector == nil:
		return miss(otherPod, "grant %q covers no pod", g.Name)
	}
	selector, err := metav1.LabelSelectorAsSelector(target.Selector)
	if err != nil || selector.Empty() || !selector.Matches(labels.Set(a.PodLabels)) {
		return fit{otherPod, func() string {
			return fmt.Sprintf("grant %q covers pods with labels %q, and pod %s has others", g.Name, metav1.FormatLabelSelector(target.Selector), a.Pod)
		}}
	}
	return fit{nearness: covers}
}

// matchContainer is about the container that is entered, or whose processes a debugging container shares. A grant that
// names containers does not cover a debugging container that stands beside all of them.
func matchContainer(g *accessv1alpha1.ExecutionGrant, a *authorizer.Attributes, _ *matcher) fit {
	names := g.Spec.Target.Containers
	debug := a.Action == string(accessv1alpha1.ActionDebug)
	switch {
	case a.Container == "" && !debug:
		return fit{}
	case len(names) == 0 || slices.Contains(names, a.Container):
		return fit{nearness: covers}
	case a.Container == "":
		return miss(otherContainer, "grant %q covers container %s only: name it with --target", g.Name, strings.Join(names, ", "))
	default:
		return miss(otherContainer, "grant %q covers container %s, not %s", g.Name, strings.Join(names, ", "), a.Container)
	}
}

// matchNoContainer is about the pod's network, which its containers share. Admission refuses a grant that limits both.
func matchNoContainer(g *accessv1alpha1.ExecutionGrant, a *authorizer.Attributes, _ *matcher) fit {
	switch {
	case a.Container != "":
		return fit{}
	case len(g.Spec.Target.Containers) > 0:
		return miss(otherContainer, "grant %q covers containers only, and ports belong to the whole pod", g.Name)
	default:
		return fit{nearness: covers}
	}
}

func matchImages(g *accessv1alpha1.ExecutionGrant, a *authorizer.Attributes, m *matcher) fit {
	if len(a.Images) == 0 {
		return fit{}
	}
	for _, image := range a.Images {
		if !slices.ContainsFunc(g.Spec.Target.Images, func(glob string) bool { return m.glob(glob, image) }) {
			return fit{otherContainer, func() string {
				return fmt.Sprintf("grant %q covers the image %s, not %q", g.Name, quoted(g.Spec.Target.Images), image)
			}}
		}
	}
	return fit{nearness: covers}
}

func matchCommand(g *accessv1alpha1.ExecutionGrant, a *authorizer.Attributes, m *matcher) fit {
	covered := slices.ContainsFunc(g.Spec.Commands, func(p accessv1alpha1.CommandPattern) bool { return m.argv(p.Argv, a.Command) })
	switch {
	case (a.Action == string(accessv1alpha1.ActionExec) || a.Action == string(accessv1alpha1.ActionCopy)) && len(a.Command) == 0:
		return fit{}
	case len(g.Spec.Commands) == 0 || covered:
		return fit{nearness: covers}
	case len(a.Command) == 0:
		return miss(otherCommand,
			"grant %q covers certain commands only: name one command, in one container, and no probe or hook that runs another", g.Name)
	default:
		return miss(otherCommand,
			"grant %q covers other commands than this one; see them with: kubectl get executiongrant -n %s %s -o yaml",
			g.Name, g.Namespace, g.Name)
	}
}

func actions(g *accessv1alpha1.ExecutionGrant) string {
	names := make([]string, len(g.Spec.Actions))
	for i, a := range g.Spec.Actions {
		names[i] = string(a)
	}
	return strings.Join(names, ", ")
}

func quoted(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = fmt.Sprintf("%q", w)
	}
	return strings.Join(out, ", ")
}
