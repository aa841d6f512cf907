// Package objectstore is the contract between Sallyport and the store that
// keeps its evidence: objects are written once, whole, with a checksum and an
// explicit retention, and can then be neither changed nor removed until that
// retention ends.
//
// The threat is a holder of valid credentials who wants a recording gone. Such
// a person cannot remove a locked version, but can hide it: a delete without a
// version id puts a delete marker on top, and an unconditional put adds a newer
// version. "The current version" is therefore not evidence. List shows every
// version and every marker, and Get and Stat take a version id.
//
// Implementations: objectstore/s3 (any S3-compatible store with object lock)
// and objectstore/memory (tests). Both pass objectstore/objectstoretest.
package objectstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"time"
)

var (
	// ErrExists says that the key already holds an object with other content.
	ErrExists = errors.New("object exists with other content")
	// ErrNotFound says that the key, or that version of it, does not exist, or
	// is hidden by a delete marker.
	ErrNotFound = errors.New("object not found")
	// ErrNotLocked says that an object is not protected as asked, or that the
	// bucket cannot protect objects at all.
	ErrNotLocked = errors.New("object is not locked")
	// ErrUnfit says that the store does otherwise than it says, so that evidence
	// in it would prove nothing.
	ErrUnfit = errors.New("the store is not fit for evidence")
	// ErrRefused says that the store will never take this object as it is: a body
	// that arrived damaged, a request that it does not understand.
	ErrRefused = errors.New("the store refuses the object")
)

// MaxObjectBytes bounds the body of one PutNew, so that every object is one
// single PUT. Multipart uploads lose the create-once condition.
const MaxObjectBytes = 16 << 20

// Mode says who may shorten a retention.
type Mode string

const (
	// Compliance: nobody may shorten it or delete the version, the account's
	// owner included.
	Compliance Mode = "COMPLIANCE"
	// Governance: holders of s3:BypassGovernanceRetention may.
	Governance Mode = "GOVERNANCE"
)

// Retention is how long one object version is protected, and how firmly. The
// zero value protects nothing and is refused by PutNew.
type Retention struct {
	Mode  Mode      `json:"mode"`
	Until time.Time `json:"until"` // stores keep whole seconds; see Rounded
}

// Rounded returns r as stores keep it: UTC, in whole seconds, rounded up so
// that it never protects for less than was asked.
func (r Retention) Rounded() Retention {
	whole := r.Until.UTC().Truncate(time.Second)
	if whole.Before(r.Until) {
		whole = whole.Add(time.Second)
	}
	return Retention{Mode: r.Mode, Until: whole}
}

// Covers reports whether r protects at least as firmly and as long as want.
func (r Retention) Covers(want Retention) bool {
	firm := r.Mode == Compliance || (r.Mode == Governance && want.Mode == Governance)
	return firm && !r.Until.Before(want.Until)
}

// Version describes one version of one object, or one delete marker.
type Version struct {
	Key          string
	ID           string    // the store's version id, never empty
	Size         int64     // bytes
	SHA256       string    // of the body, lower-case hex; empty from List, and from Stat if the store keeps none
	Retention    Retention // zero from List
	Modified     time.Time // the store's clock
	Latest       bool      // what a read without version id would see
	DeleteMarker bool      // true only from List
}

// Body is what an object holds, with its digest: it is hashed once, however many
// layers need the digest. The zero value is empty.
type Body struct {
	bytes []byte
	sum   string
}

// NewBody hashes b, which must not change until the last PutNew of the Body has returned.
func NewBody(b []byte) Body { return Body{bytes: b, sum: Sum(b)} }

// Bytes returns the content. It must not be changed.
func (b Body) Bytes() []byte { return b.bytes }

// Size is in bytes.
func (b Body) Size() int { return len(b.bytes) }

// SHA256 is the digest in lower-case hex.
func (b Body) SHA256() string { return b.sum }

// Store keeps objects. All methods are safe for concurrent use, and return
// only after their own bounded retries; a returned error is final.
type Store interface {
	// PutNew writes body under key if the key is new, in a single PUT. When it
	// returns without error the object is durable, its checksum was verified by
	// the store, and it is retained as asked. If the key already holds the very
	// same body with at least this retention (as after a retry whose first
	// attempt had succeeded), that version is returned without error; other
	// content is ErrExists. A key hidden by a delete marker counts as new.
	// It refuses what CheckPut refuses. Once it has returned, with or without
	// error, nothing reads body any more: its memory may hold something else.
	PutNew(ctx context.Context, key string, body Body, r Retention) (Version, error)

	// Get reads one version, or the latest if versionID is empty. SHA256 is of
	// the bytes it returns, whatever the store says.
	Get(ctx context.Context, key, versionID string) ([]byte, Version, error)

	// Stat describes one version, or the latest if versionID is empty.
	Stat(ctx context.Context, key, versionID string) (Version, error)

	// List yields every version and delete marker of the keys that start with
	// prefix and sort after the key after, in byte order of the keys, and within
	// a key from newest to oldest. After an error it yields nothing more.
	List(ctx context.Context, prefix, after string) iter.Seq2[Version, error]

	// Probe proves with real objects that the store versions, locks, refuses a
	// second PutNew, and refuses a body that does not match its checksum, or says what is missing and how to mend it. The
	// probe objects lie under "probe/" and are retained for a day.
	Probe(ctx context.Context) error
}

// CheckPut says why no store would take a put, or returns nil: an empty key, an
// empty body or one above MaxObjectBytes, or a retention without mode or end.
func CheckPut(key string, body Body, r Retention) error {
	switch {
	case key == "":
		return errors.New("key is empty")
	case body.Size() == 0:
		return fmt.Errorf("object %q: body is empty", key)
	case body.Size() > MaxObjectBytes:
		return fmt.Errorf("object %q: body of %d bytes is above the bound of %d", key, body.Size(), MaxObjectBytes)
	case r.Mode != Compliance && r.Mode != Governance:
		return fmt.Errorf("object %q: retention mode %q: %w", key, r.Mode, ErrNotLocked)
	case r.Until.IsZero():
		return fmt.Errorf("object %q: retention without end date: %w", key, ErrNotLocked)
	}
	return nil
}

// Sum is the digest in Version.SHA256.
func Sum(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
