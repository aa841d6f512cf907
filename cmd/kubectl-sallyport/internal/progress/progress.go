// Package progress tells a person that something is still going on, without getting in the way of what is printed.
//
// Nothing is said in the first two seconds. After that, a terminal gets one line that is rewritten every second and
// erased at the end; anything else (a log, a pipe) gets each text once, as a line of its own.
package progress

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/utils/clock"
)

// Quiet is how long nothing is said.
const Quiet = 2 * time.Second

const eraseLine = "\r\x1b[K"

// Line is one thing that goes on.
type Line struct {
	w        io.Writer
	terminal bool
	clock    clock.Clock
	start    time.Time

	mu    sync.Mutex
	text  string
	shown string // the text that was printed last

	cancel context.CancelFunc
	done   chan struct{}
}

// Start begins to say text, which must be safe for a terminal. Stop has to be called.
func Start(ctx context.Context, w io.Writer, terminal bool, c clock.Clock, text string) *Line {
	ctx, cancel := context.WithCancel(ctx)
	l := &Line{w: w, terminal: terminal, clock: c, start: c.Now(), text: text, cancel: cancel, done: make(chan struct{})}
	go l.run(ctx)
	return l
}

// Say changes the text.
func (l *Line) Say(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = text
	if l.shown != "" {
		l.print()
	}
}

// Stop ends it. Afterwards the terminal's line is empty, and nothing more is printed.
func (l *Line) Stop() {
	l.cancel()
	<-l.done
}

func (l *Line) run(ctx context.Context) {
	defer close(l.done)
	for wait := Quiet; ; wait = time.Second {
		timer := l.clock.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			l.erase()
			return
		case <-timer.C():
		}
		l.mu.Lock()
		l.print()
		l.mu.Unlock()
	}
}

// print must be called with the lock held.
func (l *Line) print() {
	switch {
	case l.terminal:
		fmt.Fprintf(l.w, "%s%s (%s)", eraseLine, l.text, duration.HumanDuration(l.clock.Since(l.start)))
	case l.text != l.shown:
		fmt.Fprintln(l.w, l.text)
	}
	l.shown = l.text
}

func (l *Line) erase() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.terminal && l.shown != "" {
		fmt.Fprint(l.w, eraseLine)
	}
}
