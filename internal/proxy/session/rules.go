package session

import (
	"context"
	"sync/atomic"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

// rules are those of a session, which can change while it lasts.
type rules struct{ latest atomic.Pointer[mask.Rules] }

func newRules(first *mask.Rules) *rules {
	r := &rules{}
	r.latest.Store(first)
	return r
}

// follow takes what comes over changes, until it is closed or the session ends.
func (r *rules) follow(ctx context.Context, changes <-chan *mask.Rules) {
	for {
		select {
		case changed, ok := <-changes:
			if !ok {
				return
			}
			r.latest.Store(changed)
		case <-ctx.Done():
			return
		}
	}
}

func (r *rules) text(s string) string { return r.latest.Load().Text(s) }

func (r *rules) masker() *masker {
	now := r.latest.Load()
	return &masker{Stream: now.NewStream(), rules: r, used: now}
}

// masker is a stream that uses rules which have changed from its next write on. So only who writes to it touches it.
type masker struct {
	*mask.Stream

	rules *rules
	used  *mask.Rules
}

// Write is that of the stream.
func (m *masker) Write(p []byte) mask.Output {
	if latest := m.rules.latest.Load(); latest != m.used {
		m.Use(latest)
		m.used = latest
	}
	return m.Stream.Write(p)
}
