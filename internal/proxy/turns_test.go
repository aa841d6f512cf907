package proxy

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/mask"
)

func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all turns
		var at, most, done atomic.Int32
		for range 20 {
			go func() {
				end := all.take(t.Context(), "a")
				most.Store(max(most.Load(), at.Add(1)))
				time.Sleep(time.Second)
				at.Add(-1)
				end()
				done.Add(1)
			}()
		}
		synctest.Wait()
		began := time.Now()
		all.take(t.Context(), "b")()
		if waited := time.Since(began); waited != 0 {
			t.Errorf("another name waited %v", waited)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		if all.take(ctx, "a") != nil {
			t.Error("who gave up waiting had a turn")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if done.Load() != 20 || most.Load() != 1 || len(all.open) != 0 {
			t.Errorf("%d were done, %d at a time; %d names are left", done.Load(), most.Load(), len(all.open))
		}
	})
}

// Sessions in pods with the same Secrets compile one after the other.
func TestCompilingTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sessions{Sessions: Sessions{Secrets: PodSecrets{Mode: SecretsOff, Values: &mask.Shared{Limit: 1 << 30, Now: time.Now}}}}
		pod := &corev1.Pod{Spec: corev1.PodSpec{
			Containers:       []corev1.Container{{Name: "app", Env: []corev1.EnvVar{{Name: "DB_PASSWORD", Value: aPassword()}}}},
			ImagePullSecrets: []corev1.LocalObjectReference{{Name: "registry"}},
		}}
		l := &live{sessions: s, ctx: t.Context(), request: &request{
			rules: mask.Default(), pod: pod, attributes: authorizer.Attributes{Namespace: "shop", Container: "app"},
		}}
		end := s.turns.take(t.Context(), "shop/registry")
		var known atomic.Bool
		go func() {
			if err := l.know(); err != nil {
				t.Error(err)
			}
			known.Store(true)
		}()
		time.Sleep(time.Hour)
		if known.Load() {
			t.Error("it did not wait for its turn")
		}
		end()
		synctest.Wait()
		if !known.Load() || l.request.rules == mask.Default() {
			t.Error("it had no turn")
		}
		l.values.Close()
	})
}
