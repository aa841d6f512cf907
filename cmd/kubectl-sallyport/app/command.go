package app

import (
	"context"
	"strings"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/exit"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/safeterm"
)

const rootLong = `Just-in-time, approved, recorded and masked access to containers.

Whoever needs to get in:     login, request, grants
Whoever decides:             approvals, approve, deny
Whoever looks at it later:   sessions, sessions show, play
Whoever writes the rules:    mask`

// Run runs the plugin with arguments (without the program's name) and returns its exit code. Errors are printed.
func Run(ctx context.Context, env Env, args []string) exit.Code {
	// The client library would complain on standard error that nobody takes its logs.
	ctrllog.SetLogger(logr.Discard())
	p := &plugin{Env: env, flags: genericclioptions.NewConfigFlags(true)}
	root := p.newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil {
		p.say("%s", safeterm.Text(exit.Message(err)))
		if hint := hintFor(err); hint != "" {
			p.say("hint: %s", strings.ReplaceAll(safeterm.Text(hint), "\n", "\n      "))
		}
	}
	return exit.Of(err)
}

func (p *plugin) newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "kubectl-sallyport",
		Short:         "Just-in-time, approved, recorded access to containers",
		Long:          rootLong + "\n\n" + exit.Help,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl sallyport"},
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	p.flags.AddFlags(root.PersistentFlags())
	root.SetIn(p.Streams.In)
	root.SetOut(p.Streams.Out)
	root.SetErr(p.Streams.ErrOut)
	root.SetUsageTemplate(usageTemplate(root.UsageTemplate()))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, "%w", err) })
	root.AddCommand(
		p.newLogin(), p.newLogout(), p.newRequest(), p.newGrants(),
		p.newApprovals(), p.newApprove(), p.newDeny(),
		p.newSessions(), p.newPlay(), p.newMask(),
		p.newVersion(), p.newOptions(),
	)
	describeCompletion(root)
	return root
}

// usageTemplate leaves out the flags that every command has, as kubectl does.
func usageTemplate(template string) string {
	template = strings.Replace(template, "{{if .HasAvailableLocalFlags}}", "{{if and .HasParent .HasAvailableLocalFlags}}", 1)
	before, rest, _ := strings.Cut(template, "{{if .HasAvailableInheritedFlags}}")
	_, after, found := strings.Cut(rest, "{{end}}")
	if !found {
		return template
	}
	return before + "\n\nUse \"kubectl sallyport options\" for the flags that every command has." + after
}

func (p *plugin) newOptions() *cobra.Command {
	return &cobra.Command{
		Use:   "options",
		Short: "List the flags that every command has",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p.print("Every command has these flags:\n\n%s", strings.TrimRight(cmd.Root().PersistentFlags().FlagUsages(), "\n"))
			return nil
		},
	}
}

const completionLong = `Print a script that completes kubectl-sallyport in your shell.

kubectl completes "kubectl sallyport …" by itself if it finds an executable file kubectl_complete-sallyport on the
PATH. Make one of these two lines:

  #!/bin/sh
  exec kubectl-sallyport __complete "$@"`

func describeCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	if cmd, _, err := root.Find([]string{"completion"}); err == nil && cmd != root {
		cmd.Long = completionLong
	}
}

// usage is an error of code 2 that names the command's help.
func usage(cmd *cobra.Command, format string, args ...any) error {
	return exit.WithHint(exit.New(exit.Usage, format, args...), "%s --help", cmd.CommandPath())
}

func noArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.HasSubCommands():
		return usage(cmd, "unknown command %q", args[0])
	}
	return usage(cmd, "unexpected argument %q", args[0])
}

// oneArg takes exactly one argument, which the message calls what.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usage(cmd, "give %s, and nothing else", what)
		}
		return nil
	}
}
