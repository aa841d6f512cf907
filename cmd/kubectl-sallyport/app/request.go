package app

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/execline"
)

const requestLong = `Ask for access to a container: make an ExecutionGrant, and wait until it is decided.

A command after -- limits the grant to exactly that command. If no pod is named, what stands after -- is read as the
kubectl exec, attach or port-forward line that you want to run, and pod, container, namespace and command are taken from it.

The reason, the ticket and the command are written into the grant as they are, where others can read them: put no
secret into them.

On a terminal the command waits until the grant is active; it can be interrupted at any time, the request stands.
--wait=false returns at once.`

const requestExample = `  # A shell for 15 minutes in one pod
  kubectl sallyport request --pod web-0 --for 15m --reason "orders are stuck" --ticket OPS-4711

  # One command only
  kubectl sallyport request --pod web-0 -c app --reason "heap dump" -- jcmd 1 GC.heap_dump /tmp/dump

  # What I was about to type
  kubectl sallyport request --reason "look at the log" -- kubectl exec -n shop web-0 -c app -- cat /var/log/app.log

  # The ports of a pod
  kubectl sallyport request --pod db-0 --action PortForward --reason "look at the slow queries"

  # kubectl cp, both ways; the files arrive unaltered, and each is listed in the recording
  kubectl sallyport request --pod web-0 --action Copy --reason "fetch the heap dump"

  # Any pod of an application, tonight
  kubectl sallyport request -l app=web --from 2026-11-23T22:00:00Z --until 2026-11-23T23:00:00Z --reason "migration 42"

  # A manifest, to be changed or committed
  kubectl sallyport request --pod web-0 --reason "orders are stuck" --dry-run=client -o yaml`

type requestOptions struct {
	*plugin
	wanted

	output  string
	dryRun  string
	wait    bool
	timeout time.Duration
}

func (p *plugin) newRequest() *cobra.Command {
	o := &requestOptions{plugin: p}
	cmd := &cobra.Command{
		Use:     "request [NAME] --reason WHY (--pod POD | --selector LABELS | -- kubectl exec …) [-- COMMAND [ARG…]]",
		Short:   "Ask for access to a container",
		Long:    requestLong,
		Example: requestExample,
		RunE:    func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	fs := cmd.Flags()
	fs.StringVar(&o.pod, "pod", "", "the pod")
	fs.StringVarP(&o.selector, "selector", "l", "", "labels of the pods")
	fs.StringSliceVarP(&o.containers, "container", "c", nil, "a container (default all of the pod; can be repeated)")
	fs.StringSliceVar(&o.actions, "action", []string{string(accessv1alpha1.ActionExec)}, "Exec, Attach, Copy, PortForward, Run or Debug (can be repeated)")
	fs.StringVar(&o.copies, "record-copies", "", "what is recorded of the files that Copy carries: Full (the default), or DigestOnly")
	fs.StringVar(&o.durability, "durability", "",
		"where a byte must be recorded before it passes: Spool (the gateway's disk) or Store (the object store) (default what the gateway asks for)")
	fs.StringVar(&o.onEnd, "on-end", "", "what becomes of a process that has not ended when its session does: Leave (the default), or Kill")
	fs.StringSliceVar(&o.images, "image", nil, "an image for Run and Debug, a glob (can be repeated)")
	fs.DurationVar(&o.duration, "for", 15*time.Minute, "how long, from the approval on: 10s to 12h")
	fs.StringVar(&o.from, "from", "", "begin of a fixed window, RFC 3339 (default now)")
	fs.StringVar(&o.until, "until", "", "end of a fixed window, RFC 3339; instead of --for")
	fs.StringVar(&o.reason, "reason", "", "why, for the approver and the auditor")
	fs.StringVar(&o.ticket, "ticket", "", "reference in a tracker")
	fs.StringVar(&o.subject, "subject", "", "whom it is for: user:NAME, group:NAME or serviceaccount:NAMESPACE:NAME (default yourself)")
	fs.StringVarP(&o.output, "output", "o", "", "print the grant: json, yaml or name")
	fs.StringVar(&o.dryRun, "dry-run", "none", "none, client (only print) or server (have it judged, do not store)")
	fs.BoolVar(&o.wait, "wait", p.OutTerminal, "wait until it is decided")
	fs.DurationVar(&o.timeout, "timeout", time.Hour, "how long to wait")
	return cmd
}

func (o *requestOptions) run(cmd *cobra.Command, args []string) error {
	if err := o.complete(cmd, args); err != nil {
		return err
	}
	namespace, err := o.namespace()
	if err != nil {
		return err
	}
	grant, err := o.grant(namespace, o.Clock.Now())
	if err != nil {
		return usage(cmd, "%w", err)
	}
	if o.dryRun == "client" {
		return o.show(grant)
	}
	c, err := o.connect()
	if err != nil {
		return err
	}
	if o.dryRun == "server" {
		c = dryRunner{c}
	}
	if err := c.Create(cmd.Context(), grant); err != nil {
		return err
	}
	if err := o.show(grant); err != nil || o.dryRun == "server" {
		return err
	}
	if !o.wait {
		o.next(grant)
		return nil
	}
	return o.await(cmd.Context(), c, grant)
}

// dryRunner creates without storing.
type dryRunner struct{ client.WithWatch }

func (d dryRunner) Create(ctx context.Context, obj client.Object, opts ...client.CreateOption) error {
	return d.WithWatch.Create(ctx, obj, append(opts, client.DryRunAll)...)
}

// complete reads the arguments, and checks the flags that are about this command only.
func (o *requestOptions) complete(cmd *cobra.Command, args []string) error {
	if dash := cmd.ArgsLenAtDash(); dash >= 0 {
		args, o.command = args[:dash], args[dash:]
	}
	switch {
	case len(args) > 1:
		return usage(cmd, "unexpected argument %q: a command stands after --", args[1])
	case !slices.Contains([]string{"", "json", "yaml", "name"}, o.output):
		return usage(cmd, "--output must be json, yaml or name, not %q", o.output)
	case !slices.Contains([]string{"none", "client", "server"}, o.dryRun):
		return usage(cmd, "--dry-run must be none, client or server, not %q", o.dryRun)
	case cmd.Flags().Changed("for") && o.until != "":
		return usage(cmd, "give --for or --until, not both")
	}
	if len(args) == 1 {
		o.name = args[0]
	}
	if o.pod == "" && o.selector == "" && execline.Is(o.command) {
		return o.readLine(cmd)
	}
	return nil
}

// readLine takes from a kubectl line what the flags do not say. A flag that says something else is an error.
func (o *requestOptions) readLine(cmd *cobra.Command) error {
	got, err := execline.Parse(o.command)
	if err != nil {
		return usage(cmd, "%w", err)
	}
	for _, f := range []struct {
		flag, value string
		into        *string
	}{
		{"--namespace", got.Namespace, o.flags.Namespace},
		{"--context", got.Context, o.flags.Context},
		{"--kubeconfig", got.Kubeconfig, o.flags.KubeConfig},
	} {
		if f.value != "" && *f.into != "" && *f.into != f.value {
			return usage(cmd, "%s is %q, but the kubectl line says %q", f.flag, *f.into, f.value)
		}
		if f.value != "" {
			*f.into = f.value
		}
	}
	if got.Container != "" {
		if len(o.containers) > 0 && !slices.Contains(o.containers, got.Container) {
			return usage(cmd, "--container is not %q, which the kubectl line names", got.Container)
		}
		o.containers = []string{got.Container}
	}
	if action := map[string]accessv1alpha1.Action{
		"attach": accessv1alpha1.ActionAttach, "port-forward": accessv1alpha1.ActionPortForward,
	}[got.Verb]; action != "" && !cmd.Flags().Changed("action") {
		o.actions = []string{string(action)}
	}
	o.pod, o.command = got.Pod, got.Command
	return nil
}

// show prints the grant in the form that was asked for, by default that it was made.
func (o *requestOptions) show(grant *accessv1alpha1.ExecutionGrant) error {
	if o.output != "" {
		return o.printObject(o.output, grant)
	}
	name, suffix := grant.Name, ""
	if name == "" {
		name = grant.GenerateName + "…"
	}
	switch o.dryRun {
	case "client":
		suffix = " (client dry run)"
	case "server":
		suffix = " (server dry run)"
	}
	o.print("executiongrant.%s/%s created%s", accessv1alpha1.GroupVersion.Group, name, suffix)
	return nil
}
