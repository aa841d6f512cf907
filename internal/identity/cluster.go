package identity

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/authenticatorfactory"
	"k8s.io/apiserver/pkg/authentication/request/headerrequest"
	x509request "k8s.io/apiserver/pkg/authentication/request/x509"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/client-go/kubernetes"
)

const (
	configMap = "extension-apiserver-authentication"

	tokenReviewTimeout = 10 * time.Second
	tokenCacheTTL      = 10 * time.Second
)

// New returns an authenticator that follows the cluster's configuration while Run runs; until that has read it, nobody
// is authenticated (see Ready). ctx bounds one read of the configuration, which proves that it may be read.
func New(ctx context.Context, client kubernetes.Interface) (*Authenticator, error) {
	frontCA, err := newCA(client, "requestheader-client-ca-file")
	if err != nil {
		return nil, err
	}
	clientCA, err := newCA(client, "client-ca-file")
	if err != nil {
		return nil, err
	}
	headers := headerrequest.NewRequestHeaderAuthRequestController(configMap, metav1.NamespaceSystem, client,
		"requestheader-username-headers", "requestheader-uid-headers", "requestheader-group-headers",
		"requestheader-extra-headers-prefix", "requestheader-allowed-names")
	if err := headers.RunOnce(ctx); err != nil {
		return nil, fmt.Errorf("reading the front proxy's headers from configmap %s/%s: %w", metav1.NamespaceSystem, configMap, err)
	}
	// Anonymous stays nil: nobody is let in without a credential.
	direct, _, err := authenticatorfactory.DelegatingAuthenticatorConfig{
		ClientCertificateCAContentProvider: clientCA,
		TokenAccessReviewClient:            client.AuthenticationV1(),
		TokenAccessReviewTimeout:           tokenReviewTimeout,
		WebhookRetryBackoff:                &wait.Backoff{Duration: 200 * time.Millisecond, Factor: 1.5, Jitter: 0.2, Steps: 5},
		CacheTTL:                           tokenCacheTTL,
	}.New()
	if err != nil {
		return nil, fmt.Errorf("building the authenticator: %w", err)
	}
	return &Authenticator{
		frontProxy: newFrontProxy(frontCA.VerifyOptions, headers), direct: direct,
		ready: func() bool { return len(headers.UsernameHeaders()) > 0 && loaded(frontCA) && loaded(clientCA) },
		run: []func(context.Context){
			func(ctx context.Context) { frontCA.Run(ctx, 1) },
			func(ctx context.Context) { clientCA.Run(ctx, 1) },
			func(ctx context.Context) { headers.Run(ctx, 1) },
		},
	}, nil
}

func newFrontProxy(verify x509request.VerifyOptionFunc, headers headerrequest.RequestHeaderAuthRequestProvider) authenticator.Request {
	provide := func(values func() []string) headerrequest.StringSliceProvider {
		return headerrequest.StringSliceProviderFunc(values)
	}
	return headerrequest.NewDynamicVerifyOptionsSecure(verify, provide(headers.AllowedClientNames),
		provide(headers.UsernameHeaders), provide(headers.UIDHeaders),
		provide(headers.GroupHeaders), provide(headers.ExtraHeaderPrefixes))
}

func newCA(client kubernetes.Interface, key string) (*dynamiccertificates.ConfigMapCAController, error) {
	ca, err := dynamiccertificates.NewDynamicCAFromConfigMapController(key, metav1.NamespaceSystem, configMap, key, client)
	if err != nil {
		return nil, fmt.Errorf("following %s in configmap %s/%s: %w", key, metav1.NamespaceSystem, configMap, err)
	}
	return ca, nil
}

func loaded(ca *dynamiccertificates.ConfigMapCAController) bool {
	return len(ca.CurrentCABundleContent()) > 0
}
