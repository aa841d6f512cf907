package recording

import "math"

// Commit returns once everything that was recorded before the call is durable, and the numbers of Ahead. Calls that come
// while the disk works share its next write. Once nothing may pass any more it returns why for ever.
func (r *Recorder) Commit() error {
	if err := r.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	want := point{r.tally.records, r.cursors.changes}
	r.mu.Unlock()
	if err := r.write(want, r.opts.Durability == Stored); err != nil {
		return err
	}
	if r.opts.Durability != Stored {
		return nil
	}
	if err := r.up.stored(want.records); err != nil {
		r.halt(err)
	}
	return r.Err()
}

// flush sends what there is on its way to the store.
func (r *Recorder) flush() { _ = r.write(everything, true) } // Failed and every later call tell

// point is how far a recording had got at a moment.
type point struct {
	records uint64
	changes uint64 // of the cursors
}

var everything = point{math.MaxUint64, math.MaxUint64}

// write brings what is pending into the journal, unless the journal has all up to want already, and ends the segment if it
// is full or seal says so.
func (r *Recorder) write(want point, seal bool) error {
	r.commit.Lock()
	defer r.commit.Unlock()
	if broken := r.broken.Load(); broken != nil {
		return *broken
	}
	if r.durable.records >= want.records && r.told >= want.changes && !seal {
		return nil
	}
	r.mu.Lock()
	lines, news, changes := r.pending, r.cursors.news(), r.cursors.changes
	r.pending = nil
	seal = (seal || r.raw >= r.opts.SegmentBytes) && r.raw > 0
	var standing []byte
	if seal {
		r.raw = 0
		r.timer.Stop()
		standing = r.cursors.standing()
	}
	reached := r.durable
	if lines != nil {
		reached = r.tally.clone()
	}
	r.mu.Unlock()
	if err := r.append(news, lines); err != nil {
		r.fail(err)
		return err
	}
	r.durable, r.told = reached, changes
	if seal {
		return r.seal(standing)
	}
	return nil
}

// append brings lines, if there are any, into the journal, and gives the memory of the records back.
func (r *Recorder) append(news []byte, lines *[]byte) error {
	if lines == nil {
		if len(news) == 0 {
			return nil
		}
		return r.opts.Journal.Append(news)
	}
	defer linePool.Put(lines)
	batch := lend(&batchPool)
	defer batchPool.Put(batch)
	*batch = appendBatch(append(*batch, news...), *lines)
	return r.opts.Journal.Append(*batch)
}

// seal ends a segment that holds records. The next begins with standing, before this one can be forgotten.
func (r *Recorder) seal(standing []byte) error {
	if r.durable.records == r.sealed {
		return nil
	}
	n, err := r.opts.Journal.Rotate()
	if err != nil {
		r.fail(err)
		return err
	}
	r.sealed = r.durable.records
	if err = r.append(standing, nil); err != nil {
		r.fail(err)
	}
	if n > 0 {
		r.up.send(sealed{number: n, after: r.durable})
	}
	return err
}
