// Package spooltest makes spools for tests.
package spooltest

import (
	"testing"

	"github.com/sallyport-dev/sallyport/internal/spool"
)

// New returns a spool of 1 GiB at most in a directory that the test removes.
func New(tb testing.TB) *spool.Spool {
	tb.Helper()
	return Open(tb, tb.TempDir())
}

// Open returns the spool in a directory, until the test ends.
func Open(tb testing.TB, dir string) *spool.Spool {
	tb.Helper()
	s, err := spool.Open(dir, 1<<30)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// Journal returns the journal of a new session.
func Journal(tb testing.TB, s *spool.Spool, session string) *spool.Journal {
	tb.Helper()
	j, err := s.Create(session)
	if err != nil {
		tb.Fatal(err)
	}
	return j
}
