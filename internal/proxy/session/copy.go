package session

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"

	"github.com/sallyport-dev/sallyport/internal/archive"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

// More reasons of recording.Exit.
const (
	// ReasonNoArchive: something else than an archive was to be copied.
	ReasonNoArchive = "not-an-archive"
	// ReasonArchiveCut: tar reports no trouble, and the end of its archive did not come.
	ReasonArchiveCut = "archive-cut"
)

func noArchive(why string) *End {
	return &End{ReasonNoArchive, "only a tar archive passes under a grant for Copy, and " + why}
}

func archiveCut() *End {
	return &End{ReasonArchiveCut, "the archive was cut off: not everything was copied; run the command again"}
}

// unpacking is the filter of a stream that is a tar archive: it passes unaltered, and each member is recorded. A byte passes
// once it is known to be the archive's, and, where bytes are recorded, once it is.
type unpacking struct {
	open     recording.ArchiveOpen
	recorder *recording.Recorder
	rules    *rules
	masker   *masker // nil where no bytes are recorded
	lister   *archive.Lister

	bytes    []byte // what has not passed yet, after the first done
	done     int
	passed   int64 // bytes of the stream that were let pass
	recorded int64 // bytes of the stream that the masker was given
	sum      hash.Hash
	over     bool // the stream came to its end
	ended    bool
}

func newUnpacking(open recording.ArchiveOpen, recorder *recording.Recorder, rules *rules) *unpacking {
	u := &unpacking{open: open, recorder: recorder, rules: rules, sum: sha256.New()}
	if open.Recorded != recording.RecordedDigestOnly {
		u.open.Recorded, u.masker = recording.RecordedFull, rules.masker()
	}
	u.lister = archive.New(u.tell)
	return u
}

// tell records a member. Names can hold secrets.
func (u *unpacking) tell(m archive.Member) error {
	m.Path, m.Link = u.hide(m.Path), u.hide(m.Link)
	m.PathBytes, m.LinkBytes = []byte(u.hide(string(m.PathBytes))), []byte(u.hide(string(m.LinkBytes)))
	return u.say(recording.Member, m)
}

func (u *unpacking) hide(name string) string {
	if name == "" {
		return ""
	}
	return u.rules.text(name)
}

func (u *unpacking) say(stream recording.Stream, what any) error {
	text, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("encoding a record of %s: %w", stream, err)
	}
	if err := u.recorder.Record(stream, text); err != nil {
		return fmt.Errorf("recording %s: %w", stream, err)
	}
	return nil
}

func (u *unpacking) write(p []byte) ([]byte, error) {
	u.bytes = append(u.bytes[:copy(u.bytes, u.bytes[u.done:])], p...)
	u.done = 0
	return u.judge(u.lister.Write(p))
}

// flush lets out what the masker held. Where the stream ends inside a header, that does not pass: it cannot be listed.
func (u *unpacking) flush() ([]byte, error) {
	u.bytes, u.done = u.bytes[:copy(u.bytes, u.bytes[u.done:])], 0
	u.over = true
	known, why := u.lister.Close()
	inHeader := why == nil && known < u.passed+int64(len(u.bytes))
	if inHeader && known == 0 {
		why = &archive.Fault{Why: "it ends inside a header"}
	}
	out, err := u.judge(known, cmp.Or(why, io.EOF))
	if inHeader && err == nil {
		err = archiveCut()
	}
	return out, err
}

// cut reports whether the stream came to its end, and the archive did not.
func (u *unpacking) cut() bool { return u.over && !u.lister.Whole() }

func (u *unpacking) trim() {
	u.bytes, u.done = bytes.Clone(u.bytes[u.done:]), 0
	if u.masker != nil {
		u.masker.Trim()
	}
}

// judge lets out what is known to be the archive's. Nothing passes where a member could not be recorded.
func (u *unpacking) judge(known int64, why error) ([]byte, error) {
	var fault *archive.Fault
	switch {
	case why == nil:
		return u.pass(known, false)
	case errors.Is(why, io.EOF):
		return u.pass(known, true)
	case errors.As(why, &fault):
		out, err := u.pass(known, true)
		return out, cmp.Or(err, error(noArchive(fault.Error())))
	default:
		return nil, why
	}
}

// pass records the bytes up to known, and lets out those that are recorded.
func (u *unpacking) pass(known int64, last bool) ([]byte, error) {
	n := known - u.passed
	if u.masker != nil {
		out := u.masker.Write(u.bytes[u.recorded-u.passed : n])
		u.recorded = known
		n = int64(len(out.Record))
		if err := record(u.recorder, u.open.Stream, out); err != nil {
			return nil, err
		}
		if last {
			out = u.masker.Flush()
			n += int64(len(out.Record))
			if err := record(u.recorder, u.open.Stream, out); err != nil {
				return nil, err
			}
		}
	}
	u.done, u.passed = int(n), u.passed+n
	_, _ = u.sum.Write(u.bytes[:n]) // never fails
	return u.bytes[:n], nil
}

// end records what the archive was, once nothing of it will pass any more.
func (u *unpacking) end() error {
	if u.ended {
		return nil
	}
	u.ended = true
	_, err := u.lister.Close()
	sum := recording.ArchiveEnd{
		Members: u.lister.Members(), Bytes: u.passed, SHA256: hex.EncodeToString(u.sum.Sum(nil)), Whole: u.lister.Whole(),
		Recorded: u.open.Recorded,
	}
	if fault, ok := errors.AsType[*archive.Fault](err); ok {
		sum.Fault = fault.Error()
	} else if err != nil {
		return err
	}
	return u.say(recording.Archive, sum)
}

// archiveInput carries an archive from the person to the container.
type archiveInput struct {
	from  io.Reader
	fail  func(error)
	queue *ahead

	mu     sync.Mutex
	filter *unpacking
	free   []byte // what may pass, and has not been read yet
	err    error  // after free
	lost   error  // why what came after free does not pass
}

func (i *archiveInput) start() { i.queue = readAhead(i.from, i.panicked) }

// Read returns bytes that may pass, and whose record is durable. A panic in it ends this session and no other.
func (i *archiveInput) Read(p []byte) (n int, err error) {
	defer func() {
		if p := recover(); p != nil {
			n, err = 0, i.panicked(p)
			i.queue.stop()
		}
	}()
	return i.read(p)
}

func (i *archiveInput) panicked(p any) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.lost = caughtPanic("passing stdin on", p)
	i.free, i.err = nil, i.lost
	i.fail(i.lost)
	return i.lost
}

func (i *archiveInput) read(p []byte) (int, error) {
	for {
		i.mu.Lock()
		free, err := len(i.free) > 0, i.err
		if i.queue.stopped.Load() {
			free, err = false, cmp.Or(err, io.EOF)
		}
		if free {
			n := copy(p, i.free)
			i.free = i.free[n:]
			i.mu.Unlock()
			return n, nil
		}
		i.mu.Unlock()
		if err != nil || len(p) == 0 {
			i.tell()
			return 0, err
		}
		piece, err := i.queue.next()
		i.take(piece, err)
		if len(piece) > 0 {
			i.queue.taken(len(piece)) // the filter keeps what has not passed
		}
	}
}

// take gives the filter what was read, and keeps what it lets pass.
func (i *archiveInput) take(p []byte, end error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err != nil || i.queue.stopped.Load() {
		return
	}
	if len(p) > 0 {
		i.free, i.lost = i.filter.write(p)
	}
	if errors.Is(end, io.EOF) && i.lost == nil {
		// What is free lies in the filter's memory, and would be overwritten.
		i.free = bytes.Clone(i.free)
		var rest []byte
		rest, i.lost = i.filter.flush()
		i.free = append(i.free, rest...)
	}
	if len(i.free) > 0 {
		if err := i.filter.recorder.Commit(); err != nil {
			i.free, i.lost = nil, err
		}
	}
	i.err = cmp.Or(i.lost, end)
}

// tell ends the session if something does not pass, once all before it has.
func (i *archiveInput) tell() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.lost != nil {
		i.fail(endBy(i.lost))
	}
}

// close lets nothing in any more, and records what the archive was. It returns why bytes were lost, if any were.
func (i *archiveInput) close() error {
	i.queue.stop()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.free = nil
	if i.err == nil {
		i.err = io.EOF
	}
	return errors.Join(i.lost, i.filter.end())
}
