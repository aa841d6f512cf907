package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/client-go/util/retry"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/exit"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/safeterm"
)

const decideLong = `NAME is an ApprovalRequest, or the grant that it is about; approvalrequest/NAME and grant/NAME say which.

Your name and the time are written by the cluster. A decision cannot be changed or withdrawn, and nobody decides
about a request of their own. On a terminal, what you decide about is shown and you are asked; --yes does not ask.`

type decideOptions struct {
	*plugin
	verdict accessv1alpha1.Verdict
	comment string
	yes     bool
}

func (p *plugin) newApprove() *cobra.Command {
	o := &decideOptions{plugin: p, verdict: accessv1alpha1.VerdictApproved}
	cmd := &cobra.Command{
		Use:   "approve NAME [-m COMMENT]",
		Short: "Agree to a request",
		Long:  "Agree to a request.\n\n" + decideLong,
		Example: `  kubectl sallyport approve grant-x7k2p -m "go ahead"
  kubectl sallyport approve -n shop grant/orders-stuck --yes`,
	}
	return o.flagsOn(cmd)
}

func (p *plugin) newDeny() *cobra.Command {
	o := &decideOptions{plugin: p, verdict: accessv1alpha1.VerdictDenied}
	cmd := &cobra.Command{
		Use:     "deny NAME -m COMMENT",
		Short:   "Say no to a request",
		Long:    "Say no to a request, and why.\n\n" + decideLong,
		Example: `  kubectl sallyport deny grant-x7k2p -m "use the runbook instead"`,
	}
	return o.flagsOn(cmd)
}

func (o *decideOptions) flagsOn(cmd *cobra.Command) *cobra.Command {
	cmd.Args = oneArg("the name of a request or of its grant")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0]) }
	cmd.ValidArgsFunction = o.completeRequests
	cmd.Flags().StringVarP(&o.comment, "comment", "m", "", "for the requester and the auditor")
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	return cmd
}

func (o *decideOptions) run(cmd *cobra.Command, name string) error {
	if o.verdict == accessv1alpha1.VerdictDenied && strings.TrimSpace(o.comment) == "" {
		return usage(cmd, "say why with -m")
	}
	scope, err := o.in(false)
	if err != nil {
		return err
	}
	request, err := scope.requestFor(cmd.Context(), name)
	if err != nil {
		return err
	}
	o.describe(request)
	if o.InTerminal && o.ErrTerminal && !o.yes && !o.confirm() {
		return exit.New(exit.Failed, "nothing was decided")
	}
	if err := o.decide(cmd.Context(), scope, request); err != nil {
		return err
	}
	o.tell(request)
	return nil
}

// describe shows what is decided about.
func (o *decideOptions) describe(r *accessv1alpha1.ApprovalRequest) {
	rows := [][2]string{
		{"Request", r.Namespace + "/" + r.Name},
		{"Grant", r.Spec.GrantRef.Name},
		{"Requester", r.Spec.Requester},
		{"Subject", subjectName(r.Spec.Subject)},
		{"Summary", r.Spec.Summary},
		{"Digest", r.Spec.Digest},
		{"Deadline", utc(r.Spec.Deadline.Time) + " (" + orNone(o.left(r.Spec.Deadline.Time)) + " left)"},
	}
	for _, row := range rows {
		o.say("%-10s %s", row[0]+":", safeterm.Line(row[1]))
	}
	for _, d := range r.Spec.Decisions {
		o.say("%-10s %s by %s %s", "Decision:", d.Verdict, safeterm.Line(d.Approver), safeterm.Line(d.Comment))
	}
}

// confirm asks. No answer is no.
func (o *decideOptions) confirm() bool {
	question := "Approve"
	if o.verdict == accessv1alpha1.VerdictDenied {
		question = "Deny"
	}
	fmt.Fprintf(o.Streams.ErrOut, "%s? [y/N] ", question)
	answer, err := bufio.NewReader(o.Streams.In).ReadString('\n')
	if err != nil {
		return false
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

// decide adds the decision. When somebody else was faster, the request is read again; it must still be the one that
// was shown.
func (o *decideOptions) decide(ctx context.Context, s clusterScope, r *accessv1alpha1.ApprovalRequest) error {
	uid, digest, stale := r.UID, r.Spec.Digest, false
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if stale {
			fresh, err := s.request(ctx, r.Name)
			if err != nil {
				return err
			}
			if fresh.UID != uid || fresh.Spec.Digest != digest {
				return errors.New("the request was replaced by another: nothing was decided")
			}
			*r = *fresh
		}
		stale = true
		r.Spec.Decisions = append(r.Spec.Decisions, accessv1alpha1.ApprovalDecision{Verdict: o.verdict, Comment: o.comment})
		return s.Update(ctx, r)
	})
}

// tell says what was written: as whom, and what is still missing.
func (o *decideOptions) tell(r *accessv1alpha1.ApprovalRequest) {
	as := ""
	if n := len(r.Spec.Decisions); n > 0 && r.Spec.Decisions[n-1].Approver != "" {
		as = " as " + safeterm.Line(r.Spec.Decisions[n-1].Approver)
	}
	verb := "approved"
	if o.verdict == accessv1alpha1.VerdictDenied {
		verb = "denied"
	}
	o.print("approvalrequest.%s/%s %s%s", accessv1alpha1.GroupVersion.Group, r.Name, verb, as)
	if missing := int(r.Spec.RequiredApprovals) - approved(r); verb == "approved" && missing > 0 {
		o.say("%d of %d approvals: %d more needed.", approved(r), r.Spec.RequiredApprovals, missing)
	}
}

func (o *decideOptions) completeRequests(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	scope, err := o.in(false)
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var list accessv1alpha1.ApprovalRequestList
	if err := scope.list(cmd.Context(), &list); err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []cobra.Completion
	now := o.Clock.Now()
	for i := range list.Items {
		if r := &list.Items[i]; undecided(r, now) {
			names = append(names, cobra.CompletionWithDesc(r.Name, safeterm.Line(r.Spec.Summary)))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
