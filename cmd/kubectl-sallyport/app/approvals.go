package app

import (
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

func (p *plugin) newApprovals() *cobra.Command {
	var allNamespaces, decided bool
	out := outputFlags{}
	cmd := &cobra.Command{
		Use:   "approvals",
		Short: "List the requests that wait for a decision",
		Example: `  kubectl sallyport approvals
  kubectl sallyport approvals -A -o wide
  kubectl sallyport approvals --decided`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(cmd); err != nil {
				return err
			}
			return p.approvals(cmd, &out, allNamespaces, decided)
		},
	}
	cmd.Flags().BoolVarP(&allNamespaces, "all-namespaces", "A", false, "in all namespaces")
	cmd.Flags().BoolVar(&decided, "decided", false, "list the decided ones, too")
	out.add(cmd)
	return cmd
}

func (p *plugin) approvals(cmd *cobra.Command, out *outputFlags, all, decided bool) error {
	scope, err := p.in(all)
	if err != nil {
		return err
	}
	var list accessv1alpha1.ApprovalRequestList
	if err := scope.list(cmd.Context(), &list); err != nil {
		return err
	}
	if !decided {
		now := p.Clock.Now()
		list.Items = slices.DeleteFunc(list.Items, func(r accessv1alpha1.ApprovalRequest) bool { return !undecided(&r, now) })
	}
	slices.SortFunc(list.Items, func(a, b accessv1alpha1.ApprovalRequest) int { return byAge(&a, &b) })
	if !out.human() {
		return p.printObject(out.format, &list)
	}
	if len(list.Items) == 0 {
		p.nothing("requests", scope)
		return nil
	}
	t := table{columns: []column{
		{name: "Name"}, {name: "Requester"}, {name: "Approvals"}, {name: "State"}, {name: "Left"}, {name: "Age"}, {name: "Summary"},
		{name: "Digest", wide: true},
	}}
	for i := range list.Items {
		r := &list.Items[i]
		t.rows = append(t.rows, []string{
			r.Name, r.Spec.Requester, fmt.Sprintf("%d/%d", approved(r), r.Spec.RequiredApprovals), stateOf(r.Status.Conditions),
			p.left(r.Spec.Deadline.Time), p.age(r.CreationTimestamp.Time), r.Spec.Summary, r.Spec.Digest,
		})
	}
	return p.printTable(out, t.inNamespaces(all, func(i int) string { return list.Items[i].Namespace }))
}

// undecided reports whether a decision now would still count.
func undecided(r *accessv1alpha1.ApprovalRequest, now time.Time) bool {
	for _, final := range []string{
		accessv1alpha1.ConditionApproved, accessv1alpha1.ConditionDenied, accessv1alpha1.ConditionStalled,
	} {
		if meta.IsStatusConditionTrue(r.Status.Conditions, final) {
			return false
		}
	}
	return r.Spec.Deadline.After(now)
}

// approved counts the people who agreed.
func approved(r *accessv1alpha1.ApprovalRequest) int {
	n := 0
	for _, d := range r.Spec.Decisions {
		if d.Verdict == accessv1alpha1.VerdictApproved {
			n++
		}
	}
	return n
}
