package webhooks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	admissionv1 "k8s.io/api/admission/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
)

// maxMessage bounds what a person is told, in bytes. Clients print all of it.
const maxMessage = 2000

// troubled is told where the reason is Sallyport's own trouble; the details are in the manager's log.
const troubled = "Sallyport could not decide about this, so it is denied; run the command again, and tell an administrator if this stays"

// maxCauses bounds how many wrong fields an answer lists.
const maxCauses = 16

// refusal is a denial with a reason for the person who asked. Every other error denies, too, but is not shown.
type refusal struct {
	text string
	// details name the fields that are wrong, where the object is Invalid rather than the request Forbidden.
	details *metav1.StatusDetails
}

func (r *refusal) Error() string { return r.text }

func refuse(format string, args ...any) error { return &refusal{text: fmt.Sprintf(format, args...)} }

// invalid is the refusal that names fields of an object of this API group; nil if there is no error. Where one of them is
// not for who asks to write, the request is Forbidden.
func invalid(kind, name string, errs field.ErrorList) error {
	if len(errs) == 0 {
		return nil
	}
	status := apierrors.NewInvalid(schema.GroupKind{Group: accessv1alpha1.GroupVersion.Group, Kind: kind}, name, errs).Status()
	if slices.ContainsFunc(errs, func(e *field.Error) bool { return e.Type == field.ErrorTypeForbidden }) {
		return refuse("%s", status.Message)
	}
	status.Details.Causes = status.Details.Causes[:min(len(status.Details.Causes), maxCauses)]
	return &refusal{status.Message, status.Details}
}

// status is what a client of the API server understands: Forbidden, or Invalid where fields are named.
func (r *refusal) status() *metav1.Status {
	s := &metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden, Message: clip(r.text),
	}
	if r.details != nil {
		s.Code, s.Reason, s.Details = http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, r.details
	}
	return s
}

// answer turns the outcome of a check into a response, and logs every denial: a refusal as it is, everything else as an
// InternalError without details. The values describe the request in the log; they hold no argument vector.
func answer(ctx context.Context, err error, values ...any) admission.Response {
	if err == nil {
		return admission.Allowed("")
	}
	log := logf.FromContext(ctx).WithValues(values...)
	status := &metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusInternalServerError, Reason: metav1.StatusReasonInternalError, Message: troubled,
	}
	if r, ok := errors.AsType[*refusal](err); ok {
		status = r.status()
		log.Info("Denied", "reason", firstLine(status.Message))
	} else {
		log.Error(err, "Denied, because a check failed")
	}
	return admission.Response{AdmissionResponse: admissionv1.AdmissionResponse{Result: status}}
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
