// Package servingcert gives the webhooks and the aggregated API a serving certificate in a cluster without cert-manager.
//
// One Secret of the system namespace, of type kubernetes.io/tls, holds an own certificate authority ("ca.crt", "ca.key")
// and the certificate that it issued ("tls.crt", "tls.key"), all PEM. The authority lives ten years, the certificate one;
// each is replaced once less than a third of its life is left. "ca.crt" may hold several authorities, newest first: a
// replaced one stays in it until it ends, so that a replica that has not reloaded yet is still trusted.
//
// Every replica of every program may work on the Secret at once: each write is a create or a compare-and-swap on the
// resource version, and who loses reads what won. Programs that ask for different DNS names share the certificate: a
// new one is issued for the names of both. A Secret that does not hold together is replaced, because nothing in it is
// worth keeping and the webhooks cannot serve without it; deleting it is the way to a new authority.
//
// Threat: whoever reads the Secret can pose as Sallyport before the API server. The authority is trusted nowhere else:
// only the caBundle of Sallyport's own webhook configurations and APIService name it.
package servingcert

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/klog/v2"

	"github.com/sallyport-dev/sallyport/internal/layout"
)

const (
	// recheckEvery is how long a replica may serve a certificate that another one has replaced.
	recheckEvery = 10 * time.Second
	// attempts bounds the retries after a lost compare-and-swap; each loss means that another replica succeeded.
	attempts = 10
)

// Options say what is wanted.
type Options struct {
	// Name is the Secret's.
	Name string
	// DNSNames are those that the certificate has to cover, at least one.
	DNSNames []string
	// Now is the clock.
	Now func() time.Time
}

// Source holds the current certificate. It is safe for concurrent use.
type Source struct {
	secrets corev1client.SecretInterface
	options Options
	current atomic.Pointer[material]
}

// Ensure reads the Secret, makes or renews what it lacks, and returns a source that serves it. Call Run to keep it
// fresh.
func Ensure(ctx context.Context, secrets corev1client.SecretInterface, o Options) (*Source, error) {
	if o.Name == "" || len(o.DNSNames) == 0 || o.Now == nil {
		return nil, errors.New("a serving certificate needs a secret's name, a DNS name and a clock")
	}
	s := &Source{secrets: secrets, options: o}
	if err := s.refresh(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// GetCertificate is for tls.Config; it never fails once Ensure has returned.
func (s *Source) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return &s.current.Load().certificate, nil
}

// CABundle is what a client has to trust: one or more certificates in PEM. The caller may keep but not change it.
func (s *Source) CABundle() []byte { return s.current.Load().bundle }

// Run renews and reloads until ctx ends. A failure is logged and tried again: what is held stays valid for months.
func (s *Source) Run(ctx context.Context) {
	ticker := time.NewTicker(recheckEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := s.refresh(ctx); err != nil && ctx.Err() == nil {
				klog.FromContext(ctx).Error(err, "Could not refresh the serving certificate", "secret", s.options.Name)
			}
		}
	}
}

// refresh brings Secret and memory up to date.
func (s *Source) refresh(ctx context.Context) error {
	for range attempts {
		m, err := s.read(ctx)
		if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("keeping serving certificate %q: %w", s.options.Name, err)
		}
		s.current.Store(m)
		return nil
	}
	return fmt.Errorf("keeping serving certificate %q: lost %d races in a row", s.options.Name, attempts)
}

// read returns what the Secret holds, after writing what it lacked.
func (s *Source) read(ctx context.Context) (*material, error) {
	secret, err := s.secrets.Get(ctx, s.options.Name, metav1.GetOptions{})
	missing := apierrors.IsNotFound(err)
	if err != nil && !missing {
		return nil, fmt.Errorf("reading the secret: %w", err)
	}
	if missing {
		secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: s.options.Name}, Type: corev1.SecretTypeTLS}
	}
	m, data, err := renew(secret.Data, s.options.DNSNames, s.options.Now())
	if err != nil || data == nil {
		return m, err
	}
	secret.Data = data
	if missing {
		_, err = s.secrets.Create(ctx, secret, metav1.CreateOptions{FieldManager: layout.FieldManager})
	} else {
		_, err = s.secrets.Update(ctx, secret, metav1.UpdateOptions{FieldManager: layout.FieldManager})
	}
	if err != nil {
		return nil, fmt.Errorf("writing the secret: %w", err)
	}
	return m, nil
}
