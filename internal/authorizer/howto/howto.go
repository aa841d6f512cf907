// Package howto writes the commands that a denial offers to paste: how to request a grant with the plugin and with
// stock kubectl, how to approve one, how to go through the gateway.
//
// Every value is quoted for a POSIX shell. A command that could not be pasted as it was meant (an argument that is
// not printable, or that was masked) is left out, never mangled: the request is then for any command.
package howto

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"unicode"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/authorizer/copyshape"
	"github.com/sallyport-dev/sallyport/internal/layout"
)

const (
	// maxCommand bounds the argument vector in a suggestion, so that a message stays readable.
	maxCommand = 256
	reason     = "WHY"
	actionCopy = "Copy"
)

// Request is the plugin's command line that asks for a grant which covers a. Its argument vector is part of the line
// if a has one that can be pasted.
func Request(a authorizer.Attributes) string {
	words := []string{"kubectl", "sallyport", "request", "-n", a.Namespace}
	if a.Pod != "" && a.Action != "Run" {
		words = append(words, "--pod", a.Pod)
	}
	if a.Container != "" {
		words = append(words, "-c", a.Container)
	}
	if a.Action != "Exec" {
		words = append(words, "--action", a.Action)
	}
	for _, image := range a.Images {
		words = append(words, "--image", image)
	}
	words = append(words, "--reason", reason)
	if a.Action != actionCopy && pasteable(a.Command) { // one kubectl cp is several commands
		words = append(append(words, "--"), a.Command...)
	}
	return join(words)
}

// manifest is the least that an ExecutionGrant needs.
type manifest struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		GenerateName string `json:"generateName"`
		Namespace    string `json:"namespace"`
	} `json:"metadata"`
	Spec struct {
		Actions []string `json:"actions"`
		Target  struct {
			PodName    string   `json:"podName,omitempty"`
			Containers []string `json:"containers,omitempty"`
			Images     []string `json:"images,omitempty"`
		} `json:"target"`
		DurationSeconds int32  `json:"durationSeconds"`
		Reason          string `json:"reason"`
	} `json:"spec"`
}

// Manifest is a command line for stock kubectl that asks for the same, for any command. It spans several lines.
func Manifest(a authorizer.Attributes) (string, error) {
	m := manifest{APIVersion: "access.sallyport.dev/v1alpha1", Kind: "ExecutionGrant"}
	m.Metadata.GenerateName, m.Metadata.Namespace = "grant-", a.Namespace
	m.Spec.Actions, m.Spec.DurationSeconds, m.Spec.Reason = []string{a.Action}, 900, reason
	if a.Action != "Run" {
		m.Spec.Target.PodName = a.Pod
	}
	if a.Container != "" {
		m.Spec.Target.Containers = []string{a.Container}
	}
	m.Spec.Target.Images = a.Images
	encoded, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("encoding a grant: %w", err)
	}
	return "kubectl create -f - <<'EOF'\n" + string(encoded) + "\nEOF", nil
}

// Approve is the plugin's command line by which somebody else approves a grant.
func Approve(namespace, name string) string {
	return join([]string{"kubectl", "sallyport", "approve", "-n", namespace, name})
}

// Exec is the kubectl command line of an Exec, Attach, Copy or PortForward itself.
func Exec(a authorizer.Attributes) string {
	switch a.Action {
	case "PortForward":
		return join([]string{"kubectl", "port-forward", "-n", a.Namespace, "pod/" + a.Pod, "LOCAL:REMOTE"})
	case actionCopy:
		return copyLine(a)
	}
	words := []string{"kubectl", strings.ToLower(a.Action), "-n", a.Namespace, a.Pod}
	if a.Container != "" {
		words = append(words, "-c", a.Container)
	}
	if a.Stdin {
		words = append(words, "-i")
	}
	if a.TTY {
		words = append(words, "-t")
	}
	if pasteable(a.Command) {
		words = append(append(words, "--"), a.Command...)
	} else if len(a.Command) > 0 {
		words = append(words, "--", "COMMAND")
	}
	return join(words)
}

// copyLine names what is in the container as far as it can be pasted; what is on the other side is for the person to name.
func copyLine(a authorizer.Attributes) string {
	words := []string{"kubectl", "cp", "-n", a.Namespace}
	if a.Container != "" {
		words = append(words, "-c", a.Container)
	}
	shape := copyshape.Of(a)
	inside := shape.Path
	if inside == "" || !pasteable([]string{inside}) || strings.Contains(inside, ":") {
		inside = "PATH"
	}
	if shape.Kind == copyshape.Out {
		return join(append(words, a.Pod+":"+inside, path.Base(inside)))
	}
	return join(append(words, "PATH", a.Pod+":"+inside))
}

// Server is the flag by which stock kubectl goes through the gateway without a context of its own.
func Server() string {
	return fmt.Sprintf(`--server="$(kubectl config view --minify -o jsonpath='{.clusters[0].cluster.server}')%s"`, layout.GatewayPath())
}

func pasteable(argv []string) bool {
	length := 0
	for _, arg := range argv {
		length += len(arg)
		if strings.ContainsFunc(arg, func(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }) {
			return false
		}
	}
	return len(argv) > 0 && length <= maxCommand
}

func join(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = quote(word)
	}
	return strings.Join(quoted, " ")
}

// quote makes one word for a POSIX shell.
func quote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_@%+=:,./-", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
