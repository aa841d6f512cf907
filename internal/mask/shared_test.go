package mask_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

const roomy = 1 << 30

func TestShared(t *testing.T) {
	shared := mask.Shared{Limit: roomy, Now: time.Now}
	share(t, &shared)
	runtime.GC()
	if n := shared.Live(); n != 0 {
		t.Errorf("%d sets are kept that nobody uses", n)
	}
	if used := shared.Used(); used != 0 {
		t.Errorf("%d bytes are in use by nobody", used)
	}
}

// share makes the same rules twice, and others.
func share(t *testing.T, shared *mask.Shared) {
	t.Helper()
	values := []mask.Value{{Rule: "secret/a/b", Text: []byte("a value of some length")}, {Rule: "secret/a/c", Text: []byte("short")}}
	with := func(rules *mask.Rules, values []mask.Value) *mask.Rules {
		made, ignored, err := shared.With(rules, values)
		if err != nil || len(ignored) != len(values)-1 {
			t.Errorf("ignored %v, %v", ignored, err)
		}
		return made
	}
	first := with(mask.Default(), values)
	used := shared.Used()
	if again := with(mask.Default(), values); first != again || shared.Used() != used || used == 0 {
		t.Errorf("the same values are compiled twice: %d bytes, and %d before", shared.Used(), used)
	}
	for name, other := range map[string]*mask.Rules{
		"other rules":  with(mask.Default().Keyed([]byte("k")), values),
		"other values": with(mask.Default(), values[:1]),
		"other forms":  with(mask.Default(), []mask.Value{{Rule: "secret/a/b", Text: values[0].Text, Plain: true}, values[1]}),
	} {
		if other == first {
			t.Errorf("%s share the rules", name)
		}
	}
	runtime.KeepAlive(first)
}

// numbered are values of which no two sets share any.
func numbered(set, count int) []mask.Value {
	values := make([]mask.Value, 0, count)
	for i := range count {
		values = append(values, mask.Value{Rule: fmt.Sprint("secret/a/", i), Text: fmt.Appendf(nil, "%x-value-%d-of-%d", (i+1)*2654435761, set, i)})
	}
	return values
}

func TestSharedLimit(t *testing.T) {
	one := mask.Shared{Limit: roomy, Now: time.Now}
	kept, _, err := one.With(mask.Default(), numbered(0, 10))
	if err != nil {
		t.Fatal(err)
	}
	size := one.Used()
	runtime.KeepAlive(kept)

	t.Run("if it is full, then nothing new is made, and what is known is still shared", func(t *testing.T) {
		shared := mask.Shared{Limit: 2*size + size/2, Now: time.Now}
		first, _, _ := shared.With(mask.Default(), numbered(1, 10))
		second, _, _ := shared.With(mask.Default(), numbered(2, 10))
		if third, _, err := shared.With(mask.Default(), numbered(3, 10)); !errors.Is(err, mask.ErrNoRoom) || third != nil {
			t.Errorf("the third: %v", err)
		}
		if again, _, err := shared.With(mask.Default(), numbered(1, 10)); err != nil || again != first {
			t.Errorf("the first again: %v", err)
		}
		if used := shared.Used(); used > shared.Limit {
			t.Errorf("%d of %d bytes are in use", used, shared.Limit)
		}
		runtime.KeepAlive(first)
		runtime.KeepAlive(second)
	})
	t.Run("if what filled it is not used any more, then there is room again", func(t *testing.T) {
		now := time.Now()
		shared := mask.Shared{Limit: size + size/2, Now: func() time.Time { return now }}
		for set := range 5 {
			now = now.Add(time.Minute)
			if _, _, err := shared.With(mask.Default(), numbered(set, 10)); err != nil {
				t.Errorf("set %d: %v", set, err)
			}
		}
	})
	t.Run("if many are refused, then the garbage is collected once in a while", func(t *testing.T) {
		now := time.Now()
		shared := mask.Shared{Limit: size / 2, Now: func() time.Time { return now }}
		before := collections()
		for set := range 20 {
			if _, _, err := shared.With(mask.Default(), numbered(set, 10)); !errors.Is(err, mask.ErrNoRoom) {
				t.Error(err)
			}
			now = now.Add(200 * time.Millisecond)
		}
		if got := collections() - before; got != 2 {
			t.Errorf("in 4 s it is collected %d times", got)
		}
	})
	t.Run("if there is no value to mask, then that takes no room", func(t *testing.T) {
		none := mask.Shared{Now: time.Now}
		rules, ignored, err := none.With(mask.Default(), []mask.Value{{Rule: "secret/a/c", Text: []byte("short")}})
		if err != nil || rules != mask.Default() || len(ignored) != 1 {
			t.Errorf("ignored %v, %v", ignored, err)
		}
		if _, _, err := none.With(mask.Default(), numbered(0, 1)); !errors.Is(err, mask.ErrNoRoom) {
			t.Errorf("without a limit there is room: %v", err)
		}
	})
	t.Run("if many come at once, then they do not pass the limit", func(t *testing.T) {
		shared := mask.Shared{Limit: 3*size + size/2, Now: time.Now}
		var all [20]*mask.Rules
		var wait sync.WaitGroup
		for i := range all {
			wait.Go(func() { all[i], _, _ = shared.With(mask.Default(), numbered(i%10, 10)) })
		}
		wait.Wait()
		made := map[*mask.Rules]bool{}
		for i, rules := range all {
			if made[rules] = true; rules != nil && all[(i+10)%20] != nil && all[(i+10)%20] != rules {
				t.Errorf("set %d is there twice", i%10)
			}
		}
		delete(made, nil)
		if len(made) != 3 {
			t.Errorf("%d sets are in use, and there is room for 3", len(made))
		}
	})
}

// collections is how often somebody asked for the garbage collector.
func collections() uint32 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.NumForcedGC
}

// TestSharedSize: what is counted is not less than what the memory holds, and not many times as much.
func TestSharedSize(t *testing.T) {
	for name, values := range map[string][]mask.Value{
		"if there are many short values":                numbered(0, 2000),
		"if there is a long one":                        {{Rule: "secret/a/b", Text: []byte(strings.Repeat("0123456789abcdef", 1024))}},
		"if they are random, so that the trie is broad": randomValues(4000),
	} {
		t.Run(name, func(t *testing.T) {
			shared := mask.Shared{Limit: roomy, Now: time.Now}
			before := heap()
			made, _, err := shared.With(mask.Default(), values)
			if err != nil {
				t.Fatal(err)
			}
			took := heap() - before
			counted := shared.Used()
			if took > counted || counted > 4*took {
				t.Errorf("counted are %d bytes, and it took %d", counted, took)
			}
			t.Logf("counted %d, took %d", counted, took)
			runtime.KeepAlive(made)
			runtime.KeepAlive(values)
		})
	}
}

func randomValues(count int) []mask.Value {
	values, state := make([]mask.Value, 0, count), uint64(1)
	for i := range count {
		text := make([]byte, 24)
		for j := range text {
			state = state*6364136223846793005 + 1442695040888963407
			text[j] = byte('!' + state>>33%90)
		}
		values = append(values, mask.Value{Rule: fmt.Sprint("secret/a/", i), Text: text})
	}
	return values
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
