// Package s3 is an objectstore.Store on an S3-compatible store with object lock.
// It is the only importer of minio-go, and works round what that library and the
// servers do otherwise than evidence needs:
//
//   - Objects are put in one PUT with If-None-Match. minio-go's own PutObject
//     turns large bodies into multipart uploads, whose completion drops that
//     condition on most servers.
//   - A retried PUT whose first attempt had succeeded is answered 412. The object
//     is then compared, and taken as put if it is the same.
//   - Retries are made here, few and bounded in time, and not by minio-go, whose
//     default is ten and which does not retry a conflict.
//   - net/http may read a body after it has answered. Each attempt's body is taken
//     back when that is over.
//   - The checksum goes as a header, not as a trailer, which some servers get
//     wrong over plain HTTP. The signature covers that header, and the server
//     refuses a body that does not match it; without TLS the payload's hash is
//     signed as well, which costs the server a second pass over the body.
//   - Retention is read from a HEAD's headers: some servers answer
//     GetObjectRetention in a form that minio-go cannot read.
package s3

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

const (
	defaultRegion      = "us-east-1"
	defaultCallTimeout = 30 * time.Second
	defaultAttempts    = 4
	dialTimeout        = 5 * time.Second
	listRetries        = 3
)

// Options of a Store.
type Options struct {
	Now         func() time.Time // required
	Endpoint    string           // https://host[:port], or http:// where the way there is trusted
	Bucket      string
	Region      string // default us-east-1
	CAFile      string // PEM; default the system's roots
	AccessKey   string
	SecretKey   string
	CallTimeout time.Duration // bound of one call, retries included (List: of one attempt at a page); default 30 s
	Attempts    int           // at most so many tries of one call; default 4
}

// Store is one bucket. It implements objectstore.Store.
type Store struct {
	now      func() time.Time
	bucket   string
	secure   bool
	core     minio.Core    // never retries
	lister   *minio.Client // retries pages
	timeout  time.Duration
	attempts int
}

var _ objectstore.Store = (*Store)(nil)

// New returns a store. It does not connect: call Probe before relying on it.
func New(o Options) (*Store, error) {
	endpoint, secure, err := o.endpoint()
	if err != nil {
		return nil, err
	}
	switch {
	case o.Now == nil:
		return nil, errors.New("object store options have no clock")
	case o.Bucket == "":
		return nil, errors.New("object store options have no bucket")
	case o.AccessKey == "" || o.SecretKey == "":
		return nil, errors.New("object store options have no credentials")
	}
	if o.Region == "" {
		o.Region = defaultRegion
	}
	if o.CallTimeout <= 0 {
		o.CallTimeout = defaultCallTimeout
	}
	if o.Attempts <= 0 {
		o.Attempts = defaultAttempts
	}
	transport, err := o.transport()
	if err != nil {
		return nil, err
	}
	client := func(retries int) (*minio.Client, error) {
		c, err := minio.New(endpoint, &minio.Options{
			Creds:  credentials.NewStaticV4(o.AccessKey, o.SecretKey, ""),
			Secure: secure, Transport: transport, Region: o.Region, MaxRetries: retries,
		})
		if err != nil {
			return nil, fmt.Errorf("object store at %q: %w", o.Endpoint, err)
		}
		return c, nil
	}
	once, err := client(1)
	if err != nil {
		return nil, err
	}
	lister, err := client(listRetries)
	if err != nil {
		return nil, err
	}
	return &Store{
		now: o.Now, bucket: o.Bucket, secure: secure, core: minio.Core{Client: once}, lister: lister,
		timeout: o.CallTimeout, attempts: o.Attempts,
	}, nil
}

func (o Options) endpoint() (host string, secure bool, err error) {
	u, err := url.Parse(o.Endpoint)
	if err != nil {
		return "", false, errors.New("object store endpoint is not a URL") // the URL may hold a secret
	}
	if (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || (u.Path != "" && u.Path != "/") {
		return "", false, errors.New("object store endpoint must be http:// or https://, host and port, and nothing else")
	}
	return u.Host, u.Scheme == "https", nil
}

func (o Options) transport() (*http.Transport, error) {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: o.CallTimeout,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       time.Minute,
		MaxIdleConnsPerHost:   32,
		DisableCompression:    true,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if o.CAFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(o.CAFile)
	if err != nil {
		return nil, fmt.Errorf("reading the object store's CA certificates: %w", err)
	}
	t.TLSClientConfig.RootCAs = x509.NewCertPool()
	if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading the object store's CA certificates: %q holds none", o.CAFile)
	}
	return t, nil
}
