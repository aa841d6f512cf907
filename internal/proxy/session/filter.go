package session

import (
	"errors"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

// filter takes the bytes of one stream, records what is to be recorded of them, and returns those that may pass now. What
// it returns is valid until the next call. Its error is why nothing may pass after them; it is an *End if that is to be told.
type filter interface {
	write(p []byte) ([]byte, error)
	// flush ends the stream.
	flush() ([]byte, error)
	// trim gives back memory that a quiet stream does not need. What was returned is not valid any more.
	trim()
}

// masked is the filter of a stream that passes masked, and is recorded as it passed.
type masked struct {
	stream   recording.Stream
	recorder *recording.Recorder
	masker   *mask.Stream
}

func (m *masked) write(p []byte) ([]byte, error) { return m.pass(m.masker.Write(p)) }

func (m *masked) flush() ([]byte, error) { return m.pass(m.masker.Flush()) }

func (m *masked) trim() { m.masker.Trim() }

func (m *masked) pass(out mask.Output) ([]byte, error) {
	if err := record(m.recorder, m.stream, out); err != nil {
		return nil, err
	}
	return out.User, nil
}

// endBy is how a session ends because of a filter's error.
func endBy(err error) *End {
	if end, ok := errors.AsType[*End](err); ok {
		return end
	}
	return recordingFailed(err)
}
