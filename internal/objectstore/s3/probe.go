package s3

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/minio/minio-go/v7"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

// probeRetention is how long a probe's object stays: long enough to prove
// something, short enough not to pile up.
const probeRetention = 24 * time.Hour

// Probe implements objectstore.Store. It believes nothing that the bucket says of
// itself and tries everything on an object of its own.
func (s *Store) Probe(ctx context.Context) error {
	if err := s.probe(ctx); err != nil {
		return fmt.Errorf("bucket %q cannot keep evidence: %w", s.bucket, err)
	}
	return nil
}

func (s *Store) probe(ctx context.Context) error {
	key := "probe/" + uuid.NewString()
	retention := objectstore.Retention{Mode: objectstore.Compliance, Until: s.now().Add(probeRetention)}.Rounded()
	put, err := s.PutNew(ctx, key, objectstore.NewBody([]byte("sallyport probes the lock of this bucket\n")), retention)
	if err != nil {
		return s.explainPut(ctx, err)
	}
	got, err := s.Stat(ctx, key, put.ID)
	switch {
	case err != nil:
		return fmt.Errorf("reading the probe back (it needs s3:GetObject, s3:GetObjectVersion and s3:GetObjectRetention): %w", err)
	case !got.Retention.Covers(retention):
		return fmt.Errorf("%w: a probe put as %s shows %s; use a bucket created with object lock, and allow s3:GetObjectRetention",
			objectstore.ErrNotLocked, describe(retention), describe(got.Retention))
	}
	if err := s.probeOnce(ctx, key, retention); err != nil {
		return err
	}
	if err := s.probeLock(ctx, key, put.ID); err != nil {
		return err
	}
	return s.probeChecksum(ctx, key+"-damaged", retention)
}

// probeOnce tries to put another object over one.
func (s *Store) probeOnce(ctx context.Context, key string, retention objectstore.Retention) error {
	_, err := s.PutNew(ctx, key, objectstore.NewBody([]byte("a second body\n")), retention)
	switch {
	case errors.Is(err, objectstore.ErrExists):
		return nil
	case err == nil:
		return fmt.Errorf("%w: a second put over an object was not refused; use a store that honours If-None-Match on PutObject", objectstore.ErrUnfit)
	default:
		return fmt.Errorf("a second put over an object was refused for the wrong reason: %w", err)
	}
}

// probeLock tries to remove what must not be removable.
func (s *Store) probeLock(ctx context.Context, key, versionID string) error {
	removed := s.do(ctx, "removing object", key, func(ctx context.Context) error {
		return s.core.RemoveObject(ctx, s.bucket, key, minio.RemoveObjectOptions{VersionID: versionID, GovernanceBypass: true})
	})
	if _, err := s.Stat(ctx, key, versionID); err != nil {
		return fmt.Errorf("%w: a retained probe could be removed; use a bucket created with object lock: %w", objectstore.ErrNotLocked, err)
	}
	if removed == nil {
		return fmt.Errorf("%w: removing a retained probe was not refused, though it is still there; use a store that refuses", objectstore.ErrNotLocked)
	}
	for v, err := range s.List(ctx, key, "") {
		if err != nil {
			return fmt.Errorf("listing the probe's versions (it needs s3:ListBucketVersions): %w", err)
		}
		if v.ID != versionID {
			return fmt.Errorf("%w: a refused second put left version %q", objectstore.ErrNotLocked, v.ID)
		}
	}
	return nil
}

// probeChecksum puts a body as it arrives when the network, or the server's memory, has damaged it: its signature fits, its
// checksum does not. Nothing of it may stay.
func (s *Store) probeChecksum(ctx context.Context, key string, retention objectstore.Retention) error {
	sent, arrived := objectstore.NewBody([]byte("what was sent\n")), objectstore.NewBody([]byte("what arrived.\n"))
	want := objectstore.Version{Key: key, Size: int64(sent.Size()), SHA256: sent.SHA256(), Retention: retention}
	err := s.do(ctx, "putting object", key, func(ctx context.Context) error {
		_, err := s.putOnce(ctx, arrived, want)
		return err
	})
	const use = "use a store that verifies x-amz-checksum-sha256 on PutObject"
	switch {
	case err == nil:
		return fmt.Errorf("%w: a body that does not match its checksum was not refused; %s", objectstore.ErrUnfit, use)
	case !errors.Is(err, objectstore.ErrRefused):
		return fmt.Errorf("a body that does not match its checksum was refused for the wrong reason: %w", err)
	}
	for v, err := range s.List(ctx, key, "") {
		if err != nil {
			return fmt.Errorf("listing the probe's versions (it needs s3:ListBucketVersions): %w", err)
		}
		return fmt.Errorf("%w: a body that does not match its checksum was refused, and left version %q; %s", objectstore.ErrUnfit, v.ID, use)
	}
	return nil
}

func describe(r objectstore.Retention) string {
	return fmt.Sprintf("%q until %s", r.Mode, r.Until.Format(time.RFC3339))
}

// explainPut adds to the error of the first put how to mend it.
func (s *Store) explainPut(ctx context.Context, err error) error {
	const create = "(mc mb --with-lock, or aws s3api create-bucket --object-lock-enabled-for-bucket)"
	var resp minio.ErrorResponse
	if !errors.As(err, &resp) && !errors.Is(err, objectstore.ErrNotLocked) {
		return err
	}
	// Some servers say of a bucket that does not exist that it has no lock.
	if there, headErr := s.core.BucketExists(ctx, s.bucket); headErr == nil && !there {
		return fmt.Errorf("it does not exist; create it with object lock %s", create)
	}
	switch {
	case errors.Is(err, objectstore.ErrNotLocked):
		return fmt.Errorf("it has no object lock; create one with it, since it cannot be added to most existing buckets %s: %w", create, err)
	case resp.Code == minio.AccessDenied:
		return fmt.Errorf("the credentials may not write it; they need s3:PutObject and s3:PutObjectRetention: %w", err)
	default:
		return err
	}
}
