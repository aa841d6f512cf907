package app

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

func (p *plugin) newGrants() *cobra.Command {
	var all bool
	out := outputFlags{}
	cmd := &cobra.Command{
		Use:   "grants",
		Short: "List grants, with the time that is left",
		Example: `  kubectl sallyport grants
  kubectl sallyport grants -A -o wide`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(cmd); err != nil {
				return err
			}
			return p.grants(cmd, &out, all)
		},
	}
	cmd.Flags().BoolVarP(&all, "all-namespaces", "A", false, "in all namespaces")
	out.add(cmd)
	return cmd
}

func (p *plugin) grants(cmd *cobra.Command, out *outputFlags, all bool) error {
	scope, err := p.in(all)
	if err != nil {
		return err
	}
	var list accessv1alpha1.ExecutionGrantList
	if err := scope.list(cmd.Context(), &list); err != nil {
		return err
	}
	slices.SortFunc(list.Items, func(a, b accessv1alpha1.ExecutionGrant) int { return byAge(&a, &b) })
	if !out.human() {
		return p.printObject(out.format, &list)
	}
	if len(list.Items) == 0 {
		p.nothing("grants", scope)
		return nil
	}
	t := table{columns: []column{
		{name: "Name"}, {name: "Subject"}, {name: "Actions"}, {name: "Target"}, {name: "State"}, {name: "Left"}, {name: "Age"},
		{name: "Command", wide: true}, {name: "Requester", wide: true}, {name: "Reason", wide: true}, {name: "Ticket", wide: true},
	}}
	for i := range list.Items {
		g := &list.Items[i]
		t.rows = append(t.rows, []string{
			g.Name, subjectOf(g), actionsOf(g), targetOf(&g.Spec.Target), stateOf(g.Status.Conditions), p.timeOf(g),
			p.age(g.CreationTimestamp.Time), commandsOf(g), requesterOf(g), g.Spec.Reason, g.Spec.Ticket,
		})
	}
	return p.printTable(out, t.inNamespaces(all, func(i int) string { return list.Items[i].Namespace }))
}

// inNamespaces adds the namespace as the first column, if asked for.
func (t table) inNamespaces(all bool, of func(row int) string) table {
	if !all {
		return t
	}
	t.columns = append([]column{{name: "Namespace"}}, t.columns...)
	for i := range t.rows {
		t.rows[i] = append([]string{of(i)}, t.rows[i]...)
	}
	return t
}

// byAge orders by namespace, newest first, then name.
func byAge(a, b metav1.Object) int {
	return cmp.Or(
		strings.Compare(a.GetNamespace(), b.GetNamespace()),
		b.GetCreationTimestamp().Compare(a.GetCreationTimestamp().Time),
		strings.Compare(a.GetName(), b.GetName()),
	)
}

// stateOf is the reason of Ready, which sums the others up.
func stateOf(conditions []metav1.Condition) string {
	if ready := meta.FindStatusCondition(conditions, accessv1alpha1.ConditionReady); ready != nil {
		return ready.Reason
	}
	return accessv1alpha1.ReasonPending
}

// timeOf is how long an active grant still is, or how long a granted window is away.
func (p *plugin) timeOf(g *accessv1alpha1.ExecutionGrant) string {
	from, until := g.Status.ActiveFrom, g.Status.ActiveUntil
	switch {
	case from != nil && from.After(p.Clock.Now()):
		return "in " + p.left(from.Time)
	case until != nil && meta.IsStatusConditionTrue(g.Status.Conditions, accessv1alpha1.ConditionActive):
		return p.left(until.Time)
	case until == nil && g.Spec.DurationSeconds > 0 && stateOf(g.Status.Conditions) == accessv1alpha1.ReasonAwaitingApproval:
		return duration.HumanDuration(time.Duration(g.Spec.DurationSeconds)*time.Second) + " once approved"
	}
	return ""
}

func requesterOf(g *accessv1alpha1.ExecutionGrant) string {
	if g.Spec.Requester == nil {
		return ""
	}
	return g.Spec.Requester.Username
}

func subjectOf(g *accessv1alpha1.ExecutionGrant) string {
	if g.Spec.Subject == nil {
		return requesterOf(g)
	}
	return subjectName(*g.Spec.Subject)
}

func subjectName(s accessv1alpha1.Subject) string {
	switch s.Kind {
	case accessv1alpha1.SubjectGroup:
		return "group " + s.Name
	case accessv1alpha1.SubjectServiceAccount:
		return "service account " + s.Namespace + "/" + s.Name
	case accessv1alpha1.SubjectUser:
		return s.Name
	}
	return string(s.Kind) + " " + s.Name
}

func actionsOf(g *accessv1alpha1.ExecutionGrant) string {
	words := make([]string, len(g.Spec.Actions))
	for i, a := range g.Spec.Actions {
		words[i] = string(a)
	}
	return strings.Join(words, ",")
}

func targetOf(t *accessv1alpha1.Target) string {
	where := "pod " + t.PodName
	switch {
	case t.Selector != nil:
		where = metav1.FormatLabelSelector(t.Selector)
	case t.PodName == "":
		where = "new pods"
	}
	if len(t.Containers) > 0 {
		where += " (" + strings.Join(t.Containers, ",") + ")"
	}
	return where
}

func commandsOf(g *accessv1alpha1.ExecutionGrant) string {
	if len(g.Spec.Commands) == 0 {
		return "any"
	}
	lines := make([]string, len(g.Spec.Commands))
	for i, c := range g.Spec.Commands {
		lines[i] = quote(c.Argv)
	}
	return strings.Join(lines, " | ")
}
