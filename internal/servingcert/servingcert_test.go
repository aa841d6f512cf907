package servingcert

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	clienttesting "k8s.io/client-go/testing"
)

const webhookName = "sallyport-webhook.sallyport-system.svc"

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func secretsOf(client *fake.Clientset) corev1client.SecretInterface {
	return client.CoreV1().Secrets("sallyport-system")
}

func options(now func() time.Time, names ...string) Options {
	return Options{Name: "serving", DNSNames: names, Now: now}
}

func at(t time.Time) func() time.Time { return func() time.Time { return t } }

func ensure(t *testing.T, client *fake.Clientset, now time.Time, names ...string) *Source {
	t.Helper()
	s, err := Ensure(t.Context(), secretsOf(client), options(at(now), names...))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// handshake connects as the API server does: with the bundle as its only trust.
func handshake(t *testing.T, s *Source, bundle []byte, name string, now time.Time) error {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(bundle) {
		t.Fatal("the bundle holds no certificate")
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: s.GetCertificate})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		c, err := listener.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, _ = io.Copy(io.Discard, c)
	})
	c, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{RootCAs: roots, ServerName: name, Time: at(now)})
	if err != nil {
		return err
	}
	return c.Close()
}

func TestTheBundleTrustsTheCertificate(t *testing.T) {
	s := ensure(t, fake.NewClientset(), start, webhookName, "localhost")
	for _, name := range []string{webhookName, "localhost"} {
		if err := handshake(t, s, s.CABundle(), name, start); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := handshake(t, s, s.CABundle(), "kubernetes.default.svc", start); err == nil {
		t.Error("the certificate is good for a name that nobody asked for")
	}
	other := ensure(t, fake.NewClientset(), start, webhookName)
	if err := handshake(t, s, other.CABundle(), webhookName, start); err == nil {
		t.Error("another installation's authority trusts the certificate")
	}
}

func TestTheAuthorityCannotServeAndTheCertificateCannotSign(t *testing.T) {
	client := fake.NewClientset()
	s := ensure(t, client, start, webhookName)
	certificate, err := s.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	if certificate.Leaf.IsCA || certificate.Leaf.KeyUsage&x509.KeyUsageCertSign != 0 {
		t.Error("the serving certificate is an authority")
	}
	bundle, err := decodeCertificates(s.CABundle())
	if err != nil {
		t.Fatal(err)
	}
	if !bundle[0].IsCA || bundle[0].KeyUsage != x509.KeyUsageCertSign || !bundle[0].MaxPathLenZero {
		t.Error("the authority is more or less than an authority")
	}
}

func TestEnsureKeepsWhatIsGoodAndReplacesWhatIsNot(t *testing.T) {
	day := 24 * time.Hour
	tests := map[string]struct {
		later     time.Duration
		names     []string
		alter     func(map[string][]byte)
		wantLeaf  bool // the certificate stays
		wantCA    bool // the authority stays the newest
		wantTrust bool // the old authority stays in the bundle
	}{
		"if nothing changed, then nothing is written":               {names: []string{webhookName}, wantLeaf: true, wantCA: true, wantTrust: true},
		"if fewer names are asked for, then nothing is written":     {names: []string{"gateway"}, wantLeaf: true, wantCA: true, wantTrust: true},
		"if another name is asked for, then a new certificate":      {names: []string{"new"}, wantCA: true, wantTrust: true},
		"if more than a third is left, then nothing is written":     {later: 243 * day, names: []string{webhookName}, wantLeaf: true, wantCA: true, wantTrust: true},
		"if less than a third is left, then a new certificate":      {later: 244 * day, names: []string{webhookName}, wantCA: true, wantTrust: true},
		"if the certificate has ended, then a new certificate":      {later: 400 * day, names: []string{webhookName}, wantCA: true, wantTrust: true},
		"if the authority is old, then a new one beside it":         {later: 7 * 365 * day, names: []string{webhookName}, wantTrust: true},
		"if the authority has ended, then a new one alone":          {later: 11 * 365 * day, names: []string{webhookName}},
		"if the clock was set back, then all is new":                {later: -day, names: []string{webhookName}},
		"if the certificate is lost, then a new certificate":        {names: []string{webhookName}, alter: remove(corev1.TLSCertKey), wantCA: true, wantTrust: true},
		"if the certificate's key is lost, then a new certificate":  {names: []string{webhookName}, alter: remove(corev1.TLSPrivateKeyKey), wantCA: true, wantTrust: true},
		"if the authority's key is lost, then a new one beside it":  {names: []string{webhookName}, alter: remove(caKeyName), wantTrust: true},
		"if the authority is lost, then a new one alone":            {names: []string{webhookName}, alter: remove(caCertName)},
		"if the authority's key is garbage, then a new one":         {names: []string{webhookName}, alter: set(caKeyName, "garbage"), wantTrust: true},
		"if the authority's key is the certificate's, then another": {names: []string{webhookName}, alter: swapKey, wantTrust: true},
		"if the authority is none, then a new one":                  {names: []string{webhookName}, alter: asAuthority},
		"if the bundle has garbage at its end, then a new one":      {names: []string{webhookName}, alter: appendTo(caCertName, "garbage"), wantTrust: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset()
			before := ensure(t, client, start, webhookName, "gateway")
			if tc.alter != nil {
				alter(t, client, tc.alter)
			}
			now := start.Add(tc.later)
			after := ensure(t, client, now, tc.names...)

			got := map[string]bool{
				"leaf":  cmp.Equal(leafOf(t, before).Raw, leafOf(t, after).Raw),
				"ca":    cmp.Equal(authorities(t, before)[0], authorities(t, after)[0]),
				"trust": containsBytes(authorities(t, after), authorities(t, before)[0]),
			}
			want := map[string]bool{"leaf": tc.wantLeaf, "ca": tc.wantCA, "trust": tc.wantTrust}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("what stayed (-want +got):\n%s", diff)
			}
			for _, n := range tc.names {
				if err := handshake(t, after, after.CABundle(), n, now); err != nil {
					t.Errorf("%s: %v", n, err)
				}
			}
			if tc.wantTrust && tc.wantLeaf {
				if err := handshake(t, before, after.CABundle(), webhookName, now); err != nil {
					t.Errorf("a replica that has not reloaded is not trusted: %v", err)
				}
			}
		})
	}
}

func TestProgramsWithDifferentNamesDoNotFight(t *testing.T) {
	client := fake.NewClientset()
	manager := ensure(t, client, start, webhookName)
	proxy := ensure(t, client, start, "gateway")
	if err := manager.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"gateway", webhookName}, leafOf(t, manager).DNSNames); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if !cmp.Equal(leafOf(t, manager).Raw, leafOf(t, proxy).Raw) {
		t.Error("the two programs hold different certificates")
	}
	writes := 0
	for _, action := range client.Actions() {
		if action.GetVerb() != "get" {
			writes++
		}
	}
	if writes != 2 {
		t.Errorf("%d writes, want one create and one update", writes)
	}
}

func TestRacersAgree(t *testing.T) {
	client := fake.NewClientset()
	sources := make([]*Source, 12)
	var wg sync.WaitGroup
	for i := range sources {
		wg.Go(func() {
			s, err := Ensure(t.Context(), secretsOf(client), options(at(start), webhookName))
			if err != nil {
				t.Error(err)
				return
			}
			sources[i] = s
		})
	}
	wg.Wait()
	for i, s := range sources {
		if !cmp.Equal(sources[0].CABundle(), s.CABundle()) {
			t.Fatalf("program %d trusts another authority", i)
		}
	}
}

func TestALostUpdateIsReadAgain(t *testing.T) {
	client := fake.NewClientset()
	ensure(t, client, start, webhookName)
	lost := 0
	client.PrependReactor("update", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		if lost++; lost > 2 {
			return false, nil, nil
		}
		return true, nil, apierrors.NewConflict(corev1.Resource("secrets"), "serving", errors.New("changed"))
	})
	s := ensure(t, client, start, "new")
	if err := handshake(t, s, s.CABundle(), "new", start); err != nil {
		t.Error(err)
	}
	lost = -1 << 30
	client.PrependReactor("update", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewConflict(corev1.Resource("secrets"), "serving", errors.New("changed"))
	})
	if _, err := Ensure(t.Context(), secretsOf(client), options(at(start), "newer")); err == nil {
		t.Error("an endless conflict was reported as success")
	}
}

func TestRunRenewsAndOutlivesAnAPIServerThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := fake.NewClientset()
		var down atomic.Bool
		client.PrependReactor("get", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
			return down.Load(), nil, apierrors.NewServiceUnavailable("down")
		})
		epoch := time.Now()
		s, err := Ensure(t.Context(), secretsOf(client), options(time.Now, webhookName))
		if err != nil {
			t.Fatal(err)
		}
		first := leafOf(t, s)
		go s.Run(t.Context())

		down.Store(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		if !cmp.Equal(first.Raw, leafOf(t, s).Raw) {
			t.Error("the certificate was dropped although the API server was only down")
		}
		down.Store(false)
		alter(t, client, remove(corev1.TLSCertKey))
		time.Sleep(2 * recheckEvery)
		synctest.Wait()
		second := leafOf(t, s)
		if cmp.Equal(first.Raw, second.Raw) {
			t.Error("a lost certificate was not replaced")
		}
		if second.NotBefore.Before(epoch.Add(-skew).Truncate(time.Second)) {
			t.Errorf("the new certificate begins at %v", second.NotBefore)
		}
	})
}

func TestEnsureRefusesIncompleteOptions(t *testing.T) {
	tests := map[string]Options{
		"if there is no name, then an error":     {DNSNames: []string{"a"}, Now: at(start)},
		"if there is no DNS name, then an error": {Name: "serving", Now: at(start)},
		"if there is no clock, then an error":    {Name: "serving", DNSNames: []string{"a"}},
	}
	for name, o := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := Ensure(t.Context(), secretsOf(fake.NewClientset()), o); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func FuzzRenew(f *testing.F) {
	_, good, err := renew(nil, []string{webhookName}, start)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good[caCertName], good[caKeyName], good[corev1.TLSCertKey], good[corev1.TLSPrivateKeyKey])
	f.Add([]byte("x"), []byte{}, good[corev1.TLSCertKey], good[caKeyName])
	f.Fuzz(func(t *testing.T, caCert, caKey, cert, key []byte) {
		in := map[string][]byte{caCertName: caCert, caKeyName: caKey, corev1.TLSCertKey: cert, corev1.TLSPrivateKeyKey: key}
		m, out, err := renew(in, []string{webhookName}, start)
		if err != nil {
			t.Fatal(err)
		}
		if out == nil {
			out = in
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(m.bundle) {
			t.Fatal("empty bundle")
		}
		if _, err := m.certificate.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: webhookName, CurrentTime: start}); err != nil {
			t.Fatal(err)
		}
		again, more, err := renew(out, []string{webhookName}, start)
		if err != nil || more != nil || !cmp.Equal(again.bundle, m.bundle) {
			t.Fatalf("not stable: %v, %v", more != nil, err)
		}
	})
}

func leafOf(t *testing.T, s *Source) *x509.Certificate {
	t.Helper()
	c, err := s.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Leaf
}

func authorities(t *testing.T, s *Source) [][]byte {
	t.Helper()
	certificates, err := decodeCertificates(s.CABundle())
	if err != nil {
		t.Fatal(err)
	}
	raw := make([][]byte, 0, len(certificates))
	for _, c := range certificates {
		raw = append(raw, c.Raw)
	}
	return raw
}

func containsBytes(all [][]byte, one []byte) bool {
	for _, b := range all {
		if cmp.Equal(b, one) {
			return true
		}
	}
	return false
}

func alter(t *testing.T, client *fake.Clientset, change func(map[string][]byte)) {
	t.Helper()
	secret, err := secretsOf(client).Get(t.Context(), "serving", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	secret.Data = maps.Clone(secret.Data)
	change(secret.Data)
	if _, err := secretsOf(client).Update(t.Context(), secret, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func remove(name string) func(map[string][]byte) {
	return func(data map[string][]byte) { delete(data, name) }
}

func set(name, value string) func(map[string][]byte) {
	return func(data map[string][]byte) { data[name] = []byte(value) }
}

func appendTo(name, value string) func(map[string][]byte) {
	return func(data map[string][]byte) { data[name] = append(data[name], value...) }
}

func swapKey(data map[string][]byte) { data[caKeyName] = data[corev1.TLSPrivateKeyKey] }

// asAuthority puts the certificate in the place of the authority.
func asAuthority(data map[string][]byte) {
	data[caCertName], data[caKeyName] = data[corev1.TLSCertKey], data[corev1.TLSPrivateKeyKey]
}
