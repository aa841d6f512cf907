//go:build e2e

package node

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// Grant is what a test asks for; zero values take the defaults of Manifest.
type Grant struct {
	Name, Pod  string
	Actions    []string
	Containers []string
	Images     []string
	Commands   [][]string
	Copies     string
	Durability string
	OnEnd      string
	Seconds    int
}

// Manifest is the grant as JSON, with the defaults: Exec on app-0 for 300 seconds.
func (g Grant) Manifest() string {
	if g.Actions == nil {
		g.Actions = []string{"Exec"}
	}
	if g.Seconds == 0 {
		g.Seconds = 300
	}
	target := map[string]any{}
	if g.Pod != "" {
		target["podName"] = g.Pod
	}
	if g.Containers != nil {
		target["containers"] = g.Containers
	}
	if g.Images != nil {
		target["images"] = g.Images
	}
	spec := map[string]any{
		"actions": g.Actions, "target": target, "reason": "end-to-end test", "durationSeconds": g.Seconds,
	}
	if g.Commands != nil {
		var patterns []any
		for _, argv := range g.Commands {
			patterns = append(patterns, map[string]any{"argv": argv})
		}
		spec["commands"] = patterns
	}
	recording := map[string]any{}
	if g.Copies != "" {
		recording["copies"] = g.Copies
	}
	if g.Durability != "" {
		recording["durability"] = g.Durability
	}
	if len(recording) > 0 {
		spec["recording"] = recording
	}
	if g.OnEnd != "" {
		spec["onEnd"] = g.OnEnd
	}
	b, _ := json.Marshal(map[string]any{
		"apiVersion": "access.sallyport.dev/v1alpha1", "kind": "ExecutionGrant",
		"metadata": map[string]any{"name": g.Name, "namespace": Namespace}, "spec": spec,
	})
	return string(b)
}

// Request applies the grant as the developer and removes it when the test ends.
func Request(t *testing.T, g Grant) string {
	t.Helper()
	if g.Name == "" {
		g.Name = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return '-'
		}, strings.ToLower(t.Name()))
		if len(g.Name) > 40 {
			g.Name = g.Name[len(g.Name)-40:]
		}
		g.Name = strings.Trim(g.Name, "-") + fmt.Sprintf("-%d", time.Now().UnixNano()%100000)
	}
	As("developer").Reading(g.Manifest()).Must(t, "apply", "-f", "-")
	t.Cleanup(func() {
		As("admin").Kubectl("delete", "xg", "-n", Namespace, g.Name, "--ignore-not-found", "--wait=false")
	})
	return g.Name
}

// Verdict adds a decision to the grant's ApprovalRequest by plain kubectl patch.
func Verdict(t *testing.T, user, name, verdict string) Result {
	t.Helper()
	Eventually(t, "the grant "+name+" has an ApprovalRequest", 20*time.Second, func() bool {
		return As("admin").Kubectl("get", "xar", "-n", Namespace, name).Code == 0
	})
	patch := fmt.Sprintf(`{"spec":{"decisions":[{"verdict":%q,"comment":"by the end-to-end test"}]}}`, verdict)
	return As(user).Kubectl("patch", "xar", "-n", Namespace, name, "--type=merge", "-p", patch)
}

// Active requests a grant, has it approved, and waits until it opens the door.
func Active(t *testing.T, g Grant) string {
	t.Helper()
	name := Request(t, g)
	if r := Verdict(t, "approver", name, "Approved"); r.Code != 0 {
		t.Fatalf("approving %s: %s", name, r)
	}
	WaitFor(t, name, "Active")
	return name
}

// WaitFor waits for a condition of a grant, and for the gates to have seen it.
func WaitFor(t *testing.T, name, condition string) {
	t.Helper()
	As("admin").Must(t, "wait", "-n", Namespace, "xg/"+name, "--for=condition="+condition, "--timeout=30s")
	// The proxy and the webhooks see the change through their own watches.
	time.Sleep(200 * time.Millisecond)
}
