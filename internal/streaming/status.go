package streaming

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/remotecommand"
)

// ExitError says that the command ended with an exit code other than 0.
type ExitError struct{ Code int }

func (e ExitError) Error() string { return fmt.Sprintf("command terminated with exit code %d", e.Code) }

// statusOf is what the client is told about the end of a session. An error that is neither an exit code nor made for
// people is not shown.
func statusOf(err error) metav1.Status {
	var exit ExitError
	var api apierrors.APIStatus
	switch {
	case err == nil:
		return metav1.Status{Status: metav1.StatusSuccess}
	case errors.As(err, &exit):
		return metav1.Status{
			Status: metav1.StatusFailure, Reason: nonZeroExit, Message: exit.Error(),
			Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{
				{Type: remotecommand.ExitCodeCauseType, Message: strconv.Itoa(exit.Code)},
			}},
		}
	case errors.As(err, &api):
		status := api.Status()
		status.Status = metav1.StatusFailure
		return status
	default:
		return metav1.Status{
			Status: metav1.StatusFailure, Reason: metav1.StatusReasonInternalError, Code: http.StatusInternalServerError,
			Message: "the session failed inside the gateway; its log says why",
		}
	}
}

// encodeStatus is the content of the error stream. Before version 4 it was text, and nothing for success.
func encodeStatus(status metav1.Status, asJSON bool) ([]byte, error) {
	if asJSON {
		body, err := json.Marshal(status)
		if err != nil {
			return nil, fmt.Errorf("encoding the status: %w", err)
		}
		return body, nil
	}
	if status.Status == metav1.StatusSuccess {
		return nil, nil
	}
	return []byte(status.Message), nil
}

const nonZeroExit = remotecommand.NonZeroExitCodeReason

// exitError finds the exit code in the details of a Status.
func exitError(details *metav1.StatusDetails) error {
	if details == nil {
		return errors.New("reading the exit status: it has no details")
	}
	for _, cause := range details.Causes {
		if cause.Type != remotecommand.ExitCodeCauseType {
			continue
		}
		code, err := strconv.ParseUint(cause.Message, 10, 8)
		if err != nil {
			return errors.New("reading the exit status: its code is no number below 256")
		}
		return ExitError{Code: int(code)}
	}
	return errors.New("reading the exit status: it has no code")
}

// refuse answers a request that will not be upgraded, and returns the same as an error.
func refuse(w http.ResponseWriter, code int32, message string) error {
	reason := metav1.StatusReasonBadRequest
	if code == http.StatusForbidden {
		reason = metav1.StatusReasonForbidden
	}
	body, err := json.Marshal(metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure, Code: code, Reason: reason, Message: message,
	})
	if err != nil {
		return fmt.Errorf("encoding the refusal %q: %w", message, err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(int(code))
	// A client that left before it was refused is no concern of anybody.
	_, _ = w.Write(body)
	return errors.New(message)
}
