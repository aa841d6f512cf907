//go:build e2e

package faults

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/test/node"
)

// manyPoints begins sessions so that at one moment, which it returns at, some are opening, some write, some read and some
// end.
func manyPoints(t *testing.T, chance *locked) []*trial {
	t.Helper()
	all := []*trial{begin(t, counting), begin(t, ticking), begin(t, ticking), begin(t, typing), begin(t, typing)}
	live(t, all)
	time.Sleep(chance.duration(2 * time.Second))
	for range 6 {
		all = append(all, begin(t, brief))
		time.Sleep(chance.duration(500 * time.Millisecond))
	}
	time.Sleep(chance.duration(500 * time.Millisecond))
	return all
}

func waitAll(t *testing.T, all []*trial) {
	t.Helper()
	for _, x := range all {
		x.wait(t, 60*time.Second)
	}
}

func TestKill(t *testing.T) {
	r := &row{fault: "the proxy is killed, its disk stays", means: "kill -9 during 11 sessions", reasons: []string{"recorder-died"}}
	r.try(t, func(t *testing.T, chance *locked) []*trial {
		newPod(t)
		all := manyPoints(t, chance)
		node.KillProxy(t)
		waitAll(t, all)
		return all
	})
}

// TestKillAtPut kills the proxy at the moments that decide how a recording is continued: the store has an object, or not,
// and the proxy does not know.
func TestKillAtPut(t *testing.T) {
	r := &row{fault: "the proxy is killed while it stores an object", means: "kill -9 when the store has the object, or just before", reasons: []string{"recorder-died"}}
	defer r.print(t)
	permit(t)
	for _, tc := range []struct {
		object string
		stored bool
	}{{"/open.json", true}, {"/segment-", true}, {"/close.json", true}, {"/close.json", false}} {
		name := map[bool]string{true: "after ", false: "before "}[tc.stored] + strings.Trim(tc.object, "/-")
		r.seeds = append(r.seeds, name)
		r.step(t, name, func(t *testing.T) []*trial {
			newPod(t)
			heal := front.suffer(t, killing(proxy(t), tc.object, tc.stored))
			x := begin(t, brief)
			waitAll(t, []*trial{x})
			heal()
			return []*trial{x}
		})
	}
	r.check(t)
}

// killing kills a process at the first PUT of an object.
func killing(pid int, object string, stored bool) fault {
	var once sync.Once
	return func(w http.ResponseWriter, r *http.Request, pass http.Handler, _ <-chan struct{}) {
		die := false
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, object) {
			once.Do(func() { die = true })
		}
		if !die {
			pass.ServeHTTP(w, r)
			return
		}
		if stored {
			pass.ServeHTTP(httptest.NewRecorder(), r)
		}
		_ = syscall.Kill(pid, syscall.SIGKILL) // the test sees whether it died
		drop()
	}
}

// TestSpoolLost: what only the spool held is gone; what the store has says so, and verifies.
func TestSpoolLost(t *testing.T) {
	permit(t)
	losses := []struct {
		what   string
		remove func(*testing.T, *os.Root)
		row    row
	}{{what: "directory", remove: removeSessions}, {what: "pod", remove: removePod}}
	for i := range losses {
		l := &losses[i]
		l.row = row{
			fault: "the proxy is killed, and its spool is gone", means: "kill -9, then the spool's " + l.what + " is removed",
			reasons: []string{"spool-lost"}, lossy: true,
		}
		l.row.failed = !t.Run(l.what, func(t *testing.T) {
			l.row.run(t, func(t *testing.T, chance *locked) []*trial { return losing(t, chance, l.remove) })
		}) || l.row.failed
	}
	for i := range losses {
		t.Run(losses[i].what, func(t *testing.T) {
			defer losses[i].row.print(t)
			losses[i].row.check(t)
		})
	}
}

// TestForgotten is about recordings that nothing tells of but the bucket.
func TestForgotten(t *testing.T) {
	r := &row{
		fault: "the proxy is killed, its spool is gone, and so are the ExecutionSessions", means: "kill -STOP, kubectl delete, kill -9, the spool's directory is removed",
		reasons: []string{"spool-lost"}, lossy: true,
	}
	r.once(t, func(t *testing.T) []*trial {
		permit(t)
		newPod(t)
		pid := proxy(t)
		spool, err := os.OpenRoot(fmt.Sprintf("/proc/%d/root%s", pid, spoolDir))
		if err != nil {
			t.Fatal(err)
		}
		defer spool.Close()
		all := []*trial{begin(t, counting), begin(t, ticking), begin(t, typing)}
		live(t, all)
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		// By its path: kubectl would look for the kind, and so ask the proxy.
		node.As("admin").Must(t, "delete", "--raw", "/apis/access.sallyport.dev/v1alpha1/namespaces/"+node.Namespace+"/executionsessions")
		node.KillProxy(t)
		removeSessions(t, spool)
		waitAll(t, all)
		return all
	})
}

func losing(t *testing.T, chance *locked, remove func(*testing.T, *os.Root)) []*trial {
	t.Helper()
	newPod(t)
	spool, err := os.OpenRoot(fmt.Sprintf("/proc/%d/root%s", proxy(t), spoolDir))
	if err != nil {
		t.Fatal(err)
	}
	defer spool.Close()
	all := manyPoints(t, chance)
	node.KillProxy(t)
	remove(t, spool)
	waitAll(t, all)
	return all
}

func removeSessions(t *testing.T, spool *os.Root) {
	t.Helper()
	left, err := fs.Glob(spool.FS(), "*-*")
	if err != nil || len(left) == 0 {
		t.Fatalf("the spool holds nothing: %v", err)
	}
	for _, session := range left {
		if err := spool.RemoveAll(session); err != nil {
			t.Fatal(err)
		}
	}
}

func removePod(t *testing.T, _ *os.Root) {
	t.Helper()
	if _, err := kubectl("delete", "pod", "-n", node.System, "-l", "app.kubernetes.io/name=sallyport", "--force", "--grace-period=0"); err != nil {
		t.Fatal(err)
	}
}
