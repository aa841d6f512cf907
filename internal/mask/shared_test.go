package mask_test

import (
	"runtime"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

func TestShared(t *testing.T) {
	var shared mask.Shared
	share(t, &shared)
	runtime.GC()
	if n := shared.Live(); n != 0 {
		t.Errorf("%d sets are kept that nobody uses", n)
	}
}

// share makes the same rules twice, and others.
func share(t *testing.T, shared *mask.Shared) {
	t.Helper()
	values := []mask.Value{{Rule: "secret/a/b", Text: []byte("a value of some length")}, {Rule: "secret/a/c", Text: []byte("short")}}
	first, ignored := shared.With(mask.Default(), values)
	again, also := shared.With(mask.Default(), values)
	if first != again || len(ignored) != 1 || len(also) != 1 {
		t.Errorf("the same values are compiled twice; ignored %v and %v", ignored, also)
	}
	for name, other := range map[string]func() (*mask.Rules, []mask.Ignored){
		"other rules":  func() (*mask.Rules, []mask.Ignored) { return shared.With(mask.Default().Keyed([]byte("k")), values) },
		"other values": func() (*mask.Rules, []mask.Ignored) { return shared.With(mask.Default(), values[:1]) },
		"other forms": func() (*mask.Rules, []mask.Ignored) {
			return shared.With(mask.Default(), []mask.Value{{Rule: "secret/a/b", Text: values[0].Text, Plain: true}, values[1]})
		},
	} {
		if rules, _ := other(); rules == first {
			t.Errorf("%s share the rules", name)
		}
	}
	runtime.KeepAlive(first)
}
