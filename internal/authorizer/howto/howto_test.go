package howto

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
)

func TestRequest(t *testing.T) {
	pod := authorizer.Attributes{Action: "Exec", Namespace: "shop", Pod: "web-0", Container: "app"}
	with := func(change func(*authorizer.Attributes)) authorizer.Attributes {
		a := pod
		change(&a)
		return a
	}
	tests := map[string]struct {
		a    authorizer.Attributes
		want string
	}{
		"if the command can be pasted, then it is part of the line": {
			with(func(a *authorizer.Attributes) { a.Command = []string{"sh", "-c", "echo 'a' $b"} }),
			`kubectl sallyport request -n shop --pod web-0 -c app --reason WHY -- sh -c 'echo '\''a'\'' $b'`,
		},
		"if there is no command, then the line ends before it": {pod, "kubectl sallyport request -n shop --pod web-0 -c app --reason WHY"},
		"if an argument has a control character, then any command is asked for": {
			with(func(a *authorizer.Attributes) { a.Command = []string{"echo", "\x1b[2J"} }), "kubectl sallyport request -n shop --pod web-0 -c app --reason WHY",
		},
		"if an argument is not UTF-8, then any command is asked for": {
			with(func(a *authorizer.Attributes) { a.Command = []string{"echo", "\xff"} }), "kubectl sallyport request -n shop --pod web-0 -c app --reason WHY",
		},
		"if the command is long, then any command is asked for": {
			with(func(a *authorizer.Attributes) { a.Command = []string{strings.Repeat("x", 1000)} }), "kubectl sallyport request -n shop --pod web-0 -c app --reason WHY",
		},
		"if the action is another one, then it is named": {
			with(func(a *authorizer.Attributes) { a.Action = "Attach" }), "kubectl sallyport request -n shop --pod web-0 -c app --action Attach --reason WHY",
		},
		"if ports are wanted, then no container is named": {
			authorizer.Attributes{Action: "PortForward", Namespace: "shop", Pod: "web-0"}, "kubectl sallyport request -n shop --pod web-0 --action PortForward --reason WHY",
		},
		"if it is a copy, then of anything: one kubectl cp is several commands": {
			with(func(a *authorizer.Attributes) { a.Action, a.Command = "Copy", []string{"tar", "cf", "-", "/x"} }),
			"kubectl sallyport request -n shop --pod web-0 -c app --action Copy --reason WHY",
		},
		"if a pod is made, then its images are named and it is not": {
			authorizer.Attributes{Action: "Run", Namespace: "shop", Pod: "new", Images: []string{"busybox:1", "evil; id"}},
			"kubectl sallyport request -n shop --action Run --image busybox:1 --image 'evil; id' --reason WHY",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Request(tc.a)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestExec(t *testing.T) {
	tests := map[string]struct {
		a    authorizer.Attributes
		want string
	}{
		"if it is a shell, then its flags are kept": {
			authorizer.Attributes{Action: "Exec", Namespace: "shop", Pod: "web-0", Container: "app", Command: []string{"sh"}, TTY: true, Stdin: true},
			"kubectl exec -n shop web-0 -c app -i -t -- sh",
		},
		"if the command cannot be pasted, then a word stands for it": {
			authorizer.Attributes{Action: "Exec", Namespace: "shop", Pod: "web-0", Command: []string{"a\nb"}}, "kubectl exec -n shop web-0 -- COMMAND",
		},
		"if it is a port-forward, then the ports are to be filled in": {
			authorizer.Attributes{Action: "PortForward", Namespace: "shop", Pod: "web-0"}, "kubectl port-forward -n shop pod/web-0 LOCAL:REMOTE",
		},
		"if a file is copied out, then it is named": {
			authorizer.Attributes{Action: "Copy", Namespace: "shop", Pod: "web-0", Container: "app", Command: []string{"tar", "cf", "-", "/var/log/a b.log"}},
			"kubectl cp -n shop -c app 'web-0:/var/log/a b.log' 'a b.log'",
		},
		"if a file is copied in, then its place is named": {
			authorizer.Attributes{Action: "Copy", Namespace: "shop", Pod: "web-0", Command: []string{"tar", "-xmf", "-", "-C", "/tmp"}, Stdin: true},
			"kubectl cp -n shop PATH web-0:/tmp",
		},
		"if what is copied cannot be pasted, then a word stands for it": {
			authorizer.Attributes{Action: "Copy", Namespace: "shop", Pod: "web-0", Command: []string{"tar", "cf", "-", "a\nb"}},
			"kubectl cp -n shop web-0:PATH PATH",
		},
		"if what is copied is not known, then words stand for it": {
			authorizer.Attributes{Action: "Copy", Namespace: "shop", Pod: "web-0"}, "kubectl cp -n shop PATH web-0:PATH",
		},
		"if it is an attach, then there is no command": {
			authorizer.Attributes{Action: "Attach", Namespace: "shop", Pod: "web-0"}, "kubectl attach -n shop web-0",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Exec(tc.a)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The shell itself says whether the manifest survives being pasted.
func TestManifestSurvivesTheShell(t *testing.T) {
	a := authorizer.Attributes{Action: "Debug", Namespace: "shop", Pod: "web-0", Images: []string{`a"'$(id)`}}
	command, err := Manifest(a)
	if err != nil {
		t.Fatal(err)
	}
	script := "kubectl() { cat; }\n" + command
	out, err := exec.CommandContext(t.Context(), "sh", "-c", script).Output()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Kind string `json:"kind"`
		Spec struct {
			Actions []string `json:"actions"`
			Target  struct {
				PodName string   `json:"podName"`
				Images  []string `json:"images"`
			} `json:"target"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if got.Kind != "ExecutionGrant" || got.Spec.Target.PodName != "web-0" || !cmp.Equal(got.Spec.Target.Images, a.Images) || !cmp.Equal(got.Spec.Actions, []string{"Debug"}) {
		t.Errorf("got %+v", got)
	}
}

func FuzzQuote(f *testing.F) {
	for _, seed := range []string{"", "a b", "'", `\`, "$(id)", "a\nb", "-n", "*", "~"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, word string) {
		if strings.ContainsRune(word, 0) {
			t.Skip("no argument of a program holds a zero byte")
		}
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+quote(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q came out as %q: %v", word, out, err)
		}
	})
}
