package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/exit"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/gatewaycontext"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/progress"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/safeterm"
	"github.com/sallyport-dev/sallyport/internal/layout"
)

const loginLong = `Add a context to your kubeconfig that goes through the gateway, and switch to it.

The new context has the same cluster, the same user and the same credentials as the current one (or the one that
--context names); only the path behind the server's address is another. With it, plain kubectl does everything as
before, and exec and attach work while you have a grant.

Nothing is written unless a request through the gateway has succeeded. Doing it again changes nothing.`

type loginOptions struct {
	*plugin
	gateway  string
	name     string
	noSwitch bool
}

func (p *plugin) newLogin() *cobra.Command {
	o := &loginOptions{plugin: p}
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Add a kubeconfig context that goes through the gateway, and switch to it",
		Long:  loginLong,
		Example: `  # From the current context
  kubectl sallyport login

  # From another one, under a name of your own, without switching
  kubectl sallyport login --context prod --name prod-gate --no-switch`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	cmd.Flags().StringVar(&o.gateway, "gateway", layout.GatewayName, "name of the gateway")
	cmd.Flags().StringVar(&o.name, "name", "", "name of the new context (default the old one's with -sallyport)")
	cmd.Flags().BoolVar(&o.noSwitch, "no-switch", false, "stay in the current context")
	return cmd
}

func (o *loginOptions) run(cmd *cobra.Command) error {
	if problems := validation.IsDNS1123Label(o.gateway); problems != nil {
		return usage(cmd, "--gateway %q is not a name: %s", o.gateway, problems[0])
	}
	access := o.flags.ToRawKubeConfigLoader().ConfigAccess()
	config, err := access.GetStartingConfig()
	if err != nil {
		return fmt.Errorf("reading the kubeconfig: %w", err)
	}
	from := config.CurrentContext
	if *o.flags.Context != "" {
		from = *o.flags.Context
	}
	if from == "" {
		return usage(cmd, "the kubeconfig has no current context: give --context")
	}
	name, err := o.change(config, from)
	if err != nil {
		return err
	}
	if err := o.check(cmd.Context(), config, name); err != nil {
		return err
	}
	if !o.noSwitch {
		config.CurrentContext = name
	}
	if err := clientcmd.ModifyConfig(access, *config, true); err != nil {
		return fmt.Errorf("writing the kubeconfig: %w", err)
	}
	o.tell(config, name)
	return nil
}

// change adds the new context, and returns its name. A context that login made for this gateway stays as it is.
func (o *loginOptions) change(config *api.Config, from string) (string, error) {
	if mark, ours := gatewaycontext.MarkOf(config, from); ours && mark.Gateway == o.gateway && (o.name == "" || o.name == from) {
		return from, nil
	}
	name := o.name
	if name == "" {
		name = gatewaycontext.DefaultName(from)
	}
	err := gatewaycontext.Add(config, from, name, o.gateway)
	switch {
	case errors.Is(err, gatewaycontext.ErrNested):
		return "", exit.WithHint(exit.WithCode(exit.Refused, err), "name the context to start from with --context")
	case errors.Is(err, gatewaycontext.ErrForeign):
		return "", exit.WithHint(exit.WithCode(exit.Refused, err), "choose another name with --name")
	case errors.Is(err, gatewaycontext.ErrNotFound):
		return "", exit.WithHint(exit.WithCode(exit.NotFound, err), "kubectl config get-contexts lists the contexts")
	}
	return name, err
}

// check asks through the gateway who the person is.
func (o *loginOptions) check(ctx context.Context, config *api.Config, name string) error {
	waiting := progress.Start(ctx, o.Streams.ErrOut, o.ErrTerminal, o.Clock, "asking the gateway who you are")
	defer waiting.Stop()
	through, err := clientcmd.NewNonInteractiveClientConfig(*config, name, &clientcmd.ConfigOverrides{}, nil).ClientConfig()
	if err != nil {
		return fmt.Errorf("context %q: %w", name, err)
	}
	o.introduce(through)
	client, err := kubernetes.NewForConfig(through)
	if err != nil {
		return fmt.Errorf("context %q: %w", name, err)
	}
	version, err := serverVersion(ctx, client.Discovery().RESTClient())
	if err != nil {
		return o.explain(err)
	}
	waiting.Stop()
	who, err := client.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		// An API server before 1.28 does not know the question; that the gateway works is known already.
		o.say("The gateway %q answers (Kubernetes %s).", o.gateway, version)
		return nil
	}
	o.say("The gateway %q answers (Kubernetes %s); you are %s.",
		o.gateway, version, safeterm.Line(who.Status.UserInfo.Username))
	return nil
}

// serverVersion asks for the version of Kubernetes, in characters that are safe to print. It is what discovery asks,
// but discovery's own client loses the words of a refusal.
func serverVersion(ctx context.Context, c rest.Interface) (string, error) {
	answer := c.Get().AbsPath("/version").Do(ctx)
	if err := answer.Error(); err != nil {
		return "", err
	}
	var version struct {
		GitVersion string `json:"gitVersion"`
	}
	if body, err := answer.Raw(); err != nil || json.Unmarshal(body, &version) != nil || version.GitVersion == "" {
		return "", errors.New("what answers at its path is no Kubernetes API")
	}
	return safeterm.Line(version.GitVersion), nil
}

func (o *loginOptions) explain(err error) error {
	switch {
	case apierrors.IsNotFound(err):
		return exit.WithHint(err, "there is no gateway %q in this cluster: is Sallyport installed?", o.gateway)
	case apierrors.IsForbidden(err):
		return exit.WithHint(err, "Sallyport is not installed in this cluster, or an administrator has to bind the ClusterRole sallyport-gateway-user to you")
	case apierrors.IsServiceUnavailable(err):
		return exit.WithHint(err, "the gateway is out: kubectl get apiservice %s.%s says why", layout.GatewayVersion, layout.GatewayGroup)
	}
	return fmt.Errorf("asking the gateway: %w", err)
}

func (o *loginOptions) tell(config *api.Config, name string) {
	if o.noSwitch {
		o.print("Context %q goes through the gateway: kubectl --context %s …", name, name)
		return
	}
	o.print("Switched to context %q, which goes through the gateway.", name)
	if mark, ok := gatewaycontext.MarkOf(config, name); ok {
		o.say("kubectl sallyport logout brings you back to %q.", mark.From)
	}
}
