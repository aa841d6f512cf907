package app

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

func trusted(bundle string) []client.Object {
	config := admissionregistrationv1.WebhookClientConfig{CABundle: []byte(bundle)}
	return []client.Object{
		&admissionregistrationv1.ValidatingWebhookConfiguration{
			ObjectMeta: metav1.ObjectMeta{Name: "sallyport"},
			Webhooks:   []admissionregistrationv1.ValidatingWebhook{{Name: "a.x.y", ClientConfig: config}, {Name: "b.x.y"}},
		},
		&admissionregistrationv1.MutatingWebhookConfiguration{
			ObjectMeta: metav1.ObjectMeta{Name: "sallyport"},
			Webhooks:   []admissionregistrationv1.MutatingWebhook{{Name: "a.x.y", ClientConfig: config}},
		},
		&apiregistrationv1.APIService{
			ObjectMeta: metav1.ObjectMeta{Name: "v1alpha1.gateway.sallyport.dev"}, Spec: apiregistrationv1.APIServiceSpec{CABundle: []byte(bundle)},
		},
		&admissionregistrationv1.ValidatingWebhookConfiguration{
			ObjectMeta: metav1.ObjectMeta{Name: "other"},
			Webhooks:   []admissionregistrationv1.ValidatingWebhook{{Name: "a.x.y", ClientConfig: config}},
		},
	}
}

func newClient(t *testing.T, funcs interceptor.Funcs, objects ...client.Object) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, apiregistrationv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(funcs).Build()
}

// bundles are those of all four objects, in the order of trusted.
func bundles(t *testing.T, c client.Client) []string {
	t.Helper()
	objects := trusted("")
	for _, o := range objects {
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
			t.Fatal(err)
		}
	}
	own, _ := objects[0].(*admissionregistrationv1.ValidatingWebhookConfiguration)
	mutating, _ := objects[1].(*admissionregistrationv1.MutatingWebhookConfiguration)
	service, _ := objects[2].(*apiregistrationv1.APIService)
	other, _ := objects[3].(*admissionregistrationv1.ValidatingWebhookConfiguration)
	return []string{
		string(own.Webhooks[0].ClientConfig.CABundle), string(own.Webhooks[1].ClientConfig.CABundle),
		string(mutating.Webhooks[0].ClientConfig.CABundle), string(service.Spec.CABundle), string(other.Webhooks[0].ClientConfig.CABundle),
	}
}

func TestTheBundleIsWrittenWhereItDiffersAndNowhereElse(t *testing.T) {
	writes := 0
	c := newClient(t, interceptor.Funcs{
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			writes++
			return c.Update(ctx, o, opts...)
		},
	}, trusted("old")...)
	upkeep := caBundles{client: c, bundle: func() []byte { return []byte("new") }}
	for range 2 {
		if err := upkeep.write(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"new", "new", "new", "new", "old"}, bundles(t, c)); diff != "" {
		t.Errorf("bundles (-want +got):\n%s", diff)
	}
	if writes != 3 {
		t.Errorf("%d writes, want one for each object", writes)
	}
}

func TestOneObjectInTroubleDoesNotKeepTheOthersBack(t *testing.T) {
	c := newClient(t, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if _, ok := o.(*admissionregistrationv1.ValidatingWebhookConfiguration); ok && key.Name == "sallyport" {
				return errors.New("unreadable")
			}
			return c.Get(ctx, key, o, opts...)
		},
	}, trusted("old")...)
	upkeep := caBundles{client: c, bundle: func() []byte { return []byte("new") }}
	if err := upkeep.write(t.Context()); err == nil || !strings.Contains(err.Error(), "unreadable") {
		t.Errorf("got %v", err)
	}
	service := &apiregistrationv1.APIService{}
	if err := c.Get(t.Context(), client.ObjectKey{Name: "v1alpha1.gateway.sallyport.dev"}, service); err != nil || string(service.Spec.CABundle) != "new" {
		t.Errorf("the APIService has %q, %v", service.Spec.CABundle, err)
	}
}

func TestALostRaceIsNoTrouble(t *testing.T) {
	c := newClient(t, interceptor.Funcs{
		Update: func(context.Context, client.WithWatch, client.Object, ...client.UpdateOption) error {
			return apierrors.NewConflict(schema.GroupResource{Resource: "any"}, "sallyport", errors.New("changed"))
		},
	}, trusted("old")...)
	upkeep := caBundles{client: c, bundle: func() []byte { return []byte("new") }}
	if err := upkeep.write(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestDriftIsRepairedAndTroubleToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		c := newClient(t, interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
				if down.Load() {
					return errors.New("down")
				}
				return c.Get(ctx, key, o, opts...)
			},
		}, trusted("")...)
		var told atomic.Int32
		log := funcr.New(func(string, string) { told.Add(1) }, funcr.Options{})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			done <- (&caBundles{client: c, bundle: func() []byte { return []byte("new") }, log: log}).Start(ctx)
		}()
		synctest.Wait()

		service := &apiregistrationv1.APIService{ObjectMeta: metav1.ObjectMeta{Name: "v1alpha1.gateway.sallyport.dev"}}
		if err := c.Get(ctx, client.ObjectKeyFromObject(service), service); err != nil || string(service.Spec.CABundle) != "new" {
			t.Fatalf("not written at the start: %q, %v", service.Spec.CABundle, err)
		}
		service.Spec.CABundle = nil
		if err := c.Update(ctx, service); err != nil {
			t.Fatal(err)
		}
		time.Sleep(trustEvery + time.Second)
		synctest.Wait()
		if got := bundles(t, c)[3]; got != "new" {
			t.Errorf("drift was not repaired: %q", got)
		}
		down.Store(true)
		time.Sleep(10 * trustEvery)
		synctest.Wait()
		if n := told.Load(); n != 1 {
			t.Errorf("the same trouble was told %d times", n)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
