package app

import (
	"errors"
	"time"

	"github.com/spf13/pflag"

	"github.com/sallyport-dev/sallyport/internal/layout"
)

// options are what concerns the process; what a security officer decides stands in objects.
type options struct {
	namespace       string
	serviceAccount  string
	webhookPort     int
	webhookService  string
	healthAddress   string
	metricsAddress  string
	leaderElect     bool
	approvalTimeout time.Duration
	keepSessions    time.Duration
}

func (o *options) bind(flags *pflag.FlagSet) {
	flags.StringVar(&o.namespace, "namespace", layout.SystemNamespace, "namespace that Sallyport runs in")
	flags.StringVar(&o.serviceAccount, "service-account", layout.ServiceAccount, "service account of manager and proxy; only it may write statuses")
	flags.IntVar(&o.webhookPort, "webhook-port", 9443, "port of the webhooks")
	flags.StringVar(&o.webhookService, "webhook-service", layout.WebhookService, "name of the Service in front of the webhooks")
	flags.StringVar(&o.healthAddress, "health-address", ":8081", "address of /healthz and /readyz")
	flags.StringVar(&o.metricsAddress, "metrics-address", "0", "address of /metrics; 0 for none")
	flags.BoolVar(&o.leaderElect, "leader-elect", false, "let one of several replicas run the controllers; webhooks run in all")
	flags.DurationVar(&o.approvalTimeout, "approval-timeout", time.Hour, "how long an approval request can be decided")
	flags.DurationVar(&o.keepSessions, "keep-sessions", 24*time.Hour, "how long ended sessions are shown by kubectl; their recordings stay")
}

func (o *options) validate() error {
	var errs []error
	require := func(ok bool, message string) {
		if !ok {
			errs = append(errs, errors.New(message))
		}
	}
	require(o.namespace != "", "--namespace must not be empty")
	require(o.serviceAccount != "", "--service-account must not be empty")
	require(o.webhookService != "", "--webhook-service must not be empty")
	require(o.webhookPort > 0 && o.webhookPort < 65536, "--webhook-port must be between 1 and 65535")
	require(o.approvalTimeout >= time.Minute, "--approval-timeout must be a minute or more")
	require(o.keepSessions >= time.Minute, "--keep-sessions must be a minute or more")
	return errors.Join(errs...)
}

// username is the one under which the API server knows this program.
func (o *options) username() string {
	return layout.ServiceAccountUsername(o.namespace, o.serviceAccount)
}

// dnsNames are those under which the API server calls the webhooks.
func (o *options) dnsNames() []string {
	return []string{o.webhookService + "." + o.namespace + ".svc"}
}
