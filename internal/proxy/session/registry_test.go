package session

import (
	"context"
	"errors"
	"testing"
)

func TestRegistryEndsWhatMatches(t *testing.T) {
	var r Registry
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
	releaseA()
	releaseA()
	releaseB()
	if r.Len() != 0 || b.Err() == nil {
		t.Errorf("%d sessions are left, b ended with %v", r.Len(), b.Err())
	}
}

func TestRegistryShutsDown(t *testing.T) {
	var r Registry
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
