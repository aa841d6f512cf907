package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	authenticationv1client "k8s.io/client-go/kubernetes/typed/authentication/v1"
	"k8s.io/client-go/rest"
	clientgotesting "k8s.io/client-go/testing"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/layout"
)

// authority issues client certificates.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{t, key, cert}
}

func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

func (a *authority) issue(name string, groups ...string) *x509.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name, Organization: groups},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert
}

func configuration(front, clients *authority) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: configMap},
		Data: map[string]string{
			"client-ca-file": clients.pem(), "requestheader-client-ca-file": front.pem(),
			"requestheader-allowed-names": `["front-proxy"]`, "requestheader-username-headers": `["X-Remote-User"]`,
			"requestheader-uid-headers": `["X-Remote-Uid"]`, "requestheader-group-headers": `["X-Remote-Group"]`,
			"requestheader-extra-headers-prefix": `["X-Remote-Extra-"]`,
		},
	}
}

// cluster is a fake one, but for the reviews of tokens, which need a real server.
type cluster struct {
	*fake.Clientset

	reviews authenticationv1client.AuthenticationV1Interface
}

func (c cluster) AuthenticationV1() authenticationv1client.AuthenticationV1Interface {
	return c.reviews
}

// newCluster knows one token: "good".
func newCluster(t *testing.T, objects ...runtime.Object) cluster {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review authenticationv1.TokenReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			t.Error(err)
		}
		if review.Spec.Token == "good" {
			review.Status = authenticationv1.TokenReviewStatus{Authenticated: true, User: authenticationv1.UserInfo{
				Username: "bot", UID: "u1", Groups: []string{"bots"},
				Extra: map[string]authenticationv1.ExtraValue{layout.ExtraSessionToken: {"forged"}},
			}}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(review)
	}))
	t.Cleanup(server.Close)
	reviews, err := authenticationv1client.NewForConfig(&rest.Config{
		Host: server.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json", AcceptContentTypes: "application/json"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return cluster{fake.NewClientset(objects...), reviews}
}

// start returns an authenticator that reads the configuration of a cluster.
func start(t *testing.T, objects ...runtime.Object) (*Authenticator, cluster) {
	t.Helper()
	client := newCluster(t, objects...)
	a, err := New(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	go a.Run(t.Context())
	return a, client
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func asked(header http.Header, certificates ...*x509.Certificate) *http.Request {
	r := &http.Request{Header: header.Clone()}
	if r.Header == nil {
		r.Header = http.Header{}
	}
	if len(certificates) > 0 {
		r.TLS = &tls.ConnectionState{PeerCertificates: certificates}
	}
	return r
}

func TestAuthenticate(t *testing.T) {
	front, clients, stranger := newAuthority(t, "front"), newAuthority(t, "clients"), newAuthority(t, "stranger")
	a, _ := start(t, configuration(front, clients))
	eventually(t, "the authenticator is ready", a.Ready)
	proxied := http.Header{
		"X-Remote-User": {"dev"}, "X-Remote-Uid": {"u"}, "X-Remote-Group": {"devs", "system:authenticated"},
		"X-Remote-Extra-Example.com%2flevel": {"7"}, "X-Remote-Extra-Gateway.sallyport.dev%2fsession-Token": {"forged"},
	}
	proxy := front.issue("front-proxy")
	tests := map[string]struct {
		request *http.Request
		want    authorizer.User
		err     error
	}{
		"if the front proxy vouches, then it is that user, without a session token": {
			request: asked(proxied, proxy),
			want:    authorizer.User{Name: "dev", UID: "u", Groups: []string{"devs", "system:authenticated"}, Extra: map[string][]string{"example.com/level": {"7"}}},
		},
		"if a client certificate comes, then it is its owner": {
			request: asked(nil, clients.issue("eve", "ops")),
			want:    authorizer.User{Name: "eve", Groups: []string{"ops", "system:authenticated"}},
		},
		"if a token comes, then it is its owner, without a session token": {
			request: asked(http.Header{"Authorization": {"Bearer good"}}),
			want:    authorizer.User{Name: "bot", UID: "u1", Groups: []string{"bots", "system:authenticated"}},
		},
		"if nothing comes, then nobody is known":                     {request: asked(nil), err: ErrNone},
		"if a bad token comes, then nobody is known":                 {request: asked(http.Header{"Authorization": {"Bearer bad"}}), err: ErrNone},
		"if a stranger's certificate comes, then nobody is known":    {request: asked(nil, stranger.issue("eve")), err: ErrNone},
		"if the front proxy names nobody, then nobody is known":      {request: asked(nil, proxy), err: ErrNone},
		"if nobody vouches, then the claim is refused":               {request: asked(proxied), err: ErrClaimed},
		"if a client vouches, then the claim is refused":             {request: asked(proxied, clients.issue("eve")), err: ErrClaimed},
		"if a stranger vouches, then the claim is refused":           {request: asked(proxied, stranger.issue("front-proxy")), err: ErrClaimed},
		"if another name vouches, then the claim is refused":         {request: asked(proxied, front.issue("back-proxy")), err: ErrClaimed},
		"if a token's owner claims, then the claim is refused":       {request: asked(http.Header{"Authorization": {"Bearer good"}, "X-Remote-Group": {"admins"}}), err: ErrClaimed},
		"if the claim is in odd letters, then it is refused":         {request: asked(http.Header{"x-remote-user": {"admin"}}), err: ErrClaimed},
		"if the front proxy impersonates, then it is refused":        {request: asked(http.Header{"X-Remote-User": {"dev"}, "Impersonate-User": {"admin"}}, proxy), err: ErrClaimed},
		"if the impersonation is in odd letters, then it is refused": {request: asked(http.Header{"impersonate-group": {"admins"}}, clients.issue("eve")), err: ErrClaimed},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := a.Authenticate(tc.request)
			if !errors.Is(err, tc.err) || (err == nil) != (tc.err == nil) {
				t.Fatalf("got %v, want %v", err, tc.err)
			}
			delete(got.Extra, "authentication.kubernetes.io/credential-id") // the digest of a certificate
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got): %s", diff)
			}
		})
	}
}

func TestChangesAreFollowed(t *testing.T) {
	before, after, clients := newAuthority(t, "before"), newAuthority(t, "after"), newAuthority(t, "clients")
	a, client := start(t, configuration(before, clients))
	eventually(t, "the authenticator is ready", a.Ready)
	known := func(by *authority) bool {
		_, err := a.Authenticate(asked(http.Header{"X-Remote-User": {"dev"}}, by.issue("front-proxy")))
		return err == nil
	}
	if !known(before) || known(after) {
		t.Fatal("the first authority is not the one that counts")
	}
	if _, err := client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Update(t.Context(), configuration(after, clients), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the second authority counts, and the first no longer", func() bool { return known(after) && !known(before) })
}

func TestNothingIsTrustedBeforeTheConfigurationIsRead(t *testing.T) {
	front := newAuthority(t, "front")
	a, err := New(t.Context(), newCluster(t, configuration(front, front)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Authenticate(asked(http.Header{"X-Remote-User": {"dev"}}, front.issue("front-proxy"))); !errors.Is(err, ErrClaimed) || a.Ready() {
		t.Errorf("got %v, ready %v", err, a.Ready())
	}
}

func TestTheConfigurationMustBeReadable(t *testing.T) {
	client := newCluster(t)
	client.PrependReactor("get", "configmaps", func(clientgotesting.Action) (bool, runtime.Object, error) {
		return true, nil, context.DeadlineExceeded
	})
	if _, err := New(t.Context(), client); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestMayEnter(t *testing.T) {
	tests := map[string]struct {
		user authorizer.User
		want error
	}{
		"if it is a named user, then yes":                   {authorizer.User{Name: "dev", Groups: []string{"system:authenticated"}}, nil},
		"if it is a service account, then yes":              {authorizer.User{Name: "system:serviceaccount:ci:bot"}, nil},
		"if it has no name, then no":                        {authorizer.User{}, ErrAnonymous},
		"if it is anonymous, then no":                       {authorizer.User{Name: "system:anonymous"}, ErrAnonymous},
		"if it is in the group of the unknown, then no":     {authorizer.User{Name: "x", Groups: []string{"system:unauthenticated"}}, ErrAnonymous},
		"if it is in the highest group, then no":            {authorizer.User{Name: "root", Groups: []string{"a", "system:masters"}}, ErrMasters},
		"if it only has the highest group's name, then yes": {authorizer.User{Name: "system:masters"}, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := MayEnter(tc.user); !errors.Is(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}
