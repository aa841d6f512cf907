package webhooks

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func TestAnswersSayWhatKindOfDenialTheyAre(t *testing.T) {
	wrong := field.ErrorList{field.Invalid(field.NewPath("spec", "ticket"), " ", "begins or ends with a blank")}
	failure := func(code int32, reason metav1.StatusReason, message string) *metav1.Status {
		return &metav1.Status{Status: metav1.StatusFailure, Code: code, Reason: reason, Message: message}
	}
	denied := field.ErrorList{field.Forbidden(field.NewPath("spec", "subject"), "not you"), wrong[0]}
	named := failure(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid,
		`ExecutionGrant.access.sallyport.dev "g" is invalid: spec.ticket: Invalid value: " ": begins or ends with a blank`)
	named.Details = &metav1.StatusDetails{
		Name: "g", Group: "access.sallyport.dev", Kind: "ExecutionGrant",
		Causes: []metav1.StatusCause{{Type: metav1.CauseTypeFieldValueInvalid, Field: "spec.ticket", Message: `Invalid value: " ": begins or ends with a blank`}},
	}
	tests := map[string]struct {
		err  error
		want *metav1.Status // none if it is allowed
	}{
		"if there is no error, then it is allowed":             {},
		"if no field is wrong, then it is allowed":             {err: invalid("ExecutionGrant", "g", nil)},
		"if it is refused, then it is Forbidden":               {err: refuse("not %s", "here"), want: failure(http.StatusForbidden, metav1.StatusReasonForbidden, "not here")},
		"if a refusal has context, then only its text is told": {err: fmt.Errorf("x: %w", refuse("no")), want: failure(http.StatusForbidden, metav1.StatusReasonForbidden, "no")},
		"if a field is wrong, then it is Invalid and names it": {err: invalid("ExecutionGrant", "g", wrong), want: named},
		"if a field is not for who asks, then it is Forbidden": {
			err: invalid("ExecutionGrant", "g", denied[:1]), want: failure(http.StatusForbidden, metav1.StatusReasonForbidden,
				`ExecutionGrant.access.sallyport.dev "g" is invalid: spec.subject: Forbidden: not you`),
		},
		"if another is wrong besides, then it is Forbidden": {
			err: invalid("ExecutionGrant", "g", denied), want: failure(http.StatusForbidden, metav1.StatusReasonForbidden,
				`ExecutionGrant.access.sallyport.dev "g" is invalid: [spec.subject: Forbidden: not you, spec.ticket: Invalid value: " ": begins or ends with a blank]`),
		},
		"if Sallyport is in trouble, then nothing of it is told": {err: errors.New("secret"), want: failure(http.StatusInternalServerError, metav1.StatusReasonInternalError, troubled)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := answer(t.Context(), tc.err)
			if r.Allowed != (tc.want == nil) {
				t.Fatalf("allowed: %t", r.Allowed)
			}
			if tc.want == nil {
				return
			}
			if diff := cmp.Diff(tc.want, r.Result); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnAnswerIsBounded(t *testing.T) {
	var wrong field.ErrorList
	for i := range 1000 {
		wrong = append(wrong, field.Invalid(field.NewPath("spec", "commands").Index(i), strings.Repeat("x", 10), "bad"))
	}
	s := answer(t.Context(), invalid("ExecutionGrant", "g", wrong)).Result
	if len(s.Message) > maxMessage || len(s.Details.Causes) != maxCauses {
		t.Errorf("a message of %d bytes, %d causes", len(s.Message), len(s.Details.Causes))
	}
}
