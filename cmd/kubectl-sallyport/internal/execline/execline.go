// Package execline reads a kubectl exec, attach or port-forward command line, so that a person can ask for exactly what they were
// about to type: "kubectl exec -n payments web-0 -c app -- ls /tmp".
//
// The line is read with kubectl's own rules (flags before and after the verb, clustered short flags, "--" before
// the command) and never run. A flag that would change where or as whom the session runs, and that has no place in
// a grant, is an error: ignoring it would ask for something else than the person meant.
package execline

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Line is what a command line asks for.
type Line struct {
	Verb       string // "exec", "attach" or "port-forward"
	Kubeconfig string // empty if not given, as the other names
	Context    string
	Namespace  string
	Pod        string // never empty
	Container  string
	Command    []string // never empty for exec, empty for the others
}

// Is reports whether args looks like a kubectl command line.
func Is(args []string) bool {
	return len(args) > 0 && slices.Contains([]string{"kubectl", "kubectl.exe", "k"}, path.Base(args[0]))
}

// Parse reads a command line that begins with kubectl.
func Parse(args []string) (Line, error) {
	if !Is(args) {
		return Line{}, errors.New("the line does not begin with kubectl")
	}
	var line Line
	flags := line.flags()
	if err := flags.Parse(args[1:]); err != nil {
		return Line{}, fmt.Errorf("reading the kubectl line: %w", err)
	}
	words, command := flags.Args(), []string(nil)
	if dash := flags.ArgsLenAtDash(); dash >= 0 {
		words, command = words[:dash], words[dash:]
	}
	if len(words) == 0 {
		return Line{}, errors.New("the kubectl line has no verb")
	}
	line.Verb, line.Command = words[0], slices.Clone(command)
	if err := line.check(words[1:]); err != nil {
		return Line{}, err
	}
	var err error
	line.Pod, err = PodName(words[1])
	return line, err
}

// check says what is wrong with the words after the verb.
func (l *Line) check(words []string) error {
	switch {
	case l.Verb != "exec" && l.Verb != "attach" && l.Verb != "port-forward":
		return fmt.Errorf("only kubectl exec, attach and port-forward can be read, not kubectl %s: use flags", l.Verb)
	case len(words) == 0:
		return fmt.Errorf("kubectl %s names no pod", l.Verb)
	case len(words) > 1 && l.Verb == "exec":
		return fmt.Errorf("put -- before the command: kubectl exec %s -- %s …", words[0], words[1])
	case l.Verb == "port-forward" && (len(words) == 1 || len(l.Command) > 0 || l.Container != ""):
		return errors.New("kubectl port-forward names a pod and ports, and nothing else")
	case l.Verb == "attach" && (len(words) > 1 || len(l.Command) > 0):
		return errors.New("kubectl attach takes no command")
	case l.Verb == "exec" && len(l.Command) == 0:
		return errors.New("kubectl exec names no command")
	}
	return nil
}

// PodName takes "NAME" or "pod/NAME".
func PodName(word string) (string, error) {
	kind, name, slash := strings.Cut(word, "/")
	if !slash {
		kind, name = "pod", word
	}
	switch {
	case !slices.Contains([]string{"pod", "pods", "po"}, kind):
		return "", fmt.Errorf("%s is not a pod: name a pod, or choose pods with --selector", word)
	case name == "" || strings.Contains(name, "/"):
		return "", fmt.Errorf("%q is not the name of a pod", word)
	}
	return name, nil
}

// flags are those of kubectl exec, attach and port-forward, and those of every kubectl command that say where.
func (l *Line) flags() *pflag.FlagSet {
	fs := pflag.NewFlagSet("kubectl", pflag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	fs.StringVar(&l.Kubeconfig, "kubeconfig", "", "")
	fs.StringVar(&l.Context, "context", "", "")
	fs.StringVarP(&l.Namespace, "namespace", "n", "", "")
	fs.StringVarP(&l.Container, "container", "c", "", "")
	// How the streams are connected and how long kubectl waits is no part of a grant.
	fs.BoolP("stdin", "i", false, "")
	fs.BoolP("tty", "t", false, "")
	fs.BoolP("quiet", "q", false, "")
	fs.StringSlice("address", nil, "")
	fs.String("pod-running-timeout", "", "")
	fs.String("request-timeout", "", "")
	fs.StringP("v", "v", "", "")
	fs.Lookup("v").NoOptDefVal = "0"
	return fs
}
