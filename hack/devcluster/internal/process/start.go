package process

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	maxLogBytes = 32 << 20
	firstFile   = 3 // after standard input, output and error
)

// Command is a program to start.
type Command struct {
	Path string
	Args []string // without the program itself
	Env  []string
	Dir  string
	Log  string // standard output and error are added to this file
}

// Start starts the program detached: in a session of its own, so that it outlives this program and
// its terminal, and without the files that were opened for this program: a lock that flock(1) holds
// for the time of one command would else be held as long as the node runs. An old log that has grown
// large is set aside as LOG.1.
func (t Table) Start(c Command) (Identity, error) {
	log, err := openLog(c.Log)
	if err != nil {
		return Identity{}, err
	}
	defer log.Close()
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Dir, cmd.Env = c.Dir, c.Env
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := unix.CloseRange(firstFile, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return Identity{}, fmt.Errorf("keeping open files from %s: %w", c.Path, err)
	}
	if err := cmd.Start(); err != nil {
		return Identity{}, fmt.Errorf("starting %s: %w", c.Path, err)
	}
	id, err := t.Identify(cmd.Process.Pid)
	// Reap the child should it end while this program still runs; its end is seen by its identity.
	go func() { _ = cmd.Wait() }()
	if err != nil {
		return Identity{}, fmt.Errorf("%s ended at once: see %s", filepath.Base(c.Path), c.Log)
	}
	return id, nil
}

func openLog(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("opening log: %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.Size() > maxLogBytes {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, fmt.Errorf("setting log aside: %w", err)
		}
	}
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening log: %w", err)
	}
	return log, nil
}

// Stop asks the processes to end and kills those that have not ended after grace. It returns when
// all have ended.
func (t Table) Stop(ctx context.Context, grace time.Duration, ids ...Identity) error {
	for _, id := range ids {
		if err := t.Signal(id, syscall.SIGTERM); err != nil {
			return err
		}
	}
	if t.gone(ctx, grace, ids) {
		return nil
	}
	return t.Kill(ctx, ids...)
}

// Kill kills the processes and returns when all have ended.
func (t Table) Kill(ctx context.Context, ids ...Identity) error {
	for _, id := range ids {
		if err := t.Signal(id, syscall.SIGKILL); err != nil {
			return err
		}
	}
	if t.gone(ctx, 10*time.Second, ids) {
		return nil
	}
	return fmt.Errorf("%d processes do not end after SIGKILL: %v", len(ids), ids)
}

// gone waits until none is alive and reports whether that came true within the limit.
func (t Table) gone(ctx context.Context, limit time.Duration, ids []Identity) bool {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for {
		if !t.anyAlive(ids) {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-deadline.C:
			return !t.anyAlive(ids)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (t Table) anyAlive(ids []Identity) bool {
	return slices.ContainsFunc(ids, t.Alive)
}

// Tail returns the last lines of a log, at most n of them, from its last 64 KiB.
func Tail(path string, n int) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	const window = 64 << 10
	info, err := file.Stat()
	if err != nil {
		return ""
	}
	content := make([]byte, min(window, info.Size()))
	if _, err := file.ReadAt(content, info.Size()-int64(len(content))); err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
