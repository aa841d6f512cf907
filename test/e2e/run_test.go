//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"
)

func runArgs(name, image string, command ...string) []string {
	return append([]string{"run", "-n", namespace, name, "--image=" + image, "--image-pull-policy=Never", "--restart=Never", "--"}, command...)
}

func TestRun(t *testing.T) {
	const image = "localhost/busybox:dev"
	pods := []string{"shell", "other"}
	clean := func() {
		as("admin").Kubectl(append([]string{"delete", "pod", "-n", namespace, "--ignore-not-found", "--now"}, pods...)...)
	}
	t.Cleanup(clean)
	clean()
	for path, developer := range map[string]client{"direct": as("developer"), "gateway": through("developer")} {
		t.Run("if there is no grant, then no pod is made, "+path, func(t *testing.T) {
			developer.Refused(t, []string{"Run", "kubectl sallyport request"}, runArgs("shell", image, "sleep", "60")...)
			developer.Reading(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"shell","namespace":"e2e"},"spec":{"containers":[{"name":"c","image":"localhost/busybox:dev"}]}}`).
				Refused(t, []string{"Run"}, "create", "-f", "-")
		})
	}
	t.Run("if the highest administrator runs a pod, then it needs a grant too", func(t *testing.T) {
		as("super-admin").Refused(t, []string{"Run"}, runArgs("shell", image, "sleep", "60")...)
	})
	t.Run("if a grant fits, then the pod is made and bound to it", func(t *testing.T) {
		name := active(t, grant{Actions: []string{"Run"}, Images: []string{image}, Commands: [][]string{{"sleep", "*"}}})
		as("developer").Refused(t, []string{"image"}, runArgs("other", "localhost/other:dev", "sleep", "60")...)
		as("developer").Refused(t, []string{"command"}, runArgs("other", image, "sh", "-c", "id")...)
		as("developer").Must(t, runArgs("shell", image, "sleep", "60")...)
		got := as("admin").Must(t, "get", "pod", "-n", namespace, "shell", "-o", "jsonpath={.metadata.annotations.access\\.sallyport\\.dev/grant} {.spec.activeDeadlineSeconds}")
		if fields := strings.Fields(got); len(fields) != 2 || !strings.HasPrefix(fields[0], name) {
			t.Errorf("grant and deadline of the pod: %q", got)
		}
	})
	t.Run("if a controller makes a pod, then it passes", func(t *testing.T) {
		as("developer").Must(t, "rollout", "restart", "-n", namespace, "deployment/logger")
		as("developer").Must(t, "rollout", "status", "-n", namespace, "deployment/logger", "--timeout=60s")
	})
}

func TestDebug(t *testing.T) {
	const image = "localhost/busybox:dev"
	debug := []string{"debug", "-n", namespace, "app-1", "--image=" + image, "--image-pull-policy=Never", "--container=probe", "--attach=false", "--target=main", "--", "sleep", "60"}
	as("developer").Refused(t, []string{"Debug", "kubectl sallyport request"}, debug...)
	as("super-admin").Refused(t, []string{"Debug"}, debug...)
	active(t, grant{Pod: "app-1", Actions: []string{"Debug", "Exec"}, Images: []string{image}})
	as("developer").Must(t, debug...)
	eventually(t, "the ephemeral container can be entered through the gateway", 30*time.Second, func() bool {
		return through("developer").Kubectl("exec", "-n", namespace, "app-1", "-c", "probe", "--", "true").Code == 0
	})
}

func TestAttach(t *testing.T) {
	const image = "localhost/busybox:dev"
	as("admin").Kubectl("delete", "pod", "-n", namespace, "talker", "--ignore-not-found", "--now")
	active(t, grant{Actions: []string{"Run"}, Images: []string{image}})
	manifest := `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"talker","namespace":"e2e"},"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"localhost/busybox:dev","imagePullPolicy":"Never","stdin":true,"stdinOnce":true,"command":["sh","-c","while read -r l; do echo got $l; done"]}]}}`
	as("developer").Reading(manifest).Must(t, "create", "-f", "-")
	t.Cleanup(func() { as("admin").Kubectl("delete", "pod", "-n", namespace, "talker", "--ignore-not-found", "--now") })
	as("admin").Must(t, "wait", "-n", namespace, "pod/talker", "--for=condition=Ready", "--timeout=60s")
	active(t, grant{Pod: "talker", Actions: []string{"Attach"}})
	r := through("developer").Reading("hello\n").Kubectl("attach", "-i", "-n", namespace, "talker")
	if r.Code != 0 || !strings.Contains(r.Stdout, "got hello") {
		t.Error(r)
	}
}
