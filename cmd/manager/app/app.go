// Package app puts the manager together: controllers, webhooks, their certificate, and the API server's trust in it.
//
// Webhooks serve in every replica; the controllers run in the one that holds the lease. The program is ready once its
// webhooks answer and its caches are filled. On SIGTERM it finishes what it is answering, gives the lease back, and ends.
package app

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/cmd/internal/process"
	"github.com/sallyport-dev/sallyport/controllers"
	"github.com/sallyport-dev/sallyport/internal/approval"
	"github.com/sallyport-dev/sallyport/internal/layout"
	"github.com/sallyport-dev/sallyport/internal/servingcert"
	"github.com/sallyport-dev/sallyport/internal/signingkey"
	"github.com/sallyport-dev/sallyport/internal/version"
)

// startTime bounds what the start needs from the API server.
const startTime = 30 * time.Second

// NewCommand is the manager's command; now is the process's clock.
func NewCommand(now func() time.Time) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:          "manager",
		Short:        "Run Sallyport's controllers and webhooks",
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		Version:      version.String(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			log, config, err := process.Start(os.Stderr)
			if err != nil {
				return err
			}
			return run(cmd.Context(), config, &o, now, log)
		},
	}
	o.bind(cmd.Flags())
	return cmd
}

// run works until ctx ends.
func run(ctx context.Context, config *rest.Config, o *options, now func() time.Time, log logr.Logger) error {
	certificate, keys, err := secrets(ctx, config, o, now)
	if err != nil {
		return err
	}
	mgr, err := newManager(config, o, certificate)
	if err != nil {
		return err
	}
	live, err := client.New(config, client.Options{Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper()})
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	if err := controllers.Setup(mgr, controllers.Options{
		Now: now, MaskKey: keys.fingerprints, Terms: approval.Terms{Timeout: o.approvalTimeout}, KeepSessions: o.keepSessions,
	}); err != nil {
		return fmt.Errorf("setting up the controllers: %w", err)
	}
	if err := setupWebhooks(ctx, mgr, live, keys, o, now); err != nil {
		return fmt.Errorf("setting up the webhooks: %w", err)
	}
	if err := addUpkeep(mgr, live, certificate); err != nil {
		return err
	}
	log.Info("starting", "version", version.String(), "namespace", o.namespace, "serviceAccount", o.serviceAccount)
	return mgr.Start(ctx)
}

// The two Secrets are made by whichever program comes first, so their names cannot limit the right to create.
//
// +kubebuilder:rbac:groups="",namespace=sallyport-system,resources=secrets,verbs=create
// +kubebuilder:rbac:groups="",namespace=sallyport-system,resources=secrets,resourceNames=sallyport-serving-certificate;sallyport-session-signing-key,verbs=get;update

// keys are what the manager needs of the installation's.
type keys struct {
	tokens                 ed25519.PublicKey
	commands, fingerprints []byte
}

// secrets makes or reads the serving certificate and the key of session tokens.
func secrets(ctx context.Context, config *rest.Config, o *options, now func() time.Time) (*servingcert.Source, *keys, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	core, err := corev1client.NewForConfig(config)
	if err != nil {
		return nil, nil, fmt.Errorf("making a client: %w", err)
	}
	in := core.Secrets(o.namespace)
	certificate, err := servingcert.Ensure(ctx, in, servingcert.Options{Name: layout.ServingSecret, DNSNames: o.dnsNames(), Now: now})
	if err != nil {
		return nil, nil, err
	}
	key, err := signingkey.Ensure(ctx, in, layout.SigningKeySecret)
	if err != nil {
		return nil, nil, err
	}
	k := &keys{}
	var ok bool
	if k.tokens, ok = key.Public().(ed25519.PublicKey); !ok {
		return nil, nil, errors.New("the key of session tokens is no Ed25519 key")
	}
	if k.commands, err = signingkey.Derive(key, signingkey.ForCommands); err != nil {
		return nil, nil, err
	}
	if k.fingerprints, err = signingkey.Derive(key, signingkey.ForFingerprints); err != nil {
		return nil, nil, err
	}
	return certificate, k, nil
}

// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=sallyport-system,resources=leases,verbs=get;create;update;patch
// +kubebuilder:rbac:groups="",namespace=sallyport-system,resources=events,verbs=create;patch

func newManager(config *rest.Config, o *options, certificate *servingcert.Source) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, accessv1alpha1.AddToScheme, apiregistrationv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("building the scheme: %w", err)
		}
	}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                        scheme,
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              "sallyport-manager",
		LeaderElectionNamespace:       o.namespace,
		LeaderElectionReleaseOnCancel: true, // the program ends as soon as the manager has stopped
		HealthProbeBindAddress:        o.healthAddress,
		Metrics:                       metricsserver.Options{BindAddress: o.metricsAddress},
		WebhookServer: webhook.NewServer(webhook.Options{
			Port: o.webhookPort,
			TLSOpts: []func(*tls.Config){func(c *tls.Config) {
				c.MinVersion = tls.VersionTLS12
				c.GetCertificate = certificate.GetCertificate
			}},
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("making the manager: %w", err)
	}
	return mgr, nil
}

// addUpkeep adds the renewal of the certificate, the API server's trust in it, and the liveness probe.
func addUpkeep(mgr ctrl.Manager, live client.Client, certificate *servingcert.Source) error {
	renew := manager.RunnableFunc(func(ctx context.Context) error { certificate.Run(ctx); return nil })
	return errors.Join(
		mgr.Add(everywhere{renew}),
		mgr.Add(everywhere{&caBundles{client: live, bundle: certificate.CABundle, log: mgr.GetLogger().WithName("cabundle")}}),
		mgr.AddHealthzCheck("ping", healthz.Ping),
	)
}

// everywhere runs in every replica.
type everywhere struct{ manager.Runnable }

func (everywhere) NeedLeaderElection() bool { return false }
