// Package exit gives every error of the plugin an exit code and, where the next step is known, a hint.
//
// The codes are a contract with scripts (see Help): a script can tell "people said no" from "the store is
// out" without reading text. An error whose code nobody chose is Failed; nil is the only way to OK.
package exit

import (
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

// Code is an exit status.
type Code int

// The exit codes.
const (
	OK       Code = 0
	Failed   Code = 1
	Usage    Code = 2
	Refused  Code = 3
	NotFound Code = 4
	Broken   Code = 5
	TimedOut Code = 6
)

// Help documents the codes for --help.
const Help = `Exit codes:
  0  done
  1  failed (cluster or object store not reachable, interrupted, …)
  2  wrong usage
  3  refused: by the cluster, by policy, or by the people who decide; or mask --check found a secret
  4  not found
  5  verification failed: the evidence is broken or incomplete
  6  timed out waiting`

// Error is an error with a code and a hint.
type Error struct {
	Code Code // 0 leaves the choice to the wrapped error
	Err  error
	Hint string // what to do next, one or more lines; may be empty
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// New returns an error with a code. The format is that of fmt.Errorf.
func New(code Code, format string, args ...any) error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}

// WithCode gives err a code, or returns nil if err is nil.
func WithCode(code Code, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Code: code, Err: err}
}

// WithHint adds a hint to err, or returns nil if err is nil.
func WithHint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &Error{Err: err, Hint: fmt.Sprintf(format, args...)}
}

// Of returns the code of err: the outermost that was chosen, else that of a known error of the API server or of
// the object store, else Failed.
func Of(err error) Code {
	if err == nil {
		return OK
	}
	for e := (*Error)(nil); errors.As(err, &e); err = e.Err {
		if e.Code != OK {
			return e.Code
		}
	}
	switch {
	case apierrors.IsNotFound(err), errors.Is(err, objectstore.ErrNotFound):
		return NotFound
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err), apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return Refused
	}
	return Failed
}

// Message is what a person reads about err: an answer of the API server as kubectl prints it, anything else after
// "error: ". It may hold text from elsewhere; escape it for the terminal.
func Message(err error) string {
	if status := apierrors.APIStatus(nil); errors.As(err, &status) {
		if s := status.Status(); s.Reason != metav1.StatusReasonUnknown {
			return fmt.Sprintf("Error from server (%s): %s", s.Reason, s.Message)
		}
		return "Error from server: " + status.Status().Message
	}
	return "error: " + err.Error()
}

// Hint is the outermost hint of err, or empty.
func Hint(err error) string {
	for e := (*Error)(nil); errors.As(err, &e); err = e.Err {
		if e.Hint != "" {
			return e.Hint
		}
	}
	return ""
}
