package s3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

const (
	firstPause = 100 * time.Millisecond
	lastPause  = 2 * time.Second
)

// do calls once until it succeeds, fails for good, or the bounds are reached.
// what and key say in the error what failed.
func (s *Store) do(ctx context.Context, what, key string, once func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var err error
	for attempt := range s.attempts {
		if attempt > 0 && !sleep(bounded, pause(attempt)) {
			break
		}
		if err = s.attempt(bounded, once); err == nil || !retryable(err) || bounded.Err() != nil {
			break
		}
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil: // the caller's own end, which minio-go may report as something else
		return fmt.Errorf("%s %q: %w", what, key, ctx.Err())
	default:
		return fmt.Errorf("%s %q: %w", what, key, translate(err))
	}
}

// attempt leaves time for another one when a connection hangs.
func (s *Store) attempt(ctx context.Context, once func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout/2)
	defer cancel()
	return once(ctx)
}

// pause grows from firstPause to lastPause, with jitter over its upper half.
func pause(attempt int) time.Duration {
	d := min(firstPause<<(attempt-1), lastPause)
	return d/2 + rand.N(d/2) //nolint:gosec // jitter need not be secret
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// retryable tells trouble that may pass from what will not. Whatever is no answer
// of the server's is the network's, except a certificate that does not fit.
func retryable(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return false
	}
	var resp minio.ErrorResponse
	if !errors.As(err, &resp) {
		return !errors.Is(err, objectstore.ErrExists) && !errors.Is(err, objectstore.ErrNotLocked)
	}
	switch resp.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	case http.StatusConflict:
		return resp.Code == "ConditionalRequestConflict" || resp.Code == "OperationAborted" || resp.Code == "Conflict"
	case http.StatusBadRequest:
		return resp.Code == "RequestTimeout"
	default:
		return false
	}
}

// translate names what callers branch on.
func translate(err error) error {
	var resp minio.ErrorResponse
	if !errors.As(err, &resp) {
		return err
	}
	switch {
	case resp.Code == minio.NoSuchBucket:
		return err // not ErrNotFound: nothing can be said of the object
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusMethodNotAllowed:
		return fmt.Errorf("%w (%s)", objectstore.ErrNotFound, resp.Code) // 405 is the answer for a delete marker
	case resp.StatusCode == http.StatusBadRequest && resp.Code == "InvalidRequest" && mentionsLock(resp.Message):
		return fmt.Errorf("%w: %w", objectstore.ErrNotLocked, err)
	case resp.StatusCode == http.StatusBadRequest && !retryable(err):
		return fmt.Errorf("%w: %w", objectstore.ErrRefused, err)
	default:
		return err
	}
}

// mentionsLock recognises the answer of a bucket without object lock, which has
// no code of its own.
func mentionsLock(message string) bool {
	return strings.Contains(strings.ReplaceAll(strings.ToLower(message), " ", ""), "objectlock")
}
