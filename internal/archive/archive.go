// Package archive lists a tar archive while it passes.
//
// A Lister is given the bytes of a stream in the order in which they pass, in pieces of any size, and tells after each
// piece how many of them, counted from the start, are known to be an archive's: a header that parses, the content of a
// member that was told, or zeros that fill up. Whoever passes bytes on passes no more than that, so that nothing but an
// archive passes, and nothing of it unlisted. A Lister never alters bytes.
//
// # Invariants
//
//   - Every member is told once with its digest, or as cut where the stream ends inside it. A member whose content does
//     not come in one piece is told once before, as begun: no content passes before something was told of its member.
//   - What is told does not depend on how the stream is cut into pieces, but for which members are told as begun.
//   - Memory is bounded: by maxHeader for what one member has before its content, whatever the archive claims. So is
//     work: at most maxHoles of zeros are hashed that the archive does not hold.
//   - Where the bytes are no archive any more, a Fault says from which byte on, and nothing passes after it. That
//     includes anything but zeros after the archive's end, and between the members.
//   - Nothing waits: Write returns when all that can be said about the piece has been said.
//
// # Threat
//
// The bytes are hostile: made by whoever controls the container, or by the person. archive/tar reads them; what another
// tar makes of the same bytes may differ where the archive was made to that end. Owners, times and extended attributes
// are in headers that parse and are not told, at most maxHeader for a member.
package archive

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
)

const (
	blockBytes = 512
	// maxHeader bounds all headers of one member together.
	maxHeader = 256 << 10
	// maxHoles bounds the zeros that sparse members of one archive may stand for.
	maxHoles = 1 << 30
	// chunkBytes is how much content is hashed at once.
	chunkBytes = 32 << 10
)

// Fault says where a stream stops to be an archive.
type Fault struct {
	// At is the number of bytes before it.
	At int64
	// Why is for people; it holds nothing of the stream.
	Why string
}

func (f *Fault) Error() string {
	return fmt.Sprintf("from byte %d on it is no archive: %s", f.At, f.Why)
}

// Lister lists one stream. It is not safe for concurrent use, and must be closed.
type Lister struct {
	tell   func(Member) error
	resume func() (struct{}, bool)
	stop   func()

	source  source
	tar     *tar.Reader
	chunk   [chunkBytes]byte
	holes   int64   // how many more zeros may be hashed that the archive does not hold
	current *Member // its content is on the way, and it was not told yet

	known   int64 // bytes from the start that are an archive's
	members int
	whole   bool
	err     error
}

// New returns a Lister that tells each member, in the order of the archive. An error of tell ends the listing.
func New(tell func(Member) error) *Lister {
	l := &Lister{tell: tell, holes: maxHoles}
	l.source.lister = l
	l.tar = tar.NewReader(&l.source)
	// The parser runs as a coroutine: it goes on when there are bytes, and stops where it needs more.
	l.resume, l.stop = iter.Pull(func(yield func(struct{}) bool) {
		l.source.wait = func() bool { return yield(struct{}{}) }
		l.err = l.parse()
	})
	return l
}

// Write takes the next bytes of the stream, and does not keep them. It returns how many bytes from the stream's start on
// are known to be an archive's. The error is a *Fault or that of tell, and stays.
func (l *Lister) Write(p []byte) (known int64, err error) {
	if l.err == nil && len(p) > 0 {
		l.source.bytes = p
		l.resume()
		l.source.bytes = nil
	}
	return l.known, l.err
}

// Close says that the stream has ended, and returns as Write does. A stream that ends inside an archive has no Fault: bytes
// that are not known to be an archive's are then a part of a header. Nothing may be written afterwards.
func (l *Lister) Close() (known int64, err error) {
	if !l.source.ended {
		l.source.ended = true
		if l.err == nil {
			l.resume()
		}
		l.stop()
	}
	return l.known, l.err
}

// Members is how many were told, cut ones included.
func (l *Lister) Members() int { return l.members }

// Whole says whether the end of the archive, as tar marks it, was there.
func (l *Lister) Whole() bool { return l.whole }

// parse reads the archive until its stream ends, and returns why it stopped before.
func (l *Lister) parse() error {
	for {
		header, err := l.tar.Next()
		switch {
		case errors.Is(err, io.EOF):
			l.known = l.source.at
			l.whole = !l.source.ended
			return l.trailer()
		case err != nil && !errors.Is(err, tar.ErrInsecurePath):
			return l.fault(err)
		}
		if err := l.member(header); err != nil {
			return err
		}
	}
}

// trailer reads the zeros that fill up the last record of a tape.
func (l *Lister) trailer() error {
	for {
		l.source.zeros = l.source.at + chunkBytes
		_, err := l.source.Read(l.chunk[:])
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return l.fault(err)
		}
		l.known = l.source.at
	}
}

// member reads one member's content, and tells it.
func (l *Lister) member(header *tar.Header) error {
	m, err := describe(header)
	if err != nil {
		return l.fault(err)
	}
	l.current = &m
	sum := sha256.New()
	err = l.content(sum, &m)
	switch {
	case err == nil:
		m.SHA256, m.Passed = digest(header, sum), 0
	case l.source.ended:
		m.State = StateCut
	}
	l.current = nil
	if err == nil || l.source.ended {
		l.members++
		if err := l.tell(m); err != nil {
			return err
		}
	}
	if err != nil {
		return l.fault(err)
	}
	l.source.zeros = (l.source.at + blockBytes - 1) / blockBytes * blockBytes
	return nil
}

// content hashes what a member holds. Its headers are known once that was tried.
func (l *Lister) content(sum hash.Hash, m *Member) error {
	for {
		before := l.source.at
		n, err := l.tar.Read(l.chunk[:])
		l.known = l.source.at
		m.Passed += int64(n)
		_, _ = sum.Write(l.chunk[:n]) // never fails
		if l.holes -= int64(n) - (l.source.at - before); l.holes < 0 {
			return errHoles
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// fault is nil at the end of the stream, and says in every other case what is wrong.
func (l *Lister) fault(err error) error {
	var refused refusal
	switch {
	case l.source.err != nil:
		return l.source.err
	case l.source.ended:
		return nil
	case errors.As(err, &refused):
		return &Fault{At: l.known, Why: string(refused)}
	default:
		return &Fault{At: l.known, Why: "there is no valid header"}
	}
}

// refusal is a rule of this package that an archive breaks.
type refusal string

func (r refusal) Error() string { return string(r) }

const (
	errHoles   refusal = "it claims more than 1 GiB of zeros that it does not hold"
	errHeader  refusal = "the headers of one member are longer than 256 KiB"
	errPadding refusal = "there is something else than zeros where only zeros may be"
	errName    refusal = "the name or the target of a member is longer than 4096 bytes"
)
