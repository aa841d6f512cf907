package proxy

import (
	"context"
	"sync"
)

// turns let one at a time do something of a name. Its zero value is ready.
type turns struct {
	mu   sync.Mutex
	open map[string]*turn
}

type turn struct {
	free    chan struct{} // has one while nobody is at it
	waiting int
}

// take waits for the turn and returns how to end it; nil if ctx ended before.
func (t *turns) take(ctx context.Context, name string) (end func()) {
	t.mu.Lock()
	if t.open == nil {
		t.open = map[string]*turn{}
	}
	one := t.open[name]
	if one == nil {
		one = &turn{free: make(chan struct{}, 1)}
		one.free <- struct{}{}
		t.open[name] = one
	}
	one.waiting++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if one.waiting--; one.waiting == 0 {
			delete(t.open, name)
		}
	}
	select {
	case <-one.free:
		return func() {
			one.free <- struct{}{}
			leave()
		}
	case <-ctx.Done():
		leave()
		return nil
	}
}
