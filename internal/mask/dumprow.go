package mask

// row is what is known of a line that may be a row of a dump:
//
//   - an offset of 4 to 16 digits, or none (od -An, xxd -i, hexdump -e);
//   - with a colon behind it (xxd) pairs of digits in groups of any length; without one words, each with blanks before it;
//   - perhaps the bytes as text: two blanks behind xxd's pairs, or behind "|" (hexdump -C) or ">" (od -t x1z).
type row struct {
	phase  dumpPhase
	offset bool // there is one
	colon  bool // behind it
	chars  bool // the words are characters, or three octal digits, of four columns each: a byte may be a blank
	column int  // bytes of the line
	base   int  // columns before the first word
	last   int  // column of the last digit
	made   int  // bytes of the row
	textAt int  // xxd: column of the text; 0 while it is not known
}

type dumpPhase uint8

const (
	rowOffset dumpPhase = iota // also at the beginning of every line
	noRow
	rowBytes
	rowText
	rowTail // the text begins with a blank, or blanks fill up the row: its end will tell
)

const (
	minOffset  = 4
	wideOffset = 6 // with fewer digits no word shows more than two bytes
	pairDigits = 2
	charWidth  = 4   // columns of a byte
	textGap    = 3   // columns from the last digit of a whole row of xxd to the text
	maxTail    = 256 // columns
)

// read takes a visible byte of the line that is no line end.
func (d *dump) read(s *Stream, b byte) {
	switch {
	case d.phase == rowOffset:
		d.readOffset(s, b)
	case d.phase == rowText:
		d.text(s, s.pos)
	case d.phase == rowTail:
		d.readTail(s)
	case d.colon:
		d.readPair(s, b)
	default:
		d.readWord(s, b)
	}
}

func (d *dump) readOffset(s *Stream, b byte) {
	n := d.word.n
	switch {
	case isHex(b) && n < len(d.word.text) && !d.colon:
		d.word.add(b, s.pos)
	case b == ':' && n >= minOffset && !d.colon:
		d.colon = true
	case b == ' ' && n >= minOffset:
		d.phase, d.offset, d.base, d.last, d.word.n = rowBytes, true, d.column-1, d.column-1, 0
	case b == ' ' && (n == 0 || n == pairDigits):
		d.phase, d.last = rowBytes, n
		d.readWord(s, b)
	default:
		d.end(s)
	}
}

// readPair takes a byte behind an offset with a colon.
func (d *dump) readPair(s *Stream, b byte) {
	gap := d.column - d.last
	switch {
	case d.word.n == 0 && d.made > 0 && (d.column == d.textAt || gap >= textGap && (b != ' ' || d.textAt == 0)):
		if b == ' ' && d.textAt == 0 {
			d.phase, d.since = rowTail, s.pos
			d.readTail(s)
			return
		}
		d.phase, d.textAt = rowText, d.column
		d.text(s, s.pos)
	case b == ' ' && d.word.n == 0:
	case !isHex(b):
		d.end(s)
	default:
		d.last = d.column
		if d.word.add(b, s.pos); d.word.n == pairDigits {
			d.add(s, hexByte(d.word.text[:pairDigits]), d.word.at[:pairDigits])
			d.word.n = 0
		}
	}
}

func (d *dump) readTail(s *Stream) {
	if d.column-d.last > maxTail {
		d.end(s)
		return
	}
	d.tail[d.column%maxRow] = s.pos
}

// settle is the end of a row whose text is what stands last in it.
func (d *dump) settle(s *Stream) {
	n := min(d.made, maxRow, d.column-d.last-textGap+1)
	d.textAt = d.column - n + 1
	for i := range n {
		d.text(s, d.tail[(d.textAt+i)%maxRow])
	}
}

// wide reports whether a word may show more than two bytes.
func (d *dump) wide() bool { return d.offset && !d.colon && d.base >= wideOffset }

// readWord takes a byte of the words.
func (d *dump) readWord(s *Stream, b byte) {
	switch {
	case b == ' ':
		if d.word.n > 0 && !d.take(s) {
			return
		}
		if d.chars && d.column-d.last == charWidth {
			d.last, d.word.at[0] = d.column, s.pos
			d.add(s, ' ', d.word.at[:1])
		}
	case d.word.n == 0 && d.made > 0 && !d.chars && (b == '|' || b == '>'):
		d.phase = rowText
	case d.word.goesOn(b) && (d.wide() || !d.word.isLong()):
		d.word.add(b, s.pos)
		d.last = d.column
	default:
		d.end(s)
	}
}

// take is the end of a word, and reports whether it is one.
func (d *dump) take(s *Stream) bool {
	bytes, n := d.word.bytes((d.last-d.base)%charWidth == 0)
	if n == 0 {
		d.end(s)
		return false
	}
	d.chars = d.word.isChar()
	for _, b := range bytes[:n] {
		d.add(s, b.value, d.word.at[b.from:b.to])
	}
	d.word.n = 0
	return true
}
