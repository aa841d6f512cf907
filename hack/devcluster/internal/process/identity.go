// Package process starts programs that outlive this one, finds them again, and stops them.
//
// A process is named by its number, its start time and the boot it was started in, never by its
// number alone: numbers are used again, and killing a foreign process is the worst this program
// could do. Every signal is preceded by a look at the identity.
package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Identity names a process for ever.
type Identity struct {
	PID    int    `json:"pid"`
	Start  uint64 `json:"start"`  // clock ticks since boot, as in /proc/PID/stat
	Boot   string `json:"boot"`   // /proc/sys/kernel/random/boot_id
	Digest string `json:"digest"` // of the command and its configuration
}

// Table looks at processes through procfs.
type Table struct {
	Root string // "/proc"
}

// Boot names the running boot of the machine.
func (t Table) Boot() (string, error) {
	content, err := os.ReadFile(filepath.Join(t.Root, "sys/kernel/random/boot_id"))
	if err != nil {
		return "", fmt.Errorf("reading the boot's name: %w", err)
	}
	return strings.TrimSpace(string(content)), nil
}

// Identify returns the identity of a running process.
func (t Table) Identify(pid int) (Identity, error) {
	boot, err := t.Boot()
	if err != nil {
		return Identity{}, err
	}
	content, err := os.ReadFile(filepath.Join(t.Root, strconv.Itoa(pid), "stat"))
	if err != nil {
		return Identity{}, fmt.Errorf("reading process %d: %w", pid, err)
	}
	state, start, err := parseStat(string(content))
	if err != nil {
		return Identity{}, fmt.Errorf("reading process %d: %w", pid, err)
	}
	if state == "Z" || state == "X" {
		return Identity{}, fmt.Errorf("process %d has ended: %w", pid, os.ErrNotExist)
	}
	return Identity{PID: pid, Start: start, Boot: boot}, nil
}

// Alive reports whether the very process of this identity runs.
func (t Table) Alive(id Identity) bool {
	if id.PID <= 1 {
		return false
	}
	now, err := t.Identify(id.PID)
	return err == nil && now.Start == id.Start && now.Boot == id.Boot
}

// parseStat takes the state (field 3) and start time (field 22) out of /proc/PID/stat. Field 2 is the
// program's name in parentheses and may itself hold spaces and parentheses.
func parseStat(stat string) (state string, start uint64, err error) {
	end := strings.LastIndexByte(stat, ')')
	if end < 0 {
		return "", 0, errors.New("stat has no program name")
	}
	fields := strings.Fields(stat[end+1:])
	if len(fields) < 20 {
		return "", 0, fmt.Errorf("stat has %d fields after the name, want at least 20", len(fields))
	}
	start, err = strconv.ParseUint(fields[19], 10, 64)
	return fields[0], start, err
}

// Age is how long the process has run, zero if that cannot be told.
func (t Table) Age(id Identity) time.Duration {
	content, err := os.ReadFile(filepath.Join(t.Root, "uptime"))
	if err != nil {
		return 0
	}
	uptime, err := strconv.ParseFloat(strings.Fields(string(content) + " 0")[0], 64)
	if err != nil {
		return 0
	}
	const ticksPerSecond = 100 // USER_HZ, fixed in Linux's interface to programs
	age := uptime - float64(id.Start)/ticksPerSecond
	return max(0, time.Duration(age*float64(time.Second)))
}

// Find returns every running process whose command line satisfies match.
func (t Table) Find(match func(argv []string) bool) ([]Identity, error) {
	entries, err := os.ReadDir(t.Root)
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	var found []Identity
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		// The identity is taken on both sides of the look at the command line, lest the number
		// changed hands between.
		before, err := t.Identify(pid)
		if err != nil || !match(t.argv(pid)) || !t.Alive(before) {
			continue
		}
		found = append(found, before)
	}
	return found, nil
}

func (t Table) argv(pid int) []string {
	content, err := os.ReadFile(filepath.Join(t.Root, strconv.Itoa(pid), "cmdline"))
	if err != nil || len(content) == 0 {
		return nil
	}
	return strings.Split(strings.TrimRight(string(content), "\x00"), "\x00")
}

// Signal sends a signal to the very process of this identity; to no other that took its number.
func (t Table) Signal(id Identity, signal syscall.Signal) error {
	if !t.Alive(id) {
		return nil
	}
	if err := syscall.Kill(id.PID, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signalling process %d: %w", id.PID, err)
	}
	return nil
}

// ReadIdentity reads a file that WriteIdentity wrote. The zero identity, which is never alive, is
// returned with the error.
func ReadIdentity(file string) (Identity, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return Identity{}, err
	}
	var id Identity
	if err := json.Unmarshal(content, &id); err != nil {
		return Identity{}, fmt.Errorf("reading %s: %w", file, err)
	}
	return id, nil
}

// WriteIdentity writes the identity so that a reader sees all of it or none.
func WriteIdentity(file string, id Identity) error {
	content, err := json.Marshal(id)
	if err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	if err := os.WriteFile(file+".new", append(content, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	return os.Rename(file+".new", file)
}
