package recording

// Failed is closed when nothing may pass any more: end the session.
func (r *Recorder) Failed() <-chan struct{} { return r.failed }

// Err returns why nothing may pass any more, or nil.
func (r *Recorder) Err() error {
	select {
	case <-r.failed:
		return r.err
	default:
		return nil
	}
}

// Abort ends a recording whose recorder went wrong: it keeps what is recorded, and of what has passed ahead of that the
// number, takes no more, and Close puts a manifest that says "aborted" and why.
func (r *Recorder) Abort(why error) {
	r.mu.Lock()
	r.decide()
	r.mu.Unlock()
	_ = r.write(everything, false) // what cannot be written is counted as lost
	r.fail(why)
}

// fail is for a recording that cannot be whole: nothing may pass any more, and no record may follow the gap.
func (r *Recorder) fail(err error) {
	r.broken.CompareAndSwap(nil, &err)
	r.halt(err)
}

// halt is for a store that does not answer in time: nothing may pass any more, but the journal is whole, and takes how the
// session ends.
func (r *Recorder) halt(err error) {
	r.haltOnce.Do(func() {
		r.err = err
		close(r.failed)
	})
}

// refuses returns why a record of a stream is not taken, or nil. A recording that is halted takes what the proxy says at the
// end, and of streams that are masked in the record only: bytes of theirs that might have become a secret have passed already.
func (r *Recorder) refuses(stream Stream) error {
	if broken := r.broken.Load(); broken != nil {
		return *broken
	}
	switch stream {
	case Note, Ended, Stdin, ForwardIn, ForwardOut:
		return nil
	case Stdout, Stderr, Resize, Forward, Member, Archive, SecretValue:
		fallthrough
	default:
		return r.Err()
	}
}
