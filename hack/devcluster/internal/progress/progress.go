// Package progress tells a person what a long command does, in plain words with elapsed time.
package progress

import (
	"context"
	"fmt"
	"io"
	"time"
)

// Printer writes one line for each step.
type Printer struct {
	out      io.Writer
	now      func() time.Time
	start    time.Time
	terminal bool
}

// New returns a printer whose clock starts at once. On a terminal, running steps are updated in
// place every two seconds; elsewhere a line is added every 15 seconds.
func New(out io.Writer, now func() time.Time, terminal bool) *Printer {
	return &Printer{out: out, now: now, start: now(), terminal: terminal}
}

// Stepf writes a line.
func (p *Printer) Stepf(format string, args ...any) {
	fmt.Fprintf(p.out, "%s %s\n", p.elapsed(), fmt.Sprintf(format, args...))
}

func (p *Printer) elapsed() string {
	return fmt.Sprintf("[%3.0f s]", p.now().Sub(p.start).Seconds())
}

// During runs work and shows, as long as it runs, that it still does. The line that remains says
// how long it took.
func (p *Printer) During(ctx context.Context, what string, work func(context.Context) error) error {
	began := p.now()
	p.Stepf("%s ...", what)
	done := make(chan error, 1)
	go func() { done <- work(ctx) }()
	interval := 15 * time.Second
	if p.terminal {
		interval = 2 * time.Second
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			p.clearLine()
			if err == nil {
				p.Stepf("%s: done in %.0f s", what, p.now().Sub(began).Seconds())
			}
			return err
		case <-ticker.C:
			p.still(what, p.now().Sub(began))
		}
	}
}

func (p *Printer) still(what string, elapsed time.Duration) {
	if p.terminal {
		fmt.Fprintf(p.out, "\r\033[K%s %s ... %.0f s", p.elapsed(), what, elapsed.Seconds())
		return
	}
	p.Stepf("%s: still at it after %.0f s", what, elapsed.Seconds())
}

func (p *Printer) clearLine() {
	if p.terminal {
		fmt.Fprint(p.out, "\r\033[K")
	}
}
