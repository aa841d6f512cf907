package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sallyport-dev/sallyport/internal/layout"
)

// trustEvery is how long the API server may not trust a new authority, or a configuration that was applied anew.
const trustEvery = 2 * time.Second

// configurationName is that of the two webhook configurations.
const configurationName = "sallyport"

// +kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=validatingwebhookconfigurations;mutatingwebhookconfigurations,resourceNames=sallyport,verbs=get;update
// +kubebuilder:rbac:groups=apiregistration.k8s.io,resources=apiservices,resourceNames=v1alpha1.gateway.sallyport.dev,verbs=get;update

// caBundles keeps the API server's trust equal to what the webhooks and the gateway serve. It runs in every replica: a
// new installation waits for no lease, and all replicas write the same as soon as they have read the same Secret.
type caBundles struct {
	client client.Client // not cached: three objects, read by name
	bundle func() []byte
	log    logr.Logger
}

// Start works until ctx ends. The same trouble is logged once.
func (c *caBundles) Start(ctx context.Context) error {
	ticker := time.NewTicker(trustEvery)
	defer ticker.Stop()
	told := ""
	for {
		var trouble string
		if err := c.write(ctx); err != nil {
			trouble = err.Error()
			if trouble != told && ctx.Err() == nil {
				c.log.Error(err, "Could not write the CA bundles")
			}
		}
		told = trouble
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (c *caBundles) write(ctx context.Context) error {
	validating := &admissionregistrationv1.ValidatingWebhookConfiguration{}
	mutating := &admissionregistrationv1.MutatingWebhookConfiguration{}
	service := &apiregistrationv1.APIService{}
	return errors.Join(
		c.ensure(ctx, configurationName, validating, func() []*[]byte {
			var fields []*[]byte
			for i := range validating.Webhooks {
				fields = append(fields, &validating.Webhooks[i].ClientConfig.CABundle)
			}
			return fields
		}),
		c.ensure(ctx, configurationName, mutating, func() []*[]byte {
			var fields []*[]byte
			for i := range mutating.Webhooks {
				fields = append(fields, &mutating.Webhooks[i].ClientConfig.CABundle)
			}
			return fields
		}),
		c.ensure(ctx, layout.GatewayVersion+"."+layout.GatewayGroup, service, func() []*[]byte {
			return []*[]byte{&service.Spec.CABundle}
		}),
	)
}

// ensure writes the bundle into the fields of one object where it differs. Another replica that writes at the same time
// writes the same.
func (c *caBundles) ensure(ctx context.Context, name string, o client.Object, fields func() []*[]byte) error {
	if err := c.client.Get(ctx, client.ObjectKey{Name: name}, o); err != nil {
		return fmt.Errorf("reading %T %q: %w", o, name, err)
	}
	bundle, changed := c.bundle(), false
	for _, field := range fields() {
		if !bytes.Equal(*field, bundle) {
			*field, changed = bundle, true
		}
	}
	if !changed {
		return nil
	}
	if err := c.client.Update(ctx, o, client.FieldOwner(layout.FieldManager)); err != nil && !apierrors.IsConflict(err) {
		return fmt.Errorf("writing %T %q: %w", o, name, err)
	}
	return nil
}
