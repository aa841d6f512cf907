package s3

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

// Get implements objectstore.Store.
func (s *Store) Get(ctx context.Context, key, versionID string) (body []byte, v objectstore.Version, err error) {
	err = s.do(ctx, "reading object", key, func(ctx context.Context) (err error) {
		body, v, err = s.getOnce(ctx, key, versionID)
		return err
	})
	return body, v, err
}

func (s *Store) getOnce(ctx context.Context, key, versionID string) ([]byte, objectstore.Version, error) {
	r, info, _, err := s.core.GetObject(ctx, s.bucket, key, minio.GetObjectOptions{VersionID: versionID})
	if err != nil {
		return nil, objectstore.Version{}, err
	}
	defer func() { _ = r.Close() }() // everything of use has been read
	body, err := io.ReadAll(io.LimitReader(r, objectstore.MaxObjectBytes+1))
	if err != nil {
		return nil, objectstore.Version{}, err
	}
	if len(body) > objectstore.MaxObjectBytes {
		return nil, objectstore.Version{}, fmt.Errorf("object is larger than %d bytes, none of ours is", objectstore.MaxObjectBytes)
	}
	v := version(key, info)
	v.Size, v.SHA256, v.Latest = int64(len(body)), objectstore.Sum(body), versionID == ""
	return body, v, nil
}

// Stat implements objectstore.Store.
func (s *Store) Stat(ctx context.Context, key, versionID string) (v objectstore.Version, err error) {
	err = s.do(ctx, "describing object", key, func(ctx context.Context) (err error) {
		v, err = s.statOnce(ctx, key, versionID)
		return err
	})
	return v, err
}

func (s *Store) statOnce(ctx context.Context, key, versionID string) (objectstore.Version, error) {
	info, err := s.core.StatObject(ctx, s.bucket, key, minio.StatObjectOptions{VersionID: versionID, Checksum: true})
	if err != nil {
		return objectstore.Version{}, err
	}
	v := version(key, info)
	v.Latest = versionID == ""
	return v, nil
}

// version reads what a HEAD or GET says. A retention that does not parse is none.
func version(key string, info minio.ObjectInfo) objectstore.Version {
	v := objectstore.Version{Key: key, ID: info.VersionID, Size: info.Size, Modified: info.LastModified}
	if sum, err := base64.StdEncoding.DecodeString(info.ChecksumSHA256); err == nil && len(sum) == 32 {
		v.SHA256 = hex.EncodeToString(sum)
	}
	until, err := time.Parse(time.RFC3339, info.Headers.Get("X-Amz-Object-Lock-Retain-Until-Date"))
	if err == nil {
		v.Retention = objectstore.Retention{Mode: objectstore.Mode(info.Headers.Get("X-Amz-Object-Lock-Mode")), Until: until.UTC()}
	}
	return v
}

// List implements objectstore.Store.
func (s *Store) List(ctx context.Context, prefix, after string) iter.Seq2[objectstore.Version, error] {
	return func(yield func(objectstore.Version, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		for info := range s.lister.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{
			Prefix: prefix, StartAfter: after, Recursive: true, WithVersions: true,
		}) {
			if info.Err != nil {
				yield(objectstore.Version{}, fmt.Errorf("listing objects below %q: %w", prefix, translate(info.Err)))
				return
			}
			v := objectstore.Version{
				Key: info.Key, ID: info.VersionID, Size: info.Size, Modified: info.LastModified,
				Latest: info.IsLatest, DeleteMarker: info.IsDeleteMarker,
			}
			if !yield(v, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil { // the library ends a cancelled listing without a word
			yield(objectstore.Version{}, fmt.Errorf("listing objects below %q: %w", prefix, err))
		}
	}
}
