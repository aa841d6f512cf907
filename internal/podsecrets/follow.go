package podsecrets

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
)

// follow reads one Secret and watches it, again and again.
func (s *Session) follow(ctx context.Context, k *known) {
	pause := retryFirst
	for ctx.Err() == nil {
		if s.round(ctx, k) {
			pause = retryFirst
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, retryMost)
	}
}

// round reads and watches once. A bug that a value meets costs the values of its Secret, and not the sessions of others.
func (s *Session) round(ctx context.Context, k *known) (watched bool) {
	defer func() {
		if recover() != nil {
			s.bug(k)
		}
	}()
	return s.watch(ctx, k, s.read(ctx, k))
}

// bug notes that a Secret could not be taken in.
func (s *Session) bug(k *known) {
	s.mu.Lock()
	k.State, k.Why, k.Cut = Failed, whyBug, true
	s.mu.Unlock()
	s.tell(k, true)
}

// read asks for the Secret, and returns the version to watch it from.
func (s *Session) read(ctx context.Context, k *known) (since string) {
	secret, err := s.api.Get(ctx, k.Name, metav1.GetOptions{})
	switch {
	case ctx.Err() != nil:
		return ""
	case err == nil:
		since = secret.ResourceVersion
		s.tell(k, s.learn(k, secret))
	case apierrors.IsNotFound(err):
		s.tell(k, s.fail(k, Absent, ""))
	case apierrors.IsForbidden(err):
		s.tell(k, s.fail(k, Forbidden, ""))
	default:
		s.tell(k, s.fail(k, Failed, whyError))
	}
	return since
}

// fail notes why a Secret cannot be read. What is Known stays so: its values are still masked. What was Absent is not taken for
// anything else because the API server does not answer for a while.
func (s *Session) fail(k *known, state State, why string) (news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k.State == Known || k.State == Absent && state == Failed || k.State == state && k.Why == why {
		return false
	}
	k.State, k.Why = state, why
	return true
}

// tell says that the Secret was asked for, and whether there is something new.
func (s *Session) tell(k *known, news bool) {
	if news {
		select {
		case s.news <- struct{}{}:
		default: // who is told will see this, too
		}
	}
	k.asked()
}

// asked says that the Secret was asked for, whatever came of it. Only the goroutine that follows it calls this.
func (k *known) asked() {
	select {
	case <-k.tried:
	default:
		close(k.tried)
	}
}

// watch takes what changes until the API server ends the watch, and reports whether there was one.
func (s *Session) watch(ctx context.Context, k *known, since string) bool {
	events, err := s.api.Watch(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, k.Name).String(), ResourceVersion: since,
	})
	if err != nil {
		return false
	}
	defer events.Stop()
	for {
		select {
		case event, ok := <-events.ResultChan():
			if !ok || event.Type == watch.Error {
				return !ok
			}
			secret, is := event.Object.(*corev1.Secret)
			if is && secret.Name == k.Name && (event.Type == watch.Added || event.Type == watch.Modified) {
				s.tell(k, s.learn(k, secret))
			}
		case <-ctx.Done():
			return true
		}
	}
}
