package execline

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	tests := map[string]struct {
		in   string
		want Line
		err  string
	}{
		"if a plain exec, then pod and command": {
			"kubectl exec web-0 -- ls /tmp",
			Line{Verb: "exec", Pod: "web-0", Command: []string{"ls", "/tmp"}}, "",
		},
		"if flags stand everywhere, then all are read": {
			"/usr/bin/kubectl --context prod -n pay exec -it pod/web-0 -capp --kubeconfig=/k -- sh -c ls",
			Line{
				Verb: "exec", Context: "prod", Namespace: "pay", Pod: "web-0", Container: "app", Kubeconfig: "/k",
				Command: []string{"sh", "-c", "ls"},
			}, "",
		},
		"if the command holds --, then it stays": {
			"kubectl exec web-0 -- env -- ls",
			Line{Verb: "exec", Pod: "web-0", Command: []string{"env", "--", "ls"}}, "",
		},
		"if attach, then no command": {"kubectl attach -it web-0 -c app", Line{Verb: "attach", Pod: "web-0", Container: "app"}, ""},
		"if verbosity is given, then it is no word": {
			"kubectl -v=6 exec web-0 -- ls", Line{Verb: "exec", Pod: "web-0", Command: []string{"ls"}}, "",
		},
		"if port-forward, then its ports are no part of it": {
			"kubectl port-forward -n pay pod/db-0 --address 127.0.0.1 5432:5432 :80", Line{Verb: "port-forward", Namespace: "pay", Pod: "db-0"}, "",
		},
		"if a service is forwarded, then refused":       {"kubectl port-forward svc/db 5432", Line{}, "svc/db is not a pod"},
		"if no port is forwarded, then refused":         {"kubectl port-forward db-0", Line{}, "a pod and ports"},
		"if port-forward has a container, then refused": {"kubectl port-forward db-0 80 -c app", Line{}, "a pod and ports"},
		"if no kubectl, then refused":                   {"ssh web-0", Line{}, "does not begin with kubectl"},
		"if no verb, then refused":                      {"kubectl -n pay", Line{}, "no verb"},
		"if another verb, then refused":                 {"kubectl cp web-0:/x y", Line{}, "not kubectl cp"},
		"if no pod, then refused":                       {"kubectl exec -- ls", Line{}, "names no pod"},
		"if no command, then refused":                   {"kubectl exec web-0", Line{}, "names no command"},
		"if no dashes, then refused with the way":       {"kubectl exec web-0 ls", Line{}, "kubectl exec web-0 -- ls"},
		"if attach has a command, then refused":         {"kubectl attach web-0 -- ls", Line{}, "takes no command"},
		"if a deployment, then refused":                 {"kubectl exec deploy/web -- ls", Line{}, "deploy/web is not a pod"},
		"if the pod's name is empty, then refused":      {"kubectl exec pod/ -- ls", Line{}, "not the name of a pod"},
		"if it names another user, then refused":        {"kubectl --as root exec web-0 -- ls", Line{}, "unknown flag: --as"},
		"if it holds a token, then it is not repeated":  {"kubectl --token=s3cr3t exec web-0 -- ls", Line{}, "unknown flag: --token"},
		"if it reads a file, then refused":              {"kubectl exec -f pod.yaml -- ls", Line{}, "unknown shorthand flag: 'f'"},
		"if help is asked for, then refused":            {"kubectl exec --help", Line{}, "help"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(strings.Fields(tc.in))
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) || strings.Contains(err.Error(), "s3cr3t") {
					t.Fatalf("error = %v, want one with %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("kubectl\x00exec\x00-itn\x00pay\x00web-0\x00-c=app\x00--\x00ls")
	f.Add("k\x00attach\x00po/web-0")
	f.Add("kubectl\x00-v\x00exec\x00--\x00--")
	f.Fuzz(func(t *testing.T, joined string) {
		args := strings.Split(joined, "\x00")
		line, err := Parse(args)
		if err != nil {
			return
		}
		if line.Pod == "" || (line.Verb == "exec") != (len(line.Command) > 0) {
			t.Fatalf("%q gave %+v", args, line)
		}
		if !slices.Equal(args[len(args)-len(line.Command):], line.Command) {
			t.Errorf("%q: the command %q is not its end", args, line.Command)
		}
		// The same facts, written anew, are read as the same.
		again := []string{
			"kubectl", line.Verb, "--kubeconfig=" + line.Kubeconfig, "--context=" + line.Context,
			"--namespace=" + line.Namespace, "--container=" + line.Container,
		}
		switch line.Verb {
		case "exec":
			again = append(again, "pod/"+line.Pod, "--")
			again = append(again, line.Command...)
		case "attach":
			again = append(again, "pod/"+line.Pod)
		}
		second, err := Parse(again)
		if err != nil {
			t.Fatalf("%q: %v", again, err)
		}
		if diff := cmp.Diff(line, second); diff != "" {
			t.Errorf("%q: %s", again, diff)
		}
	})
}
