package proxy

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var podResource = schema.GroupResource{Resource: "pods"}

func forbidden(message string) *apierrors.StatusError {
	return failure(http.StatusForbidden, metav1.StatusReasonForbidden, message)
}

func notFound(message string) *apierrors.StatusError {
	return failure(http.StatusNotFound, metav1.StatusReasonNotFound, message)
}

func unavailable(message string) *apierrors.StatusError {
	return failure(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, message)
}

func failure(code int32, reason metav1.StatusReason, message string) *apierrors.StatusError {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: code, Reason: reason, Message: message,
	}}
}

// writeError answers with the Status of err, or, if it has none, with one that tells nothing of it.
func writeError(w http.ResponseWriter, err error) {
	var api apierrors.APIStatus
	status := failure(http.StatusInternalServerError, metav1.StatusReasonInternalError, "the gateway failed; its log says why").Status()
	if errors.As(err, &api) {
		status = api.Status()
	}
	status.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	writeJSON(w, int(status.Code), status)
}

func writeJSON(w http.ResponseWriter, code int, object any) {
	body, err := json.Marshal(object)
	if err != nil {
		http.Error(w, "encoding the answer failed", http.StatusInternalServerError)
		return
	}
	if code < 200 || code > 599 {
		code = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	// A client that left while it was answered is no concern of anybody.
	_, _ = w.Write(body)
}
