//go:build e2e

package faults

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/test/node"
)

// storefront stands between the gateway and the real object store, with a certificate of the node's own authority, and
// misbehaves as it is told.
type storefront struct {
	url    string
	server *http.Server
	pass   http.Handler

	mu     sync.Mutex
	fault  fault
	healed chan struct{} // closed when the fault is over
}

// fault answers a request. It may pass it on; healed is closed when the fault is over.
type fault func(w http.ResponseWriter, r *http.Request, pass http.Handler, healed <-chan struct{})

func openStorefront(address string) (*storefront, error) {
	pki := filepath.Join(node.State, "pki")
	authority, err := tls.LoadX509KeyPair(filepath.Join(pki, "ca.crt"), filepath.Join(pki, "ca.key"))
	if err != nil {
		return nil, err
	}
	certificate, err := certify(authority, net.ParseIP(address))
	if err != nil {
		return nil, err
	}
	store, err := url.Parse(os.Getenv("S3_ENDPOINT"))
	if err != nil || store.Host == "" {
		return nil, fmt.Errorf("S3_ENDPOINT: %q %w", os.Getenv("S3_ENDPOINT"), err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority.Leaf)
	silent := log.New(io.Discard, "", 0)
	f := &storefront{healed: make(chan struct{}), pass: &httputil.ReverseProxy{
		// The signature is over the host that the gateway asked.
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(store); r.Out.Host = r.In.Host },
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableCompression: true, MaxIdleConnsPerHost: 64},
		ErrorLog:  silent,
	}}
	listener, err := tls.Listen("tcp", net.JoinHostPort(address, "0"), &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		return nil, err
	}
	f.url, f.server = "https://"+listener.Addr().String(), &http.Server{Handler: f, ErrorLog: silent}
	go func() { _ = f.server.Serve(listener) }() // until it is closed
	return f, nil
}

func certify(authority tls.Certificate, address net.IP) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), IPAddresses: []net.IP{address},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}, authority.Leaf, key.Public(), authority.PrivateKey)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

func (f *storefront) close() error { return f.server.Close() }

func (f *storefront) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	fault, healed := f.fault, f.healed
	f.mu.Unlock()
	if fault == nil {
		f.pass.ServeHTTP(w, r)
		return
	}
	fault(w, r, f.pass, healed)
}

// suffer lets a fault begin, and returns what ends it; so does the end of the test.
func (f *storefront) suffer(t *testing.T, x fault) (heal func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault, f.healed = x, make(chan struct{})
	heal = sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.fault = nil
		close(f.healed)
	})
	t.Cleanup(heal)
	return heal
}

// drop ends the connection without an answer.
func drop() { panic(http.ErrAbortHandler) }

// partition is a store that no packet reaches: nobody answers, nobody hangs up.
func partition(_ http.ResponseWriter, r *http.Request, _ http.Handler, healed <-chan struct{}) {
	select {
	case <-healed:
	case <-r.Context().Done():
	}
	drop()
}

// hangup is a store whose connections end at once.
func hangup(http.ResponseWriter, *http.Request, http.Handler, <-chan struct{}) { drop() }

// slow is a store that takes its time for everything.
func slow(chance *locked) fault {
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler, healed <-chan struct{}) {
		select {
		case <-time.After(time.Second + chance.duration(2*time.Second)):
		case <-healed:
		}
		pass.ServeHTTP(w, r)
	}
}

// answers is a store that answers two in three requests with an error.
func answers(chance *locked, status int, code string) fault {
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler, _ <-chan struct{}) {
		if chance.n(3) == 0 {
			pass.ServeHTTP(w, r)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>a fault of the test</Message></Error>", code)
	}
}

// forgetful is a store that does what it is asked, and two times in three the connection ends before it says so.
func forgetful(chance *locked) fault {
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler, _ <-chan struct{}) {
		if r.Method != http.MethodPut || chance.n(3) == 0 {
			pass.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		pass.ServeHTTP(answer, r)
		drop()
	}
}

// locked is chance for many goroutines.
type locked struct {
	mu   sync.Mutex
	rand *mathrand.Rand
}

func newChance(seed uint64) *locked { return &locked{rand: mathrand.New(mathrand.NewPCG(seed, 0))} }

func (l *locked) n(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rand.IntN(n)
}

func (l *locked) duration(d time.Duration) time.Duration { return time.Duration(l.n(int(d))) }
