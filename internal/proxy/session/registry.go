package session

import (
	"context"
	"errors"
	"sync"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
)

// The reasons why no session can begin.
var (
	ErrShutdown = errors.New("the gateway is shutting down")
	ErrFull     = errors.New("the gateway carries as many sessions as it may")
	ErrTooMany  = errors.New("you have as many sessions as one person may; end one: kubectl sallyport sessions -A --live")
)

// Facts are what can end a session from outside.
type Facts struct {
	ID        string
	User      string
	Namespace string
	Pod       string
	PodUID    string
	Grant     authorizer.GrantRef
}

// Registry knows the sessions of this gateway while they live. Without limits it takes none.
type Registry struct {
	// MaxSessions and MaxPerUser bound the memory that sessions can hold: each may fill the recorder's buffers.
	MaxSessions, MaxPerUser int

	mu   sync.Mutex
	live map[string]entry
	shut bool
	idle sync.WaitGroup
}

type entry struct {
	facts Facts
	end   context.CancelCauseFunc
}

// Add makes a session known. The context that it returns ends with the session, with an *End as the cause where that
// came through the registry. The caller calls release when nothing of the session is left.
func (r *Registry) Add(ctx context.Context, facts Facts) (session context.Context, release func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shut {
		return nil, nil, ErrShutdown
	}
	if err := r.room(facts.User); err != nil {
		return nil, nil, err
	}
	if r.live == nil {
		r.live = map[string]entry{}
	}
	session, end := context.WithCancelCause(ctx)
	r.live[facts.ID] = entry{facts, end}
	r.idle.Add(1)
	return session, sync.OnceFunc(func() {
		end(nil)
		r.mu.Lock()
		delete(r.live, facts.ID)
		r.mu.Unlock()
		r.idle.Done()
	}), nil
}

func (r *Registry) room(user string) error {
	if len(r.live) >= r.MaxSessions {
		return ErrFull
	}
	own := 0
	for _, e := range r.live {
		if e.facts.User == user {
			own++
		}
	}
	if own >= r.MaxPerUser {
		return ErrTooMany
	}
	return nil
}

// EndIf ends every session for which why returns an End.
func (r *Registry) EndIf(why func(Facts) *End) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.live {
		if end := why(e.facts); end != nil {
			e.end(end)
		}
	}
}

// Has reports whether a session lives.
func (r *Registry) Has(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.live[id]
	return ok
}

// Len returns the number of sessions.
func (r *Registry) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.live)
}

// Shutdown lets no session begin any more, ends those that live, and waits until they are gone or ctx ends.
func (r *Registry) Shutdown(ctx context.Context) error {
	r.mu.Lock()
	r.shut = true
	r.mu.Unlock()
	r.EndIf(func(Facts) *End { return Shutdown() })
	gone := make(chan struct{})
	go func() {
		r.idle.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
