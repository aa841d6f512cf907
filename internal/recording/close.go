package recording

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

// Close records the exit, seals the last segment, waits until everything is
// stored and puts the manifest; once: later calls return what the first
// returned. If the recording has failed, or ctx ends before all is stored, it
// tries to put a manifest that says "aborted" and lists what was stored, and
// returns that manifest with the error. If that fails too the session is left
// open in the store, for recovery to end.
func (r *Recorder) Close(ctx context.Context, exit Exit) (Manifest, error) {
	r.closeOnce.Do(func() { r.manifest, r.closeErr = r.close(ctx, exit) })
	return r.manifest, r.closeErr
}

func (r *Recorder) close(ctx context.Context, exit Exit) (Manifest, error) {
	if exit.Process == "" {
		exit.Process = ProcessUnknown
	}
	release := context.AfterFunc(ctx, func() { r.up.giveUp(fmt.Errorf("closing the recording: %w", ctx.Err())) })
	defer release()
	last, err := r.stop(exit)
	if uploadErr := r.up.finish(); uploadErr != nil {
		err = uploadErr
	}
	m := r.manifestOf(exit)
	if err != nil {
		m.Outcome, m.Fault, m.Lost, m.Ended = Aborted, err.Error(), last-m.Records, r.opts.Now().UTC()
	}
	if putErr := r.putManifest(ctx, m); putErr != nil {
		if err != nil {
			return m, fmt.Errorf("%w; then %w", err, putErr)
		}
		return m, putErr
	}
	return m, err
}

// stop records the exit and seals, and lets nothing more in. It returns the
// sequence number of the last record.
func (r *Recorder) stop(exit Exit) (uint64, error) {
	text, err := json.Marshal(exit)
	if err != nil {
		err = fmt.Errorf("encoding the exit: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if err == nil {
		err = r.record(Ended, text, nil)
	}
	if r.raw > 0 {
		if sealErr := r.seal(); err == nil {
			err = sealErr
		}
	}
	return r.tally.records, err
}

// manifestOf lists what the store has acknowledged. The uploader must have
// finished.
func (r *Recorder) manifestOf(exit Exit) Manifest {
	m := Manifest{
		Format: Format, Session: r.session, Outcome: Closed, Ended: r.up.after.last.UTC(), Open: r.open,
		Segments: r.up.acked, Head: r.open.SHA256, Records: r.up.after.records,
		Totals: r.up.after.totals, Masked: r.up.after.masked, Exit: exit,
	}
	if n := len(m.Segments); n > 0 {
		m.Head = m.Segments[n-1].SHA256
	}
	return m
}

func (r *Recorder) putManifest(ctx context.Context, m Manifest) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encoding the close object: %w", err)
	}
	if _, err := r.up.store.PutNew(ctx, CloseKey(r.prefix), objectstore.NewBody(append(body, '\n')), r.up.retention); err != nil {
		return fmt.Errorf("putting the close object of session %s: %w", r.session, err)
	}
	return nil
}
