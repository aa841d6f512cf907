// Package spool keeps what sessions have recorded on a local disk until the object store has it: a byte that was appended
// survives the death of the process and, if the disk does, of the machine.
//
// # Layout
//
//	<dir>/lock                      held by the one process that uses the directory
//	<dir>/<session>/00000001        segment 1 of that session; segments count from 1
//
// A segment is a sequence of batches, each of four bytes "SPB1", the length of its data in four bytes, the CRC-32C of
// length and data in four bytes, all big-endian, and the data. What follows the last whole batch was never acknowledged.
//
// # Invariants
//
//   - Append returns nil only when the batch, and the file's and the directory's entries, are on the disk.
//   - After a write or a sync that failed nothing more is appended to that journal: the page cache no longer tells what
//     the disk holds (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020).
//   - The sum of all batches stays below the limit: Append fails with ErrFull before it would not.
//   - A segment is removed only by Release, and a session by Remove.
//
// # Threat
//
// The directory holds masked streams of every live session. Whoever can write it can lose or change what is not yet in
// the store; nobody but the proxy should see it. CRCs find torn writes and rotten disks, not people.
package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// ErrFull says that the spool has no room: the object store has taken nothing for too long, or too much was recorded.
var ErrFull = errors.New("the spool is full")

// Spool is a directory for the journals of this process. It is safe for concurrent use.
type Spool struct {
	dir   string
	limit int64
	lock  *os.File

	mu   sync.Mutex
	used int64
	live map[string]bool
}

// Open takes the directory, which is made if it is not there, for journals of at most limit bytes in sum. It fails if
// another process holds it.
func Open(dir string, limit int64) (*Spool, error) {
	if limit <= 0 {
		return nil, fmt.Errorf("a spool of %d bytes holds nothing", limit)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the spool: %w", err)
	}
	lock, err := lockFile(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("taking the spool %s, which another process may hold: %w", dir, err)
	}
	s := &Spool{dir: dir, limit: limit, lock: lock, live: map[string]bool{}}
	if err := s.measure(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return s, nil
}

// Close lets go of the directory. No journal may be in use.
func (s *Spool) Close() error { return s.lock.Close() }

// Used and Limit are in bytes.
func (s *Spool) Used() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}

func (s *Spool) Limit() int64 { return s.limit }

// Create makes the journal of a new session. Its name must be one path element.
func (s *Spool) Create(session string) (*Journal, error) {
	if err := s.take(session); err != nil {
		return nil, err
	}
	path := filepath.Join(s.dir, session)
	err := os.Mkdir(path, 0o700)
	if err == nil {
		err = syncDir(s.dir)
	}
	if err != nil {
		s.leave(session)
		return nil, fmt.Errorf("making a journal: %w", err)
	}
	return &Journal{spool: s, session: session, dir: path, next: 1, good: map[int]int64{}}, nil
}

// Leftovers are the sessions whose journals nobody has open: those of a process that died, and those that were left.
func (s *Spool) Leftovers() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("listing the spool: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, e := range entries {
		if e.IsDir() && !s.live[e.Name()] {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Has reports whether there is a journal of that session, open or left, or may be one: a disk that cannot be read is none
// that has lost it.
func (s *Spool) Has(session string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live[session] {
		return true
	}
	_, err := os.Lstat(filepath.Join(s.dir, filepath.Base(session)))
	return !errors.Is(err, fs.ErrNotExist)
}

// Reopen opens the journal of a leftover, to be read, released and removed; nothing can be appended to it.
func (s *Spool) Reopen(session string) (*Journal, error) {
	if err := s.take(session); err != nil {
		return nil, err
	}
	j := &Journal{spool: s, session: session, dir: filepath.Join(s.dir, session), failed: errLeftover}
	if _, err := j.Segments(); err != nil {
		s.leave(session)
		return nil, err
	}
	return j, nil
}

func (s *Spool) take(session string) error {
	if session == "" || session != filepath.Base(session) || session == "." || session == ".." || session == "lock" {
		return fmt.Errorf("%q is no name for a journal", session)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live[session] {
		return fmt.Errorf("the journal %q is open already", session)
	}
	s.live[session] = true
	return nil
}

func (s *Spool) leave(session string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.live, session)
}

// reserve takes n bytes of the limit, or gives back.
func (s *Spool) reserve(n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n > 0 && s.used+n > s.limit {
		return fmt.Errorf("%w: %d of %d bytes wait for the object store", ErrFull, s.used, s.limit)
	}
	s.used += n
	return nil
}

// measure counts what a former process left.
func (s *Spool) measure() error {
	names, err := s.Leftovers()
	if err != nil {
		return err
	}
	for _, name := range names {
		entries, err := os.ReadDir(filepath.Join(s.dir, name))
		if err != nil {
			return fmt.Errorf("listing the spool: %w", err)
		}
		for _, e := range entries {
			info, err := e.Info()
			if err != nil {
				return fmt.Errorf("listing the spool: %w", err)
			}
			s.used += info.Size()
		}
	}
	return nil
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
