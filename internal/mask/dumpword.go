package mask

import "strings"

const (
	maxWord  = 16 // bytes
	maxPlace = 4  // bytes that show one of the dump
	longWord = 6  // digits: no word that shows two bytes has more
)

// dumpWord is what a dump shows of some bytes: "73" (hexdump -C, od -t x1), "0x73," (xxd -i), "6573" (hexdump, od -x: the bytes of a
// number, the last one first; so for 8 and 16 digits), "163" and "062563" (octal: od -b, od), "s", "\n" (od -c). In a line without an
// offset it has two bytes at most.
type dumpWord struct {
	text [maxWord]byte
	at   [maxWord]int64 // positions
	n    int
}

func (w *dumpWord) add(b byte, at int64) {
	w.text[w.n], w.at[w.n] = b, at
	w.n++
}

// goesOn reports whether a word may go on with b.
func (w *dumpWord) goesOn(b byte) bool {
	switch {
	case w.n == 0:
		return b > ' ' && b < 0x7f
	case w.n == len(w.text):
		return false
	case w.n == 1:
		return w.text[0] == '\\' || isHex(w.text[0]) && (isHex(b) || w.text[0] == '0' && b == 'x')
	case w.text[0] == '\\':
		return false
	case w.prefixed():
		return w.n < 4 && isHex(b) || w.n == 4 && b == ','
	default:
		return isHex(b)
	}
}

func (w *dumpWord) prefixed() bool { return w.n > 1 && w.text[1] == 'x' && w.text[0] == '0' }

// isLong reports whether it has as many digits as one of two bytes may have.
func (w *dumpWord) isLong() bool { return w.n >= longWord }

// isChar reports whether it is one of those that have four columns each.
func (w *dumpWord) isChar() bool { return w.n == 1 || w.n == 3 || w.text[0] == '\\' }

// shown is a byte that some bytes of a word show.
type shown struct {
	value    byte
	from, to int
}

// bytes returns those that a whole word shows, and how many; none if it is no word. inPlace: it ends where one of four columns may.
func (w *dumpWord) bytes(inPlace bool) (all [maxWord / 2]shown, n int) {
	text := w.text[:w.n]
	switch {
	case w.isChar():
		value, ok := charByte(text)
		if !ok || !inPlace {
			return all, 0
		}
		all[0] = shown{value, 0, w.n}
		return all, 1
	case w.prefixed():
		if w.n < 4 {
			return all, 0
		}
		all[0] = shown{hexByte(text[2:]), 0, 4}
		return all, 1
	case w.n == 6:
		value, ok := octal(text)
		if !ok || value > 0xffff {
			return all, 0
		}
		all[0], all[1] = shown{byte(value & 0xff), 3, 6}, shown{byte(value >> 8 & 0xff), 0, 4}
		return all, 2
	case w.n == 2, w.n == 4, w.n == 8, w.n == 16:
		for at := w.n - 2; at >= 0; at -= 2 {
			all[n] = shown{hexByte(text[at:]), at, at + 2}
			n++
		}
		return all, n
	default:
		return all, 0
	}
}

// escaped are the letters of escapes, and what they stand for.
const escaped = "0\x00a\ab\bt\tn\nv\vf\fr\r\\\\"

func charByte(text []byte) (byte, bool) {
	switch len(text) {
	case 1:
		return text[0], true
	case 2:
		i := strings.IndexByte(escaped, text[1])
		if i < 0 || i%2 > 0 {
			return 0, false
		}
		return escaped[i+1], true
	default:
		value, ok := octal(text)
		return byte(value & 0xff), ok && value <= 0xff
	}
}

func octal(digits []byte) (value int, ok bool) {
	for _, b := range digits {
		if b < '0' || b > '7' {
			return 0, false
		}
		value = value<<3 | int(b-'0')
	}
	return value, true
}

func hexByte(digits []byte) byte { return nibble(digits[0])<<4 | nibble(digits[1]) }

func isHex(b byte) bool { return isDigit(b) || b|0x20 >= 'a' && b|0x20 <= 'f' }

func nibble(b byte) byte {
	if isDigit(b) {
		return b - '0'
	}
	return b | 0x20 - 'a' + 10
}

// mayBegin reports whether a row may begin with these bytes. Of others dump.read keeps nothing.
func mayBegin(line []byte) bool {
	for i, b := range line {
		switch {
		case isHex(b):
		case b == '\r':
			return true
		case b == ' ' && (i == 0 || i == pairDigits):
			return mayBeWords(line)
		case i < minOffset:
			return b == '\n' && i == pairDigits
		default:
			return b == ' ' || b == ':'
		}
	}
	return true
}

// mayBeWords reports whether a line without an offset may begin with two words, or one of more than a byte.
func mayBeWords(line []byte) bool {
	var w dumpWord
	last, words := 0, 0
	for i, b := range line {
		switch {
		case b == '\r', words > 0 && w.n == 0 && (b == '|' || b == '>' || i-last >= charWidth):
			return true
		case b != ' ' && b != '\n':
			if !w.goesOn(b) || w.isLong() {
				return false
			}
			w.add(b, 0)
			last = i + 1
			continue
		case w.n > 0:
			_, n := w.bytes(last%charWidth == 0)
			if words++; n == 0 {
				return false
			} else if n > 1 || words == 2 {
				return true
			}
			w.n = 0
		}
		if b == '\n' {
			return words > 0
		}
	}
	return true
}
