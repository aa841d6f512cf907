package app

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/exit"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/gatewaycontext"
)

func (p *plugin) newLogout() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "logout",
		Short: "Remove the gateway's context, and switch back",
		Long: `Remove the context that login made, with its cluster entry, and switch back to the context it came from.

Entries that login did not make are never touched, and neither is any user. Nothing is asked of the cluster.`,
		Example: `  kubectl sallyport logout
  kubectl sallyport logout --name prod-gate`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return p.logout(name) },
	}
	cmd.Flags().StringVar(&name, "name", "", "context to remove (default the one made from, or that is, the current one)")
	return cmd
}

func (p *plugin) logout(name string) error {
	access := p.flags.ToRawKubeConfigLoader().ConfigAccess()
	config, err := access.GetStartingConfig()
	if err != nil {
		return fmt.Errorf("reading the kubeconfig: %w", err)
	}
	current := config.CurrentContext
	if *p.flags.Context != "" {
		current = *p.flags.Context
	}
	if name == "" {
		if name = ownContext(config, current); name == "" {
			p.say("Context %q has no context through the gateway: nothing to do.", current)
			return nil
		}
	}
	now, err := gatewaycontext.Remove(config, name)
	switch {
	case errors.Is(err, gatewaycontext.ErrNotFound):
		return exit.WithCode(exit.NotFound, err)
	case errors.Is(err, gatewaycontext.ErrForeign):
		return exit.WithHint(exit.WithCode(exit.Refused, err), "kubectl config delete-context removes it")
	case err != nil:
		return err
	}
	if err := clientcmd.ModifyConfig(access, *config, true); err != nil {
		return fmt.Errorf("writing the kubeconfig: %w", err)
	}
	p.print("Removed context %q; the current context is %q.", name, now)
	return nil
}

// ownContext is the context that login made which is, or was made from, the current one; or empty.
func ownContext(config *api.Config, current string) string {
	for _, name := range []string{current, gatewaycontext.DefaultName(current)} {
		if _, ours := gatewaycontext.MarkOf(config, name); ours {
			return name
		}
	}
	return ""
}
