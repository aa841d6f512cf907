// Package memory is an objectstore.Store in memory that enforces retention.
package memory

import "github.com/sallyport-dev/sallyport/internal/objectstore"

// New returns an empty store.
func New() *Store { return &Store{} }

// Store keeps objects in memory.
type Store struct{ objectstore.Store }
