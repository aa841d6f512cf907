//go:build e2e

package faults

import (
	"fmt"
	"os"
	"testing"

	"github.com/sallyport-dev/sallyport/test/node"
)

// stored begins sessions under a grant with the durability Store, and returns them when they are live.
func stored(t *testing.T) []*trial {
	t.Helper()
	if permitted {
		t.Fatal("there is another grant, which says otherwise")
	}
	name := node.Active(t, node.Grant{Pod: "app-0", Durability: "Store"})
	// What comes after these sessions takes the grant that all tests have.
	t.Cleanup(func() { node.As("admin").Kubectl("delete", "xg", "-n", node.Namespace, name, "--ignore-not-found") })
	all := []*trial{begin(t, counting), begin(t, ticking), begin(t, typing)}
	live(t, all)
	return all
}

// TestStoredOutage: under Store nothing passes that the store has not taken, so that an outage ends the session.
func TestStoredOutage(t *testing.T) {
	r := &row{
		fault: "the store is cut off, under a grant for the durability Store", means: "the store front neither answers nor hangs up, during 3 sessions",
		reasons: []string{"recording-failed"}, told: "the object store does not answer",
	}
	r.once(t, func(t *testing.T) []*trial {
		all := stored(t)
		heal := front.suffer(t, partition)
		waitAll(t, all)
		heal()
		permit(t)
		return all
	})
}

// TestStoredSpoolLost: under Store a disk that is gone takes nothing along.
func TestStoredSpoolLost(t *testing.T) {
	r := &row{
		fault: "the proxy is killed, and its spool is gone, under a grant for the durability Store", means: "kill -9, then the spool's directory is removed",
		reasons: []string{"spool-lost"},
	}
	r.once(t, func(t *testing.T) []*trial {
		newPod(t)
		all := stored(t)
		spool, err := os.OpenRoot(fmt.Sprintf("/proc/%d/root%s", proxy(t), spoolDir))
		if err != nil {
			t.Fatal(err)
		}
		defer spool.Close()
		node.KillProxy(t)
		removeSessions(t, spool)
		waitAll(t, all)
		permit(t)
		return all
	})
}
