//go:build e2e

package node

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// PID is that of one of the node's own components, from its pid file.
func PID(t *testing.T, component string) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(State, "pid", component+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		PID int `json:"pid"`
	}
	if err := json.Unmarshal(b, &file); err != nil || file.PID <= 1 {
		t.Fatalf("pid file of %s: %v: %s", component, err, b)
	}
	return file.PID
}

// Signal sends a signal to a component.
func Signal(t *testing.T, component string, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(PID(t, component), s); err != nil {
		t.Fatal(err)
	}
}

// Proxies are the process IDs of this node's Sallyport proxies.
func Proxies(t *testing.T) []int {
	t.Helper()
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, path := range commands {
		command, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(string(command), "/proxy\x00--namespace="+System+"\x00") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// KillProxy kills every proxy, as the kernel does when memory runs out.
func KillProxy(t *testing.T) {
	t.Helper()
	pids := Proxies(t)
	if len(pids) == 0 {
		t.Fatal("no proxy runs")
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
}
