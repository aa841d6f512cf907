// Package signingkey keeps the Ed25519 key pair by which an installation signs and checks session tokens.
//
// The pair lives in one Secret of the system namespace, under two keys: "private.pem" (PKCS #8) and "public.pem"
// (PKIX), each exactly one PEM block. The Secret is immutable: a key is replaced by deleting the Secret and restarting
// manager and proxy, never by an edit that half of the replicas would miss. Whoever can read the Secret can make
// session tokens; only Sallyport's own service account may.
//
// Every replica of every program may call Ensure at the same time: the API server lets one create win, and all others
// read what won. A Secret that exists but does not hold a matching pair is an error, never overwritten: it may be
// another installation's, or somebody's attempt to plant a key.
package signingkey

import (
	"context"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/sallyport-dev/sallyport/internal/layout"
)

const (
	privateKeyName = "private.pem"
	publicKeyName  = "public.pem"

	privateBlock = "PRIVATE KEY"
	publicBlock  = "PUBLIC KEY"
)

// ErrInvalid is wrapped by every error about what the Secret holds.
var ErrInvalid = errors.New("the secret does not hold a valid signing key")

// Ensure returns the key pair in the Secret of this name and makes the Secret if there is none. It is safe to call from
// many programs at once; all get the same key.
func Ensure(ctx context.Context, secrets corev1client.SecretInterface, name string) (ed25519.PrivateKey, error) {
	secret, err := secrets.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		secret, err = create(ctx, secrets, name)
	}
	if err != nil {
		return nil, fmt.Errorf("reading signing key %q: %w", name, err)
	}
	key, err := decode(secret.Data)
	if err != nil {
		return nil, fmt.Errorf("reading signing key %q: %w", name, err)
	}
	return key, nil
}

// create makes the Secret, or returns the one that somebody else made a moment earlier.
func create(ctx context.Context, secrets corev1client.SecretInterface, name string) (*corev1.Secret, error) {
	data, err := generate()
	if err != nil {
		return nil, err
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Type:       corev1.SecretTypeOpaque,
		Immutable:  new(true),
		Data:       data,
	}
	created, err := secrets.Create(ctx, secret, metav1.CreateOptions{FieldManager: layout.FieldManager})
	if apierrors.IsAlreadyExists(err) {
		return secrets.Get(ctx, name, metav1.GetOptions{})
	}
	if err != nil {
		return nil, fmt.Errorf("creating the secret: %w", err)
	}
	return created, nil
}

func generate() (map[string][]byte, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generating a key: %w", err)
	}
	privateDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("encoding the private key: %w", err)
	}
	publicDER, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("encoding the public key: %w", err)
	}
	return map[string][]byte{
		privateKeyName: pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: privateDER}),
		publicKeyName:  pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: publicDER}),
	}, nil
}

// decode parses a Secret's data. Errors name the entry, never its content.
func decode(data map[string][]byte) (ed25519.PrivateKey, error) {
	privateDER, err := block(data, privateKeyName, privateBlock)
	if err != nil {
		return nil, err
	}
	publicDER, err := block(data, publicKeyName, publicBlock)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(privateDER)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is not PKCS #8", ErrInvalid, privateKeyName)
	}
	private, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%w: %s is a %T, not Ed25519", ErrInvalid, privateKeyName, parsed)
	}
	parsed, err = x509.ParsePKIXPublicKey(publicDER)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is not PKIX", ErrInvalid, publicKeyName)
	}
	public, ok := private.Public().(ed25519.PublicKey)
	if !ok || !public.Equal(parsed) {
		return nil, fmt.Errorf("%w: %s and %s do not belong together", ErrInvalid, privateKeyName, publicKeyName)
	}
	return private, nil
}

func block(data map[string][]byte, name, kind string) ([]byte, error) {
	b, rest := pem.Decode(data[name])
	if b == nil || b.Type != kind || len(rest) > 0 {
		return nil, fmt.Errorf("%w: %s is not exactly one PEM block %q", ErrInvalid, name, kind)
	}
	return b.Bytes, nil
}

// Fingerprint names an installation: "sha256:" and the digest of the key's public half in hex.
func Fingerprint(key ed25519.PrivateKey) string {
	public, _ := key.Public().(ed25519.PublicKey)
	digest := sha256.Sum256(public)
	return "sha256:" + hex.EncodeToString(digest[:])
}

// What Derive is used for.
const (
	ForFingerprints = "fingerprints of masked secrets"
	ForCommands     = "digests of commands"
)

// Derive returns 32 secret bytes for a use other than signing (HKDF-SHA-256, RFC 5869). purpose names the use; who has what is
// derived for one use learns nothing about the key, nor about another use.
func Derive(key ed25519.PrivateKey, purpose string) ([]byte, error) {
	derived, err := hkdf.Key(sha256.New, key.Seed(), nil, "sallyport "+purpose, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("deriving a key for %s: %w", purpose, err)
	}
	return derived, nil
}
