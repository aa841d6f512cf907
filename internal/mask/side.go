package mask

import "slices"

// side is what one of the two readers of a stream has not been given yet: the person, or the record.
type side struct {
	buf  []byte // what is held, then, during a write, the input
	base int64  // position of buf[0]
	done int    // bytes of buf that the last call returned

	starred int64 // behind the last position that was masked
}

// begin drops what the last call returned, and takes p.
func (d *side) begin(p []byte) {
	kept := copy(d.buf, d.buf[d.done:])
	d.base += int64(d.done)
	d.buf, d.done = append(d.buf[:kept], p...), 0
}

// trim gives back the memory that a large write took.
func (d *side) trim() {
	d.begin(nil)
	d.buf = append([]byte(nil), d.buf...)
}

// release lets go of what lies before a position, and never takes back.
func (d *side) release(before int64) []byte {
	d.done = int(max(before-d.base, 0))
	return d.buf[:d.done:d.done]
}

// star masks the byte at a position; not a line end, and not what was given away.
func (d *side) star(at int64) {
	if i := at - d.base; i >= 0 && d.buf[i] != '\n' && d.buf[i] != '\r' {
		d.buf[i], d.starred = '*', max(d.starred, at+1)
	}
}

// double masks the second place of a byte, if the first one is.
func (d *side) double(t twin) {
	if d.starred > t.first {
		d.star(t.second)
	}
}

// stars masks [from, to) but for what is hidden there.
func (d *side) stars(from, to int64, hidden []span) {
	from = max(from, d.base)
	for len(hidden) > 0 && from < to {
		h := hidden[0]
		for ; from < min(h.from, to); from++ {
			d.star(from)
		}
		if from < h.to {
			from = h.to
		}
		hidden = hidden[1:]
	}
	for ; from < to; from++ {
		d.star(from)
	}
}

func (d *side) held() int { return len(d.buf) - d.done }

// span is [from, to), in positions of the stream.
type span struct{ from, to int64 }

// hidden are the escape sequences, and blanks of margins, among the bytes that a machine may still mask, in order.
type hidden []span

// add puts a byte where it belongs: near the end.
func (h *hidden) add(at int64) {
	i := len(*h)
	for i > 0 && (*h)[i-1].from > at {
		i--
	}
	if i > 0 && (*h)[i-1].to >= at {
		(*h)[i-1].to = max((*h)[i-1].to, at+1)
		return
	}
	*h = slices.Insert(*h, i, span{at, at + 1})
}

// forget drops what lies before a position.
func (h *hidden) forget(before int64) {
	n := 0
	for n < len(*h) && (*h)[n].to <= before {
		n++
	}
	if n > 0 {
		*h = (*h)[:copy(*h, (*h)[n:])]
	}
}

// after returns what does not lie before a position. What is looked for is near the end.
func (h *hidden) after(at int64) []span {
	i := len(*h)
	for i > 0 && (*h)[i-1].to > at {
		i--
	}
	return (*h)[i:]
}
