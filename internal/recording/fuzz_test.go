package recording_test

import (
	"errors"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/sallyport-dev/sallyport/internal/recording"
)

// FuzzLoad gives a reader objects of anybody's making: it must end with a fault
// or with a recording, whatever they hold.
func FuzzLoad(f *testing.F) {
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	dec, err := zstd.NewReader(nil)
	if err != nil {
		f.Fatal(err)
	}
	x := newFixture(f)
	x.record(f)
	objects := x.bodies(f)
	lines, err := dec.DecodeAll(objects[recording.SegmentKey(x.prefix(f), 1)], nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(objects[recording.OpenKey(x.prefix(f))], lines, objects[recording.CloseKey(x.prefix(f))])
	f.Add(objects[recording.OpenKey(x.prefix(f))], lines, []byte(nil))
	f.Fuzz(func(t *testing.T, openObject, lines, closeObject []byte) {
		x := newFixture(t)
		x.Overwrite(recording.OpenKey(x.prefix(t)), openObject)
		x.Overwrite(recording.SegmentKey(x.prefix(t), 1), enc.EncodeAll(lines, nil))
		if len(closeObject) > 0 {
			x.Overwrite(recording.CloseKey(x.prefix(t)), closeObject)
		}
		got, err := recording.Load(t.Context(), x.Store, x.id)
		var fault *recording.Fault
		if err != nil && !errors.As(err, &fault) {
			t.Fatalf("%v is no fault", err)
		}
		if err == nil {
			for _, err := range got.Records(t.Context()) {
				must(t, err)
			}
		}
	})
}
