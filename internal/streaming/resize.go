package streaming

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxSizeBytes bounds the JSON of one terminal size.
const maxSizeBytes = 1 << 10

// sizes keeps the latest terminal size. One goroutine puts.
type sizes chan TerminalSize

func newSizes() sizes { return make(sizes, 1) }

// put replaces a size that nobody has fetched: only the latest matters, and a client that resizes without end must
// not block its own input.
func (s sizes) put(size TerminalSize) {
	for {
		select {
		case s <- size:
			return
		default:
		}
		select {
		case <-s:
		default:
		}
	}
}

// decode puts the sizes in r, a sequence of JSON objects, until r ends.
func (s sizes) decode(r io.Reader) error {
	limited := &io.LimitedReader{R: r, N: maxSizeBytes}
	decoder := json.NewDecoder(limited)
	for {
		var size TerminalSize
		err := decoder.Decode(&size)
		switch {
		case err == nil:
			s.put(size)
			limited.N = maxSizeBytes
		case limited.N <= 0:
			return fmt.Errorf("%w: a terminal size of more than %d bytes", ErrProtocol, maxSizeBytes)
		case errors.Is(err, io.EOF):
			return nil
		default:
			return fmt.Errorf("%w: a malformed terminal size", ErrProtocol)
		}
	}
}
