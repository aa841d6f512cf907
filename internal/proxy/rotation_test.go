package proxy

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestNews(t *testing.T) {
	for name, tc := range map[string]struct {
		every time.Duration // news comes so often, for nine and a half seconds
		want  int32         // how often it is told
	}{
		"if it comes seldom, then each is told": {2 * time.Second, 4},
		"if it comes often, then once a second": {10 * time.Millisecond, 10},
		"if it comes once, then it is told":     {9500 * time.Millisecond, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, over, told := make(news, 1), make(chan struct{}), new(atomic.Int32)
				go n.each(time.Second, over, func() { told.Add(1) })
				for range 9500 * time.Millisecond / tc.every {
					n.come()
					synctest.Wait()
					if told.Load() == 0 {
						t.Error("the first waits")
					}
					time.Sleep(tc.every)
				}
				close(over)
				synctest.Wait()
				if got := told.Load(); got != tc.want {
					t.Errorf("it is told %d times, not %d", got, tc.want)
				}
			})
		})
	}
}
