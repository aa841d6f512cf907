//go:build e2e && amd64

package faults

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// clock is the wall clock of one running process, which it sets without touching any other's: the process reads the time by
// a function that the kernel maps into it, the vDSO's clock_gettime, and this one is replaced by one that asks the kernel
// and adds an offset to CLOCK_REALTIME.
type clock struct {
	pid    int
	memory *os.File
	offset int64 // where in the process's memory the offset lies
}

// skewed is amd64 code for: clock_gettime(2), then time->tv_sec += offset if the clock is CLOCK_REALTIME. Its offset is
// the four bytes before the last.
var skewed = []byte{
	0xb8, 0xe4, 0x00, 0x00, 0x00, // mov eax, SYS_clock_gettime
	0x0f, 0x05, // syscall
	0x85, 0xff, // test edi, edi
	0x75, 0x07, // jne, to the return
	0x48, 0x81, 0x06, 0, 0, 0, 0, // add qword [rsi], offset
	0xc3, // ret
}

// clockOf takes the clock of a process.
func clockOf(t *testing.T, pid int) *clock {
	t.Helper()
	memory, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = memory.Close() })
	c := &clock{pid: pid, memory: memory}
	for range 20 {
		if err = c.install(); err == nil {
			return c
		}
	}
	t.Fatal("taking the proxy's clock: ", err)
	return nil
}

// install writes the code behind the end of the vDSO, and a jump to it over the start of clock_gettime. It fails if a
// thread is just there.
func (c *clock) install() error {
	base, image, err := c.vdso()
	if err != nil {
		return err
	}
	parsed, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return err
	}
	symbols, err := parsed.DynamicSymbols()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(symbols, func(s elf.Symbol) bool { return s.Name == "__vdso_clock_gettime" })
	end := len(bytes.TrimRight(image, "\x00")) + 16
	if i < 0 || end+len(skewed) > len(image) {
		return errors.New("the vDSO has no clock_gettime, or no room")
	}
	entry := symbols[i].Value
	if err := syscall.Kill(c.pid, syscall.SIGSTOP); err != nil {
		return err
	}
	defer func() { _ = syscall.Kill(c.pid, syscall.SIGCONT) }()
	if err := c.away(base+entry, base+entry+5); err != nil {
		return err
	}
	c.offset = int64(base) + int64(end) + int64(len(skewed)) - 5
	if _, err := c.memory.WriteAt(skewed, int64(base)+int64(end)); err != nil {
		return err
	}
	jump := binary.LittleEndian.AppendUint32([]byte{0xe9}, uint32(end)-uint32(entry)-5)
	_, err = c.memory.WriteAt(jump, int64(base+entry))
	return err
}

func (c *clock) vdso() (base uint64, image []byte, err error) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", c.pid))
	if err != nil {
		return 0, nil, err
	}
	for line := range strings.Lines(string(maps)) {
		var end uint64
		if _, err := fmt.Sscanf(line, "%x-%x", &base, &end); err == nil && strings.Contains(line, "[vdso]") {
			image = make([]byte, end-base)
			_, err := c.memory.ReadAt(image, int64(base))
			return base, image, err
		}
	}
	return 0, nil, errors.New("no vDSO")
}

// away waits until every thread has stopped, and fails if one did between two addresses.
func (c *clock) away(from, to uint64) error {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", c.pid))
	if err != nil {
		return err
	}
	for _, thread := range threads {
		stopped := false
		for range 1000 {
			stat, err := os.ReadFile(thread + "/stat")
			if err != nil {
				return err
			}
			if _, rest, _ := strings.Cut(string(stat), ") "); stopped || strings.HasPrefix(rest, "T") {
				stopped = true
				break
			}
			time.Sleep(time.Millisecond)
		}
		if !stopped {
			return fmt.Errorf("%s does not stop", thread)
		}
		where, err := os.ReadFile(thread + "/syscall")
		if err != nil {
			return err
		}
		fields := strings.Fields(string(where)) // the last one is the program counter
		var at uint64
		if _, err := fmt.Sscanf(fields[len(fields)-1], "0x%x", &at); err != nil || at > from && at < to {
			return fmt.Errorf("a thread is at %s: %w", where, err)
		}
	}
	return nil
}

// jump sets the process's clock off by d from the machine's.
func (c *clock) jump(t *testing.T, d time.Duration) {
	t.Helper()
	seconds := int64(d / time.Second)
	if seconds != int64(int32(seconds)) || seconds == math.MinInt32 {
		t.Fatalf("a jump of %s", d)
	}
	if _, err := c.memory.WriteAt(binary.LittleEndian.AppendUint32(nil, uint32(int32(seconds))), c.offset); err != nil {
		t.Fatal(err)
	}
}

// TestClock lets the proxy's clock jump during sessions, and back when they are over. A session may go on or be ended;
// what passed is recorded.
func TestClock(t *testing.T) {
	const day = 24 * time.Hour
	r := &row{
		fault: "the proxy's clock jumps", means: "the vDSO's clock_gettime of the running proxy is replaced, during 2 sessions; back after them",
		reasons: []string{"recording-failed", "grant-expired", "recorder-died", "refused"},
	}
	defer r.print(t)
	permit(t)
	for _, by := range []time.Duration{5 * time.Minute, -5 * time.Minute, 2 * time.Hour, -2 * time.Hour, 2 * day, -400 * day} {
		r.seeds = append(r.seeds, by.String())
		r.step(t, by.String(), func(t *testing.T) []*trial {
			c := clockOf(t, proxy(t))
			going := []*trial{begin(t, ticking), begin(t, typing)}
			live(t, going)
			c.jump(t, by)
			defer c.jump(t, 0)
			late := begin(t, brief)
			waitAll(t, append(going, late))
			return append(going, late)
		})
	}
	r.check(t)
}
