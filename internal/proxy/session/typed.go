package session

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"github.com/sallyport-dev/sallyport/internal/echo"
	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

// typed is the record of what goes into the container: masked, and, of a terminal, without what that did not show. Bytes
// pass before it is known what of them is secret; the recorder is told how many, before they do.
type typed struct {
	recorder *recording.Recorder

	mu       sync.Mutex
	masker   *masker
	echo     *echo.Judge // nil without a terminal
	in       int64       // bytes that were taken
	recorded int64       // bytes of them that are recorded
	hidden   int64       // bytes of these that the masker was not given
	ended    bool
}

// write takes bytes that will pass after the next commit.
func (t *typed) write(p []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.in += int64(len(p))
	var err error
	if t.echo == nil {
		err = t.put(t.masker.Write(p))
	} else {
		err = t.decided(t.echo.Typed(p))
	}
	if err == nil {
		t.recorder.Ahead(recording.Stdin, int(t.in-t.recorded))
	}
	return err
}

// printed takes output of the container, in the order in which the container's side and the person's have come.
func (t *typed) printed(p []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return nil
	}
	return t.decided(t.echo.Printed(p))
}

// end records what is left.
func (t *typed) end() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	if t.echo != nil {
		if err := t.decided(t.echo.End()); err != nil {
			return err
		}
	}
	return t.put(t.masker.Flush())
}

func (t *typed) trim() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.masker.Trim()
}

func (t *typed) decided(pieces []echo.Piece) error {
	for _, piece := range pieces {
		if !piece.Hidden {
			if err := t.put(t.masker.Write(piece.Bytes)); err != nil {
				return err
			}
			continue
		}
		// Nothing that a rule follows goes on across what is not known to be on the screen.
		if err := t.put(t.masker.Flush()); err != nil {
			return err
		}
		n := int64(len(piece.Bytes))
		hit := mask.Hit{Rule: echo.Rule, Offset: t.recorded, Length: n}
		if err := t.record(bytes.Repeat([]byte{'*'}, len(piece.Bytes)), hit); err != nil {
			return err
		}
		t.hidden += n
	}
	return nil
}

// put records what the masker lets go. It counts only what it was given.
func (t *typed) put(out mask.Output) error {
	if len(out.Record) == 0 && len(out.Hits) == 0 {
		return nil
	}
	hits := out.Hits
	if t.hidden > 0 && len(hits) > 0 {
		hits = slices.Clone(hits)
		for i := range hits {
			hits[i].Offset += t.hidden
		}
	}
	return t.record(out.Record, hits...)
}

func (t *typed) record(data []byte, hits ...mask.Hit) error {
	if err := t.recorder.Record(recording.Stdin, data, hits...); err != nil {
		return fmt.Errorf("recording %s: %w", recording.Stdin, err)
	}
	t.recorded += int64(len(data))
	return nil
}
