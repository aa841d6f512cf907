package proxy

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/sallyport-dev/sallyport/internal/streaming"
)

func TestExecOptions(t *testing.T) {
	tests := map[string]struct {
		query string
		want  *corev1.PodExecOptions // nil for a refusal
	}{
		"if kubectl asks, then all is read": {
			"command=sh&command=-c&command=id&container=app&stdin=true&stdout=true&stderr=true",
			&corev1.PodExecOptions{Command: []string{"sh", "-c", "id"}, Container: "app", Stdin: true, Stdout: true, Stderr: true},
		},
		"if there is a terminal, then there is no stderr": {
			"command=sh&stdin=1&stdout=1&stderr=1&tty=1",
			&corev1.PodExecOptions{Command: []string{"sh"}, Stdin: true, Stdout: true, TTY: true},
		},
		"if a value is false in any spelling, then it is": {
			"command=sh&stdin=FALSE&stdout=1&stderr=0",
			&corev1.PodExecOptions{Command: []string{"sh"}, Stdout: true},
		},
		"if a value is empty or odd, then it is true, as for the API server": {
			"command=sh&stdin=&stdout=yes",
			&corev1.PodExecOptions{Command: []string{"sh"}, Stdin: true, Stdout: true},
		},
		"if an argument is empty, then it stays": {
			"command=printf&command=&stdout=1",
			&corev1.PodExecOptions{Command: []string{"printf", ""}, Stdout: true},
		},
		"if something unknown comes, then it is left out":     {"command=a&stdout=1&timeout=3", &corev1.PodExecOptions{Command: []string{"a"}, Stdout: true}},
		"if an argument is not UTF-8, then it is refused":     {"command=a%FF&stdout=1", nil},
		"if there is no stream, then it is refused":           {"command=a", nil},
		"if only stderr with a terminal, then it is refused":  {"command=a&stderr=1&tty=1", nil},
		"if the container is given twice, then it is refused": {"command=a&stdout=1&container=a&container=b", nil},
		"if tty is given twice, then it is refused":           {"command=a&stdout=1&tty=0&tty=1", nil},
		"if the command is huge, then it is refused":          {"stdout=1&command=" + strings.Repeat("x", maxCommandBytes+1), nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			query, err := url.ParseQuery(tc.query)
			if err != nil {
				t.Fatal(err)
			}
			got, err := execOptions(query)
			if tc.want == nil {
				if err == nil {
					t.Errorf("got %+v", got)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got): %s", err, diff)
			}
		})
	}
}

// FuzzExecOptions checks that what was decided is what is sent on.
func FuzzExecOptions(f *testing.F) {
	f.Add("command=sh&stdin=1&stdout=true&tty=x&container=app")
	f.Fuzz(func(t *testing.T, raw string) {
		query, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		first, err := execOptions(query)
		if err != nil {
			return
		}
		sent, err := url.ParseQuery(targetQuery(streaming.Options{
			Stdin: first.Stdin, Stdout: first.Stdout, Stderr: first.Stderr, TTY: first.TTY,
		}, first.Container, first.Command))
		if err != nil {
			t.Fatal(err)
		}
		second, err := execOptions(sent)
		if diff := cmp.Diff(first, second); diff != "" || err != nil {
			t.Errorf("%v: %s", err, diff)
		}
	})
}
