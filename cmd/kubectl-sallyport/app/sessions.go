package app

import (
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

const sessionsLong = `List sessions: who is, or was, in which container.

Without --recorded the cluster is asked, which knows the live sessions and those that ended a short time ago. In and Out are
the bytes recorded so far, a few seconds old. Deleting one (kubectl delete executionsession ID) ends it. With --recorded the object store is asked,
which keeps all; what is listed from there is not verified, kubectl sallyport sessions show verifies.

` + storeHelp

type sessionsOptions struct {
	*plugin
	outputFlags
	store    storeFlags
	all      bool
	live     bool
	recorded bool
	since    time.Duration
	limit    int
}

func (p *plugin) newSessions() *cobra.Command {
	cmd := p.newSessionsList("sessions")
	list := p.newSessionsList("list")
	list.Short = "List sessions, as sessions alone does"
	cmd.AddCommand(list, p.newShow())
	return cmd
}

func (p *plugin) newSessionsList(use string) *cobra.Command {
	o := &sessionsOptions{plugin: p}
	cmd := &cobra.Command{
		Use:   use,
		Short: "List sessions, or show one",
		Long:  sessionsLong,
		Example: `  # Who is in where
  kubectl sallyport sessions -A --live

  # What of it, and what had become of the processes of those that ended
  kubectl sallyport sessions -o wide

  # What was recorded in the last week
  kubectl sallyport sessions --recorded --since 168h`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	fs := cmd.Flags()
	fs.BoolVarP(&o.all, "all-namespaces", "A", false, "in all namespaces")
	fs.BoolVar(&o.live, "live", false, "only sessions that go on")
	fs.BoolVar(&o.recorded, "recorded", false, "ask the object store, not the cluster (all namespaces, unless -n names one)")
	fs.DurationVar(&o.since, "since", 24*time.Hour, "with --recorded: how far to look back")
	fs.IntVar(&o.limit, "limit", 0, "with --recorded: list the newest so many (0 for all)")
	o.outputFlags.add(cmd)
	o.store.add(fs)
	return cmd
}

func (o *sessionsOptions) run(cmd *cobra.Command) error {
	if err := o.check(cmd); err != nil {
		return err
	}
	for _, flag := range []string{"since", "limit"} {
		if cmd.Flags().Changed(flag) && !o.recorded {
			return usage(cmd, "--%s needs --recorded", flag)
		}
	}
	switch {
	case o.since <= 0:
		return usage(cmd, "--since must be longer than nothing")
	case o.limit < 0:
		return usage(cmd, "--limit must not be negative")
	case o.recorded:
		return o.listRecorded(cmd.Context())
	}
	scope, err := o.in(o.all)
	if err != nil {
		return err
	}
	var list accessv1alpha1.ExecutionSessionList
	if err := scope.list(cmd.Context(), &list); err != nil {
		return err
	}
	if o.live {
		list.Items = slices.DeleteFunc(list.Items, func(s accessv1alpha1.ExecutionSession) bool { return !goesOn(&s) })
	}
	slices.SortFunc(list.Items, func(a, b accessv1alpha1.ExecutionSession) int { return byAge(&a, &b) })
	return o.printSessions(scope, &list)
}

func goesOn(s *accessv1alpha1.ExecutionSession) bool {
	switch s.Status.State {
	case accessv1alpha1.SessionEnded, accessv1alpha1.SessionFailed:
		return false
	case accessv1alpha1.SessionOpening, accessv1alpha1.SessionLive:
		return true
	}
	return true // not said yet: it is about to open
}

// number is empty where there is none.
func number[T int32 | int64](n *T) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(int64(*n), 10)
}

func (o *sessionsOptions) printSessions(scope clusterScope, list *accessv1alpha1.ExecutionSessionList) error {
	if !o.human() {
		return o.printObject(o.format, list)
	}
	if len(list.Items) == 0 {
		o.nothing("sessions", scope)
		return nil
	}
	t := table{columns: []column{
		{name: "ID"}, {name: "User"}, {name: "Action"}, {name: "Pod"}, {name: "Container"}, {name: "Since"}, {name: "State"},
		{name: "Exit"}, {name: "In"}, {name: "Out"}, {name: "Grant", wide: true}, {name: "Command", wide: true},
		{name: "Process", wide: true}, {name: "Reason", wide: true}, {name: "Recording", wide: true},
	}}
	for i := range list.Items {
		s := &list.Items[i]
		status := &s.Status
		t.rows = append(t.rows, []string{
			s.Name, s.Spec.User.Username, string(s.Spec.Action), s.Spec.PodRef.Name, s.Spec.Container,
			o.age(s.CreationTimestamp.Time), string(status.State), number(status.ExitCode), number(status.BytesIn), number(status.BytesOut),
			s.Spec.GrantRef.Name, quote(s.Spec.Command), string(status.Process), status.Reason, s.Spec.Recording,
		})
	}
	return o.printTable(&o.outputFlags, t.inNamespaces(o.all, func(i int) string { return list.Items[i].Namespace }))
}
