package host

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/layout"
	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/process"
)

// cgroupRoots are the directories of the node's cgroup: one in each hierarchy. Beside those of version
// 1 there can be one of version 2, in which runc makes cgroups too.
func cgroupRoots() ([]string, error) {
	if cgroupV2() {
		return []string{filepath.Join("/sys/fs/cgroup", layout.Cgroup)}, nil
	}
	content, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("listing cgroup hierarchies: %w", err)
	}
	var roots []string
	for _, m := range parseMounts(content) {
		if m.Type == "cgroup" || m.Type == "cgroup2" {
			roots = append(roots, filepath.Join(m.Point, layout.Cgroup))
		}
	}
	if len(roots) == 0 {
		return nil, errors.New("no cgroup hierarchy is mounted below /sys/fs/cgroup")
	}
	return roots, nil
}

// MakeCgroup makes the cgroup that the kubelet puts all pods under.
func MakeCgroup() error {
	roots, err := cgroupRoots()
	if err != nil {
		return err
	}
	for _, root := range roots {
		if err := os.Mkdir(root, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("making cgroup %s: %w", root, err)
		}
		if cgroupV2() {
			delegate(filepath.Dir(root))
			delegate(root)
			continue
		}
		inheritCPUs(root)
	}
	return nil
}

// delegate lets children of a version 2 cgroup use the controllers. One that the kernel refuses is
// left out; the kubelet says which it misses.
func delegate(cgroup string) {
	for _, controller := range []string{"cpu", "cpuset", "io", "memory", "pids", "hugetlb"} {
		_ = os.WriteFile(filepath.Join(cgroup, "cgroup.subtree_control"), []byte("+"+controller), 0o644)
	}
}

// inheritCPUs fills in a new cpuset of version 1, which starts empty and then takes no process.
func inheritCPUs(cgroup string) {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		have, err := os.ReadFile(filepath.Join(cgroup, file))
		if err != nil || len(bytes.TrimSpace(have)) > 0 {
			continue
		}
		if parent, err := os.ReadFile(filepath.Join(filepath.Dir(cgroup), file)); err == nil {
			_ = os.WriteFile(filepath.Join(cgroup, file), parent, 0o644)
		}
	}
}

// ContainerProcesses returns every process in the node's cgroup: those of all its containers, and no
// others.
func ContainerProcesses(table process.Table) ([]process.Identity, error) {
	roots, err := cgroupRoots()
	if err != nil {
		return nil, err
	}
	seen := make(map[int]bool)
	var found []process.Identity
	for _, root := range roots {
		for _, dir := range slices.Backward(subdirectories(root)) {
			content, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
			for line := range strings.FieldsSeq(string(content)) {
				pid, err := strconv.Atoi(line)
				if err != nil || seen[pid] {
					continue
				}
				seen[pid] = true
				if id, err := table.Identify(pid); err == nil {
					found = append(found, id)
				}
			}
		}
	}
	return found, nil
}

// RemoveCgroup removes the node's cgroup, whose processes must have ended.
func RemoveCgroup() error {
	roots, err := cgroupRoots()
	if err != nil {
		return err
	}
	for _, root := range roots {
		for _, dir := range slices.Backward(subdirectories(root)) {
			if err := removeCgroupDir(dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeCgroupDir retries: the kernel lets go of a cgroup some time after its last process ended.
func removeCgroupDir(dir string) error {
	var err error
	for range 100 {
		err = syscall.Rmdir(dir)
		if err == nil || errors.Is(err, syscall.ENOENT) {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("removing cgroup %s: %w", dir, err)
}

// subdirectories lists root and all directories below, parents first.
func subdirectories(root string) []string {
	var dirs []string
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	return dirs
}
