package recording

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

// ErrPending says that the recording is whole and durable, and that the store has not got all of it yet: Resume ends it.
var ErrPending = errors.New("the recording waits in the spool for the object store")

// Close records the exit, waits until everything is stored, puts the manifest and removes the journal; once: later calls
// return what the first returned. If ctx ends before all is stored it leaves the journal and returns ErrPending. If the
// recording has failed it puts a manifest that says "aborted" and lists what is stored, and returns that manifest with
// the error; if that fails too the journal is left.
func (r *Recorder) Close(ctx context.Context, exit Exit) (Manifest, error) {
	r.closeOnce.Do(func() { r.manifest, r.closeErr = r.close(ctx, exit) })
	return r.manifest, r.closeErr
}

func (r *Recorder) close(ctx context.Context, exit Exit) (Manifest, error) {
	if exit.Process == "" {
		exit.Process = ProcessUnknown
	}
	lost, err := r.stop(exit)
	release := context.AfterFunc(ctx, r.up.cancel)
	defer release()
	stored := r.up.finish()
	if stored == nil {
		m, putErr := r.end(ctx, exit, lost, err)
		if putErr == nil {
			return m, errors.Join(err, r.opts.Journal.Remove())
		}
		stored = putErr
	}
	r.opts.Journal.Leave()
	switch {
	case Refused(stored):
		m, putErr := r.end(ctx, exit, r.recorded()-r.up.after.records, stored)
		return m, errors.Join(stored, putErr)
	case err == nil:
		err = ErrPending
	}
	return r.manifestOf(exit), errors.Join(err, stored)
}

// stop records the exit and seals, and lets nothing more in. It returns how many records are in no segment, and why.
func (r *Recorder) stop(exit Exit) (uint64, error) {
	text, err := json.Marshal(exit)
	if err != nil {
		err = fmt.Errorf("encoding the exit: %w", err)
	}
	r.mu.Lock()
	if err == nil {
		r.decide()
		_, err = r.record(place{stream: Ended}, text, nil)
	}
	r.closed = true
	last := point{r.tally.records, r.cursors.changes}
	if r.timer != nil {
		r.timer.Stop()
	}
	r.mu.Unlock()
	if err == nil {
		err = r.write(last, true)
	}
	r.commit.Lock()
	defer r.commit.Unlock()
	if err != nil {
		// What the journal has is still good, and goes to the store.
		err = errors.Join(err, r.seal(nil))
	}
	return last.records - r.durable.records, err
}

func (r *Recorder) recorded() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tally.records
}

// end puts the manifest of what is stored.
func (r *Recorder) end(ctx context.Context, exit Exit, lost uint64, fault error) (Manifest, error) {
	m := r.manifestOf(exit)
	if fault != nil {
		m.Outcome, m.Fault, m.Lost, m.Ended = Aborted, fault.Error(), lost, r.opts.Now().UTC()
	}
	return m, putManifest(ctx, r.up.store, r.prefix, r.up.retention, m)
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

func putManifest(ctx context.Context, store objectstore.Store, prefix string, retention objectstore.Retention, m Manifest) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encoding the close object: %w", err)
	}
	if _, err := store.PutNew(ctx, CloseKey(prefix), objectstore.NewBody(append(body, '\n')), retention); err != nil {
		return fmt.Errorf("putting the close object of session %s: %w", m.Session, err)
	}
	return nil
}
