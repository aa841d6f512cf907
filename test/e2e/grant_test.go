//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// grant is what a test asks for; zero values take the defaults of spec.
type grant struct {
	name, pod  string
	actions    []string
	containers []string
	images     []string
	commands   [][]string
	copies     string
	durability string
	onEnd      string
	seconds    int
}

// manifest is the grant as JSON, with the defaults: Exec on app-0 for 300 seconds.
func (g grant) manifest() string {
	if g.actions == nil {
		g.actions = []string{"Exec"}
	}
	if g.seconds == 0 {
		g.seconds = 300
	}
	target := map[string]any{}
	if g.pod != "" {
		target["podName"] = g.pod
	}
	if g.containers != nil {
		target["containers"] = g.containers
	}
	if g.images != nil {
		target["images"] = g.images
	}
	spec := map[string]any{
		"actions": g.actions, "target": target, "reason": "end-to-end test", "durationSeconds": g.seconds,
	}
	if g.commands != nil {
		var patterns []any
		for _, argv := range g.commands {
			patterns = append(patterns, map[string]any{"argv": argv})
		}
		spec["commands"] = patterns
	}
	recording := map[string]any{}
	if g.copies != "" {
		recording["copies"] = g.copies
	}
	if g.durability != "" {
		recording["durability"] = g.durability
	}
	if len(recording) > 0 {
		spec["recording"] = recording
	}
	if g.onEnd != "" {
		spec["onEnd"] = g.onEnd
	}
	b, _ := json.Marshal(map[string]any{
		"apiVersion": "access.sallyport.dev/v1alpha1", "kind": "ExecutionGrant",
		"metadata": map[string]any{"name": g.name, "namespace": namespace}, "spec": spec,
	})
	return string(b)
}

// request applies the grant as the developer and removes it when the test ends.
func request(t *testing.T, g grant) string {
	t.Helper()
	if g.name == "" {
		g.name = strings.ToLower(strings.NewReplacer("/", "-", "_", "-", ",", "", " ", "-", ".", "").Replace(t.Name()))
		if len(g.name) > 40 {
			g.name = g.name[len(g.name)-40:]
		}
		g.name = strings.Trim(g.name, "-") + fmt.Sprintf("-%d", time.Now().UnixNano()%100000)
	}
	as("developer").reading(g.manifest()).must(t, "apply", "-f", "-")
	t.Cleanup(func() {
		as("admin").kubectl("delete", "xg", "-n", namespace, g.name, "--ignore-not-found", "--wait=false")
	})
	return g.name
}

// verdict adds a decision to the grant's ApprovalRequest by plain kubectl patch.
func verdict(t *testing.T, user, name, verdict string) result {
	t.Helper()
	eventually(t, "the grant "+name+" has an ApprovalRequest", 20*time.Second, func() bool {
		return as("admin").kubectl("get", "xar", "-n", namespace, name).code == 0
	})
	patch := fmt.Sprintf(`{"spec":{"decisions":[{"verdict":%q,"comment":"by the end-to-end test"}]}}`, verdict)
	return as(user).kubectl("patch", "xar", "-n", namespace, name, "--type=merge", "-p", patch)
}

// active requests a grant, has it approved, and waits until it opens the door.
func active(t *testing.T, g grant) string {
	t.Helper()
	name := request(t, g)
	if r := verdict(t, "approver", name, "Approved"); r.code != 0 {
		t.Fatalf("approving %s: %s", name, r)
	}
	waitFor(t, name, "Active")
	return name
}

func waitFor(t *testing.T, name, condition string) {
	t.Helper()
	as("admin").must(t, "wait", "-n", namespace, "xg/"+name, "--for=condition="+condition, "--timeout=30s")
	// The proxy and the webhooks see the change through their own watches.
	time.Sleep(200 * time.Millisecond)
}
