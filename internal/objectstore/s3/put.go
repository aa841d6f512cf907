package s3

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"

	"github.com/minio/minio-go/v7"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

// PutNew implements objectstore.Store.
func (s *Store) PutNew(ctx context.Context, key string, body objectstore.Body, r objectstore.Retention) (objectstore.Version, error) {
	if err := objectstore.CheckPut(key, body, r); err != nil {
		return objectstore.Version{}, err
	}
	r = r.Rounded()
	if !r.Until.After(s.now()) {
		return objectstore.Version{}, fmt.Errorf("object %q: retention ends in the past: %w", key, objectstore.ErrNotLocked)
	}
	want := objectstore.Version{Key: key, Size: int64(body.Size()), SHA256: body.SHA256(), Retention: r, Latest: true}
	var got objectstore.Version
	err := s.do(ctx, "putting object", key, func(ctx context.Context) (err error) {
		got, err = s.putOnce(ctx, body, want)
		if isStatus(err, http.StatusPreconditionFailed) {
			got, err = s.settle(ctx, want)
		}
		return err
	})
	return got, err
}

// putOnce is one PUT of body as what want says. The library's PutObject is passed by because it would not
// take a digest that is known already, and because it may choose multipart.
func (s *Store) putOnce(ctx context.Context, body objectstore.Body, want objectstore.Version) (objectstore.Version, error) {
	sum, err := hex.DecodeString(want.SHA256)
	if err != nil {
		return objectstore.Version{}, fmt.Errorf("decoding a digest: %w", err)
	}
	opts := minio.PutObjectOptions{
		Mode: minio.RetentionMode(want.Retention.Mode), RetainUntilDate: want.Retention.Until,
		UserMetadata:         map[string]string{"x-amz-checksum-sha256": base64.StdEncoding.EncodeToString(sum)},
		DisableContentSha256: true, // no chunked signature
		DisableMultipart:     true,
	}
	opts.SetMatchETagExcept("*")
	payload := body.SHA256()
	if s.secure {
		payload = "" // unsigned, but for the checksum's header
	}
	loan := &lent{body: bytes.NewReader(body.Bytes())}
	defer loan.takeBack()
	info, err := s.core.PutObject(ctx, s.bucket, want.Key, loan, want.Size, "", payload, opts)
	if err != nil {
		return objectstore.Version{}, err
	}
	if info.VersionID == "" {
		return objectstore.Version{}, fmt.Errorf("the bucket gave no version id: %w", objectstore.ErrNotLocked)
	}
	want.ID, want.Modified = info.VersionID, info.LastModified
	return want, nil
}

// settle decides what a refused condition means: an earlier attempt that had
// succeeded, or somebody else's object.
func (s *Store) settle(ctx context.Context, want objectstore.Version) (objectstore.Version, error) {
	got, err := s.statOnce(ctx, want.Key, "")
	if err != nil {
		return objectstore.Version{}, err
	}
	if got.SHA256 == "" && got.Size == want.Size {
		if _, got, err = s.getOnce(ctx, want.Key, got.ID); err != nil {
			return objectstore.Version{}, err
		}
	}
	switch {
	case got.Size != want.Size || got.SHA256 != want.SHA256:
		return objectstore.Version{}, objectstore.ErrExists
	case !got.Retention.Covers(want.Retention):
		return objectstore.Version{}, fmt.Errorf("the same object is there, with a weaker retention: %w", objectstore.ErrNotLocked)
	}
	return got, nil
}

func isStatus(err error, status int) bool {
	var resp minio.ErrorResponse
	return errors.As(err, &resp) && resp.StatusCode == status
}
