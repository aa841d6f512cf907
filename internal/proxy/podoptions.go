package proxy

import (
	"net/url"
	"strconv"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/sallyport-dev/sallyport/internal/streaming"
)

// maxCommandBytes bounds an argument vector: what a container's kernel would take, and a recording's open object holds.
const maxCommandBytes = 128 << 10

// execOptions reads the query of pods/exec as the API server does, and refuses what is ambiguous. What it returns is
// sent on anew: parameters that it does not know go no further.
func execOptions(query url.Values) (*corev1.PodExecOptions, error) {
	o := &corev1.PodExecOptions{Command: query["command"]}
	size := 0
	for _, argument := range o.Command {
		size += len(argument)
		if !utf8.ValidString(argument) {
			// The API server would hand another argument to the webhook than to the container.
			return nil, apierrors.NewBadRequest("an argument of the command is not UTF-8; pass such bytes on standard input")
		}
	}
	if size > maxCommandBytes {
		return nil, apierrors.NewBadRequest("the command is longer than " + strconv.Itoa(maxCommandBytes) + " bytes")
	}
	err := streamOptions(query, &o.Stdin, &o.Stdout, &o.Stderr, &o.TTY, &o.Container)
	return o, err
}

// attachOptions reads the query of pods/attach in the same way.
func attachOptions(query url.Values) (*corev1.PodAttachOptions, error) {
	o := &corev1.PodAttachOptions{}
	err := streamOptions(query, &o.Stdin, &o.Stdout, &o.Stderr, &o.TTY, &o.Container)
	return o, err
}

// portForwardOptions insists on a query without ports, which is of WebSocket protocols that the gateway does not speak.
func portForwardOptions(query url.Values) (*corev1.PodPortForwardOptions, error) {
	if len(query["ports"]) > 0 {
		return nil, apierrors.NewBadRequest("the gateway takes no ports in the query of pods/portforward; use kubectl, or a client that names them in its streams")
	}
	return &corev1.PodPortForwardOptions{}, nil
}

func streamOptions(query url.Values, stdin, stdout, stderr, tty *bool, container *string) error {
	for _, name := range []string{"stdin", "stdout", "stderr", "tty", "container"} {
		if len(query[name]) > 1 {
			return apierrors.NewBadRequest("the parameter " + name + " is given more than once")
		}
	}
	*container = query.Get("container")
	for name, to := range map[string]*bool{"stdin": stdin, "stdout": stdout, "stderr": stderr, "tty": tty} {
		values := query[name]
		if err := runtime.Convert_Slice_string_To_bool(&values, to, nil); err != nil {
			return apierrors.NewBadRequest("the parameter " + name + " is neither true nor false")
		}
	}
	// A terminal has one screen.
	*stderr = *stderr && !*tty
	if !*stdin && !*stdout && !*stderr {
		return apierrors.NewBadRequest("you must specify at least 1 of stdin, stdout, stderr")
	}
	return nil
}

// targetQuery is the query of the request that the gateway makes: exactly what was decided.
func targetQuery(o streaming.Options, container string, command []string) string {
	query := url.Values{"container": {container}}
	if len(command) > 0 {
		query["command"] = command
	}
	for name, wanted := range map[string]bool{"stdin": o.Stdin, "stdout": o.Stdout, "stderr": o.Stderr, "tty": o.TTY} {
		query.Set(name, strconv.FormatBool(wanted))
	}
	return query.Encode()
}
