package streaming

import (
	"fmt"
	"io"
	"sync/atomic"
)

const (
	// maxDataFrame is eight times what client-go puts into one.
	maxDataFrame = 256 << 10
	// maxControlFrame holds the headers of a stream several times over. They are compressed, up to a thousandfold.
	maxControlFrame = 1 << 10
)

var errFrame = fmt.Errorf("%w: a SPDY frame of more than %d KiB of data, or %d KiB of control", ErrProtocol, maxDataFrame>>10, maxControlFrame>>10)

// frameLimit ends a SPDY connection at a frame that is too large: moby/spdystream takes up to 16 MiB, has no bound for data
// frames that could be set, and makes room for what a frame's head claims. It looks at the lengths alone.
type frameLimit struct {
	r    io.Reader
	head [8]byte // the last three bytes are the length
	n    int     // bytes of head that have come
	rest uint32  // bytes of the frame that have not
	over atomic.Bool
}

func (f *frameLimit) Read(p []byte) (int, error) {
	if f.over.Load() {
		return 0, errFrame
	}
	n, err := f.r.Read(p)
	for b := p[:n]; len(b) > 0; {
		if f.rest > 0 {
			passed := min(f.rest, uint32(len(b))) //nolint:gosec // a buffer is smaller than 4 GiB
			f.rest -= passed
			b = b[passed:]
			continue
		}
		took := copy(f.head[f.n:], b)
		f.n += took
		b = b[took:]
		if f.n == len(f.head) && !f.begin() {
			return 0, errFrame
		}
	}
	return n, err //nolint:wrapcheck // it is a reader
}

// begin is at the end of a head, and tells whether its frame may come.
func (f *frameLimit) begin() bool {
	f.n, f.rest = 0, uint32(f.head[5])<<16|uint32(f.head[6])<<8|uint32(f.head[7])
	limit := uint32(maxDataFrame)
	if f.head[0]&0x80 != 0 {
		limit = maxControlFrame
	}
	f.over.Store(f.rest > limit)
	return f.rest <= limit
}
