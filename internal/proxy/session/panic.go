package session

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// caught is a panic, which ends its session and no other. Its text is for the log.
type caught struct {
	doing string
	value any
	stack []byte
}

// caughtPanic is called where p was recovered.
func caughtPanic(doing string, p any) error { return &caught{doing, p, debug.Stack()} }

func (c *caught) Error() string { return fmt.Sprintf("%s: %v\n%s", c.doing, c.value, c.stack) }

// errInternal is what a recording says that a panic has ended. All that passed is there: what the maskers held as
// asterisks.
var errInternal = errors.New("the gateway failed inside")

func internalError() *End {
	return &End{ReasonInternal, "an internal error of the gateway ended the session; the gateway's log says more"}
}
