package mask

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"maps"
	"runtime"
	"sync"
	"time"
	"weak"
)

// ErrNoRoom says that a Shared has reached its Limit.
var ErrNoRoom = errors.New("all that the gateway may hold of compiled values is in use")

// Shared makes rules with values, once for all that look for the same ones at the same time: sessions in the pods of a
// Deployment have one set of them in memory. What nobody uses any more is forgotten. It is safe for concurrent use.
type Shared struct {
	// Limit bounds the bytes of what is compiled and in use, all together; with 0 there is room for none.
	Limit int64
	// Now is the clock.
	Now func() time.Time

	mu    sync.Mutex // of all but the compiling of one entry, and collecting
	known map[[sha256.Size]byte]*entry

	collecting sync.Mutex // held while the garbage collector runs
	collected  time.Time  // when it last did
}

// collectEvery is how often at most the garbage collector runs because there is no room: it costs every session.
const collectEvery = 3 * time.Second

type entry struct {
	making sync.Mutex // held by who compiles

	users   int // that are about to use it
	size    int64
	rules   weak.Pointer[Rules]
	ignored []Ignored
}

// With returns rules with values besides, and those that are not masked; see Rules.With. Its error is ErrNoRoom: then
// there is nothing new.
func (s *Shared) With(rules *Rules, values []Value) (*Rules, []Ignored, error) {
	key := rules.identity(values)
	e := s.enter(key)
	defer s.leave(e)
	e.making.Lock()
	defer e.making.Unlock()
	if known, ignored := s.look(e); known != nil {
		return known, ignored, nil
	}
	compiled, ignored := NewValues(values)
	if len(compiled.needles) == 0 && rules.values == nil {
		return rules, ignored, nil
	}
	made := *rules
	made.values = compiled
	texts := made.texts()
	if err := s.reserve(e, sizeOf(texts)); err != nil {
		return nil, nil, err
	}
	made.compile(texts)
	s.mu.Lock()
	defer s.mu.Unlock()
	e.rules, e.ignored = weak.Make(&made), ignored
	return &made, ignored, nil
}

// Used is how many bytes what is compiled takes at most, as far as the garbage collector knows.
func (s *Shared) Used() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	return s.used()
}

// used is Used, in the caller's lock.
func (s *Shared) used() (sum int64) {
	for _, e := range s.known {
		sum += e.size
	}
	return sum
}

// enter returns the entry of a key, which stays until leave.
func (s *Shared) enter(key [sha256.Size]byte) *entry {
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
	e.users++
	return e
}

func (s *Shared) leave(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.users--
}

func (s *Shared) look(e *entry) (*Rules, []Ignored) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return e.rules.Value(), e.ignored
}

// reserve makes room for what an entry is about to hold. Only the garbage collector can tell what nobody uses any more, so it
// runs before anybody is refused.
func (s *Shared) reserve(e *entry, size int64) error {
	if s.fits(e, size) {
		return nil
	}
	s.collect()
	if s.fits(e, size) {
		return nil
	}
	return ErrNoRoom
}

// fits gives an entry its room, if there is any.
func (s *Shared) fits(e *entry, size int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.size = 0
	s.forget()
	if s.used()+size > s.Limit {
		return false
	}
	e.size = size
	return true
}

// collect runs the garbage collector, unless it just did. Who comes meanwhile waits for it, and nobody else.
func (s *Shared) collect() {
	s.collecting.Lock()
	defer s.collecting.Unlock()
	if now := s.Now(); now.Sub(s.collected) >= collectEvery {
		runtime.GC()
		s.collected = s.Now()
	}
}

// forget drops the entries whose rules are gone, but for those that are about to be made.
func (s *Shared) forget() {
	maps.DeleteFunc(s.known, func(_ [sha256.Size]byte, e *entry) bool { return e.users == 0 && e.rules.Value() == nil })
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
