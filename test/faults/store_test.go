//go:build e2e

package faults

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestStore: trouble with the object store ends no session while the spool has room; what begins meanwhile is recorded or
// refused.
func TestStore(t *testing.T) {
	permit(t)
	always := func(f fault) func(*locked) fault { return func(*locked) fault { return f } }
	faults := []struct {
		name  string
		row   row
		begin func(*locked) fault
	}{
		{"Partition", row{fault: "the store is cut off", means: "the store front takes connections, and neither answers nor hangs up"}, always(partition)},
		{"HangUp", row{fault: "the store hangs up", means: "the store front ends each connection"}, always(hangup)},
		{"Slow", row{fault: "the store is slow", means: "the store front waits 1 to 3 s before each request"}, slow},
		{"SlowDown", row{fault: "the store is overloaded", means: "two of three requests get 503 SlowDown"}, func(chance *locked) fault {
			return answers(chance, http.StatusServiceUnavailable, "SlowDown")
		}},
		{"InternalError", row{fault: "the store fails", means: "two of three requests get 500 InternalError"}, func(chance *locked) fault {
			return answers(chance, http.StatusInternalServerError, "InternalError")
		}},
		{"Forgetful", row{fault: "the store acts, and the answer is lost", means: "two of three PUTs are done, and then the connection ends"}, forgetful},
	}
	// What a fault has left is stored while the next one is tried.
	for i := range faults {
		f := &faults[i]
		f.row.reasons = []string{"refused", "recorder-died"}
		f.row.failed = !t.Run(f.name, func(t *testing.T) {
			f.row.run(t, func(t *testing.T, chance *locked) []*trial { return duringTrouble(t, f.begin(chance), chance) })
		}) || f.row.failed
	}
	for i := range faults {
		t.Run(faults[i].name, func(t *testing.T) {
			defer faults[i].row.print(t)
			faults[i].row.check(t)
		})
	}
}

// duringTrouble has two sessions that live when the trouble begins, and one that begins in it.
func duringTrouble(t *testing.T, trouble fault, chance *locked) []*trial {
	t.Helper()
	going := []*trial{begin(t, ticking), begin(t, typing)}
	live(t, going)
	heal := front.suffer(t, trouble)
	time.Sleep(chance.duration(time.Second))
	late := begin(t, brief)
	waitAll(t, append(going, late))
	heal()
	for _, x := range going {
		if x.result.Code != x.code {
			t.Errorf("%s did not go on: %s", x.name, shortly(x.result))
		}
	}
	if late.result.Code != late.code && !strings.Contains(late.result.Stderr, "recording store") {
		t.Errorf("the client was not told why: %s", shortly(late.result))
	}
	return append(going, late)
}
