package host

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/layout"
)

// mountPoint is one line of /proc/self/mountinfo.
type mountPoint struct {
	Point string
	Type  string
}

var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

func parseMounts(mountinfo []byte) []mountPoint {
	var mounts []mountPoint
	lines := bufio.NewScanner(bytes.NewReader(mountinfo))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		before, after, found := strings.Cut(lines.Text(), " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if found && len(left) >= 5 && len(right) >= 1 {
			mounts = append(mounts, mountPoint{Point: unescape.Replace(left[4]), Type: right[0]})
		}
	}
	return mounts
}

// below returns the mount points under dir, the last mounted first.
func below(mounts []mountPoint, dir string) []string {
	var points []string
	for _, m := range slices.Backward(mounts) {
		if strings.HasPrefix(m.Point, dir+"/") {
			points = append(points, m.Point)
		}
	}
	return points
}

// Unmount unmounts everything below the directories. What a dying process still holds is taken out of
// sight at once and goes when it is let go.
func Unmount(dirs ...string) error {
	content, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("listing mounts: %w", err)
	}
	mounts := parseMounts(content)
	for _, dir := range dirs {
		for _, point := range below(mounts, dir) {
			err := unix.Unmount(point, unix.UMOUNT_NOFOLLOW)
			if errors.Is(err, unix.EBUSY) {
				err = unix.Unmount(point, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
			}
			if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
				return fmt.Errorf("unmounting %s: %w", point, err)
			}
		}
	}
	return nil
}

// CheckUnmounted fails if anything is mounted below dir, which then must not be removed.
func CheckUnmounted(dir string) error {
	content, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("listing mounts: %w", err)
	}
	if points := below(parseMounts(content), dir); len(points) > 0 {
		return fmt.Errorf("%s is still mounted", points[0])
	}
	return nil
}

// RemoveStrays removes what the node's programs leave in directories that cannot be configured: the
// CNI library's results for the node's network, the kubelet's links to the logs of its pods, and the
// kubelet's socket for devices. Directories that are then empty go too, for only such programs make
// them.
func RemoveStrays(stateDir string) error {
	results, _ := filepath.Glob("/var/lib/cni/results/" + layout.Network + "-*")
	logs, _ := filepath.Glob("/var/log/containers/*.log")
	for _, path := range logs {
		if target, err := os.Readlink(path); err == nil && strings.HasPrefix(target, stateDir+"/") {
			results = append(results, path)
		}
	}
	for _, path := range results {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("removing %s: %w", path, err)
		}
	}
	if isAbandoned(deviceSocket) {
		_ = os.Remove(deviceSocket)
	}
	for _, dir := range []string{
		"/var/lib/cni/results", "/var/lib/cni", "/var/log/containers", filepath.Dir(deviceSocket), "/var/lib/kubelet",
	} {
		_ = unix.Rmdir(dir) // refused unless empty
	}
	return nil
}

// deviceSocket is a constant of the kubelet, whatever its root directory.
const deviceSocket = "/var/lib/kubelet/device-plugins/kubelet.sock"

// isAbandoned reports whether nobody listens on a socket any more.
func isAbandoned(socket string) bool {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return errors.Is(err, unix.ECONNREFUSED)
	}
	conn.Close()
	return false
}
