// Package copyshape tells the commands of kubectl cp from all others.
//
// kubectl cp is no request of its own: it runs tar, by pods/exec, and never on a terminal. These are the requests that
// kubectl makes from 1.32 to 1.37, and no other has the shape of a copy:
//
//	out     tar cf - PATH                                 without input
//	        sh -c "tar cf - 'PATH' | tail -c+N"           without input; with --retries, from 1.33 on
//	        sh -c "tar cf - PATH | tail -c+N"             without input; with --retries, up to 1.32
//	in      tar -xmf - [-C DIR]                           with input
//	        tar --no-same-permissions --no-same-owner -xmf - [-C DIR]
//	probe   test -d PATH                                  without input
//
// A path that begins with "-" is an option, which can make tar run a program, and has not the shape; nor has an unquoted
// path with any character that a shell could take for more than a letter. N is 0 or 1, the first attempt: what a later
// one brings begins in the middle of an archive and cannot be listed. Who may copy can begin again, but not go on.
//
// The shape is what the words are. That the program in the container behind the name tar is tar, nobody knows; therefore
// what passes is checked to be an archive (package archive).
package copyshape

import (
	"slices"
	"strings"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
)

// Kind is what a command does for kubectl cp. The zero value is that it is another command.
type Kind int

// The kinds.
const (
	None  Kind = iota
	Probe      // it asks whether there is a directory
	Out        // an archive comes out of the container, by its output
	In         // an archive goes into the container, by its input
)

// Shape is a command that was recognised.
type Shape struct {
	Kind Kind
	// Path is what is copied or asked about, or the directory that is copied into; "" is the working directory.
	Path string
}

// Of tells the shape of a request for pods/exec.
func Of(a authorizer.Attributes) Shape {
	if a.TTY {
		return Shape{}
	}
	s := ofCommand(a.Command)
	if (s.Kind == In) != a.Stdin {
		return Shape{}
	}
	return s
}

func ofCommand(argv []string) Shape {
	switch {
	case len(argv) == 3 && argv[0] == "test" && argv[1] == "-d" && argv[2] != "":
		return Shape{Probe, argv[2]}
	case len(argv) == 4 && slices.Equal(argv[:3], []string{"tar", "cf", "-"}) && isPath(argv[3]):
		return Shape{Out, argv[3]}
	case len(argv) == 3 && argv[0] == "sh" && argv[1] == "-c":
		return ofScript(argv[2])
	case len(argv) > 0 && argv[0] == "tar":
		return ofExtract(argv[1:])
	default:
		return Shape{}
	}
}

func ofExtract(args []string) Shape {
	if len(args) > 2 && args[0] == "--no-same-permissions" && args[1] == "--no-same-owner" {
		args = args[2:]
	}
	switch {
	case len(args) < 2 || args[0] != "-xmf" || args[1] != "-":
		return Shape{}
	case len(args) == 2:
		return Shape{Kind: In}
	case len(args) == 4 && args[2] == "-C" && isPath(args[3]):
		return Shape{In, args[3]}
	default:
		return Shape{}
	}
}

func ofScript(script string) Shape {
	word, ok := strings.CutPrefix(script, "tar cf - ")
	if !ok {
		return Shape{}
	}
	for _, tail := range []string{" | tail -c+0", " | tail -c+1"} {
		if word, ok := strings.CutSuffix(word, tail); ok {
			if path := unquote(word); isPath(path) {
				return Shape{Out, path}
			}
		}
	}
	return Shape{}
}

// unquote returns the one path that a shell reads in the word, or nothing.
func unquote(word string) string {
	if len(word) < 2 || word[0] != '\'' || word[len(word)-1] != '\'' {
		if strings.ContainsFunc(word, special) {
			return ""
		}
		return word
	}
	parts := strings.Split(word[1:len(word)-1], `'\''`)
	if slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(p, "'") }) {
		return ""
	}
	return strings.Join(parts, "'")
}

// special says whether a shell may take the character for something else than itself.
func special(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("/._-+,:@%=", r)
}

func isPath(word string) bool { return word != "" && word[0] != '-' }
