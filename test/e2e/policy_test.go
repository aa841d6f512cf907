//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// apply applies a policy for the tests' namespace as an administrator does, and deletes it after the test.
func apply(t *testing.T, name, masking string) {
	t.Helper()
	t.Cleanup(func() { as("admin").Kubectl("delete", "xp", name, "--ignore-not-found") })
	as("admin").Reading(policyManifest(name, masking)).Must(t, "apply", "-f", "-")
	as("admin").Must(t, "wait", "--for=condition=Ready", "--timeout=20s", "xp/"+name)
}

func policyManifest(name, masking string) string {
	return fmt.Sprintf(`
apiVersion: access.sallyport.dev/v1alpha1
kind: ExecutionPolicy
metadata: {name: %s}
spec:
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}}
  masking: %s
`, name, namespace, masking)
}

// shows waits until a command in a new session prints this: the gateway has seen the policy.
func shows(t *testing.T, want, script string) {
	t.Helper()
	var last result
	eventually(t, fmt.Sprintf("a session shows %q", want), 20*time.Second, func() bool {
		last = through("developer").Kubectl("exec", "-n", namespace, "app-0", "--", "sh", "-c", script)
		return last.Code == 0 && strings.Contains(last.Stdout, want)
	})
}

// A policy's rules hold for what the person sees and for the recording, which names the policy.
func TestPolicyDisablesADetector(t *testing.T) {
	const script = `printf 'AKIA%s end\n' ENDTOENDTESTABCD` // so that no argument is a secret
	g := active(t, grant{Pod: "app-0"})
	shows(t, "AKIA****************", script)
	apply(t, "e2e-no-aws", "{disabledDetectors: [aws-access-key-id]}")
	shows(t, "AKIA"+"ENDTOENDTESTABCD", script)
	name, prefix := lastSession(t, g)
	auditor := openStore(t, "auditor")
	if out, err := auditor.Plugin("play", name); err != nil || !strings.Contains(out, "AKIA"+"ENDTOENDTESTABCD") {
		t.Errorf("%v: recorded %s", err, out)
	}
	if open := string(auditor.Cat(prefix + "/open.json")); !strings.Contains(open, `"maskPolicies":[{"name":"e2e-no-aws","uid":"`) {
		t.Errorf("the recording does not name the policy: %s", open)
	}
	apply(t, "e2e-strict", "{}")
	shows(t, "AKIA****************", script)
}

func TestPolicyMasksALiteralAndAPattern(t *testing.T) {
	literal, number := strings.Join([]string{"blue", "heron", "project"}, "-"), strings.Repeat("42", 4)
	g := active(t, grant{Pod: "app-0"})
	apply(t, "e2e-rules", `
    literals: [{name: bird, value: `+literal+`}]
    patterns: [{name: customer, literal: CUST-, expression: "[0-9]{8}", maxLength: 8}]`)
	shows(t, "CUST-********", `printf 'a %s-%s of %s-%s\n' blue heron-project CUST `+number)
	name, _ := lastSession(t, g)
	out, err := openStore(t, "auditor").Plugin("play", name)
	if err != nil || !strings.Contains(out, "a "+strings.Repeat("*", len(literal))+" of CUST-********") {
		t.Errorf("%v: recorded %s", err, out)
	}
	r := through("developer").Kubectl("exec", "-n", namespace, "app-0", "--", "sh", "-c", `printf '%s-%s %s-%s\n' blue heron-project CUST `+number)
	if r.Code != 0 || strings.Contains(r.Stdout, "heron") || strings.Contains(r.Stdout, number) {
		t.Error(r)
	}
}

func TestBadPolicyIsRefusedAtApply(t *testing.T) {
	for masking, says := range map[string][]string{
		"{disabledDetectors: [jwt, fly]}":                                              {"spec.masking.disabledDetectors[1]", `no detector "fly"`},
		`{patterns: [{name: x, literal: abc, expression: "(d", maxLength: 8}]}`:        {"spec.masking.patterns[0].expression", "missing closing )"},
		`{patterns: [{name: x, literal: abc, expression: "d*", maxLength: 8}]}`:        {"spec.masking.patterns[0].expression", "empty string"},
		`{literals: [{name: no-echo, value: bluebird}]}`:                               {"spec.masking.literals[0].name", "Sallyport's own"},
		`{patterns: [{name: x, literal: abc, expression: "d{9,}", maxLength: 8}]}`:     {"spec.masking.patterns[0].expression", "needs 9 bytes"},
		`{patterns: [{name: x, literal: abc, expression: "d{9,}", maxLength: 10000}]}`: {"spec.masking.patterns[0].maxLength", "1024"},
	} {
		as("admin").Reading(policyManifest("e2e-bad", masking)).Refused(t, says, "apply", "-f", "-")
	}
	as("developer").Reading(policyManifest("e2e-bad", "{}")).Refused(t, []string{"executionpolicies", "cannot"}, "apply", "-f", "-")
}
