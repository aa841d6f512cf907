// Package authorizer is the contract between those who ask whether code may run (the CONNECT webhook and
// the proxy) and those who decide.
//
// Both enforcement points describe the request by the same Attributes and ask the same Authorizer. A
// decision has three values; the zero value denies, and so does every error.
package authorizer

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// Outcome is the result of a decision.
type Outcome int

// The outcomes. The zero value is Deny.
const (
	Deny Outcome = iota
	NeedsApproval
	Allow
)

// String returns the outcome as it stands in logs and recordings.
func (o Outcome) String() string {
	switch o {
	case Allow:
		return "Allow"
	case NeedsApproval:
		return "NeedsApproval"
	case Deny:
		return "Deny"
	default:
		return "Deny"
	}
}

// User is who asks, as the API server authenticated them.
type User struct {
	Name   string
	UID    string
	Groups []string
	Extra  map[string][]string
}

// Attributes are the facts of one request. They say nothing about transports.
type Attributes struct {
	User User
	// Action is one of the actions of access.sallyport.dev/v1alpha1: Exec, Attach, Copy, PortForward, Run, Debug.
	Action    string
	Namespace string
	// Pod, PodUID and PodLabels are of the pod as it is now; empty for Run.
	Pod       string
	PodUID    string
	PodLabels map[string]string
	// Container is resolved. Run and PortForward have none; for Debug it is the container whose processes the new one shares, if any.
	Container string
	// Images are those of the containers that would be made: for Run and Debug.
	Images []string
	// Command is the argument vector; nil where the action has none. For Run and Debug it is the command and the
	// arguments of the one container that is made, empty for the image's own.
	Command []string
	TTY     bool
	Stdin   bool
}

// GrantRef names the grant that covers a request.
type GrantRef struct {
	Namespace, Name, UID string
}

// Decision is the answer.
type Decision struct {
	Outcome Outcome
	// Reasons are whole sentences for the person who asked, in a stable order. They never hold secrets.
	Reasons []string
	// OffersRequest is true if the last reason says how to request a grant for this, with any command: whoever tells
	// the reasons may add other ways to request the same.
	OffersRequest bool
	// Grant is the grant that covers the request; zero unless Outcome is Allow.
	Grant GrantRef
	// Until is the Unix time in nanoseconds at which the decision ends; zero unless Outcome is Allow.
	Until int64
}

// Authorizer decides. An error means that no decision could be made: the caller denies.
type Authorizer interface {
	Authorize(ctx context.Context, a Attributes) (Decision, error)
}

// The actions that Decide knows.
const (
	actionExec = "Exec"
	actionCopy = "Copy"
)

// Decide asks z, and returns with the decision what was decided about. What kubectl cp sends is a command like any other:
// where it may not pass as a Copy it is asked about as an Exec. A denial is that of the request as it came.
func Decide(ctx context.Context, z Authorizer, a Attributes) (Attributes, Decision, error) {
	d, err := z.Authorize(ctx, a)
	if err != nil {
		return a, Decision{}, err
	}
	if d.Outcome == Allow || a.Action != actionCopy {
		return a, d, nil
	}
	plain := a
	plain.Action = actionExec
	switch e, err := z.Authorize(ctx, plain); {
	case err != nil:
		return a, Decision{}, err
	case e.Outcome == Allow:
		return plain, e, nil
	default:
		return a, d, nil
	}
}

// CommandKey is the installation's key for digests of commands: who does not have it cannot try what a short secret in one
// may have been.
type CommandKey []byte

// Digest is "hmac-sha256:" and the hex HMAC-SHA-256 of an argument vector: each argument preceded by its length in bytes as a
// 64-bit big-endian number, so that no two vectors share an encoding.
func (k CommandKey) Digest(argv []string) string {
	h := hmac.New(sha256.New, k)
	var n [8]byte
	for _, arg := range argv {
		binary.BigEndian.PutUint64(n[:], uint64(len(arg)))
		h.Write(n[:])
		h.Write([]byte(arg))
	}
	return "hmac-sha256:" + hex.EncodeToString(h.Sum(nil))
}
