// Package s3 is an objectstore.Store on an S3-compatible store.
package s3

import (
	"errors"
	"time"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

// Options of a Store.
type Options struct {
	Endpoint    string // host[:port] with scheme: https://…, or http://… for a loopback test
	Bucket      string
	Region      string // default us-east-1
	CAFile      string // PEM; default the system's roots
	AccessKey   string
	SecretKey   string
	CallTimeout time.Duration // bound of one method call, retries included; default 30 s
}

// Store is one bucket.
type Store struct{ objectstore.Store }

// New returns a store; it does not connect. Call Probe before use.
func New(o Options) (*Store, error) { return nil, errors.New("s3: under construction") }
