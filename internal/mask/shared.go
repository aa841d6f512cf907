package mask

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"weak"
)

// Shared makes rules with values, once for all that look for the same ones at the same time: sessions in the pods of a
// Deployment have one set of them in memory. What nobody uses any more is forgotten. Its zero value is ready; it is safe for
// concurrent use.
type Shared struct {
	mu    sync.Mutex // of the map; who compiles holds the lock of one entry only
	known map[[sha256.Size]byte]*entry
}

type entry struct {
	mu      sync.Mutex
	rules   weak.Pointer[Rules]
	ignored []Ignored
}

// With returns rules with values besides, and those that are not masked; see Rules.With.
func (s *Shared) With(rules *Rules, values []Value) (*Rules, []Ignored) {
	e := s.entry(rules.identity(values))
	e.mu.Lock()
	defer e.mu.Unlock()
	if known := e.rules.Value(); known != nil {
		return known, e.ignored
	}
	compiled, ignored := NewValues(values)
	made := rules.With(compiled)
	e.rules, e.ignored = weak.Make(made), ignored
	return made, ignored
}

// entry returns that of a key, and drops those whose rules are gone.
func (s *Shared) entry(key [sha256.Size]byte) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	e, ok := s.known[key]
	if !ok {
		if s.known == nil {
			s.known = map[[sha256.Size]byte]*entry{}
		}
		e = &entry{}
		s.known[key] = e
	}
	return e
}

// forget drops the entries whose rules are gone, but for those that are being made.
func (s *Shared) forget() {
	for key, e := range s.known {
		if !e.mu.TryLock() {
			continue
		}
		if e.rules.Value() == nil {
			delete(s.known, key)
		}
		e.mu.Unlock()
	}
}

// identity is a digest of rules and values.
func (r *Rules) identity(values []Value) (id [sha256.Size]byte) {
	h := sha256.New()
	add := func(field []byte) {
		_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(field)))) // never fails
		_, _ = h.Write(field)
	}
	add([]byte(r.digest))
	add(r.key)
	for _, v := range values {
		add([]byte(v.Rule))
		add(v.Text)
		if v.Plain {
			add([]byte("plain"))
		}
	}
	h.Sum(id[:0])
	return id
}
