package mask

import "github.com/sallyport-dev/sallyport/internal/mask/needle"

// dump follows the bytes that the rows of a dump show (row), as a sequence of their own, from row to row. Those of an exact value
// are masked wherever the dump shows them: as digits, and as text.
type dump struct {
	row

	word  dumpWord      // the digits that have come of the next ones
	tail  [maxRow]int64 // rowTail: where the last bytes of the row are, by column
	since int64         // rowTail: where it begins

	needles needle.Tracker // its positions are numbers of cells
	found   exact
	cells   [dumpCells]cell
	count   int64 // of cells
	shown   int   // bytes of the row whose text has come
	masked  bool  // some of the row are
}

const (
	maxRow    = 64  // bytes of a row whose text is masked, too
	dumpCells = 128 // more than maxRow and needle.Commit
)

// cell is one dumped byte: where it stands, and for whom it is masked.
type cell struct {
	from         int64           // of what shows it, and perhaps others
	at           [maxPlace]int64 // of its digits
	digits       int
	text         int64 // -1 while it is not known
	user, record bool
}

// quiet reports whether no row is being read, nor a value followed. Of characters even blanks may be a row.
func (d *dump) quiet() bool {
	return (d.phase == noRow || d.phase == rowOffset && d.column == 0 && !d.chars) && !d.needles.Under() && d.found.to == 0
}

// after is that b, which no row has, was the last byte.
func (d *dump) after(b byte) {
	if d.leave(); b == '\n' {
		d.row = row{}
	}
	d.needles.Reset()
}

// step takes a visible byte.
func (d *dump) step(s *Stream, b byte) {
	switch {
	case b == '\n':
		d.finish(s)
		if d.made == 0 && d.phase != noRow {
			d.end(s)
		}
		d.row, d.word.n, d.shown, d.masked = row{chars: d.chars, textAt: d.textAt}, 0, 0, false
	case d.phase != noRow && b != '\r':
		d.column++
		d.read(s, b)
	}
}

// end is a line that is no row: what was followed does not go on.
func (d *dump) end(s *Stream) {
	d.leave()
	d.needles.Reset()
	d.report(s)
}

// leave makes nothing of what comes up to the line end.
func (d *dump) leave() { d.phase, d.chars, d.textAt, d.word.n = noRow, false, 0, 0 }

// finish is the end of a line.
func (d *dump) finish(s *Stream) {
	switch {
	case d.phase == rowTail:
		d.settle(s)
	case d.colon:
	case d.phase == rowBytes && d.word.n > 0, d.phase == rowOffset && d.word.n == pairDigits:
		d.take(s)
	}
}

// close is the end of the stream.
func (d *dump) close(s *Stream) {
	d.finish(s)
	d.report(s)
}

// add takes a dumped byte that some places of the word show.
func (d *dump) add(s *Stream, b byte, at []int64) {
	c := &d.cells[d.count%dumpCells]
	*c = cell{from: d.word.at[0], text: -1}
	c.digits = copy(c.at[:], at)
	d.count++
	d.made++
	set := s.rules.set
	if !d.needles.Step(set, b, d.count-1) {
		if b != '\n' && b != '\r' {
			d.report(s)
		}
		return
	}
	if spans := set.Spans(d.needles.State(set)); spans.MaskRecord > 0 {
		d.mask(s, spans, at[len(at)-1]+1)
	}
}

// mask masks what has come of a value, up to a position.
func (d *dump) mask(s *Stream, spans needle.Spans, to int64) {
	d.masked = true
	n := min(int(spans.MaskRecord), needle.Commit)
	from := to
	for i := 1; i <= n; i++ {
		c := &d.cells[d.needles.Back(i)%dumpCells]
		c.record, c.user = true, c.user || i <= int(spans.MaskUser)
		c.star(s)
		from = min(from, c.at[0])
	}
	if d.found.to == 0 {
		d.found = exact{span: span{from: from}}
	}
	d.found.from, d.found.to = min(d.found.from, from), max(d.found.to, to)
	if spans.MaskRecord > d.found.best {
		d.found.best, d.found.owner = spans.MaskRecord, s.rules.set.Owner(d.needles.State(s.rules.set))
	}
}

// text takes the text of the next byte of the row, which is at a position.
func (d *dump) text(s *Stream, at int64) {
	if d.shown >= d.made || d.made > maxRow {
		return
	}
	c := &d.cells[(d.count-int64(d.made-d.shown))%dumpCells]
	d.shown++
	c.text = at
	c.star(s)
}

func (c *cell) star(s *Stream) {
	for _, at := range c.at[:c.digits] {
		c.starAt(s, at)
	}
	if c.text >= 0 {
		c.starAt(s, c.text)
	}
}

func (c *cell) starAt(s *Stream, at int64) {
	if c.user {
		s.user.star(at)
	}
	if c.record {
		s.record.star(at)
	}
}

func (d *dump) report(s *Stream) {
	if d.found.to != 0 {
		s.reportExact(d.found)
		d.found = exact{}
	}
}

// holds returns the first positions that the person and the record may not have yet.
func (d *dump) holds(s *Stream) (user, record int64) {
	user, record = s.pos, s.pos
	if d.phase == noRow {
		return user, record
	}
	st := d.needles.State(s.rules.set)
	spans := s.rules.set.Spans(st)
	if n := int(spans.HoldUser); n > 0 {
		user = d.cells[d.needles.Back(n)%dumpCells].from
	}
	if n := int(spans.HoldRecord); n > 0 {
		record = d.cells[d.needles.Back(n)%dumpCells].from
	}
	switch {
	case d.phase == rowTail && d.masked:
		user, record = min(user, d.since), min(record, d.since)
	case d.word.n > 0 && (d.phase == rowBytes || d.phase == rowOffset && d.word.n <= pairDigits):
		record = min(record, d.word.at[0])
		// The first two bytes of a value are clear to the person, and only long words of digits have more: who types is not kept waiting.
		if st != 0 || d.wide() && isHex(d.word.text[0]) {
			user = min(user, d.word.at[0])
		}
	}
	return user, record
}
