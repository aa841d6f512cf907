// Package host prepares the machine for the node and gives it back as it was.
//
// It touches nothing that it cannot name as the node's own: one bridge (which carries the state
// directory's path as its alias), the interfaces on that bridge, one cgroup, mounts below the state
// directory, tables of the packet filter under fixed names, and kernel settings whose former values
// it wrote down first.
package host

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/config"
)

const installHint = "apt-get install -y runc containernetworking-plugins busybox-static nftables iproute2"

var pluginDirs = []string{"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"}

// Detect looks at what the machine offers. The file system of stateDir decides how images are
// unpacked. It fails if a program is missing, with the command that installs it.
func Detect(stateDir string) (config.Machine, error) {
	var missing []string
	for _, tool := range []string{"nft", "ip", "mount", "umount"} {
		if _, err := exec.LookPath(tool); err != nil {
			missing = append(missing, tool)
		}
	}
	runc, err := exec.LookPath("runc")
	if err != nil {
		missing = append(missing, "runc")
	}
	plugins := findPlugins()
	if plugins == "" {
		missing = append(missing, "CNI plugins (bridge, host-local)")
	}
	if _, err := Busybox(); err != nil {
		missing = append(missing, err.Error())
	}
	if len(missing) > 0 {
		return config.Machine{}, fmt.Errorf("missing on this machine: %s; on Debian or Ubuntu:\n  %s", strings.Join(missing, ", "), installHint)
	}
	shield, err := hasCapability("/proc/self/status", unix.CAP_SYS_RESOURCE)
	if err != nil {
		return config.Machine{}, err
	}
	return config.Machine{
		CgroupV2: cgroupV2(), RestrictOOM: !shield, Snapshotter: snapshotter(stateDir), Runc: runc, CNIPluginDir: plugins,
	}, nil
}

// Busybox returns the path of a busybox that needs no libraries.
func Busybox() (string, error) {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return "", errors.New("busybox-static")
	}
	static, err := isStatic(path)
	if err != nil || !static {
		return "", errors.New("busybox-static (the installed busybox needs libraries)")
	}
	return path, nil
}

func findPlugins() string {
	for _, dir := range pluginDirs {
		complete := true
		for _, plugin := range []string{"bridge", "host-local"} {
			if _, err := os.Stat(filepath.Join(dir, plugin)); err != nil {
				complete = false
			}
		}
		if complete {
			return dir
		}
	}
	return ""
}

func cgroupV2() bool {
	var fs unix.Statfs_t
	return unix.Statfs("/sys/fs/cgroup", &fs) == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC
}

// snapshotter is how containerd stacks an image's layers: with overlayfs, which does not work on top
// of another overlayfs (the usual file system inside a container), else by copying.
func snapshotter(stateDir string) string {
	var fs unix.Statfs_t
	for unix.Statfs(stateDir, &fs) != nil && stateDir != "/" {
		stateDir = filepath.Dir(stateDir)
	}
	if fs.Type == unix.OVERLAYFS_SUPER_MAGIC {
		return "native"
	}
	if known("/proc/filesystems", "overlay") {
		return "overlayfs"
	}
	if modprobe, err := exec.LookPath("modprobe"); err == nil && exec.Command(modprobe, "overlay").Run() == nil {
		return "overlayfs"
	}
	return "native"
}

func known(file, word string) bool {
	content, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	return slices.Contains(strings.Fields(string(content)), word)
}

func hasCapability(statusFile string, capability uint) (bool, error) {
	file, err := os.Open(statusFile)
	if err != nil {
		return false, fmt.Errorf("reading capabilities: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if value, found := strings.CutPrefix(lines.Text(), "CapEff:"); found {
			set, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
			if err != nil {
				return false, fmt.Errorf("reading capabilities: %w", err)
			}
			return set&(1<<capability) != 0, nil
		}
	}
	return false, fmt.Errorf("reading capabilities: %s names none", statusFile)
}
