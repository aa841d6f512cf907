package app

import (
	"errors"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/sallyport-dev/sallyport/internal/layout"
	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/objectstore/s3"
	"github.com/sallyport-dev/sallyport/internal/proxy"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

// maxRetentionDays is ten years: what was locked by a slip of the keyboard cannot be unlocked.
const maxRetentionDays = 3660

// minSpool holds what a few sessions record while a segment is stored.
const minSpool = 64 << 20

// minValues holds the values of some dozen pods.
const minValues = 16 << 20

// options are what concerns the process.
type options struct {
	namespace     string
	service       string
	address       string
	healthAddress string
	cluster       string
	name          string
	retentionDays int
	shutdownTime  time.Duration
	maxSessions   int
	maxPerUser    int
	spool         string
	spoolLimit    int64
	durability    recording.Durability
	lostAfter     time.Duration
	secretValues  proxy.SecretMode
	valuesLimit   int64
	store         s3.Options
}

func (o *options) bind(flags *pflag.FlagSet) {
	flags.StringVar(&o.namespace, "namespace", layout.SystemNamespace, "namespace that Sallyport runs in")
	flags.StringVar(&o.service, "service", layout.GatewayService, "name of the Service in front of the gateway")
	flags.StringVar(&o.address, "address", ":8443", "address of the gateway")
	flags.StringVar(&o.healthAddress, "health-address", ":8082", "address of /healthz, /readyz and /metrics, without TLS")
	flags.StringVar(&o.cluster, "cluster", "", "name of this cluster in the recordings")
	flags.StringVar(&o.name, "name", os.Getenv("POD_NAME"), "name of this instance (default: the environment's POD_NAME, else the host name)")
	flags.IntVar(&o.retentionDays, "retention-days", 0, "days for which nobody can delete a recording; required")
	flags.DurationVar(&o.shutdownTime, "shutdown-time", 25*time.Second, "how long ending and sealing all sessions may take")
	flags.IntVar(&o.maxSessions, "max-sessions", 1000, "how many sessions this instance carries at a time")
	flags.IntVar(&o.maxPerUser, "max-sessions-per-user", 20, "how many of them one user may have")
	flags.StringVar(&o.spool, "spool", "", "directory that keeps recordings until the object store has them; it must outlive this process; required")
	flags.Int64Var(&o.spoolLimit, "spool-bytes", 1<<30, "how much it may hold; sessions end when it is full")
	o.durability = recording.Spooled
	flags.Var(durabilityFlag{&o.durability}, "durability",
		"where a byte must be recorded before it passes, at least: spool (on its disk) or store (in the object store); a grant may ask for more")
	flags.DurationVar(&o.lostAfter, "lost-after", lostAfter,
		"how long an instance must be gone before its spool counts as lost and its recordings are ended; one that moves with its disk must come back sooner")
	o.secretValues = proxy.SecretsWhereAllowed
	flags.Var(secretModeFlag{&o.secretValues}, "secret-values",
		"whether the values of the pods' own Secrets are masked: Off, WhereAllowed (those that it may read) or Required (no session without)")
	flags.Int64Var(&o.valuesLimit, "secret-values-bytes", 512<<20,
		"memory for what is compiled from these values, of all sessions together; beyond it a session begins without, or, with Required, not at all")
	flags.StringVar(&o.store.Endpoint, "s3-endpoint", "", "https://host[:port] of the object store; its keys: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	flags.StringVar(&o.store.Bucket, "s3-bucket", "", "bucket for the recordings; it must have object lock")
	flags.StringVar(&o.store.Region, "s3-region", "us-east-1", "region of the bucket")
	flags.StringVar(&o.store.CAFile, "s3-ca-file", "", "PEM file with the authorities that the object store's certificate must come from (default: the system's)")
}

// complete fills in what the environment says, and reports everything that is wrong.
func (o *options) complete(now func() time.Time) error {
	o.store.AccessKey, o.store.SecretKey, o.store.Now = os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), now
	var errs []error
	require := func(ok bool, message string) {
		if !ok {
			errs = append(errs, errors.New(message))
		}
	}
	if o.name == "" {
		host, err := os.Hostname()
		require(err == nil && host != "", "--name must be given: the host has no name")
		o.name = host
	}
	require(o.namespace != "", "--namespace must not be empty")
	require(o.service != "", "--service must not be empty")
	require(o.cluster != "", "--cluster must be given: recordings name it")
	require(o.retentionDays > 0 && o.retentionDays <= maxRetentionDays, "--retention-days must be between 1 and 3660")
	require(o.maxSessions > 0 && o.maxPerUser > 0, "--max-sessions and --max-sessions-per-user must be positive")
	require(o.shutdownTime > 0, "--shutdown-time must be positive")
	require(o.spool != "", "--spool must be given: recordings are written there first")
	require(o.spoolLimit >= minSpool, "--spool-bytes must be at least 67108864, 64 MiB")
	require(o.valuesLimit >= minValues, "--secret-values-bytes must be at least 16777216, 16 MiB")
	require(o.lostAfter > 0, "--lost-after must be positive")
	require(o.store.Endpoint != "", "--s3-endpoint must be given")
	require(o.store.Bucket != "", "--s3-bucket must be given")
	require(o.store.AccessKey != "" && o.store.SecretKey != "", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set")
	return errors.Join(errs...)
}

// retention is that of a recording which begins now.
func (o *options) retention(now time.Time) objectstore.Retention {
	return objectstore.Retention{Mode: objectstore.Compliance, Until: now.AddDate(0, 0, o.retentionDays)}
}

// durabilityFlag is a durability as flags have it, in lower case.
type durabilityFlag struct{ to *recording.Durability }

func (f durabilityFlag) String() string {
	if f.to == nil {
		return ""
	}
	return strings.ToLower(string(*f.to))
}

func (f durabilityFlag) Set(word string) error {
	switch word {
	case "spool":
		*f.to = recording.Spooled
	case "store":
		*f.to = recording.Stored
	default:
		return errors.New("must be spool or store")
	}
	return nil
}

func (durabilityFlag) Type() string { return "string" }

// secretModeFlag is one of three words.
type secretModeFlag struct{ to *proxy.SecretMode }

func (f secretModeFlag) String() string {
	if f.to == nil {
		return ""
	}
	return string(*f.to)
}

func (f secretModeFlag) Set(word string) error {
	switch mode := proxy.SecretMode(word); mode {
	case proxy.SecretsOff, proxy.SecretsWhereAllowed, proxy.SecretsRequired:
		*f.to = mode
		return nil
	default:
		return errors.New("must be Off, WhereAllowed or Required")
	}
}

func (secretModeFlag) Type() string { return "string" }

// dnsNames are those under which the API server calls the gateway.
func (o *options) dnsNames() []string {
	return []string{o.service + "." + o.namespace + ".svc"}
}
