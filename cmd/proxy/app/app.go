// Package app puts the proxy together: identity, decision, recording, streaming, and the servers in front of them.
//
// It starts without the object store, but takes no session before the store has proven that it locks objects; a store that
// answers and does not lock, or lies about what it takes, ends the program. On SIGTERM it takes no more sessions, ends those that live with a line to
// each person, and seals their recordings before it goes.
package app

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"

	"github.com/sallyport-dev/sallyport/cmd/internal/process"
	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/authorizer/grant"
	"github.com/sallyport-dev/sallyport/internal/identity"
	"github.com/sallyport-dev/sallyport/internal/layout"
	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/objectstore/s3"
	"github.com/sallyport-dev/sallyport/internal/proxy"
	"github.com/sallyport-dev/sallyport/internal/proxy/session"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/servingcert"
	"github.com/sallyport-dev/sallyport/internal/signingkey"
	"github.com/sallyport-dev/sallyport/internal/spool"
	"github.com/sallyport-dev/sallyport/internal/version"
)

// startTime bounds each call that the start needs.
const startTime = 30 * time.Second

// NewCommand is the proxy's command; now is the process's clock.
func NewCommand(now func() time.Time) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:          "proxy",
		Short:        "Run Sallyport's gateway, which masks and records what people do in containers",
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(now); err != nil {
				return err
			}
			return run(cmd.Context(), &o, now)
		},
	}
	o.bind(cmd.Flags())
	return cmd
}

func run(ctx context.Context, o *options, now func() time.Time) error {
	log, config, err := process.Start(os.Stderr)
	if err != nil {
		return err
	}
	// This takes the standard log with it, to which net/http reports.
	slog.SetDefault(slog.New(logr.ToSlogHandler(log)))
	// The API server rations requests by itself; a proxy that rationed its own would delay people's.
	config.QPS = -1
	g, err := build(ctx, o, config, now, log)
	if err != nil {
		return err
	}
	return g.run(ctx)
}

// gateway is everything that runs.
type gateway struct {
	options     *options
	log         logr.Logger
	identity    *identity.Authenticator
	certificate *servingcert.Source
	cluster     *cluster
	policies    *policies
	values      *mask.Shared
	evidence    *evidence
	resumer     *resumer
	registry    *session.Registry
	counts      *proxy.Counts
	events      events.EventBroadcaster
	public      *http.Server
	health      *http.Server
	synced      chan struct{}
}

// The right to the two Secrets stands with the manager, which has the same service account.
//
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create
// +kubebuilder:rbac:groups="",resources=users;groups;serviceaccounts,verbs=impersonate
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=*,verbs=impersonate

// What sessions left running is ended by an exec under the gateway's own name, which the CONNECT webhook allows for one
// constant command only.
//
// +kubebuilder:rbac:groups="",resources=pods/exec,verbs=create;get

// build makes everything, and starts nothing.
func build(ctx context.Context, o *options, config *rest.Config, now func() time.Time, log logr.Logger) (*gateway, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	g := &gateway{options: o, log: log, registry: &session.Registry{MaxSessions: o.maxSessions, MaxPerUser: o.maxPerUser}, synced: make(chan struct{})}
	secrets := clients.CoreV1().Secrets(o.namespace)
	key, err := signingkey.Ensure(ctx, secrets, layout.SigningKeySecret)
	if err != nil {
		return nil, err
	}
	if g.certificate, err = servingcert.Ensure(ctx, secrets, servingcert.Options{Name: layout.ServingSecret, DNSNames: o.dnsNames(), Now: now}); err != nil {
		return nil, err
	}
	if g.identity, err = identity.New(ctx, clients); err != nil {
		return nil, err
	}
	if g.cluster, err = newCluster(config); err != nil {
		return nil, err
	}
	store, err := s3.New(o.store)
	if err != nil {
		return nil, err
	}
	kept, err := spool.Open(o.spool, o.spoolLimit)
	if err != nil {
		return nil, fmt.Errorf("opening the spool: %w", err)
	}
	g.values = &mask.Shared{Limit: o.valuesLimit, Now: now}
	counts := newMetrics(g.registry.Len, kept, g.values)
	g.evidence = &evidence{
		store: store, options: o, now: now, log: log, every: probeEvery, spool: kept, provenNow: make(chan struct{}),
	}
	g.events = events.NewBroadcaster(&events.EventSinkImpl{Interface: clients.EventsV1()})
	told := &announcer{g.cluster.cache, g.events.NewRecorder(g.cluster.live.Scheme(), layout.FieldManager)}
	g.evidence.trouble = func(ctx context.Context, namespace, session string, begins bool) {
		counts.outage(begins)
		told.outage(ctx, namespace, session, begins)
	}
	g.counts = proxy.NewCounts(g.cluster, now, log)
	g.resumer = &resumer{
		evidence: g.evidence, cluster: g.cluster, log: log, carries: g.registry.Has, stuck: counts.aside.Inc,
		own: recording.Gateway{Installation: signingkey.Fingerprint(key), Instance: o.name}, gone: map[string]time.Time{},
	}
	own, err := ownName(ctx, clients)
	if err != nil {
		return nil, err
	}
	fingerprints, err := signingkey.Derive(key, signingkey.ForFingerprints)
	if err != nil {
		return nil, err
	}
	commands, err := signingkey.Derive(key, signingkey.ForCommands)
	if err != nil {
		return nil, err
	}
	g.policies = newPolicies(g.cluster.cache, fingerprints, log)
	handler, err := proxy.New(proxy.Options{
		Authenticate: g.identity.Authenticate, API: config, Log: log, Sessions: g.sessions(clients, key, commands, own, counts.sessionEnded),
	})
	if err != nil {
		return nil, err
	}
	g.public, g.health = gatewayServer(handler, g.certificate.GetCertificate), healthServer(g.ready, counts)
	return g, nil
}

// ownName asks the API server under which name it knows this program.
func ownName(ctx context.Context, clients kubernetes.Interface) (string, error) {
	review, err := clients.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	switch {
	case err != nil:
		return "", fmt.Errorf("asking the API server for the gateway's own name: %w", err)
	case review.Status.UserInfo.Username == "":
		return "", errors.New("the API server gives the gateway no name")
	default:
		return review.Status.UserInfo.Username, nil
	}
}

func (g *gateway) sessions(
	clients kubernetes.Interface, key ed25519.PrivateKey, commands authorizer.CommandKey, own string, ended func(string, bool),
) proxy.Sessions {
	now := g.evidence.now
	return proxy.Sessions{
		Access: clients.AuthorizationV1(), Pods: clients.CoreV1(), Grants: g.cluster, Store: g.cluster,
		Journal: g.evidence.journal, Record: g.evidence.start,
		Authorizer: &grant.Authorizer{Reader: g.cluster.cache, Now: now},
		Secrets:    proxy.PodSecrets{Mode: g.options.secretValues, API: clients.CoreV1(), Values: g.values},
		Rules:      g.policies.rules, Key: key, CommandKey: commands, Registry: g.registry, Counts: g.counts, Ended: ended, Own: own, Now: now,
		Proxy: g.options.name, Installation: signingkey.Fingerprint(key), Cluster: g.options.cluster, Program: "sallyport-proxy " + version.String(),
	}
}

// run serves until ctx ends, then shuts down in order.
func (g *gateway) run(ctx context.Context) error {
	// What sessions need outlives ctx until they are sealed.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	if err := g.cluster.watch(background, g.registry, g.evidence.now); err != nil {
		return err
	}
	if err := g.policies.watch(background); err != nil {
		return err
	}
	if err := g.events.StartRecordingToSinkWithContext(background); err != nil {
		return fmt.Errorf("recording events: %w", err)
	}
	failed := make(chan error, 4)
	report := func(what string, err error) {
		if err != nil && background.Err() == nil {
			failed <- fmt.Errorf("%s: %w", what, err)
		}
	}
	go g.identity.Run(background)
	go g.certificate.Run(background)
	go func() { report("watching the cluster", g.cluster.cache.Start(background)) }()
	go func() {
		if g.cluster.cache.WaitForCacheSync(background) {
			close(g.synced)
		}
	}()
	go func() { report("probing the object store", g.evidence.prove(background)) }()
	go g.resumer.run(background, g.synced)
	go g.counts.Run(background)
	go g.policies.run(background)
	go func() { report("health", serve(background, g.health, g.options.healthAddress)) }()
	go func() { report("gateway", serve(background, g.public, g.options.address)) }()
	g.log.Info("serving", "version", version.String(), "address", g.options.address, "cluster", g.options.cluster, "retentionDays", g.options.retentionDays)

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	return errors.Join(err, g.shutdown(background))
}

// ready says what is missing before sessions can be taken.
func (g *gateway) ready() error {
	select {
	case <-g.synced:
	default:
		return errors.New("the cluster's grants have not been read yet")
	}
	if err := g.policies.ready(); err != nil {
		return err
	}
	if !g.identity.Ready() {
		return errors.New("the front proxy's configuration has not been read yet")
	}
	return g.evidence.ready()
}

// shutdown ends the sessions first, while everything that they need still runs.
func (g *gateway) shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, g.options.shutdownTime)
	defer cancel()
	g.log.Info("shutting down", "sessions", g.registry.Len())
	err := g.registry.Shutdown(ctx)
	// What the store has not taken by now may go with the pod.
	g.resumer.leftovers(ctx)
	// Watches never end by themselves: what is still open now is cut.
	return errors.Join(err, g.public.Close(), g.health.Close())
}
