//go:build e2e

package faults

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/test/node"
)

// row is one line of the table.
type row struct {
	fault, means string
	reasons      []string // of the exits that are right
	lossy        bool     // the fault destroys the spool: what was only there is gone, and the recording says so
	told         string   // what the client reads, where it can; "" for what depends on the moment

	trials   []*trial
	failed   bool
	seeds    []string
	sessions int
	refused  int
	acked    int
	lost     int
	endings  map[string]int
}

// print adds the row to the table when the test is over.
func (r *row) print(t *testing.T) {
	t.Helper()
	result := "**FAILED**"
	if !t.Failed() && !r.failed {
		result = "passed"
	}
	var ends []string
	for _, end := range slices.Sorted(maps.Keys(r.endings)) {
		ends = append(ends, fmt.Sprintf("%d %s", r.endings[end], end))
	}
	if r.refused > 0 {
		ends = append(ends, fmt.Sprintf("%d refused", r.refused))
	}
	line := fmt.Sprintf("| %s | %s | %s | %d | %s | %s | %s | %#q |\n", r.fault, r.means, strings.Join(r.seeds, ", "), r.sessions,
		strings.Join(ends, ", "), fmt.Sprintf("%d of %d", r.lost, r.acked), result, strings.TrimSuffix(strings.TrimPrefix(t.Name(), "Test"), "#01"))
	t.Log(line)
	if *table == "" {
		return
	}
	f, err := os.OpenFile(*table, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(line); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// try runs a fault once for every seed, and then checks all of its sessions.
func (r *row) try(t *testing.T, once func(t *testing.T, chance *locked) []*trial) {
	t.Helper()
	defer r.print(t)
	permit(t)
	r.run(t, once)
	r.check(t)
}

// run runs a fault once for every seed, and fails unless new sessions work after each. Once returns sessions that are over
// for their clients.
func (r *row) run(t *testing.T, once func(t *testing.T, chance *locked) []*trial) {
	t.Helper()
	for seed := *firstSeed; seed < *firstSeed+*seeds; seed++ {
		r.seeds = append(r.seeds, fmt.Sprint(seed))
		r.step(t, fmt.Sprintf("seed=%d", seed), func(t *testing.T) []*trial {
			permit(t)
			return once(t, newChance(seed))
		})
	}
}

// once is try for a fault without chance.
func (r *row) once(t *testing.T, f func(t *testing.T) []*trial) {
	t.Helper()
	defer r.print(t)
	r.seeds = []string{"-"}
	r.step(t, "once", f)
	r.check(t)
}

// permitted is true while a test has let the developer in.
var permitted bool

// permit lets the developer into the pod that is there while the test runs, unless a test above it does.
func permit(t *testing.T) {
	t.Helper()
	if permitted {
		return
	}
	node.Active(t, node.Grant{Pod: "app-0", Seconds: 900})
	permitted = true
	t.Cleanup(func() { permitted = false })
}

// step is one fault. It leaves the developer with a grant.
func (r *row) step(t *testing.T, name string, once func(t *testing.T) []*trial) {
	t.Helper()
	r.failed = !t.Run(name, func(t *testing.T) {
		r.trials = append(r.trials, once(t)...)
		works(t)
	}) || r.failed
}

// check demands of every session what the package comment says, and prints the row.
func (r *row) check(t *testing.T) {
	t.Helper()
	permit(t)
	var found map[string]session
	node.Eventually(t, "every session is over", 150*time.Second, func() bool {
		found = sessions(t, r.trials)
		for _, s := range found {
			if !s.over() {
				return false
			}
		}
		return true
	})
	r.noneOpen(t)
	for _, x := range r.trials {
		s, ok := found[x.tag]
		switch {
		case ok:
			r.one(t, x, s)
		case x.seen.Spec.Recording != "":
			r.one(t, x, x.seen)
		default:
			r.never(t, x)
		}
	}
}

// never is a session that did not begin.
func (r *row) never(t *testing.T, x *trial) {
	t.Helper()
	r.refused++
	if x.result.Stdout != "" || x.result.Code == 0 || x.result.Stderr == "" {
		t.Errorf("%s (%s) never began: %s", x.tag, x.name, x.result)
	}
}

func (r *row) one(t *testing.T, x *trial, s session) {
	t.Helper()
	versions := node.OpenStore(t, "auditor").Versions(s.Spec.Recording)
	if len(versions) == 0 {
		r.never(t, x)
		return
	}
	recording, end := evidence(t, s, versions)
	if recording == nil {
		r.lost += len(x.result.Stdout)
		return
	}
	r.sessions++
	if r.endings == nil {
		r.endings = map[string]int{}
	}
	r.endings[end.String()]++
	stdout, stdin := string(recording.Streams["stdout"]), string(recording.Streams["stdin"])
	about := fmt.Sprintf("%s (%s), %s, which ended %s %q: %s", x.tag, x.name, s.Metadata.Name, end, end.Fault, shortly(x.result))

	r.acked += len(x.result.Stdout)
	if missing := len(x.result.Stdout) - common(x.result.Stdout, stdout); missing > 0 {
		r.lost += missing
		r.missing(t, about, "the client", missing)
	}
	if x.sent == nil {
		r.input(t, x, about, stdin, stdout)
	} else if sent := x.sent(x.tag, len(stdout)); !strings.HasPrefix(sent, stdout) || !strings.HasPrefix(sent, x.result.Stdout[:min(len(sent), len(x.result.Stdout))]) {
		t.Errorf("%s: the container did not send what is recorded", about)
	}
	if !slices.Contains(r.reasons, end.Exit.Reason) && end.Exit.Reason != "completed" {
		t.Errorf("%s: that is no right end of %q", about, r.fault)
	}
	complete := end.Outcome == "closed" && end.Exit.Reason == "completed"
	switch {
	case x.result.Code == 0, complete && x.result.Code == x.code && x.sent != nil && x.result.Stdout != x.sent(x.tag, 1<<30):
		t.Errorf("%s: the client was told of no trouble", about)
	case x.result.Code == x.code && !complete:
		t.Errorf("%s: the client has the exit code of a command whose recording does not end well", about)
	case r.told != "" && x.result.Code != x.code && !strings.Contains(x.result.Stderr, r.told):
		t.Errorf("%s: the client did not read %q", about, r.told)
	}
}

// missing fails the test, unless the row's fault took those bytes along.
func (r *row) missing(t *testing.T, about, who string, n int) {
	t.Helper()
	if !r.lossy {
		t.Errorf("%s: %s has %d bytes that the recording has not", about, who, n)
	}
}

// input: what the container got was recorded before, and what was recorded had been typed.
func (r *row) input(t *testing.T, x *trial, about, stdin, stdout string) {
	t.Helper()
	got := node.Through("developer").Kubectl("exec", "-n", node.Namespace, "app-0", "--", "sh", "-c", "cat /tmp/"+x.tag+" 2>/dev/null; exit 0")
	if got.Code != 0 {
		t.Fatal(got)
	}
	r.acked += len(got.Stdout)
	if missing := len(got.Stdout) - common(got.Stdout, stdin); missing > 0 {
		r.lost += missing
		r.missing(t, about, "the container", missing)
	}
	if !strings.HasPrefix(x.typed.String(), stdin) || !strings.HasPrefix(got.Stdout, stdout) {
		t.Errorf("%s: recorded are %d bytes of input and %d of output; typed were %d, the container got %d", about,
			len(stdin), len(stdout), x.typed.Len(), len(got.Stdout))
	}
}

// noneOpen fails the test if the bucket holds a recording of this suite that does not say how it ended.
func (r *row) noneOpen(t *testing.T) {
	t.Helper()
	var open []string
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Second) {
		ended := map[string]bool{}
		for v := range node.OpenStore(t, "auditor").List("sessions/") {
			prefix, name, _ := cutLast(v)
			ended[prefix] = ended[prefix] || name == "close.json"
		}
		open = open[:0]
		for prefix, closed := range ended {
			if !closed && madeSince(prefix, began) {
				open = append(open, prefix)
			}
		}
		if len(open) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("the bucket holds recordings without an end: %s", open)
			return
		}
	}
}

func cutLast(v objectstore.Version) (prefix, name string, ok bool) {
	i := strings.LastIndexByte(v.Key, '/')
	return v.Key[:max(i, 0)], v.Key[i+1:], i >= 0
}

// madeSince reads the time in a session's name.
func madeSince(prefix string, since time.Time) bool {
	var high, low int64
	if _, err := fmt.Sscanf(prefix[strings.LastIndexByte(prefix, '/')+1:], "%8x-%4x", &high, &low); err != nil {
		return false
	}
	return !time.UnixMilli(high<<16 | low).Before(since)
}

// common is the length of the longest common prefix.
func common(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

func shortly(r node.Result) string {
	return fmt.Sprintf("exit code %d after %d bytes: %s", r.Code, len(r.Stdout), strings.TrimSpace(r.Stderr))
}
