package host

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/sallyport-dev/sallyport/hack/devcluster/internal/layout"
)

func TestListening(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:192B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1111 1
   1: 0100007F:192B 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 2222 1
   2: 00000000:2328 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3333 1
   3: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4444 1
   4: short
`
	tests := map[string]struct {
		ports []int
		want  map[string]int
	}{
		"if a wanted port is listened on, then its socket": {[]int{6443}, map[string]int{"1111": 6443}},
		"if several are, then all":                         {[]int{6443, 9000, 1}, map[string]int{"1111": 6443, "3333": 9000}},
		"if none is, then nothing":                         {[]int{2379}, map[string]int{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, listening([]byte(table), tt.ports)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestListenersNamesTheProcess(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 1); err != nil {
		t.Fatal(err)
	}
	address, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	port := address.(*unix.SockaddrInet4).Port
	found, err := Listeners([]int{port})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].PID != os.Getpid() || found[0].Port != port || found[0].Program == "" {
		t.Errorf("got %+v, want port %d and process %d", found, port, os.Getpid())
	}
}

func TestMemAvailable(t *testing.T) {
	if got, want := memAvailable([]byte("MemTotal: 8 kB\nMemAvailable:     2048 kB\n")), uint64(2<<20); got != want {
		t.Errorf("got %d, want %d", got, want)
	}
	if got := memAvailable([]byte("MemTotal: 8 kB\n")); got != 0 {
		t.Errorf("got %d from a table without the line", got)
	}
}

func TestHasCapability(t *testing.T) {
	tests := map[string]struct {
		status string
		want   bool
		ok     bool
	}{
		"if the bit is set, then true":             {"Name:\tx\nCapEff:\t000001ffffffffff\n", true, true},
		"if only this bit is missing, then false":  {"CapEff:\t000001fffeffffff\n", false, true},
		"if no capability is left, then false":     {"CapEff:\t0000000000000000\n", false, true},
		"if the line is missing, then an error":    {"Name:\tx\n", false, false},
		"if the line is damaged, then an error":    {"CapEff:\tzz\n", false, false},
		"if another set has the bit, then no help": {"CapPrm:\t000001ffffffffff\nCapEff:\t0000000000000000\n", false, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "status")
			if err := os.WriteFile(file, []byte(tt.status), 0o644); err != nil {
				t.Fatal(err)
			}
			got, err := hasCapability(file, unix.CAP_SYS_RESOURCE)
			if got != tt.want || (err == nil) != tt.ok {
				t.Errorf("got %v and %v, want %v", got, err, tt.want)
			}
		})
	}
}

//nolint:dupword // the kernel writes type and source, which can be the same word
const mountinfo = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:25 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
40 22 0:40 / /state/kubelet/pods/a/volumes/token rw,relatime shared:9 - tmpfs tmpfs rw
41 40 0:41 / /state/kubelet/pods/a/volumes/token/deeper rw,relatime - tmpfs tmpfs rw
42 22 0:42 / /state2/x rw,relatime - tmpfs tmpfs rw
43 22 0:43 / /state/with\040space rw,relatime - overlay overlay rw,lowerdir=/a
44 22 0:44 / /state rw,relatime - tmpfs tmpfs rw
damaged line
`

func TestBelow(t *testing.T) {
	want := []string{"/state/with space", "/state/kubelet/pods/a/volumes/token/deeper", "/state/kubelet/pods/a/volumes/token"}
	if diff := cmp.Diff(want, below(parseMounts([]byte(mountinfo)), "/state")); diff != "" {
		t.Error(diff)
	}
}

func TestParseMountsGivesTypes(t *testing.T) {
	mounts := parseMounts([]byte(mountinfo))
	if !slices.Contains(mounts, mountPoint{Point: "/sys/fs/cgroup/pids", Type: "cgroup"}) {
		t.Errorf("got %+v", mounts)
	}
}

func FuzzParseMounts(f *testing.F) {
	f.Add([]byte(mountinfo))
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, point := range below(parseMounts(content), "/state") {
			if len(point) <= len("/state/") || point[:len("/state/")] != "/state/" {
				t.Errorf("%q is not below /state", point)
			}
		}
	})
}

func TestConflict(t *testing.T) {
	tests := map[string]struct {
		addresses string
		want      string
	}{
		"if only the bridge has one, then none": {`[{"ifname":"sallyport0","addr_info":[{"local":"10.244.0.1"}]}]`, ""},
		"if others are elsewhere, then none":    {`[{"ifname":"eth0","addr_info":[{"local":"192.0.2.2"},{"local":"10.9.6.1"}]}]`, ""},
		"if one is in the pods' network, then it is named": {
			`[{"ifname":"cni0","addr_info":[{"local":"10.244.0.1"}]}]`, "cni0 has address 10.244.0.1",
		},
		"if one is in the services' network, then it is named": {
			`[{"ifname":"lo"},{"ifname":"vpn0","addr_info":[{"local":"10.96.3.4"}]}]`, "vpn0 has address 10.96.3.4",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := conflict([]byte(tt.addresses))
			if err != nil || got != tt.want {
				t.Errorf("got %q and %v, want %q", got, err, tt.want)
			}
		})
	}
	if _, err := conflict([]byte("x")); err == nil {
		t.Error("damaged output gives no error")
	}
}

func TestSettingsComeBack(t *testing.T) {
	s := Settings{Root: t.TempDir()}
	file := filepath.Join(t.TempDir(), "saved.json")
	path := filepath.Join(s.Root, "net", "ipv4", "ip_forward")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	value := func() string {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	if err := s.Restore(file); err != nil {
		t.Errorf("nothing was saved: %v", err)
	}
	if err := os.WriteFile(path, []byte("0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	// The second round is a repeated "up": what it finds is not what was before the node.
	for range 2 {
		if err := s.Save(file); err != nil {
			t.Fatal(err)
		}
		if err := s.Set("net/ipv4/ip_forward", "1"); err != nil {
			t.Fatal(err)
		}
	}
	if got := value(); got != "1" {
		t.Errorf("the setting is %q", got)
	}
	if err := s.Restore(file); err != nil {
		t.Fatal(err)
	}
	if got := value(); got != "0" {
		t.Errorf("the setting is %q after Restore", got)
	}
}

func TestCheckDisk(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "not", "yet", "there")
	if err := CheckDisk(missing, 1); err != nil {
		t.Error(err)
	}
	if err := CheckDisk(missing, 1<<62); err == nil {
		t.Error("four exbibytes are free")
	}
}

func TestRuleNamesTheBridge(t *testing.T) {
	if !slices.Contains(allowRule(), layout.Bridge) {
		t.Error("the rule would let every interface through")
	}
}
