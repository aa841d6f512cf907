// Package pki makes the node's authorities and certificates, and renews them.
//
// There are three authorities, because each answers another question: "ca" says who a user or a
// server is, "front-proxy-ca" lets the API server speak for users (were it the same, every user
// could), and "etcd-ca" opens the database (were it the same, every user could read it). Keys are
// ECDSA P-256, in files of mode 0600. A certificate is made anew if it is missing, does not match
// what is asked for, was signed by another authority, or has less than a month to live.
package pki

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 365 * 24 * time.Hour
	renewBefore   = 30 * 24 * time.Hour
	// clockSlack starts validity in the past, so that a clock that was set back does not stop the node.
	clockSlack = time.Hour
)

// Store keeps certificates in one directory, as NAME.crt and NAME.key.
type Store struct {
	Dir string
	Now func() time.Time
}

// Authority signs certificates.
type Authority struct {
	Name string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Request says what a certificate is to contain. Server names make it a server's certificate too.
type Request struct {
	Name         string // of the files
	CommonName   string
	Organization []string
	DNSNames     []string
	IPs          []string
}

// Authority returns the named authority and makes it if there is none that lives on.
func (s Store) Authority(name string) (Authority, error) {
	cert, key, err := s.read(name)
	if err == nil && cert.IsCA && s.lives(cert) {
		return Authority{Name: name, cert: cert, key: key}, nil
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "sallyport-" + name},
		NotAfter:              s.Now().Add(authorityLife),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	cert, key, err = s.sign(name, template, nil)
	if err != nil {
		return Authority{}, fmt.Errorf("making authority %s: %w", name, err)
	}
	return Authority{Name: name, cert: cert, key: key}, nil
}

// Issue makes the certificate that r asks for, unless a fitting one is there. It reports whether
// it made one.
func (s Store) Issue(a Authority, r Request) (bool, error) {
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: r.CommonName, Organization: r.Organization},
		NotAfter:    s.Now().Add(leafLife),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		DNSNames:    r.DNSNames,
	}
	for _, address := range r.IPs {
		ip := net.ParseIP(address)
		if ip == nil {
			return false, fmt.Errorf("making certificate %s: %q is no IP address", r.Name, address)
		}
		template.IPAddresses = append(template.IPAddresses, ip)
	}
	if len(r.DNSNames)+len(r.IPs) > 0 {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	if have, _, err := s.read(r.Name); err == nil && s.lives(have) && fits(have, template) && have.CheckSignatureFrom(a.cert) == nil {
		return false, nil
	}
	if _, _, err := s.sign(r.Name, template, &a); err != nil {
		return false, fmt.Errorf("making certificate %s: %w", r.Name, err)
	}
	return true, nil
}

// SigningKey makes NAME.key and its public half NAME.pub, unless they are there: the pair that signs
// service account tokens.
func (s Store) SigningKey(name string) error {
	if key, err := s.readKey(name); err == nil {
		return s.writePublic(name, key)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making key %s: %w", name, err)
	}
	if err := s.writeKey(name, key); err != nil {
		return err
	}
	return s.writePublic(name, key)
}

func (s Store) lives(cert *x509.Certificate) bool {
	now := s.Now()
	return !now.Before(cert.NotBefore) && now.Add(renewBefore).Before(cert.NotAfter)
}

func fits(have, want *x509.Certificate) bool {
	return have.Subject.CommonName == want.Subject.CommonName &&
		slices.Equal(have.Subject.Organization, want.Subject.Organization) &&
		slices.Equal(have.DNSNames, want.DNSNames) &&
		slices.Equal(have.ExtKeyUsage, want.ExtKeyUsage) &&
		slices.EqualFunc(have.IPAddresses, want.IPAddresses, net.IP.Equal)
}

// sign fills in the template, signs it with a, or with its own key if a is nil, and writes the pair.
func (s Store) sign(name string, template *x509.Certificate, a *Authority) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return nil, nil, err
	}
	template.NotBefore = s.Now().Add(-clockSlack)
	parent, parentKey := template, key
	if a != nil {
		parent, parentKey = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	if err := s.writeKey(name, key); err != nil {
		return nil, nil, err
	}
	return cert, key, s.write(name+".crt", "CERTIFICATE", der, 0o644)
}

func (s Store) read(name string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	content, err := os.ReadFile(filepath.Join(s.Dir, name+".crt"))
	if err != nil {
		return nil, nil, err
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, nil, fmt.Errorf("%s.crt is not PEM", name)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, nil, err
	}
	key, err := s.readKey(name)
	if err != nil {
		return nil, nil, err
	}
	if !key.PublicKey.Equal(cert.PublicKey) {
		return nil, nil, fmt.Errorf("%s.key is not the key of %s.crt", name, name)
	}
	return cert, key, nil
}

func (s Store) readKey(name string) (*ecdsa.PrivateKey, error) {
	content, err := os.ReadFile(filepath.Join(s.Dir, name+".key"))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, fmt.Errorf("%s.key is not PEM", name)
	}
	return x509.ParseECPrivateKey(block.Bytes)
}

func (s Store) writeKey(name string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("writing %s.key: %w", name, err)
	}
	return s.write(name+".key", "EC PRIVATE KEY", der, 0o600)
}

func (s Store) writePublic(name string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return fmt.Errorf("writing %s.pub: %w", name, err)
	}
	return s.write(name+".pub", "PUBLIC KEY", der, 0o644)
}

func (s Store) write(file, kind string, der []byte, mode os.FileMode) error {
	path := filepath.Join(s.Dir, file)
	content := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, content) {
		return nil
	}
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	return os.WriteFile(path, content, mode)
}
