package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/authorizer/grant"
	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/webhooks"
)

// cacheWait is how long a probe waits for the caches before it says that they are not there.
const cacheWait = time.Second

// setupWebhooks registers the handlers. They serve in every replica, so the grants are watched in every replica, too,
// and not only where the controllers run.
func setupWebhooks(ctx context.Context, mgr manager.Manager, live client.Client, k *keys, o *options, now func() time.Time) error {
	if _, err := mgr.GetCache().GetInformer(ctx, &accessv1alpha1.ExecutionGrant{}, cache.BlockUntilSynced(false)); err != nil {
		return fmt.Errorf("watching grants: %w", err)
	}
	return errors.Join(
		webhooks.Setup(mgr.GetWebhookServer(), webhooks.Options{
			Scheme: mgr.GetScheme(), Live: live, Authorizer: &grant.Authorizer{Reader: mgr.GetCache(), Now: now},
			// The default rules, and no policy's: what they mask goes back to who sent it, and nothing is stored.
			PublicKey: k.tokens, CommandKey: k.commands, Now: now, Username: o.username(), MaskArgs: mask.Default().Strings,
		}),
		mgr.AddReadyzCheck("webhooks", mgr.GetWebhookServer().StartedChecker()),
		mgr.AddReadyzCheck("caches", cachesSynced(mgr.GetCache())),
	)
}

// cachesSynced is a probe: without its caches the manager denies everything.
func cachesSynced(c cache.Cache) func(*http.Request) error {
	return func(r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), cacheWait)
		defer cancel()
		if !c.WaitForCacheSync(ctx) {
			return errors.New("the caches have not been filled yet")
		}
		return nil
	}
}
