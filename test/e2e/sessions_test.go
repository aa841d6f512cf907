//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/sallyport-dev/sallyport/internal/leftover"
)

// running is a kubectl that has not ended.
type running struct {
	cmd            *exec.Cmd
	stdin          io.WriteCloser
	stdout, stderr bytes.Buffer
}

// begin starts a session of app-0, and waits until it is live. It returns the name of its object, too.
func begin(t *testing.T, g string, args ...string) (*running, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	r := &running{cmd: through("developer").Command(ctx, append([]string{"exec", "-n", namespace, "app-0"}, args...)...)}
	r.cmd.Stdout, r.cmd.Stderr = &r.stdout, &r.stderr
	var err error
	if r.stdin, err = r.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return r, liveSession(t, g)
}

// end waits for the end, which the test has brought about, and returns what the person read.
func (r *running) end(t *testing.T) string {
	t.Helper()
	_ = r.cmd.Wait()
	if code := r.cmd.ProcessState.ExitCode(); code == 0 {
		t.Errorf("kubectl ended well: %s%s", r.stdout.String(), r.stderr.String())
	}
	return r.stdout.String() + r.stderr.String()
}

// left is when the last session began whose process outlived it.
var left time.Time

// apart waits until what begins now is not taken for that one's: five seconds, and the second that times are cut to.
func apart() { time.Sleep(time.Until(left.Add(6 * time.Second))) }

func liveSession(t *testing.T, g string) string {
	t.Helper()
	var name string
	eventually(t, "a session of "+g+" is live", 20*time.Second, func() bool {
		out := as("admin").Must(t, "get", "xs", "-n", namespace, "-o",
			`jsonpath={range .items[?(@.spec.grantRef.name=="`+g+`")]}{.metadata.name} {.status.state}{"\n"}{end}`)
		for line := range strings.Lines(out) {
			if fields := strings.Fields(line); len(fields) == 2 && fields[1] == "Live" {
				name = fields[0]
			}
		}
		return name != ""
	})
	return name
}

func field(t *testing.T, session, path string) string {
	t.Helper()
	return as("admin").Must(t, "get", "xs", "-n", namespace, session, "-o", "jsonpath={"+path+"}")
}

// runs tells whether something runs in app-0 whose command line ends in mark.
func runs(t *testing.T, g, mark string) bool {
	t.Helper()
	r := through("developer").Kubectl("exec", "-n", namespace, "app-0", "--", "sh", "-c",
		`for p in /proc/[0-9]*; do tr '\0' ' ' <$p/cmdline 2>/dev/null; echo; done`)
	if r.Code != 0 {
		t.Fatalf("looking with grant %s: %s", g, r)
	}
	for line := range strings.Lines(r.Stdout) {
		if strings.HasSuffix(strings.TrimSpace(line), mark) {
			return true
		}
	}
	return false
}

func TestLiveSessionsAreShown(t *testing.T) {
	g := active(t, grant{Pod: "app-0"})
	r, session := begin(t, g, "-i", "--", "sh", "-c", "echo 0123456789; cat")
	if _, err := io.WriteString(r.stdin, "typed\n"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its bytes are counted while it lives", 60*time.Second, func() bool {
		return field(t, session, ".status.state") == "Live" && field(t, session, ".status.bytesIn") == "6" && field(t, session, ".status.bytesOut") == "17"
	})
	rows := strings.Split(as("auditor").Must(t, "get", "executionsessions", "-n", namespace), "\n")
	if got := strings.Fields(rows[0]); strings.Join(got, " ") != "NAME USER ACTION POD CONTAINER STATE EXIT IN OUT SINCE" {
		t.Errorf("kubectl get executionsessions shows %q", got)
	}
	wide := as("auditor").Must(t, "get", "executionsessions", "-n", namespace, "-o", "wide")
	for line := range strings.Lines(wide) {
		if strings.HasPrefix(line, session) {
			wide = line
		}
	}
	for _, want := range []string{session, "developer", "Exec", "app-0", "main", "Live", " 6 ", " 17 ", g, "0123456789; cat", "sessions/", session + "/"} {
		if !strings.Contains(wide, want) {
			t.Errorf("-o wide does not show %q: %s", want, wide)
		}
	}
	for _, user := range []string{"developer", "admin"} {
		for _, subresource := range []string{"status", ""} {
			args := []string{"patch", "xs", "-n", namespace, session, "--type=merge", "-p", `{"status":{"bytesOut":1,"state":"Ended"},"metadata":{"labels":{"x":"y"}}}`}
			if subresource != "" {
				args = append(args, "--subresource="+subresource)
			}
			if r := as(user).Kubectl(args...); r.Code == 0 {
				t.Errorf("%s changed the session: %s", user, r)
			}
		}
	}
	as("admin").Must(t, "delete", "xs", "-n", namespace, session)
	if said := r.end(t); !strings.Contains(said, "somebody ended the session by deleting its executionsession") {
		t.Errorf("the person read %q", said)
	}
}

func TestBytesAreFinalAtTheEnd(t *testing.T) {
	g := active(t, grant{Pod: "app-0"})
	through("developer").Reading("12345").Must(t, "exec", "-i", "-n", namespace, "app-0", "--", "sh", "-c", "cat; echo 67 >&2")
	session, _ := lastSession(t, g)
	if in, out := field(t, session, ".status.bytesIn"), field(t, session, ".status.bytesOut"); in != "5" || out != "8" {
		t.Errorf("in %s, out %s", in, out)
	}
	if process := field(t, session, ".status.process"); process != "Exited" {
		t.Errorf("the process is %s", process)
	}
}

// TestWhatBecomesOfTheProcess ends sessions before their process does, and looks whether it still runs.
func TestWhatBecomesOfTheProcess(t *testing.T) {
	for name, tc := range map[string]struct {
		onEnd   string
		argv    []string
		stdin   bool
		marks   []string // of the processes, at the end of their command lines
		process string
		detail  string
		survive bool
	}{
		"if it reads its input, then it ends with that":  {"", []string{"sh", "-c", "cat; exec true"}, true, []string{"cat; exec true"}, "Exited", "", false},
		"if it does not, then it goes on":                {"", []string{"sleep", "3001"}, false, []string{"sleep 3001"}, "Running", "", true},
		"if the grant says Kill, then it is killed":      {"Kill", []string{"sleep", "3002"}, false, []string{"sleep 3002"}, "Killed", "TERM was sent", false},
		"if it has jobs, then they are killed with it":   {"Kill", []string{"sh", "-c", "sleep 3003 & sleep 3004; :"}, false, []string{"sleep 3003", "sleep 3004"}, "Killed", "3 in all", false},
		"if its shell becomes its last command, so, too": {"Kill", []string{"sh", "-c", "sleep 3007 & sleep 3008"}, false, []string{"sleep 3007", "sleep 3008"}, "Killed", "2 in all", false},
		"if it does not listen, then KILL ends it":       {"Kill", []string{"sh", "-c", "trap '' TERM HUP; while :; do sleep 3005; done"}, false, []string{"sleep 3005"}, "Killed", "then KILL to", false},
		"if it left its Unix session, then that is seen": {"Kill", []string{"sh", "-c", "setsid sleep 3006; :"}, false, []string{"sleep 3006"}, "Running", "TERM was sent", true},
	} {
		t.Run(name, func(t *testing.T) {
			g := active(t, grant{Pod: "app-0", OnEnd: tc.onEnd})
			apart()
			args := append([]string{"--"}, tc.argv...)
			if tc.stdin {
				args = append([]string{"-i"}, args...)
			}
			r, session := begin(t, g, args...)
			watcher := active(t, grant{Pod: "app-0", Name: "watch-" + session[24:]})
			for _, mark := range tc.marks {
				eventually(t, mark+" runs", 20*time.Second, func() bool { return runs(t, watcher, mark) })
			}
			as("admin").Must(t, "delete", "xg", "-n", namespace, g)
			said := r.end(t)
			eventually(t, "the session has ended", 20*time.Second, func() bool { return field(t, session, ".status.state") == "Ended" })
			process, detail := field(t, session, ".status.process"), field(t, session, ".status.processDetail")
			if process != tc.process || !strings.Contains(detail, tc.detail) || !strings.Contains(said, "was revoked") {
				t.Errorf("the process is %s (%s), the person read %q", process, detail, said)
			}
			for _, mark := range tc.marks {
				if runs(t, watcher, mark) != tc.survive {
					t.Errorf("%s runs: %t", mark, !tc.survive)
				}
			}
			if tc.survive {
				left = time.Now()
				through("developer").Must(t, "exec", "-n", namespace, "app-0", "--", "sh", "-c",
					`for p in /proc/[0-9]*; do case "$(tr '\0' ' ' <$p/cmdline 2>/dev/null)" in "$0 ") kill ${p#/proc/};; esac; done`, tc.marks[0])
			}
			shown, err := openStore(t, "auditor").Plugin("sessions", "show", session)
			if err != nil || !strings.Contains(shown, "Process:") || !strings.Contains(shown, strings.ToLower(tc.process)) {
				t.Errorf("%v: %s", err, shown)
			}
		})
	}
}

// TestAColleagueIsNotKilled has two sessions run the same line, and ends the first, under a grant that says Kill, when its own
// shell has become another program and the second one's has not.
func TestAColleagueIsNotKilled(t *testing.T) {
	const line = "sleep 6; sleep 3200"
	g := active(t, grant{Pod: "app-0", OnEnd: "Kill"})
	first, session := begin(t, g, "--", "sh", "-c", line)
	time.Sleep(2 * time.Second)
	second, _ := begin(t, g, "--", "sh", "-c", line)
	eventually(t, "the first shell is another program", 20*time.Second, func() bool { return runs(t, g, "sleep 3200") })
	as("admin").Must(t, "delete", "xs", "-n", namespace, session)
	if said := first.end(t); !strings.Contains(said, "began in the container at the same time, so nothing was killed") {
		t.Errorf("the person read %q", said)
	}
	listed := func() int {
		r := through("developer").Must(t, "exec", "-n", namespace, "app-0", "--", "sh", "-c", `for p in /proc/[0-9]*; do tr '\0' ' ' <$p/cmdline 2>/dev/null; echo; done`)
		return strings.Count("\n"+strings.ReplaceAll(r, "\n", "\n\n"), "\nsleep 3200 \n")
	}
	eventually(t, "both go on", 20*time.Second, func() bool { return listed() == 2 })
	left = time.Now()
	_ = second.cmd.Process.Kill()
	_ = second.cmd.Wait()
	through("developer").Must(t, "exec", "-n", namespace, "app-0", "--", "sh", "-c",
		`for p in /proc/[0-9]*; do case "$(tr '\0' ' ' <$p/cmdline 2>/dev/null)" in "sleep 3200 ") kill ${p#/proc/};; esac; done`)
}

// A shell on a terminal is killed however its session ends, by its deletion too.
func TestATerminalIsKilled(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, cmd *exec.Cmd, session string){
		"if the client vanishes": func(_ *testing.T, cmd *exec.Cmd, _ string) { _ = cmd.Process.Kill() },
		"if the session is deleted": func(t *testing.T, _ *exec.Cmd, session string) {
			as("admin").Must(t, "delete", "xs", "-n", namespace, session)
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := active(t, grant{Pod: "app-0", OnEnd: "Kill"})
			apart()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := through("developer").Command(ctx, "exec", "-it", "-n", namespace, "app-0", "--", "sh", "-i")
			master, err := pty.Start(cmd)
			if err != nil {
				t.Fatal(err)
			}
			defer master.Close()
			screen := newScreen(master)
			screen.expect(t, "# ")
			session := liveSession(t, g)
			typing(t, master, "sleep 3100 & sleep 3101\n")
			eventually(t, "its jobs run", 20*time.Second, func() bool { return runs(t, g, "sleep 3100") && runs(t, g, "sleep 3101") })
			// What looks from here on is a session, too: it must not be taken for one that began with the shell.
			time.Sleep(6 * time.Second)
			end(t, cmd, session)
			eventually(t, "the shell and its jobs are gone", 20*time.Second, func() bool {
				return !runs(t, g, "sleep 3100") && !runs(t, g, "sleep 3101") && !runs(t, g, "sh -i")
			})
			_ = cmd.Wait()
			auditor := openStore(t, "auditor")
			eventually(t, "the recording says so", 30*time.Second, func() bool {
				shown, err := auditor.Plugin("sessions", "show", session)
				return err == nil && strings.Contains(shown, "Process:      killed: TERM was sent to process")
			})
		})
	}
}

// TestSallyportsOwnExecIsForNobody tries the gateway's own command, and its own name, without the gateway.
func TestSallyportsOwnExecIsForNobody(t *testing.T) {
	own := append([]string{"exec", "-i", "-n", namespace, "app-0", "-c", "main", "--"}, leftover.Command()...)
	as("admin").Refused(t, []string{"direct exec is closed"}, own...)
	asItself := "--as=system:serviceaccount:sallyport-system:sallyport"
	as("super-admin").Refused(t, []string{"direct exec is closed"}, append([]string{asItself}, own...)...)
	as("super-admin").Refused(t, []string{"direct exec is closed"}, asItself, "exec", "-n", namespace, "app-0", "-c", "main", "--", "id")
}
