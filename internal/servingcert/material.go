package servingcert

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const (
	caCertName = "ca.crt"
	caKeyName  = "ca.key"

	certificateBlock = "CERTIFICATE"
	keyBlock         = "PRIVATE KEY"
)

// material is what a Secret holds, parsed.
type material struct {
	certificate tls.Certificate
	bundle      []byte
}

// renew returns what data holds at now for names. Where data lacks something, the second result is the data to write
// instead; it is nil where nothing has to be written.
func renew(data map[string][]byte, names []string, now time.Time) (*material, map[string][]byte, error) {
	ca, bundle, err := parseAuthority(data)
	renewed := false
	if err != nil || due(ca.certificate, now) {
		ca, err = newAuthority(now)
		if err != nil {
			return nil, nil, err
		}
		bundle = append([]*x509.Certificate{ca.certificate}, alive(bundle, now)...)
		renewed = true
	}
	leaf, err := parseLeaf(data, ca.certificate, now)
	if err == nil && !renewed && !due(leaf.Leaf, now) && covers(leaf.Leaf, names) {
		return &material{certificate: leaf, bundle: encodeCertificates(bundle)}, nil, nil
	}
	if leaf.Leaf != nil {
		names = union(names, leaf.Leaf.DNSNames)
	}
	issued, err := ca.issue(names, now)
	if err != nil {
		return nil, nil, err
	}
	return assemble(ca, bundle, issued)
}

// assemble encodes what was made, and parses it again: what one replica writes the others have to be able to read.
func assemble(ca *signed, bundle []*x509.Certificate, leaf *signed) (*material, map[string][]byte, error) {
	caKey, err := x509.MarshalPKCS8PrivateKey(ca.key)
	if err != nil {
		return nil, nil, fmt.Errorf("encoding the authority's key: %w", err)
	}
	leafKey, err := x509.MarshalPKCS8PrivateKey(leaf.key)
	if err != nil {
		return nil, nil, fmt.Errorf("encoding the certificate's key: %w", err)
	}
	data := map[string][]byte{
		caCertName:              encodeCertificates(bundle),
		caKeyName:               pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: caKey}),
		corev1.TLSCertKey:       encodeCertificates([]*x509.Certificate{leaf.certificate}),
		corev1.TLSPrivateKeyKey: pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: leafKey}),
	}
	pair, err := tls.X509KeyPair(data[corev1.TLSCertKey], data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return nil, nil, fmt.Errorf("reading the certificate back: %w", err)
	}
	return &material{certificate: pair, bundle: data[caCertName]}, data, nil
}

// parseAuthority returns the newest authority with its key, and all of the bundle. The bundle is returned as far as it
// can be read also where the authority cannot be used.
func parseAuthority(data map[string][]byte) (*signed, []*x509.Certificate, error) {
	bundle, err := decodeCertificates(data[caCertName])
	if err != nil {
		return nil, bundle, err
	}
	b, rest := pem.Decode(data[caKeyName])
	if b == nil || len(rest) > 0 {
		return nil, bundle, errors.New("the authority's key is not one PEM block")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(b.Bytes)
	if err != nil {
		return nil, bundle, errors.New("the authority's key is not PKCS #8")
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || !key.PublicKey.Equal(bundle[0].PublicKey) || !bundle[0].IsCA {
		return nil, bundle, errors.New("the authority's key and certificate do not belong together")
	}
	return &signed{certificate: bundle[0], key: key}, bundle, nil
}

// parseLeaf returns the certificate. With an error it is set only where ca did sign it, but it is not valid at now: its
// names are then still those that were asked for.
func parseLeaf(data map[string][]byte, ca *x509.Certificate, now time.Time) (tls.Certificate, error) {
	pair, err := tls.X509KeyPair(data[corev1.TLSCertKey], data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("reading the certificate: %w", err)
	}
	if err := pair.Leaf.CheckSignatureFrom(ca); err != nil {
		return tls.Certificate{}, fmt.Errorf("verifying the certificate: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	verify := x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if _, err := pair.Leaf.Verify(verify); err != nil {
		return pair, fmt.Errorf("verifying the certificate: %w", err)
	}
	return pair, nil
}

// due reports whether less than a third of a certificate's life is left, or whether it has not begun.
func due(c *x509.Certificate, now time.Time) bool {
	return now.Before(c.NotBefore) || c.NotAfter.Sub(now) < c.NotAfter.Sub(c.NotBefore)/3
}

func covers(c *x509.Certificate, names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(c.DNSNames, name) })
}

// alive drops what has ended or not begun, and bounds the bundle.
func alive(bundle []*x509.Certificate, now time.Time) []*x509.Certificate {
	const most = 4
	kept := make([]*x509.Certificate, 0, most)
	for _, c := range bundle {
		if len(kept) < most && !now.Before(c.NotBefore) && now.Before(c.NotAfter) {
			kept = append(kept, c)
		}
	}
	return kept
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

func encodeCertificates(certificates []*x509.Certificate) []byte {
	var out bytes.Buffer
	for _, c := range certificates {
		out.Write(pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: c.Raw}))
	}
	return out.Bytes()
}

func decodeCertificates(data []byte) ([]*x509.Certificate, error) {
	var certificates []*x509.Certificate
	for len(data) > 0 {
		b, rest := pem.Decode(data)
		if b == nil || b.Type != certificateBlock {
			return certificates, errors.New("the authority is not a list of PEM certificates")
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return certificates, errors.New("the authority holds an invalid certificate")
		}
		certificates, data = append(certificates, c), rest
	}
	if len(certificates) == 0 {
		return nil, errors.New("there is no authority")
	}
	return certificates, nil
}
