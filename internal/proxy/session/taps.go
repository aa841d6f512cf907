package session

import (
	"fmt"
	"io"
	"sync"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

// output carries one stream from the container to the person: masked, recorded, then delivered.
type output struct {
	stream   recording.Stream
	recorder *recording.Recorder
	to       io.Writer
	fail     func(error)

	mu     sync.Mutex
	masker *mask.Stream
	err    error // of the first write that failed, or io.ErrClosedPipe after the end
}

// Write returns once p is recorded and delivered, but for what the masker holds back.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, o.err
	}
	if err := o.pass(o.masker.Write(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// close lets out what the masker holds, and nothing after it. It returns why bytes were lost, if any were.
func (o *output) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	err := o.pass(o.masker.Flush())
	o.err = io.ErrClosedPipe
	return err
}

func (o *output) pass(out mask.Output) error {
	if o.err = record(o.recorder, o.stream, out); o.err != nil {
		o.fail(recordingFailed())
		return o.err
	}
	if len(out.User) == 0 {
		return nil
	}
	if _, o.err = o.to.Write(out.User); o.err != nil {
		o.fail(clientGone())
	}
	return o.err
}

// input carries stdin from the person to the container. The record of it is masked; what goes on is not altered.
//
// BUG(session): the masker's tail, bytes that may still become a secret, is in the container before it is in the record:
// holding it back would stop people's typing. It is recorded with the next bytes, or at the end.
type input struct {
	recorder *recording.Recorder
	from     io.Reader
	fail     func(error)

	mu     sync.Mutex
	masker *mask.Stream
	closed bool
}

// Read returns bytes that are recorded.
func (i *input) Read(p []byte) (int, error) {
	n, err := i.from.Read(p)
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.closed:
		return 0, io.EOF
	case n == 0:
		return 0, err
	}
	if failure := record(i.recorder, recording.Stdin, i.masker.Write(p[:n])); failure != nil {
		i.fail(recordingFailed())
		return 0, failure
	}
	return n, err
}

func (i *input) close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = true
	err := record(i.recorder, recording.Stdin, i.masker.Flush())
	if err != nil {
		i.fail(recordingFailed())
	}
	return err
}

func record(r *recording.Recorder, stream recording.Stream, out mask.Output) error {
	if len(out.Record) == 0 && len(out.Hits) == 0 {
		return nil
	}
	if err := r.Record(stream, out.Record, out.Hits...); err != nil {
		return fmt.Errorf("recording %s: %w", stream, err)
	}
	return nil
}
