//go:build e2e

// Command bench measures what Sallyport costs, on the real node of hack/devcluster. Each figure stands beside its direct
// counterpart, taken in the same run, in turns:
//
//	start    from the call of client-go's executor to the first byte of output
//	echo     from a key to its echo, in a shell with a terminal
//	bulk     throughput, by hack/bulk.sh, and the CPU time of the proxy for it
//	idle     memory of sessions in which nothing happens, against a kubelet of this program: the node would not hold so many
//	storage  what an hour of typing leaves in the object store
//
// A direct exec is what Sallyport denies, so the CONNECT webhook of the throw-away node is taken out for start, echo and
// bulk, and put back. For idle the proxy runs with higher limits of sessions; it is replaced before and after.
//
// Errors end the run; no figure does. Run it by make bench; BENCH="start echo" takes some of them, and BENCH_IDLE=few
// leaves out the 5,000 sessions, for which the API server and this program take some 10 GiB.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"k8s.io/klog/v2"
)

func main() {
	// What was begun is put back also where nobody reads what is printed.
	signal.Ignore(syscall.SIGPIPE)
	// client-go says more of sessions that are left than their errors do.
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, strings.Fields(os.Getenv("BENCH")))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run.
type bench struct {
	*node
	rows []row
}

// row is a line of the table at the end.
type row struct{ what, direct, through, added, goal string }

func run(ctx context.Context, only []string) error {
	all := []struct {
		name    string
		measure func(*bench, context.Context) error
	}{
		{"start", (*bench).start}, {"echo", (*bench).echo}, {"bulk", (*bench).bulk}, {"idle", (*bench).idle}, {"storage", (*bench).storage},
	}
	begun, facts := time.Now(), machine()
	n, err := findNode(ctx)
	if err != nil {
		return err
	}
	b := &bench{node: n}
	for _, m := range all {
		if len(only) > 0 && !slices.Contains(only, m.name) {
			continue
		}
		b.progress("%s ...", m.name)
		if err := m.measure(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	b.print(facts, time.Since(begun))
	return nil
}

func (b *bench) add(r row) {
	b.rows = append(b.rows, r)
	b.progress("  %s: direct %s, through Sallyport %s, %s", r.what, r.direct, r.through, r.added)
}

func (*bench) progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}

func (b *bench) print(facts string, took time.Duration) {
	fmt.Printf("%s; %s, in %s.\n\n| Measure | Direct | Sallyport | Added, or ratio | Goal |\n|---|---|---|---|---|\n",
		facts, time.Now().UTC().Format(time.DateOnly), took.Round(time.Second))
	for _, r := range b.rows {
		fmt.Printf("| %s | %s | %s | %s | %s |\n", r.what, r.direct, r.through, r.added, r.goal)
	}
}
