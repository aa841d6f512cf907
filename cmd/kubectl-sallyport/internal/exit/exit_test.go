package exit

import (
	"errors"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

func TestOf(t *testing.T) {
	grants := schema.GroupResource{Group: "access.sallyport.dev", Resource: "executiongrants"}
	notFound := apierrors.NewNotFound(grants, "web")
	forbidden := apierrors.NewForbidden(grants, "web", errors.New("not you"))
	tests := map[string]struct {
		err  error
		want Code
	}{
		"if nothing went wrong, then 0":                  {nil, OK},
		"if nobody chose a code, then 1":                 {errors.New("x"), Failed},
		"if a code was chosen, then that one":            {New(TimedOut, "x"), TimedOut},
		"if a chosen code is wrapped, then that one":     {fmt.Errorf("waiting: %w", New(TimedOut, "x")), TimedOut},
		"if a hint stands around a code, then the code":  {WithHint(New(Usage, "x"), "do y"), Usage},
		"if two codes were chosen, then the outer":       {WithCode(Broken, New(NotFound, "x")), Broken},
		"if the API server knows it not, then 4":         {fmt.Errorf("reading: %w", notFound), NotFound},
		"if the API server forbids it, then 3":           {WithHint(forbidden, "ask"), Refused},
		"if the API server finds it invalid, then 3":     {apierrors.NewInvalid(schema.GroupKind{}, "x", nil), Refused},
		"if the API server is out, then 1":               {apierrors.NewServiceUnavailable("out"), Failed},
		"if the store knows it not, then 4":              {fmt.Errorf("x: %w", objectstore.ErrNotFound), NotFound},
		"if a missing object breaks evidence, then 5":    {WithCode(Broken, objectstore.ErrNotFound), Broken},
		"if the API server says conflict, then 1":        {apierrors.NewConflict(grants, "web", errors.New("x")), Failed},
		"if the request is unauthenticated, then 3":      {apierrors.NewUnauthorized("who"), Refused},
		"if a webhook answers bad request, then 3":       {apierrors.NewBadRequest("x"), Refused},
		"if the API server is overrun, then 1":           {apierrors.NewTooManyRequests("x", 1), Failed},
		"if an internal error comes back, then 1":        {apierrors.NewInternalError(errors.New("x")), Failed},
		"if a hint stands around a plain error, then 1":  {WithHint(errors.New("x"), "y"), Failed},
		"if a hint stands around a store error, then it": {WithHint(objectstore.ErrNotFound, "y"), NotFound},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Of(tc.err); got != tc.want {
				t.Errorf("Of(%v) = %d, want %d", tc.err, got, tc.want)
			}
		})
	}
}

func TestMessageAndHint(t *testing.T) {
	grants := schema.GroupResource{Group: "access.sallyport.dev", Resource: "executiongrants"}
	tests := map[string]struct {
		err           error
		message, hint string
	}{
		"if it is ours, then with a prefix": {New(Usage, "give --reason"), "error: give --reason", ""},
		"if it is the server's, then as it is": {
			WithHint(fmt.Errorf("creating: %w", apierrors.NewNotFound(grants, "web")), "look for it"),
			`Error from server (NotFound): executiongrants.access.sallyport.dev "web" not found`, "look for it",
		},
		"if hints nest, then the outer": {WithHint(WithHint(errors.New("x"), "in"), "out"), "error: x", "out"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Message(tc.err); got != tc.message {
				t.Errorf("Message = %q, want %q", got, tc.message)
			}
			if got := Hint(tc.err); got != tc.hint {
				t.Errorf("Hint = %q, want %q", got, tc.hint)
			}
		})
	}
	if WithHint(nil, "x") != nil || WithCode(Broken, nil) != nil {
		t.Error("an error was made from nil")
	}
}
