package podsecrets

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

var errBug = errors.New(whyBug)

// Announce calls changed whenever there is something new since New, in a goroutine of its own, until Close. It calls it
// once at a time: what comes meanwhile is told by one more call. What failed, here or in the first Use, is tried again.
func (s *Session) Announce(changed func(ctx context.Context) error) {
	s.idle.Go(func() {
		again := time.NewTimer(retryMost)
		defer again.Stop()
		if s.begun() {
			again.Stop()
		}
		for {
			select {
			case <-s.news:
			case <-again.C:
			case <-s.ctx.Done():
				return
			}
			if err := changed(s.ctx); err != nil {
				again.Reset(retryMost)
			}
		}
	})
}

// begun reports whether a Use has succeeded.
func (s *Session) begun() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inUse
}

// Use calls f with the values that are known by now, which are good until it returns; not after Close. Its report is of just
// these values: it has those that f says are not masked, and if f failed, or panicked, what is new of them counts as cut,
// because of that error, which Use returns.
func (s *Session) Use(f func([]mask.Value) ([]mask.Ignored, error)) (Report, error) {
	s.using.RLock()
	defer s.using.RUnlock()
	s.mu.Lock()
	values, before := slices.Clip(s.values), s.report()
	s.mu.Unlock()
	if s.ctx.Err() != nil {
		return before, nil
	}
	ignored, err := guarded(f, values)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.behind(&before, err.Error())
		return before, err
	}
	for _, i := range ignored {
		where, key := s.found(i.Rule)
		if i.Cut {
			where.cut(key, i.Why)
		} else {
			where.ignore(Ignored{Key: key, Why: i.Why})
		}
	}
	after := s.report()
	s.inUse = true
	for i, k := range s.secrets {
		was := &before.Secrets[i]
		if k.State != was.State || k.ResourceVersion != was.ResourceVersion {
			after.Secrets[i] = *was // what came meanwhile is for the next call
		}
		k.inUse.version, k.inUse.values = was.ResourceVersion, was.Values
	}
	return after, nil
}

// guarded is f; its panic is an error: values are whatever somebody wrote into a Secret.
func guarded(f func([]mask.Value) ([]mask.Ignored, error), values []mask.Value) (ignored []mask.Ignored, err error) {
	defer func() {
		if recover() != nil {
			err = errBug
		}
	}()
	return f(values)
}

// behind says, in a report, what is not in use.
func (s *Session) behind(r *Report, why string) {
	for i, k := range s.secrets {
		if one := &r.Secrets[i]; one.State == Known && one.ResourceVersion != k.inUse.version {
			one.Values, one.Cut, one.Why = k.inUse.values, true, why
		}
	}
	if !s.inUse && r.Environment.Values > 0 {
		r.Environment.Values, r.Environment.Cut = 0, true
	}
}

// found is the place that a rule speaks of.
func (s *Session) found(rule string) (where *Found, key string) {
	kind, rest, _ := strings.Cut(rule, "/")
	name, key, _ := strings.Cut(rest, "/")
	at := slices.IndexFunc(s.secrets, func(k *known) bool { return kind == "secret" && k.Name == name })
	if at < 0 {
		return &s.environment, rest
	}
	return &s.secrets[at].Found, key
}
