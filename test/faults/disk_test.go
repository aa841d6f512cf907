//go:build e2e

package faults

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/test/node"
)

const spoolDir = "/var/lib/sallyport/spool"

// within runs f in the mount namespace of a process.
func within(pid int, f func() error) error {
	const setns = 308 // on amd64
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		done <- func() error {
			ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/mnt", pid))
			if err != nil {
				return err
			}
			defer ns.Close()
			// A thread that shares its root and working directory may not move.
			if err := syscall.Unshare(syscall.CLONE_FS); err != nil {
				return os.NewSyscallError("unshare", err)
			}
			if _, _, errno := syscall.RawSyscall(setns, ns.Fd(), syscall.CLONE_NEWNS, 0); errno != 0 {
				return os.NewSyscallError("setns", errno)
			}
			return f()
		}()
	}()
	return <-done
}

// TestDiskFull mounts a small disk over the running proxy's spool and fills it while sessions write.
func TestDiskFull(t *testing.T) {
	r := &row{
		fault: "the spool's disk is full", means: "a tmpfs of 4 MiB as the spool, filled by another file during 3 sessions",
		reasons: []string{"recording-failed", "recorder-died"}, told: "no space left on device",
	}
	r.try(t, func(t *testing.T, chance *locked) []*trial {
		pid := proxy(t)
		if err := within(pid, func() error {
			return syscall.Mount("faults", spoolDir, "tmpfs", 0, "size=4m,mode=700,uid=65532,gid=65532")
		}); err != nil {
			t.Fatal(err)
		}
		unmount := func() error {
			return within(pid, func() error { return syscall.Unmount(spoolDir, syscall.MNT_DETACH) })
		}
		defer func() {
			if err := unmount(); err != nil {
				t.Error(err)
			}
		}()
		all := []*trial{begin(t, counting), begin(t, ticking), begin(t, typing)}
		live(t, all)
		time.Sleep(chance.duration(2 * time.Second))
		filler := fmt.Sprintf("/proc/%d/root%s/filler", pid, spoolDir)
		stop := fill(t, filler)
		waitAll(t, all)
		node.Through("developer").Refused(t, []string{"no space left on device"}, "exec", "-n", node.Namespace, "app-0", "--", "echo", "hello")
		stop()
		wholly(t, all)
		return all
	})
}

// wholly waits until nothing of the sessions is in the spool.
func wholly(t *testing.T, all []*trial) {
	t.Helper()
	node.Eventually(t, "all sessions are over", 60*time.Second, func() bool {
		for _, s := range sessions(t, all) {
			if !s.over() {
				return false
			}
		}
		return true
	})
}

// fill keeps a file as large as the disk lets it be, until it is told to stop.
func fill(t *testing.T, path string) (stop func()) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	quit, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for chunk := make([]byte, 4096); ; {
			_, err := f.Write(chunk)
			if errors.Is(err, syscall.ENOSPC) {
				time.Sleep(time.Millisecond)
			}
			select {
			case <-quit:
				return
			default:
			}
		}
	}()
	return func() {
		close(quit)
		<-stopped
		if err := errors.Join(f.Close(), os.Remove(path)); err != nil {
			t.Error(err)
		}
	}
}

// TestDiskError lets each fdatasync of the running proxy fail, by strace.
func TestDiskError(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Fatal("strace is missing: apt-get install strace")
	}
	r := &row{
		fault: "the spool's disk fails", means: "strace injects EIO into every fdatasync during 3 sessions",
		reasons: []string{"recording-failed", "recorder-died"}, told: "input/output error",
	}
	r.try(t, func(t *testing.T, chance *locked) []*trial {
		all := []*trial{begin(t, counting), begin(t, ticking), begin(t, typing)}
		live(t, all)
		time.Sleep(chance.duration(2 * time.Second))
		stop := injectEIO(t, proxy(t))
		waitAll(t, all)
		node.Through("developer").Refused(t, []string{"input/output error"}, "exec", "-n", node.Namespace, "app-0", "--", "echo", "hello")
		stop()
		return all
	})
}

func injectEIO(t *testing.T, pid int) (stop func()) {
	t.Helper()
	cmd := exec.Command("strace", "-f", "-qq", "-p", fmt.Sprint(pid), "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO")
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&said, out) // until strace ends
	}()
	return func() {
		_ = cmd.Process.Signal(os.Interrupt) // it lets go of the proxy
		<-read
		_ = cmd.Wait() // it ends by that signal
		if !strings.Contains(said.String(), "INJECTED") {
			t.Errorf("strace has injected nothing: %s", said.String())
		}
	}
}
