// Package leftover is the one command that the gateway runs in containers under its own name: it ends what a session left
// running, where the grant says so.
//
// The command is constant, so that the CONNECT webhook can tell it from every other; what it looks for comes on its
// standard input, as numbers that are compared. It takes a POSIX shell with kill and test as builtins, and /proc; an image
// without them is answered by an error of the exec.
//
// # What it ends
//
// A process that the container runtime starts for an exec has no parent in the container's PID namespace (its parent is
// the runtime), and leads a Unix session of its own. The command looks for one of those, other than process 1 and itself,
// that sees the same root directory as it does itself, and began when the session did. If there is exactly one, it sends a
// signal to every process of that Unix session, so that a shell's jobs go with it; if there are more, to none. Arguments
// are no sign: a shell becomes its last command, and a colleague's may be the same. So whoever calls it has to know that no
// other session began in the container then.
//
// # What it does not
//
// A process that left its Unix session (a daemon), one whose leader has ended, or that other rights protect.
// Nothing that it answers is evidence: the container's shell may be anybody's. Whether the process has ended is told by
// the exit status of its own connection.
package leftover

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

//go:embed leftover.sh
var script string

// Command is the argument vector.
func Command() []string { return []string{"sh", "-c", script} }

// MaxAnswer bounds the bytes of an answer.
const MaxAnswer = 64

// Around is how much the beginning of a process may differ from what the gateway knows: it begins a little after its
// connection does, and so does the command that looks for it.
const Around = 3 * time.Second

// Search says what to look for.
type Search struct {
	// Age is how long ago the session's connection was accepted.
	Age time.Duration
	// Leader is the process that an earlier search has found; what is left of its Unix session is killed. 0 for the first
	// search, which asks it to terminate.
	Leader int
}

// Input is the command's standard input.
func (s Search) Input() []byte {
	signals := "TERM HUP"
	if s.Leader > 0 {
		signals = "KILL -"
	}
	hundredths := func(d time.Duration) int64 { return int64(d / (10 * time.Millisecond)) }
	return fmt.Appendf(nil, "%s %d %d %d\n", signals, s.Leader, hundredths(s.Age-Around), hundredths(s.Age+Around))
}

// Found is what the command says that it did.
type Found struct {
	// Leaders is how many processes fit. Leader is that of the one, if it is one.
	Leaders, Leader int
	// Signalled is how many processes took the signal.
	Signalled int
}

var answer = regexp.MustCompile(`^(\d{1,6}) (\d{1,10}) (\d{1,6})\n$`)

// Parse reads an answer. It comes from the container, and may be anything.
func Parse(text []byte) (Found, error) {
	fields := answer.FindSubmatch(text)
	if fields == nil {
		return Found{}, errors.New("the container's shell gave no proper answer")
	}
	var f Found
	for i, to := range []*int{&f.Leaders, &f.Leader, &f.Signalled} {
		*to, _ = strconv.Atoi(string(fields[i+1])) // digits, few enough
	}
	if f.Leaders != 1 && (f.Leader != 0 || f.Signalled != 0) || f.Leaders == 1 && f.Leader <= 1 {
		return Found{}, errors.New("the container's shell gave no proper answer")
	}
	return f, nil
}

// Answer is a bounded buffer for the command's output.
type Answer struct{ bytes.Buffer }

// Write keeps the first MaxAnswer bytes, and one more to tell that there are.
func (a *Answer) Write(p []byte) (int, error) {
	_, _ = a.Buffer.Write(p[:min(len(p), MaxAnswer+1-a.Len())]) // never fails
	return len(p), nil
}
