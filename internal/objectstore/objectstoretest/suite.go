// Package objectstoretest is the conformance suite of objectstore.Store. Every
// implementation runs it, so that what is proved on the memory store holds on
// the real one.
package objectstoretest

import (
	"context"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

// Harness is a store under test, and the acts of somebody with credentials who
// does not go through it.
type Harness struct {
	Store     objectstore.Store
	Now       func() time.Time // the store's clock
	Prefix    string           // of all keys used; unique to the run
	Remove    func(ctx context.Context, key, versionID string) error
	Overwrite func(ctx context.Context, key string, body []byte) error
}

func (h Harness) key(name string) string { return h.Prefix + name }

func (h Harness) hour() objectstore.Retention {
	return objectstore.Retention{Mode: objectstore.Compliance, Until: h.Now().Add(time.Hour)}
}

func (h Harness) put(t *testing.T, name, body string) objectstore.Version {
	t.Helper()
	v, err := h.Store.PutNew(t.Context(), h.key(name), objectstore.NewBody([]byte(body)), h.hour())
	if err != nil {
		t.Fatalf("PutNew(%q): %v", name, err)
	}
	return v
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	tests := map[string]func(*testing.T, Harness){
		"if an object is put, then it is described, readable and retained":   testPut,
		"if the same object is put again, then the first version stands":     testPutSame,
		"if other content is put on a key, then it is refused":               testPutOther,
		"if the same body is there but retained shorter, then it is refused": testPutShorter,
		"if a put is malformed, then it is refused":                          testPutMalformed,
		"if many put one key at once, then exactly one wins":                 testPutRace,
		"if a body has the largest size, then it is one version":             testPutLargest,
		"if a key or version is absent, then it is not found":                testAbsent,
		"if a retained version is removed, then it stays":                    testRemove,
		"if a key is deleted, then its version is still there":               testHidden,
		"if a key is overwritten, then the first version is still there":     testOverwritten,
		"if keys are listed, then in order, in bounds, newest version first": testList,
		"if there are more keys than a page holds, then all are listed":      testListLong,
		"if the context has ended, then nothing is done":                     testContext,
		"if the store is probed, then it is found fit":                       testProbe,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, h) })
	}
}
