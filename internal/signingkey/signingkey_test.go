package signingkey

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"maps"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

const namespace = "sallyport-system"

func TestEnsureMakesAnImmutableSecretOnce(t *testing.T) {
	secrets := fake.NewClientset().CoreV1().Secrets(namespace)

	first, err := Ensure(t.Context(), secrets, "key")
	if err != nil {
		t.Fatal(err)
	}
	second, err := Ensure(t.Context(), secrets, "key")
	if err != nil {
		t.Fatal(err)
	}
	if !first.Equal(second) {
		t.Error("a second call gave another key")
	}
	secret, err := secrets.Get(t.Context(), "key", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if secret.Immutable == nil || !*secret.Immutable {
		t.Error("the secret can be edited")
	}
	message := []byte("message")
	public, ok := first.Public().(ed25519.PublicKey)
	if !ok || !ed25519.Verify(public, message, ed25519.Sign(first, message)) {
		t.Error("the key does not verify what it signs")
	}
}

func TestEnsureGivesAllRacersTheSameKey(t *testing.T) {
	secrets := fake.NewClientset().CoreV1().Secrets(namespace)
	keys := make([]ed25519.PrivateKey, 16)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			key, err := Ensure(t.Context(), secrets, "key")
			if err != nil {
				t.Error(err)
			}
			keys[i] = key
		})
	}
	wg.Wait()
	for i := range keys {
		if !keys[0].Equal(keys[i]) {
			t.Fatalf("caller %d got another key", i)
		}
	}
}

func TestEnsureReadsTheWinnerWhenCreateIsTooLate(t *testing.T) {
	winner, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	client := fake.NewClientset()
	client.PrependReactor("create", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		made := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "key", Namespace: namespace}, Data: winner}
		if err := client.Tracker().Add(made); err != nil {
			t.Error(err)
		}
		return true, nil, apierrors.NewAlreadyExists(corev1.Resource("secrets"), "key")
	})
	got, err := Ensure(t.Context(), client.CoreV1().Secrets(namespace), "key")
	if err != nil {
		t.Fatal(err)
	}
	want, err := decode(winner)
	if err != nil {
		t.Fatal(err)
	}
	if !want.Equal(got) {
		t.Error("the loser of the race did not take the winner's key")
	}
}

func TestEnsureRefusesWhatIsNotAKeyPair(t *testing.T) {
	good, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	other, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	with := func(name string, value []byte) map[string][]byte {
		data := maps.Clone(good)
		data[name] = value
		return data
	}
	tests := map[string]map[string][]byte{
		"if the secret is empty, then an error":                 nil,
		"if the private half is missing, then an error":         with(privateKeyName, nil),
		"if the public half is missing, then an error":          with(publicKeyName, nil),
		"if the halves differ, then an error":                   with(publicKeyName, other[publicKeyName]),
		"if something follows the key, then an error":           with(privateKeyName, append(bytes.Clone(good[privateKeyName]), 'x')),
		"if the halves are swapped, then an error":              {privateKeyName: good[publicKeyName], publicKeyName: good[privateKeyName]},
		"if the key is of another algorithm, then an error":     with(privateKeyName, ecdsaKey(t)),
		"if the private half is not PKCS #8, then an error":     with(privateKeyName, pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: []byte("x")})),
		"if the public half is not a public key, then an error": with(publicKeyName, pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: []byte("x")})),
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "key", Namespace: namespace}, Data: data})
			key, err := Ensure(t.Context(), client.CoreV1().Secrets(namespace), "key")
			if !errors.Is(err, ErrInvalid) || key != nil {
				t.Errorf("got key %t, error %v", key != nil, err)
			}
		})
	}
}

func TestEnsureReportsWhyItCannotRead(t *testing.T) {
	client := fake.NewClientset()
	client.PrependReactor("get", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(corev1.Resource("secrets"), "key", errors.New("no"))
	})
	client.PrependReactor("create", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		t.Error("made a secret although it was not known to be missing")
		return false, nil, nil
	})
	if _, err := Ensure(t.Context(), client.CoreV1().Secrets(namespace), "key"); !apierrors.IsForbidden(err) {
		t.Errorf("got %v, want the API server's answer", err)
	}
}

func FuzzDecode(f *testing.F) {
	good, err := generate()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good[privateKeyName], good[publicKeyName])
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"), []byte(nil))
	f.Fuzz(func(t *testing.T, private, public []byte) {
		key, err := decode(map[string][]byte{privateKeyName: private, publicKeyName: public})
		if (err == nil) != (len(key) == ed25519.PrivateKeySize) {
			t.Errorf("a key of %d bytes with error %v", len(key), err)
		}
		if err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("unexpected error %v", err)
		}
	})
}

func ecdsaKey(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: der})
}

func TestDerive(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	derive := func(purpose string) string {
		derived, err := Derive(key, purpose)
		if err != nil || len(derived) != 32 {
			t.Fatalf("%d bytes, %v", len(derived), err)
		}
		return string(derived)
	}
	if a := derive("a"); a != derive("a") || a == derive("b") || a == string(key.Seed()) {
		t.Error("what is derived has to depend on key and purpose, and on nothing else")
	}
}
