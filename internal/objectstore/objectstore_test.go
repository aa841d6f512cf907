package objectstore_test

import (
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestRoundedNeverShortens(t *testing.T) {
	tests := map[string]struct{ in, want time.Time }{
		"if the end is a whole second, then it stays":      {noon, noon},
		"if the end has a fraction, then it is rounded up": {noon.Add(time.Nanosecond), noon.Add(time.Second)},
		"if the end is in another zone, then it is UTC":    {noon.In(time.FixedZone("x", 3600)), noon},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := objectstore.Retention{Mode: objectstore.Compliance, Until: tc.in}.Rounded()
			if got.Until != tc.want || got.Mode != objectstore.Compliance {
				t.Errorf("Rounded() = %+v, want until %s", got, tc.want)
			}
		})
	}
}

func TestCovers(t *testing.T) {
	c := func(d time.Duration) objectstore.Retention {
		return objectstore.Retention{Mode: objectstore.Compliance, Until: noon.Add(d)}
	}
	g := func(d time.Duration) objectstore.Retention {
		return objectstore.Retention{Mode: objectstore.Governance, Until: noon.Add(d)}
	}
	tests := map[string]struct {
		have, want objectstore.Retention
		ok         bool
	}{
		"if equal, then it covers":                     {c(1), c(1), true},
		"if longer, then it covers":                    {c(2), c(1), true},
		"if shorter, then it does not":                 {c(1), c(2), false},
		"if firmer, then it covers":                    {c(1), g(1), true},
		"if looser, then it does not":                  {g(9), c(1), false},
		"if both are governance, then length decides":  {g(1), g(1), true},
		"if there is none, then it does not":           {objectstore.Retention{}, g(1), false},
		"if the mode is empty, then it does not cover": {objectstore.Retention{Until: noon.Add(9)}, objectstore.Retention{}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tc.have.Covers(tc.want); got != tc.ok {
				t.Errorf("Covers = %v, want %v", got, tc.ok)
			}
		})
	}
}
