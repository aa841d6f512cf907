//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// good is a grant that is accepted; each case breaks it in one place.
const good = `apiVersion: access.sallyport.dev/v1alpha1
kind: ExecutionGrant
metadata: {name: bad-input, namespace: e2e}
spec:
  actions: [Exec]
  target: {podName: app-0}
  reason: end-to-end test
  durationSeconds: 60
`

func TestBadInputIsRefusedAtApply(t *testing.T) {
	as("developer").Reading(good).Must(t, "apply", "--dry-run=server", "-f", "-")
	for name, tc := range map[string]struct{ old, new, says string }{
		"if a field is unknown, then it is named":                 {"reason:", "rason: x\n  reason:", "rason"},
		"if the duration is zero, then it is refused":             {"Seconds: 60", "Seconds: 0", "durationSeconds"},
		"if the duration is negative, then it is refused":         {"Seconds: 60", "Seconds: -5", "durationSeconds"},
		"if the duration is absurd, then it is refused":           {"Seconds: 60", "Seconds: 3153600000", "durationSeconds"},
		"if there is no reason, then it is refused":               {"end-to-end test", `"  "`, "reason"},
		"if a selector matches nothing, then it is refused":       {"podName: app-0", "selector: {matchLabels: {app: none}}", "selector"},
		"if a selector is empty, then it is refused":              {"podName: app-0", "selector: {}", "selector"},
		"if the pod does not exist, then it is named":             {"app-0", "app-99", "app-99"},
		"if a container does not exist, then it is named":         {"podName: app-0", "podName: app-0, containers: [nope]", "nope"},
		"if an action is unknown, then it is named":               {"[Exec]", "[Fly]", "Fly"},
		"if the requester is written by hand, then it is refused": {"reason:", "requester: {username: admin}\n  reason:", "requester"},
		"if the subject is somebody else, then it is refused":     {"reason:", "subject: {kind: User, name: admin}\n  reason:", "subject"},
		"if there are two time spans, then it is refused":         {"durationSeconds", "window: {notBefore: 2026-01-01T00:00:00Z, notAfter: 2026-01-01T01:00:00Z}\n  durationSeconds", "exactly one"},
		"if the window is over, then it is refused":               {"durationSeconds: 60", "window: {notBefore: 2020-01-01T00:00:00Z, notAfter: 2020-01-01T01:00:00Z}", "notAfter"},
	} {
		t.Run(name, func(t *testing.T) {
			as("developer").Reading(strings.Replace(good, tc.old, tc.new, 1)).Refused(t, []string{tc.says}, "apply", "-f", "-")
		})
	}
}

func TestNobodyForges(t *testing.T) {
	t.Run("if a status is written by hand, then it is refused", func(t *testing.T) {
		name := request(t, grant{Pod: "app-0"})
		patch := `{"status":{"activeFrom":"2026-01-01T00:00:00Z","activeUntil":"2099-01-01T00:00:00Z","conditions":[{"type":"Active","status":"True","reason":"Active","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`
		as("super-admin").Refused(t, []string{"status"}, "patch", "xg", "-n", namespace, name, "--subresource=status", "--type=merge", "-p", patch)
		through("developer").Refused(t, []string{name}, execID...)
	})
	t.Run("if the spec is changed, then it is refused", func(t *testing.T) {
		name := request(t, grant{Pod: "app-0"})
		as("developer").Refused(t, []string{"immutable"}, "patch", "xg", "-n", namespace, name, "--type=merge", "-p", `{"spec":{"durationSeconds":600}}`)
	})
	t.Run("if the same manifest is applied again, then nothing changes", func(t *testing.T) {
		g := grant{Name: fmt.Sprintf("again-%d", len(t.Name())), Pod: "app-0"}
		name := request(t, g)
		if out := as("developer").Reading(g.Manifest()).Must(t, "apply", "-f", "-"); !strings.Contains(out, "unchanged") {
			t.Errorf("applying %s again: %s", name, out)
		}
	})
	t.Run("if the requester approves, then it is refused", func(t *testing.T) {
		name := fmt.Sprintf("own-%d", len(t.Name()))
		as("developer2").Reading(grant{Name: name, Pod: "app-0"}.Manifest()).Must(t, "apply", "-f", "-")
		t.Cleanup(func() { as("admin").Kubectl("delete", "xg", "-n", namespace, name) })
		if r := verdict(t, "developer2", name, "Approved"); r.Code == 0 || !strings.Contains(r.Stderr, "developer2") {
			t.Errorf("the requester approved: %s", r)
		}
	})
	t.Run("if somebody without the right approves, then it is refused", func(t *testing.T) {
		name := request(t, grant{Pod: "app-0"})
		if r := verdict(t, "developer2", name, "Denied"); r.Code != 0 {
			t.Errorf("developer2 may decide about the requests of others: %s", r)
		}
		other := request(t, grant{Name: "no-right", Pod: "app-0"})
		if r := verdict(t, "auditor", other, "Approved"); r.Code == 0 {
			t.Errorf("the auditor approved: %s", r)
		}
	})
	t.Run("if the approver is written by hand, then it is refused", func(t *testing.T) {
		name := request(t, grant{Pod: "app-0"})
		verdictAs := `{"spec":{"decisions":[{"approver":"approver2","verdict":"Approved"}]}}`
		eventually(t, "there is an ApprovalRequest", 20e9, func() bool { return as("admin").Kubectl("get", "xar", "-n", namespace, name).Code == 0 })
		as("approver").Refused(t, []string{"approver"}, "patch", "xar", "-n", namespace, name, "--type=merge", "-p", verdictAs)
	})
	t.Run("if a decision is taken back, then it is refused", func(t *testing.T) {
		name := active(t, grant{Pod: "app-0"})
		as("approver").Refused(t, []string{"append"}, "patch", "xar", "-n", namespace, name, "--type=merge", "-p", `{"spec":{"decisions":[]}}`)
		as("approver").Refused(t, []string{"only"}, "patch", "xar", "-n", namespace, name, "--type=merge", "-p", `{"spec":{"requiredApprovals":2}}`)
	})
	t.Run("if a session or an approval request is made by hand, then it is refused", func(t *testing.T) {
		as("admin").Reading(`{"apiVersion":"access.sallyport.dev/v1alpha1","kind":"ApprovalRequest","metadata":{"name":"forged","namespace":"e2e"},"spec":{"grantRef":{"name":"x","uid":"y"},"digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","requester":"a","subject":{"kind":"User","name":"a"},"summary":"s","requiredApprovals":1,"deadline":"2099-01-01T00:00:00Z"}}`).
			Refused(t, []string{"Sallyport"}, "create", "-f", "-")
	})
	t.Run("if a pipeline with the right to delegate declares a grant for a person, then both are kept", func(t *testing.T) {
		manifest := strings.Replace(strings.Replace(good, "reason:", "subject: {kind: User, name: developer}\n  reason:", 1), "bad-input", "by-pipeline", 1)
		as("pipeline").Reading(manifest).Must(t, "apply", "-f", "-")
		t.Cleanup(func() { as("admin").Kubectl("delete", "xg", "-n", namespace, "by-pipeline") })
		got := as("admin").Must(t, "get", "xg", "-n", namespace, "by-pipeline", "-o", "jsonpath={.spec.requester.username} {.spec.subject.name}")
		if got != "system:serviceaccount:gitops:pipeline developer" {
			t.Error(got)
		}
	})
}
