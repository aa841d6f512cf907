package process

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

var realTable = Table{Root: "/proc"}

func TestParseStat(t *testing.T) {
	const rest = " 1 2 3 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 "
	tests := map[string]struct {
		stat      string
		wantState string
		wantStart uint64
		wantErr   bool
	}{
		"if the name is plain, then both fields":                     {stat: "42 (sleep) S" + rest + "9876 0 0", wantState: "S", wantStart: 9876},
		"if the name holds parentheses and spaces, then both fields": {stat: "42 (a) S 1 (b) R" + rest + "5 0", wantState: "R", wantStart: 5},
		"if the process is a zombie, then state Z":                   {stat: "42 (x) Z" + rest + "5 0", wantState: "Z", wantStart: 5},
		"if there is no name, then an error":                         {stat: "42 sleep S" + rest + "5", wantErr: true},
		"if fields are missing, then an error":                       {stat: "42 (sleep) S 1 2 3", wantErr: true},
		"if the start time is no number, then an error":              {stat: "42 (sleep) S" + rest + "x 0", wantErr: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			state, start, err := parseStat(tt.stat)
			if (err != nil) != tt.wantErr {
				t.Fatalf("error %v, want one: %v", err, tt.wantErr)
			}
			if !tt.wantErr && (state != tt.wantState || start != tt.wantStart) {
				t.Errorf("got %s %d, want %s %d", state, start, tt.wantState, tt.wantStart)
			}
		})
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add("42 (a) b) S 1 2 3 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 9876 0")
	f.Add(")")
	f.Fuzz(func(t *testing.T, stat string) {
		state, _, err := parseStat(stat)
		if err == nil && state == "" {
			t.Error("neither a state nor an error")
		}
	})
}

// fakeProc is a procfs with one process.
func fakeProc(t *testing.T, pid int, state string, start uint64, boot string, argv ...string) Table {
	t.Helper()
	root := t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("sys/kernel/random/boot_id", boot+"\n")
	write("uptime", "100.00 50.00\n")
	dir := strconv.Itoa(pid)
	write(dir+"/stat", fmt.Sprintf("%d (p) %s 1 2 3 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 %d 0", pid, state, start))
	write(dir+"/cmdline", strings.Join(argv, "\x00")+"\x00")
	return Table{Root: root}
}

func TestAlive(t *testing.T) {
	id := Identity{PID: 4242, Start: 500, Boot: "b1"}
	tests := map[string]struct {
		table Table
		id    Identity
		want  bool
	}{
		"if all is the same, then alive":                               {fakeProc(t, 4242, "S", 500, "b1"), id, true},
		"if the number was used again, then not alive":                 {fakeProc(t, 4242, "S", 501, "b1"), id, false},
		"if the machine was restarted since, then not alive":           {fakeProc(t, 4242, "S", 500, "b2"), id, false},
		"if only a zombie is left, then not alive":                     {fakeProc(t, 4242, "Z", 500, "b1"), id, false},
		"if there is no such process, then not alive":                  {fakeProc(t, 4243, "S", 500, "b1"), id, false},
		"if the identity is zero, then not alive":                      {fakeProc(t, 4242, "S", 500, "b1"), Identity{}, false},
		"if the identity is that of the first process, then not alive": {fakeProc(t, 1, "S", 500, "b1"), Identity{PID: 1, Start: 500, Boot: "b1"}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.table.Alive(tt.id); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestAge(t *testing.T) {
	table := fakeProc(t, 7, "S", 4000, "b1")
	if got, want := table.Age(Identity{PID: 7, Start: 4000, Boot: "b1"}), 60*time.Second; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestFindGivesCommandLines(t *testing.T) {
	table := fakeProc(t, 4242, "S", 500, "b1", "/bin/server", "--dir=/state/x", "")
	var seen []string
	found, err := table.Find(func(argv []string) bool {
		seen = argv
		return slices.Contains(argv, "--dir=/state/x")
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Identity{{PID: 4242, Start: 500, Boot: "b1"}}, found); diff != "" {
		t.Error(diff)
	}
	if seen[0] != "/bin/server" {
		t.Errorf("program is %q", seen[0])
	}
}

func TestStartedProcessOutlivesNothingItShouldNot(t *testing.T) {
	dir := t.TempDir()
	start := func(script string) Identity {
		id, err := realTable.Start(Command{
			Path: "/bin/sh", Args: []string{"-c", script}, Dir: dir, Env: []string{"PATH=/usr/bin:/bin"}, Log: filepath.Join(dir, "log"),
		})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	polite, stubborn := start("exec sleep 1000"), start("trap '' TERM; echo ready; while :; do sleep 0.1; done")
	for !strings.Contains(Tail(filepath.Join(dir, "log"), 5), "ready") {
		time.Sleep(10 * time.Millisecond)
	}
	foreign := polite
	foreign.Start++
	if err := realTable.Stop(t.Context(), time.Millisecond, foreign); err != nil {
		t.Fatal(err)
	}
	if !realTable.Alive(polite) {
		t.Fatal("a process was stopped that only has the number of the one that was meant")
	}
	if err := realTable.Stop(t.Context(), 100*time.Millisecond, polite, stubborn); err != nil {
		t.Fatal(err)
	}
	if realTable.Alive(polite) || realTable.Alive(stubborn) {
		t.Error("a process is alive after Stop")
	}
}

func TestStartedProcessHoldsNoFileOfOthers(t *testing.T) {
	dir := t.TempDir()
	lock, err := os.Create(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	// As flock(1) leaves it to the command that it runs.
	if _, err := unix.FcntlInt(lock.Fd(), unix.F_SETFD, 0); err != nil {
		t.Fatal(err)
	}
	id, err := realTable.Start(Command{Path: "/bin/sleep", Args: []string{"1000"}, Log: filepath.Join(dir, "log")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := realTable.Kill(t.Context(), id); err != nil {
			t.Error(err)
		}
	}()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", id.PID))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if to, err := os.Readlink(file); err == nil && to == lock.Name() {
			t.Errorf("%s is %s", file, to)
		}
	}
}

func TestIdentityFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid", "etcd.json")
	if id, err := ReadIdentity(file); err == nil || realTable.Alive(id) {
		t.Errorf("a missing file gives %v and no error", id)
	}
	want := Identity{PID: 9, Start: 8, Boot: "b", Digest: "d"}
	if err := WriteIdentity(file, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadIdentity(file)
	if err != nil || got != want {
		t.Errorf("got %v and %v, want %v", got, err, want)
	}
	if err := os.WriteFile(file, []byte(`{"pid":`), 0o644); err != nil {
		t.Fatal(err)
	}
	if id, err := ReadIdentity(file); err == nil || realTable.Alive(id) {
		t.Errorf("a damaged file gives %v and no error", id)
	}
}

func TestTail(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(file, []byte("a\nb\nc\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, want := Tail(file, 2), "b\nc"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Tail(file+"-missing", 2); got != "" {
		t.Errorf("a missing log gives %q", got)
	}
}
