package session

import (
	"context"
	"errors"
	"testing"
)

func TestRegistryEndsWhatMatches(t *testing.T) {
	r := Registry{MaxSessions: 10, MaxPerUser: 10}
	a, releaseA, err := r.Add(t.Context(), Facts{ID: "a", Pod: "web"})
	if err != nil {
		t.Fatal(err)
	}
	b, releaseB, err := r.Add(t.Context(), Facts{ID: "b", Pod: "db"})
	if err != nil {
		t.Fatal(err)
	}
	r.EndIf(func(f Facts) *End {
		if f.Pod == "web" {
			return PodGone("shop", f.Pod)
		}
		return nil
	})
	var end *End
	if !errors.As(context.Cause(a), &end) || end.Reason != ReasonPodGone || b.Err() != nil {
		t.Errorf("a ended with %v, b with %v", context.Cause(a), b.Err())
	}
	if !r.Has("a") || r.Has("c") {
		t.Errorf("a lives: %t, c lives: %t", r.Has("a"), r.Has("c"))
	}
	releaseA()
	releaseA()
	releaseB()
	if r.Has("a") || r.Len() != 0 || b.Err() == nil {
		t.Errorf("%d sessions are left, b ended with %v", r.Len(), b.Err())
	}
}

func TestRegistryShutsDown(t *testing.T) {
	r := Registry{MaxSessions: 10, MaxPerUser: 10}
	ctx, release, err := r.Add(t.Context(), Facts{ID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Shutdown(impatient); !errors.Is(err, context.Canceled) {
		t.Errorf("with a session that does not go, shutdown ends with %v", err)
	}
	var end *End
	if !errors.As(context.Cause(ctx), &end) || end.Reason != ReasonShutdown {
		t.Errorf("the session ended with %v", context.Cause(ctx))
	}
	if _, _, err := r.Add(t.Context(), Facts{ID: "b"}); !errors.Is(err, ErrShutdown) {
		t.Errorf("a session begins: %v", err)
	}
	release()
	if err := r.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTheRegistryHasLimits(t *testing.T) {
	r := Registry{MaxSessions: 3, MaxPerUser: 2}
	add := func(id, user string) error {
		_, _, err := r.Add(t.Context(), Facts{ID: id, User: user})
		return err
	}
	if err := errors.Join(add("1", "ann"), add("2", "ann")); err != nil {
		t.Fatal(err)
	}
	if err := add("3", "ann"); !errors.Is(err, ErrTooMany) {
		t.Errorf("a third session of one user: %v", err)
	}
	if err := add("3", "bob"); err != nil {
		t.Errorf("a session of another user: %v", err)
	}
	if err := add("4", "eve"); !errors.Is(err, ErrFull) {
		t.Errorf("a fourth session: %v", err)
	}
	if _, _, err := new(Registry).Add(t.Context(), Facts{ID: "1"}); !errors.Is(err, ErrFull) {
		t.Errorf("a registry without limits: %v", err)
	}
}
