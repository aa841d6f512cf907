//go:build e2e

package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/test/node"
	"github.com/sallyport-dev/sallyport/test/reader"
)

// kind is what a session does.
type kind struct {
	name   string
	script string // run by sh in the container; TAG stands for the trial's tag
	// sent is what it writes to its standard output, at least n bytes of it unless it ends before; nil if that is what it
	// reads.
	sent func(tag string, n int) string
	code int // its exit code, if it comes to its end
}

var (
	// counting writes as fast as the shell can.
	counting = kind{"output", `i=0; while true; do echo "TAG $i"; i=$((i+1)); done`, lines(1 << 40), 0}
	// ticking writes for some seconds, and ends.
	ticking = kind{"slow output", `i=0; while [ $i -lt 60 ]; do echo "TAG $i"; i=$((i+1)); sleep 0.1; done; exit 7`, lines(60), 7}
	// brief comes to its end soon.
	brief = kind{"the exit", `i=0; while [ $i -lt 20 ]; do echo "TAG $i"; i=$((i+1)); sleep 0.05; done; exit 7`, lines(20), 7}
	// typing keeps what it reads in a file, and writes it back.
	typing = kind{"input", `tee /tmp/TAG; exit 7`, nil, 7}
)

func lines(count int) func(string, int) string {
	return func(tag string, n int) string {
		var b strings.Builder
		for i := 0; i < count && b.Len() < n; i++ {
			fmt.Fprintf(&b, "%s %d\n", tag, i)
		}
		return b.String()
	}
}

// trial is one session under a fault.
type trial struct {
	kind

	tag    string
	cmd    *exec.Cmd
	typed  bytes.Buffer // what the client read from its standard input
	result node.Result
	over   chan struct{}
	seen   session // when it was live: a session that ended long ago, by a clock that is wrong, is removed at once
}

var trials atomic.Int64

// begin starts kubectl, by a client or by the developer.
func begin(t *testing.T, k kind, by ...node.Client) *trial {
	t.Helper()
	c := node.Through("developer")
	if len(by) > 0 {
		c = by[0]
	}
	x := &trial{kind: k, tag: fmt.Sprintf("trial-%d-%d", began.Unix(), trials.Add(1)), over: make(chan struct{})}
	args := []string{"exec", "-n", node.Namespace, "app-0", "--", "sh", "-c", strings.ReplaceAll(k.script, "TAG", x.tag)}
	if k.sent == nil {
		args = append([]string{"exec", "-i"}, args[1:]...)
	}
	x.cmd = c.Command(t.Context(), args...)
	var stdout, stderr bytes.Buffer
	x.cmd.Stdout, x.cmd.Stderr = &stdout, &stderr
	if k.sent == nil {
		x.cmd.Stdin = io.TeeReader(&keyboard{tag: x.tag, over: x.over, lines: 100}, &x.typed)
		x.cmd.WaitDelay = time.Second
	}
	if err := x.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = x.cmd.Wait() // its state tells
		x.result = node.Result{Stdout: stdout.String(), Stderr: stderr.String(), Code: x.cmd.ProcessState.ExitCode()}
		close(x.over)
	}()
	t.Cleanup(func() { _ = x.cmd.Process.Kill() })
	return x
}

// keyboard types a line every 50 ms, and then says that there is no more.
type keyboard struct {
	tag   string
	over  chan struct{}
	typed int
	lines int
}

func (k *keyboard) Read(p []byte) (int, error) {
	if k.typed == k.lines {
		return 0, io.EOF
	}
	select {
	case <-time.After(50 * time.Millisecond):
	case <-k.over:
		return 0, io.EOF
	}
	k.typed++
	return copy(p, fmt.Sprintf("%s %d\n", k.tag, k.typed)), nil
}

// wait waits for kubectl to end. One that hangs is told so by SIGKILL.
func (x *trial) wait(t *testing.T, within time.Duration) {
	t.Helper()
	select {
	case <-x.over:
	case <-time.After(within):
		_ = x.cmd.Process.Signal(syscall.SIGKILL)
		<-x.over
		t.Errorf("%s (%s): kubectl hangs: %s", x.tag, x.name, x.result.Stderr)
	}
}

// session is what the cluster says of one.
type session struct {
	Metadata struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Command   []string `json:"command"`
		Recording string   `json:"recording"`
	} `json:"spec"`
	Status struct {
		State          string `json:"state"`
		RecordingState string `json:"recordingState"`
	} `json:"status"`
}

func (s session) over() bool {
	return (s.Status.State == "Ended" || s.Status.State == "Failed") && s.Status.RecordingState != "Waiting"
}

// sessions are those of some trials, by their tags.
func sessions(t *testing.T, all []*trial) map[string]session {
	t.Helper()
	var list struct {
		Items []session `json:"items"`
	}
	if err := json.Unmarshal([]byte(node.As("admin").Must(t, "get", "xs", "-n", node.Namespace, "-o", "json")), &list); err != nil {
		t.Fatal(err)
	}
	found := map[string]session{}
	for _, x := range all {
		for _, s := range list.Items {
			if strings.Contains(strings.Join(s.Spec.Command, " ")+" ", x.tag+" ") || strings.Contains(strings.Join(s.Spec.Command, " "), x.tag+";") {
				found[x.tag] = s
			}
		}
	}
	return found
}

// live waits until all sessions are.
func live(t *testing.T, all []*trial) {
	t.Helper()
	node.Eventually(t, "the sessions are live", 30*time.Second, func() bool {
		found := sessions(t, all)
		for _, x := range all {
			if x.seen = found[x.tag]; x.seen.Status.State == "" || x.seen.Status.State == "Opening" {
				return false
			}
		}
		return true
	})
}

// ending is what the close object says.
type ending struct {
	Outcome string `json:"outcome"`
	Fault   string `json:"fault"`
	Exit    struct {
		Reason string `json:"reason"`
	} `json:"exit"`
}

func (e ending) String() string { return e.Outcome + " (" + e.Exit.Reason + ")" }

// evidence is the verified recording of a session, and how it ended.
func evidence(t *testing.T, s session, versions []reader.Version) (*reader.Recording, ending) {
	t.Helper()
	recording, err := reader.Read(versions)
	if err != nil {
		t.Errorf("%s does not verify: %v", s.Metadata.Name, err)
		return nil, ending{}
	}
	if len(recording.Remarks) > 0 {
		t.Errorf("%s: %s", s.Metadata.Name, recording.Remarks)
	}
	var end ending
	for _, v := range versions {
		if strings.HasSuffix(v.Key, "/close.json") {
			if err := json.Unmarshal(v.Data, &end); err != nil {
				t.Error(err)
			}
		}
	}
	if end.Outcome == "" || end.Outcome != recording.Outcome || end.Exit.Reason == "" {
		t.Errorf("%s ends without a word: %+v", s.Metadata.Name, end)
	}
	return recording, end
}
