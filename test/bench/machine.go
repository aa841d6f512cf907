//go:build e2e

package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// machine says on what the figures were taken, and what else kept it busy when they began.
func machine() string {
	return fmt.Sprintf("%d × %s, %s GiB, Linux %s, %s; load %s at the start",
		runtime.NumCPU(), field("/proc/cpuinfo", "model name"), gibibytes(field("/proc/meminfo", "MemTotal")),
		strings.TrimSpace(text("/proc/sys/kernel/osrelease")), runtime.Version(), first(text("/proc/loadavg")))
}

func text(path string) string {
	b, _ := os.ReadFile(path)
	return string(b)
}

func first(s string) string { s, _, _ = strings.Cut(s, " "); return s }

// field is the value of the first line "name: value".
func field(path, name string) string {
	for line := range strings.Lines(text(path)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "?"
}

func gibibytes(kilobytes string) string {
	var n int64
	_, _ = fmt.Sscan(kilobytes, &n)
	return fmt.Sprint((n + 1<<19) >> 20)
}

// times are the durations of one kind, of which percentiles are taken.
type times []time.Duration

// at is the percentile p, by nearest rank.
func (t times) at(p int) time.Duration {
	sorted := slices.Sorted(slices.Values(t))
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// compare adds the rows of what was timed on both ways.
func (b *bench) compare(what string, direct, through times, goals map[int]string) {
	for _, p := range []int{50, 99} {
		d, t := direct.at(p), through.at(p)
		b.add(row{
			fmt.Sprintf("%s, p%d of %d", what, p, len(through)), milliseconds(d), milliseconds(t), "+" + milliseconds(t-d), goals[p],
		})
	}
}
