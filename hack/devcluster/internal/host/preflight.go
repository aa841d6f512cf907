package host

import (
	"bufio"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	minMemory = 1536 << 20
	minDisk   = 3 << 30
)

// CheckRoot fails unless this program runs as root.
func CheckRoot() error {
	if os.Geteuid() != 0 {
		return errors.New("the node needs root (it mounts, makes network interfaces and starts containers): run this as root, or with sudo -E")
	}
	return nil
}

// CheckSpace fails if memory or the disk of dir would not last.
func CheckSpace(dir string) error {
	meminfo, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return fmt.Errorf("reading free memory: %w", err)
	}
	if free := memAvailable(meminfo); free < minMemory {
		return fmt.Errorf("%d MiB of memory are available, the node needs %d MiB", free>>20, minMemory>>20)
	}
	return CheckDisk(dir, minDisk)
}

func memAvailable(meminfo []byte) uint64 {
	lines := bufio.NewScanner(bytes.NewReader(meminfo))
	for lines.Scan() {
		if value, found := strings.CutPrefix(lines.Text(), "MemAvailable:"); found {
			kib, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kib << 10
		}
	}
	return 0
}

// CheckDisk fails if fewer than want bytes are free on the disk that dir lies on or will lie on.
func CheckDisk(dir string, want uint64) error {
	var fs unix.Statfs_t
	for unix.Statfs(dir, &fs) != nil && dir != "/" {
		dir = filepath.Dir(dir)
	}
	if free := fs.Bavail * uint64(fs.Bsize); free < want {
		return fmt.Errorf("%d MiB are free on the disk of %s, at least %d MiB are needed", free>>20, dir, want>>20)
	}
	return nil
}

// Listener is a process that holds a TCP port.
type Listener struct {
	Port    int
	PID     int // 0 if it cannot be told
	Program string
}

func (l Listener) String() string {
	if l.PID == 0 {
		return fmt.Sprintf("port %d is taken", l.Port)
	}
	return fmt.Sprintf("port %d is taken by %s (process %d)", l.Port, l.Program, l.PID)
}

// Listeners returns who listens on any of the ports.
func Listeners(ports []int) ([]Listener, error) {
	inodes := make(map[string]int)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		content, err := os.ReadFile(table)
		if errors.Is(err, os.ErrNotExist) {
			continue // no IPv6
		}
		if err != nil {
			return nil, fmt.Errorf("reading listening ports: %w", err)
		}
		maps.Copy(inodes, listening(content, ports))
	}
	if len(inodes) == 0 {
		return nil, nil
	}
	return owners(inodes), nil
}

// listening picks the sockets that listen on one of the ports out of a table such as /proc/net/tcp:
// their inodes and ports.
func listening(table []byte, ports []int) map[string]int {
	const stateListen = "0A"
	wanted := make(map[int]bool, len(ports))
	for _, port := range ports {
		wanted[port] = true
	}
	found := make(map[string]int)
	lines := bufio.NewScanner(bytes.NewReader(table))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || fields[3] != stateListen {
			continue
		}
		_, hex, _ := strings.Cut(fields[1], ":")
		port, err := strconv.ParseInt(hex, 16, 32)
		if err == nil && wanted[int(port)] {
			found[fields[9]] = int(port)
		}
	}
	return found
}

func owners(inodes map[string]int) []Listener {
	holders := make(map[string]int)
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !strings.HasPrefix(target, "socket:[") {
			continue
		}
		inode := strings.TrimSuffix(strings.TrimPrefix(target, "socket:["), "]")
		if _, wanted := inodes[inode]; wanted {
			pid, _ := strconv.Atoi(strings.Split(link, "/")[2])
			holders[inode] = pid
		}
	}
	var listeners []Listener
	for inode, port := range inodes {
		l := Listener{Port: port, PID: holders[inode]}
		if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", l.PID)); err == nil {
			l.Program = strings.TrimSpace(string(name))
		}
		listeners = append(listeners, l)
	}
	return listeners
}

func isStatic(path string) (bool, error) {
	file, err := elf.Open(path)
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", path, err)
	}
	defer file.Close()
	for _, program := range file.Progs {
		if program.Type == elf.PT_INTERP {
			return false, nil
		}
	}
	return true, nil
}
