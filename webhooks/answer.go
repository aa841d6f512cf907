package webhooks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/json"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// maxMessage bounds what a person is told, in bytes. Clients print all of it.
const maxMessage = 2000

// troubled is told where the reason is Sallyport's own trouble; the details are in the manager's log.
const troubled = "Sallyport could not decide about this, so it is denied; run the command again, and tell an administrator if this stays"

// refusal is a denial with a reason for the person who asked. Every other error denies, too, but is not shown.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

func refuse(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }

// answer turns the outcome of a check into a response, and logs every denial. The values describe the request in the
// log; they hold no argument vector.
func answer(ctx context.Context, err error, values ...any) admission.Response {
	if err == nil {
		return admission.Allowed("")
	}
	log := logf.FromContext(ctx).WithValues(values...)
	message := troubled
	if r, ok := errors.AsType[*refusal](err); ok {
		message = clip(r.text)
		log.Info("Denied", "reason", firstLine(message))
	} else {
		log.Error(err, "Denied, because a check failed")
	}
	return admission.Response{AdmissionResponse: admissionv1.AdmissionResponse{
		Result: &metav1.Status{
			Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden, Message: message,
		},
	}}
}

// patch allows a request with the changes that edit makes to its object. Only those fields change that edit touches: the
// object is never decoded into a Go type, which would rewrite times and drop fields that this version does not know.
func patch(req *admission.Request, edit func(object map[string]any) error) (admission.Response, error) {
	object, err := content(req.Object)
	if err != nil {
		return admission.Response{}, err
	}
	if err := edit(object); err != nil {
		return admission.Response{}, err
	}
	edited, err := json.Marshal(object)
	if err != nil {
		return admission.Response{}, fmt.Errorf("encoding the patched object: %w", err)
	}
	return admission.PatchResponseFromRaw(req.Object.Raw, edited), nil
}

// content reads an object without a Go type; whole numbers stay whole.
func content(raw runtime.RawExtension) (map[string]any, error) {
	var object map[string]any
	if err := json.Unmarshal(raw.Raw, &object); err != nil || object == nil {
		return nil, refuse("the object of the request cannot be read, so it is denied")
	}
	return object, nil
}

// clip cuts a message at the border of a character.
func clip(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	const mark = "…"
	end := maxMessage - len(mark)
	for end > 0 && !utf8.RuneStart(message[end]) {
		end--
	}
	return message[:end] + mark
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
