package session

import (
	"bytes"
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

// masked is the filter of a stream that passes masked, and is recorded masked. The person may be given bytes that are not
// recorded yet, because the record is masked more strictly: then their number is.
type masked struct {
	stream   recording.Stream
	recorder *recording.Recorder
	masker   *masker

	free []byte // what passes, where the person gets nothing before the store has its record
	held int    // bytes at the end of free that have to wait for their record
}

func (m *masked) write(p []byte) ([]byte, error) { return m.pass(m.masker.Write(p), m.masker.Ahead()) }

func (m *masked) flush() ([]byte, error) { return m.pass(m.masker.Flush(), m.masker.Ahead()) }

func (m *masked) trim() {
	m.masker.Trim()
	m.free = bytes.Clone(m.free[len(m.free)-m.held:])
}

// pass records, and returns what may pass. The person has been given ahead bytes more than the record.
func (m *masked) pass(out mask.Output, ahead int) ([]byte, error) {
	if err := record(m.recorder, m.stream, out); err != nil {
		return nil, err
	}
	if m.recorder.Durability() != recording.Stored {
		m.recorder.Ahead(m.stream, ahead)
		return out.User, nil
	}
	m.free = append(m.free[:copy(m.free, m.free[len(m.free)-m.held:])], out.User...)
	m.held = ahead
	return m.free[:len(m.free)-ahead], nil
}

// endBy is how a session ends because of a filter's error.
func endBy(err error) *End {
	if end, ok := errors.AsType[*End](err); ok {
		return end
	}
	return recordingFailed(err)
}
