// Command benchmask measures the masker side by side with what else could be taken, on one core and in one run, and writes the
// table into a document, between its markers. `make bench-mask` runs it.
package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const (
	begin, end = "<!-- bench-mask -->\n", "<!-- /bench-mask -->\n"
	rounds     = 10
	atLeast    = 60 * time.Millisecond
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(documents []string) error {
	corpora, values := texts()
	all, err := contenders(values)
	if err != nil {
		return err
	}
	var table strings.Builder
	fmt.Fprintf(&table, "%s, %s; MB for each second of processor time, best of %d; in brackets of memcpy:\n\n|", processor(), runtime.Version(), rounds)
	for _, c := range append([]corpus{{name: "Masker, bytes a write"}}, corpora...) {
		fmt.Fprintf(&table, " %s |", c.name)
	}
	table.WriteString("\n|---|" + strings.Repeat("---:|", len(corpora)) + "\n")
	speeds := measured(all, corpora)
	for i, c := range all {
		fmt.Fprintf(&table, "| %s |", c.name)
		for k, speed := range speeds[i] {
			fmt.Fprintf(&table, " %s (%s %%) |", digits(speed), digits(100*speed/speeds[0][k]))
		}
		table.WriteString("\n")
	}
	fmt.Fprintf(&table, "\n%s\n", latencies(values, corpora[0].text))
	_, _ = os.Stdout.WriteString(table.String())
	for _, path := range documents {
		if err := put(path, table.String()); err != nil {
			return err
		}
	}
	return nil
}

// measured are the MB/s of the best round of each, on each text. A round is of all of them, so that none has the quiet minutes of a machine
// for itself.
func measured(all []contender, corpora []corpus) [][]float64 {
	speeds := make([][]float64, len(all))
	for i := range speeds {
		speeds[i] = make([]float64, len(corpora))
	}
	for round := range rounds {
		for i, c := range all {
			for k, text := range corpora {
				speeds[i][k] = max(speeds[i][k], measure(c, text.text))
			}
		}
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, rounds)
	}
	return speeds
}

// measure returns MB/s. What is slow gets the beginning of a text only.
func measure(c contender, text []byte) float64 {
	pass := c.start()
	if c.slow {
		text = text[:min(len(text), 256<<10)]
	}
	n := 0
	start := used()
	for used()-start < atLeast {
		for at := 0; at < len(text); at += c.chunk {
			part := text[at:min(len(text), at+c.chunk)]
			pass(part)
			n += len(part)
		}
	}
	return float64(n) / 1e6 / (used() - start).Seconds()
}

// used is the processor time of this process: what other work on the machine does not disturb.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func digits(x float64) string {
	switch {
	case x >= 10:
		return fmt.Sprintf("%.0f", x)
	case x >= 1:
		return fmt.Sprintf("%.1f", x)
	default:
		return fmt.Sprintf("%.2f", x)
	}
}

// latencies says what one write costs at best, and whether any allocates.
func latencies(values []string, text []byte) string {
	var out []string
	for _, size := range []int{1, 64} {
		best, allocations := time.Duration(0), 0.0
		for range rounds {
			took, allocated := latency(values, text, size)
			if best == 0 || took < best {
				best = took
			}
			allocations = max(allocations, allocated)
		}
		out = append(out, fmt.Sprintf("%d ns and %.3f allocations a write of %d bytes", best.Nanoseconds(), allocations, size))
	}
	return "Sallyport: " + strings.Join(out, ", ") + "."
}

func latency(values []string, text []byte, size int) (took time.Duration, allocations float64) {
	s := engine(values).NewStream()
	for at := 0; at < 1<<20; at += size {
		s.Write(text[at : at+size])
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := used()
	n := 0
	for at := 1 << 20; at+size <= 3<<20; at += size {
		s.Write(text[at : at+size])
		n++
	}
	took = used() - start
	runtime.ReadMemStats(&after)
	return took / time.Duration(n), float64(after.Mallocs-before.Mallocs) / float64(n)
}

func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	_, model, _ := bytes.Cut(info, []byte("model name\t: "))
	model, _, _ = bytes.Cut(model, []byte("\n"))
	return string(model)
}

// put replaces what is between the markers of a document.
func put(path, table string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return fmt.Errorf("%s has no lines %q and %q to write between", path, begin, end)
	}
	return os.WriteFile(path, []byte(before+begin+table+end+after), 0o600)
}
