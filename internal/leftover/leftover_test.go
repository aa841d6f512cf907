package leftover

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestInput(t *testing.T) {
	tests := map[string]struct {
		search Search
		want   string
	}{
		"if it is the first search, it asks to terminate": {Search{Age: time.Minute}, "TERM HUP 0 5700 6300\n"},
		"if a leader is known, what is left is killed":    {Search{Leader: 17}, "KILL - 17 -300 300\n"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tc.search.Input(); string(got) != tc.want {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestParse(t *testing.T) {
	tests := map[string]struct {
		text string
		want Found
		ok   bool
	}{
		"if one was found, it is told":         {"1 17 3\n", Found{1, 17, 3}, true},
		"if none was found, so":                {"0 0 0\n", Found{}, true},
		"if many were found, so":               {"2 0 0\n", Found{Leaders: 2}, true},
		"if it is empty, refused":              {"", Found{}, false},
		"if it goes on, refused":               {"1 17 3\n1 18 3\n", Found{}, false},
		"if it is cut, refused":                {"1 17 3", Found{}, false},
		"if it is no number, refused":          {"1 -17 3\n", Found{}, false},
		"if many, and one was ended, refused":  {"2 17 3\n", Found{}, false},
		"if it is the first process, refused":  {"1 1 3\n", Found{}, false},
		"if a number is out of range, refused": {"1 99999999999 3\n", Found{}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Parse([]byte(tc.text))
			if (err == nil) != tc.ok || got != tc.want {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("1 17 3\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		found, err := Parse(text)
		if err != nil && found != (Found{}) || found.Signalled > 0 && (found.Leaders != 1 || found.Leader < 2) {
			t.Errorf("%q is %+v, %v", text, found, err)
		}
	})
}

func TestAnAnswerIsBounded(t *testing.T) {
	var a Answer
	for range 3 {
		if n, err := a.Write(bytes.Repeat([]byte("1"), MaxAnswer)); n != MaxAnswer || err != nil {
			t.Error(n, err)
		}
	}
	if _, err := Parse(a.Bytes()); a.Len() != MaxAnswer+1 || err == nil {
		t.Error(a.Len(), err)
	}
}

// container is a PID namespace with a /proc of its own.
type container struct {
	t    *testing.T
	init int
}

func newContainer(t *testing.T) *container {
	t.Helper()
	c := &container{t: t}
	c.init = c.start("unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "setsid", "sleep", "1000")
	for range 100 {
		children, _ := os.ReadFile("/proc/" + strconv.Itoa(c.init) + "/task/" + strconv.Itoa(c.init) + "/children")
		if child, err := strconv.Atoi(strings.TrimSpace(string(children))); err == nil {
			if name, _ := os.ReadFile("/proc/" + strconv.Itoa(child) + "/comm"); string(name) == "sleep\n" {
				c.init = child
				return c
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Skip("this machine gives no user namespaces, so that the shells cannot be tried here; test/e2e does")
	return nil
}

// start runs a program until the test ends, and returns its process number outside.
func (c *container) start(argv ...string) int {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), argv[0], argv[1:]...)
	if err := cmd.Start(); err != nil {
		c.t.Skip(err)
	}
	c.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd.Process.Pid
}

// within is how a container runtime starts an exec: its parent is outside, and it leads a session.
func (c *container) within(argv ...string) []string {
	return append([]string{"nsenter", "--target", strconv.Itoa(c.init), "--user", "--preserve-credentials", "--mount", "--pid", "setsid"}, argv...)
}

// sees lists the command lines of what runs in the container.
func (c *container) sees() []string {
	out, err := exec.CommandContext(c.t.Context(), "nsenter", c.within("sh", "-c", `for p in /proc/[0-9]*; do tr '\0' ' ' <$p/cmdline; echo; done`)[1:]...).Output()
	if err != nil {
		c.t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); strings.Contains(line, "sleep ") && !strings.HasPrefix(line, "sh ") {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}

func (c *container) shows(want ...string) {
	c.t.Helper()
	slices.Sort(want)
	var got []string
	for range 100 {
		if got = c.sees(); slices.Equal(got, want) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	c.t.Errorf("in the container run (-want +got): %s", cmp.Diff(want, got))
}

func (c *container) run(shell []string, s Search) Found {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	argv := c.within(append(slices.Clone(shell), Command()[1:]...)...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var out Answer
	var complaints bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(s.Input()), &out, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		c.t.Fatalf("%v: %s%s", err, out.String(), complaints.String())
	}
	found, err := Parse(out.Bytes())
	if err != nil {
		c.t.Fatalf("%v: %q", err, out.String())
	}
	return found
}

// In every shell that is at hand: what fits is found and ended, with its session, and nothing else.
func TestInShells(t *testing.T) {
	const init = "sleep 1000"
	tests := map[string]func(t *testing.T, c *container, run func(Search) Found){
		"if one fits, it is ended": func(t *testing.T, c *container, run func(Search) Found) {
			c.start(c.within("sleep", "2001")...)
			c.shows(init, "sleep 2001")
			if found := run(Search{}); found.Leaders != 1 || found.Signalled != 1 {
				t.Errorf("%+v", found)
			}
			c.shows(init)
		},
		"if a shell has become its last command, it is ended": func(t *testing.T, c *container, run func(Search) Found) {
			c.start(c.within("sh", "-c", "sleep 2002 & exec sleep 2003")...)
			c.shows(init, "sleep 2002", "sleep 2003")
			if found := run(Search{}); found.Leaders != 1 || found.Signalled != 2 {
				t.Errorf("%+v", found)
			}
			c.shows(init)
		},
		"if it has jobs, they go with it": func(t *testing.T, c *container, run func(Search) Found) {
			shell := []string{"sh", "-c", "sleep 2003 & sleep 2004; true"}
			c.start(c.within(shell...)...)
			c.shows(init, "sleep 2003", "sleep 2004")
			if found := run(Search{}); found.Leaders != 1 || found.Signalled != 3 {
				t.Errorf("%+v", found)
			}
			c.shows(init)
		},
		"if it does not listen, the second signal ends it": func(t *testing.T, c *container, run func(Search) Found) {
			shell := []string{"sh", "-c", "trap '' TERM HUP; sleep 2005; true"}
			c.start(c.within(shell...)...)
			c.shows(init, "sleep 2005")
			found := run(Search{})
			c.shows(init, "sleep 2005")
			if again := run(Search{Leader: found.Leader}); again.Signalled != 2 {
				t.Errorf("%+v", again)
			}
			c.shows(init)
		},
		"if two fit, neither is ended": func(t *testing.T, c *container, run func(Search) Found) {
			c.start(c.within("sleep", "2006")...)
			c.start(c.within("sleep", "2006")...)
			c.shows(init, "sleep 2006", "sleep 2006")
			if diff := cmp.Diff(Found{Leaders: 2}, run(Search{})); diff != "" {
				t.Error(diff)
			}
			c.shows(init, "sleep 2006", "sleep 2006")
		},
		"if it is of another time, it is not ended": func(t *testing.T, c *container, run func(Search) Found) {
			c.start(c.within("sleep", "2007")...)
			c.shows(init, "sleep 2007")
			if diff := cmp.Diff(Found{}, run(Search{Age: time.Hour})); diff != "" {
				t.Error(diff)
			}
			c.shows(init, "sleep 2007")
		},
		"if others began before, only what is of that time is ended": func(t *testing.T, c *container, run func(Search) Found) {
			c.start(c.within("sleep", "2008")...)
			time.Sleep(2*Around + time.Second)
			c.start(c.within("sleep", "2009")...)
			c.shows(init, "sleep 2008", "sleep 2009")
			if found := run(Search{}); found.Leaders != 1 || found.Signalled != 1 {
				t.Errorf("%+v", found)
			}
			c.shows(init, "sleep 2008")
		},
		"if it is the container's own, it is not ended": func(t *testing.T, c *container, run func(Search) Found) {
			c.shows(init)
			if diff := cmp.Diff(Found{}, run(Search{})); diff != "" {
				t.Error(diff)
			}
			c.shows(init)
		},
		"if it sees another root directory, it is another container's": func(t *testing.T, c *container, run func(Search) Found) {
			path, err := exec.LookPath("busybox")
			if err != nil {
				t.Skip("this machine has no program that runs without libraries")
			}
			argv := []string{"/" + filepath.Base(path), "sleep", "2012"}
			c.start(c.within(append([]string{"chroot", filepath.Dir(path)}, argv...)...)...)
			c.shows(init, strings.Join(argv, " "))
			if diff := cmp.Diff(Found{}, run(Search{})); diff != "" {
				t.Error(diff)
			}
		},
		"if something in the container started it, it is not ended": func(t *testing.T, c *container, run func(Search) Found) {
			c.start(c.within("sh", "-c", "setsid sleep 2013; true")...)
			c.shows(init, "sleep 2013")
			if found := run(Search{}); found.Leaders != 1 || found.Signalled != 1 {
				t.Errorf("%+v", found) // the shell, alone
			}
			c.shows(init, "sleep 2013")
		},
		"if it leads no session, it is not ended": func(t *testing.T, c *container, run func(Search) Found) {
			argv := c.within("sleep", "2014")
			c.start(slices.DeleteFunc(argv, func(arg string) bool { return arg == "setsid" })...)
			c.shows(init, "sleep 2014")
			if diff := cmp.Diff(Found{}, run(Search{})); diff != "" {
				t.Error(diff)
			}
		},
	}
	for _, shell := range [][]string{{"dash"}, {"bash", "--posix"}, {"bash"}, {"busybox", "sh"}} {
		if _, err := exec.LookPath(shell[0]); err != nil {
			continue
		}
		for name, test := range tests {
			t.Run(strings.Join(shell, " ")+": "+name, func(t *testing.T) {
				c := newContainer(t)
				test(t, c, func(s Search) Found { return c.run(shell, s) })
			})
		}
	}
}
