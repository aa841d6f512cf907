package s3

import (
	"bytes"
	"errors"
	"sync"
)

// lent is a body in the hands of net/http, which may read on after it has given the answer, or the request up.
type lent struct {
	mu    sync.Mutex
	body  *bytes.Reader
	taken bool
}

var errTaken = errors.New("the request is over")

// Read copies: nobody keeps a part of the body. It would not be so if lent were an io.WriterTo.
func (l *lent) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.taken {
		return 0, errTaken
	}
	return l.body.Read(p) //nolint:wrapcheck // io.EOF
}

// takeBack lets nobody read the body any more once it has returned.
func (l *lent) takeBack() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken = true
}
