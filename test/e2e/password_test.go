//go:build e2e

package e2e

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/sallyport-dev/sallyport/test/reader"
)

// at is a person at a terminal, in a shell of the pod.
func at(ctx context.Context, t *testing.T) (*exec.Cmd, *os.File, *screen) {
	t.Helper()
	cmd := through("developer").Command(ctx, "exec", "-it", "-n", namespace, "app-0", "--", "sh")
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 31, Cols: 97})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	screen := newScreen(master)
	screen.expect(t, "# ")
	return cmd, master, screen
}

// hides checks that a recording holds of a password its length only, and what is before and after it in clear.
func hides(t *testing.T, prefix, before, password, after, rule string) {
	t.Helper()
	recording, err := reader.Read(openStore(t, "auditor").Versions(prefix))
	if err != nil {
		t.Fatal(err)
	}
	for stream, data := range recording.Streams {
		if strings.Contains(string(data), password) {
			t.Errorf("%s holds the password: %q", stream, data)
		}
	}
	want := before + strings.Repeat("*", len(password)) + after
	if got := string(recording.Streams["stdin"]); !strings.Contains(got, want) {
		t.Errorf("the recorded input is %q, want %q in it", got, want)
	}
	for _, rec := range recording.Records {
		for _, m := range rec.Masked {
			if m.Rule == rule && m.Length == int64(len(password)) {
				return
			}
		}
	}
	t.Errorf("no masked secret of %d bytes has the rule %s", len(password), rule)
}

func TestTypedPassword(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	g := active(t, grant{Pod: "app-0"})
	password := strings.Repeat("swordfish", 2)
	cmd, master, screen := at(ctx, t)
	const command = "printf 'Speak''up> '; read -s X; echo got-${#X}\r"
	typing(t, master, command)
	screen.expect(t, "Speakup> ")
	typing(t, master, password+"\r")
	screen.expect(t, "got-18")
	typing(t, master, "exit 4\r")
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 4 {
		t.Errorf("exit code %d; screen: %q", code, screen.text())
	}
	_, prefix := lastSession(t, g)
	hides(t, prefix, command, password, "\rexit 4\r", "no-echo")
}

// TestPasswordAtAKill kills the proxy when a password is in the container, and not at its end.
func TestPasswordAtAKill(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	g := active(t, grant{Pod: "app-0"})
	password := strings.Repeat("swordfish", 2)
	cmd, master, screen := at(ctx, t)
	const command = "stty -icanon -echo; printf 'Speak''up> '; dd bs=1 count=99 of=/tmp/typed 2>/dev/null\r"
	typing(t, master, command)
	screen.expect(t, "Speakup> ")
	name := strings.TrimSpace(as("admin").Must(t, "get", "xs", "-n", namespace,
		"-o", `jsonpath={range .items[?(@.spec.grantRef.name=="`+g+`")]}{.metadata.name}{"\n"}{end}`))
	typing(t, master, password)
	eventually(t, "the password is in the container", 20*time.Second, func() bool {
		return through("developer").Kubectl("exec", "-n", namespace, "app-0", "--", "cat", "/tmp/typed").Stdout == password
	})
	killProxy(t)
	_ = cmd.Wait()
	var prefix string
	eventually(t, "the recording is ended", 90*time.Second, func() bool {
		out := as("admin").Kubectl("get", "xs", "-n", namespace, name, "-o", "jsonpath={.status.state}|{.status.recordingState}|{.spec.recording}").Stdout
		fields := strings.Split(out, "|")
		if len(fields) != 3 || fields[0] != "Ended" || fields[1] == "Waiting" {
			return false
		}
		prefix = strings.TrimSuffix(fields[2], "/")
		return true
	})
	hides(t, prefix, command, password, "", "undecided")
}
