// Package app holds the commands of kubectl sallyport.
//
// A command reads its flags, calls the packages that decide (under ../internal and /internal) and prints. What it
// prints of other people's words goes through safeterm; what it prints on standard output is the result, everything
// said along the way goes to standard error. Clock, streams, clients and the object store come in by Env.
package app

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/safeterm"
	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/objectstore/s3"
)

// Env is everything that the plugin takes from outside.
type Env struct {
	Streams genericiooptions.IOStreams
	// InTerminal, OutTerminal and ErrTerminal say which streams are terminals.
	InTerminal, OutTerminal, ErrTerminal bool
	// Size returns the terminal's columns and rows, or an error if it has none.
	Size      func() (cols, rows int, err error)
	Clock     clock.Clock
	Getenv    func(string) string
	NewClient func(*rest.Config) (client.WithWatch, error)
	OpenStore func(s3.Options) (objectstore.Store, error)
}

// System is the Env of the running process.
func System() Env {
	return Env{
		Streams:     genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr},
		InTerminal:  term.IsTerminal(int(os.Stdin.Fd())),
		OutTerminal: term.IsTerminal(int(os.Stdout.Fd())),
		ErrTerminal: term.IsTerminal(int(os.Stderr.Fd())),
		Size:        func() (cols, rows int, err error) { return term.GetSize(int(os.Stdout.Fd())) },
		Clock:       clock.RealClock{},
		Getenv:      os.Getenv,
		NewClient:   newClient,
		OpenStore:   func(o s3.Options) (objectstore.Store, error) { return s3.New(o) },
	}
}

// plugin is what every command has at hand.
type plugin struct {
	Env
	flags *genericclioptions.ConfigFlags
}

// say prints a line about what goes on, on standard error.
func (p *plugin) say(format string, args ...any) { line(p.Streams.ErrOut, format, args...) }

// print prints a line of the result, on standard output.
func (p *plugin) print(format string, args ...any) { line(p.Streams.Out, format, args...) }

// machine is standard output for JSON, YAML and the like, which are printed as they are: on a terminal no control gets
// through.
func (p *plugin) machine() io.Writer {
	if p.OutTerminal {
		return safeterm.NewFilter(p.Streams.Out)
	}
	return p.Streams.Out
}

// line writes to a stream of the process. Where standard output is gone, there is nobody left to tell.
func line(w io.Writer, format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
