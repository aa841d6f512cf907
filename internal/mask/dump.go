package mask

import (
	"bytes"

	"github.com/sallyport-dev/sallyport/internal/mask/needle"
)

// dump reads the rows of a hexadecimal dump (hexdump -C, xxd, od -A x -t x1z): an offset of 4 to 16 digits, perhaps a colon, blanks,
// pairs of digits in groups, perhaps the bytes as text. The bytes are followed as a sequence of their own, from row to row; those
// of an exact value are masked in both columns.
type dump struct {
	phase  dumpPhase
	digits int  // of the offset, or of the group
	colon  bool // after the offset
	blanks int  // since the last digit
	column int  // of the next byte in its line
	first  int  // column of the first digit after the offset
	group  int  // digits of the first group
	high   byte // of a byte whose second digit is awaited
	at     int64
	shown  int // bytes of the row whose text has come

	needles needle.Tracker // its positions are numbers of cells
	found   exact
	cells   [dumpCells]cell
	count   int64 // of cells
	row     int64 // count where the row began
}

type dumpPhase uint8

const (
	rowOffset dumpPhase = iota // also at the beginning of every line
	noRow
	rowBytes
	rowText
)

const (
	minOffset = 4
	maxOffset = 16
	maxGroup  = 16 // digits
	maxRow    = 32 // bytes
	dumpCells = 64 // more than a row and needle.Commit
)

// cell is one dumped byte: where its digits and its text are, and for whom it is masked.
type cell struct {
	high, low, text int64 // positions; text is -1 while it is not known
	user, record    bool
}

// quiet reports whether no row is being read, nor a value followed.
func (d *dump) quiet() bool {
	return (d.phase == noRow || d.phase == rowOffset && d.digits == 0) && !d.needles.Under() && d.found.to == 0
}

// mayBegin reports whether a row may begin with these bytes of a line.
func mayBegin(line []byte) bool {
	for i, b := range bytes.TrimLeft(line, "\r") {
		switch {
		case isHex(b):
		case i < minOffset:
			return false
		default:
			return b == ' ' || b == ':'
		}
	}
	return true
}

// after is that b, which no row has, was the last byte.
func (d *dump) after(b byte) {
	d.phase = noRow
	d.needles.Reset()
	if b == '\n' {
		d.phase, d.digits, d.colon, d.column = rowOffset, 0, false, 0
	}
}

func (d *dump) step(s *Stream, b byte) {
	if d.phase == noRow && b != '\n' {
		return
	}
	column := d.column
	d.column++
	switch {
	case b == '\n':
		d.phase, d.digits, d.colon, d.column = rowOffset, 0, false, 0
	case b == '\r':
	case d.phase == rowOffset:
		d.offset(b)
	case d.phase == rowBytes:
		d.bytes(s, b, column)
	default:
		d.text(s)
	}
	if d.phase == noRow && d.found.to != 0 {
		d.close(s)
	}
}

func (d *dump) offset(b byte) {
	switch {
	case isHex(b) && d.digits < maxOffset && !d.colon:
		d.digits++
	case b == ':' && d.digits >= minOffset && !d.colon:
		d.colon = true
	case b == ' ' && d.digits >= minOffset:
		d.phase, d.digits, d.blanks, d.row, d.shown, d.first, d.group = rowBytes, 0, 1, d.count, 0, 0, 0
	default:
		d.end()
	}
}

// end is a line that is no row: what was followed does not go on.
func (d *dump) end() {
	d.phase = noRow
	d.needles.Reset()
}

func (d *dump) bytes(s *Stream, b byte, column int) {
	switch {
	case d.colon && d.blanks > 1 && d.count > d.row && (b != ' ' || column == d.textColumn()):
		d.phase = rowText
		d.text(s)
	case b == ' ' && d.digits%2 == 0:
		if d.group == 0 {
			d.group = d.digits
		}
		d.blanks, d.digits = d.blanks+1, 0
	case !d.colon && (b == '|' || b == '>'):
		d.phase = rowText
	case !isHex(b) || d.digits == maxGroup || d.count-d.row == maxRow:
		d.end()
	case d.digits%2 == 0:
		if d.first == 0 {
			d.first = column
		}
		d.digits, d.blanks, d.high, d.at = d.digits+1, 0, b, s.pos
	default:
		d.digits++
		d.cells[d.count%dumpCells] = cell{high: d.at, low: s.pos, text: -1}
		d.count++
		d.match(s, nibble(d.high)<<4|nibble(b))
	}
}

// textColumn is where xxd writes the text, which may begin with a blank, behind a row of 16 bytes or, filled up, fewer.
func (d *dump) textColumn() int { return d.first + 32/max(d.group, 1)*(d.group+1) + 1 }

// match takes a dumped byte.
func (d *dump) match(s *Stream, b byte) {
	set := s.rules.set
	if !d.needles.Step(set, b, d.count-1) {
		if b != '\n' && b != '\r' {
			d.close(s)
		}
		return
	}
	st := d.needles.State(set)
	spans := set.Spans(st)
	if spans.MaskRecord == 0 {
		return
	}
	n := min(int(spans.MaskRecord), needle.Commit)
	for i := 1; i <= n; i++ {
		c := &d.cells[d.needles.Back(i)%dumpCells]
		c.record, c.user = true, c.user || i <= int(spans.MaskUser)
		c.star(s)
	}
	if d.found.to == 0 {
		d.found = exact{span: span{from: d.cells[d.needles.Back(n)%dumpCells].high}}
	}
	d.found.to = s.pos + 1
	if spans.MaskRecord > d.found.best {
		d.found.best, d.found.owner = spans.MaskRecord, set.Owner(st)
	}
}

// text takes a byte of the text column.
func (d *dump) text(s *Stream) {
	if d.row+int64(d.shown) >= d.count {
		return
	}
	c := &d.cells[(d.row+int64(d.shown))%dumpCells]
	d.shown++
	c.text = s.pos
	c.star(s)
}

func (c *cell) star(s *Stream) {
	for _, at := range [...]int64{c.high, c.low, c.text} {
		if at < 0 {
			continue
		}
		if c.user {
			s.user.star(at)
		}
		if c.record {
			s.record.star(at)
		}
	}
}

func (d *dump) close(s *Stream) {
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
	spans := s.rules.set.Spans(d.needles.State(s.rules.set))
	if n := int(spans.HoldUser); n > 0 {
		user = d.cells[d.needles.Back(n)%dumpCells].high
	}
	if n := int(spans.HoldRecord); n > 0 {
		record = d.cells[d.needles.Back(n)%dumpCells].high
	}
	if d.phase == rowBytes && d.digits%2 == 1 { // half a byte
		user, record = min(user, d.at), min(record, d.at)
	}
	return user, record
}

func isHex(b byte) bool { return isDigit(b) || b|0x20 >= 'a' && b|0x20 <= 'f' }

func nibble(b byte) byte {
	if isDigit(b) {
		return b - '0'
	}
	return b | 0x20 - 'a' + 10
}
