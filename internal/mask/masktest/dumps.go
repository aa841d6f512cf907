package masktest

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// Dump is a text of bytes as a program dumps them.
type Dump struct {
	Text []byte
	At   [][]Stretch // by byte
}

// Stretch is where a byte, or some of it, stands: [From, To).
type Stretch struct{ From, To int }

// Dumper writes dumps as a program does.
type Dumper struct {
	width  int    // bytes of a row; 16 unless told
	offset string // format; none for no offset
	digits func(d *Dump, data []byte, from, to int)
	fill   int // columns of a whole row, filled up with blanks before the text
	text   [2]string
	last   bool // an offset ends the dump
}

// Dumpers are programs with their options.
var Dumpers = map[string]Dumper{
	"hexdump -C":        {offset: "%08x", digits: words(" ", 1, "%02x", 8), fill: 60, text: [2]string{"|", "|"}, last: true},
	"hexdump":           {offset: "%07x", digits: words(" ", 2, "%04x", 0), fill: 47, last: true},
	"hexdump -x":        {offset: "%07x", digits: words("    ", 2, "%04x", 0), fill: 71, last: true},
	"hexdump -b":        {offset: "%07x", digits: words(" ", 1, "%03o", 0), fill: 71, last: true},
	"hexdump -c":        {offset: "%07x", digits: chars, fill: 71, last: true},
	"xxd":               {offset: "%08x:", digits: pairs(2), fill: 51, text: [2]string{"", ""}},
	"xxd -c 8":          {width: 8, offset: "%08x:", digits: pairs(2), fill: 31, text: [2]string{"", ""}},
	"xxd -c 12 -g 1":    {width: 12, offset: "%08x:", digits: pairs(1), fill: 47, text: [2]string{"", ""}},
	"xxd -g 4":          {offset: "%08x:", digits: pairs(4), fill: 47, text: [2]string{"", ""}},
	"xxd -g 0":          {offset: "%08x:", digits: pairs(16), fill: 44, text: [2]string{"", ""}},
	"xxd -c 40":         {width: 40, offset: "%08x:", digits: pairs(2), fill: 111, text: [2]string{"", ""}},
	"xxd -i":            {width: 12, digits: array},
	"od -An -tx1":       {digits: words(" ", 1, "%02x", 0)},
	"od -t x1":          {offset: "%07o", digits: words(" ", 1, "%02x", 0), last: true},
	"od -A x -t x1z":    {offset: "%06x", digits: words(" ", 1, "%02x", 0), fill: 56, text: [2]string{">", "<"}, last: true},
	"od -x":             {offset: "%07o", digits: words(" ", 2, "%04x", 0), last: true},
	"od -An -x":         {digits: words(" ", 2, "%04x", 0)},
	"od -t x4":          {offset: "%07o", digits: words(" ", 4, "%08x", 0), last: true},
	"od -t x2z":         {offset: "%07o", digits: words(" ", 2, "%04x", 0), fill: 49, text: [2]string{">", "<"}, last: true},
	"od -t x8":          {offset: "%07o", digits: words(" ", 8, "%016x", 0), last: true},
	"od":                {offset: "%07o", digits: words(" ", 2, "%06o", 0), last: true},
	"od -b":             {offset: "%07o", digits: words(" ", 1, "%03o", 0), last: true},
	"od -c":             {offset: "%07o", digits: chars, last: true},
	"od -An -c":         {digits: chars},
	"hexdump -e %02x":   {width: 1 << 20, digits: words(" ", 1, "%02x", 0)},
	"od -An -w100 -tx1": {width: 100, digits: words(" ", 1, "%02x", 0)},
}

// Dump dumps data.
func (w Dumper) Dump(data []byte) *Dump {
	d := &Dump{At: make([][]Stretch, len(data))}
	width := cmp.Or(w.width, 16)
	for from := 0; from < len(data); from += width {
		to := min(from+width, len(data))
		start := len(d.Text)
		if w.offset != "" {
			d.printf(w.offset, from)
		}
		w.digits(d, data, from, to)
		if w.fill > 0 {
			d.printf("%s", strings.Repeat(" ", start+w.fill-len(d.Text)))
		}
		if w.text != [2]string{} || strings.HasSuffix(w.offset, ":") {
			d.printf("%s", w.text[0])
			for i, b := range printable(data[from:to]) {
				d.show(from+i, string(b))
			}
			d.printf("%s", w.text[1])
		}
		d.printf("\n")
	}
	if w.last {
		d.printf(w.offset+"\n", len(data))
	}
	return d
}

func (d *Dump) printf(format string, args ...any) { d.Text = fmt.Appendf(d.Text, format, args...) }

func (d *Dump) show(i int, text string) {
	d.At[i] = append(d.At[i], Stretch{len(d.Text), len(d.Text) + len(text)})
	d.printf("%s", text)
}

// words are numbers of some bytes, the last of them first, and a blank more before each so many; zeros fill up the last.
func words(before string, size int, format string, group int) func(*Dump, []byte, int, int) {
	return func(d *Dump, data []byte, from, to int) {
		for at := from; at < to; at += size {
			if group > 0 && (at-from)%group == 0 {
				d.printf(" ")
			}
			d.printf("%s", before)
			value, start := uint64(0), len(d.Text)
			for i := at; i < min(at+size, to); i++ {
				value |= uint64(data[i]) << (8 * (i - at))
			}
			d.printf(format, value)
			bits := 4
			if strings.HasSuffix(format, "o") {
				bits = 3
			}
			for i := at; i < min(at+size, to); i++ {
				low, high := 8*(i-at)/bits, (8*(i-at)+7)/bits // digits from the end
				end := len(d.Text)
				d.At[i] = append(d.At[i], Stretch{max(start, end-1-high), end - low})
			}
		}
	}
}

// pairs are digits in groups of so many bytes.
func pairs(group int) func(*Dump, []byte, int, int) {
	return func(d *Dump, data []byte, from, to int) {
		for i := from; i < to; i++ {
			if (i-from)%group == 0 {
				d.printf(" ")
			}
			d.show(i, fmt.Sprintf("%02x", data[i]))
		}
	}
}

// array is the body of one in C.
func array(d *Dump, data []byte, from, to int) {
	before := "  "
	for i := from; i < to; i++ {
		d.printf("%s", before)
		before = ", "
		d.show(i, fmt.Sprintf("0x%02x", data[i]))
	}
	if to < len(data) {
		d.printf(",")
	}
}

// chars are characters and escapes.
func chars(d *Dump, data []byte, from, to int) {
	escapes := map[byte]string{0: `\0`, 7: `\a`, 8: `\b`, 9: `\t`, 10: `\n`, 11: `\v`, 12: `\f`, 13: `\r`}
	for i := from; i < to; i++ {
		text := string(rune(data[i]))
		if data[i] < ' ' || data[i] > '~' {
			if text = escapes[data[i]]; text == "" {
				text = fmt.Sprintf("%03o", data[i])
			}
		}
		d.printf("%s", strings.Repeat(" ", 4-len(text)))
		d.show(i, text)
	}
}

// DumpTangle makes a text of dumps with values in them, of pieces of such, and of what stands in them.
func DumpTangle(rng *rand.Rand, values []string) []byte {
	names := slices.Sorted(maps.Keys(Dumpers))
	others := []string{"", "\n", "$ ", "    ", "   x", " 61 62", "ab", "ab cd ", "a log line of some length, so that something is skipped over, and then more\n"}
	var text []byte
	for range 1 + rng.IntN(4) {
		var data []byte
		for range 1 + rng.IntN(4) {
			data = append(data, pick(rng, values...)...)
			data = append(data, letters(rng, " \n\\|>ab0\x00\xff", rng.IntN(20))...)
		}
		dump := Dumpers[pick(rng, names...)].Dump(data).Text
		if rng.IntN(2) == 0 {
			dump = dump[rng.IntN(len(dump)):]
		}
		if rng.IntN(3) == 0 {
			dump = slices.Insert(dump, rng.IntN(len(dump)+1), []byte(pick(rng, append(slices.Clone(Paint), "\n", "\r", " ", "|", "0", "0x", "\\", ",")...))...)
		}
		text = append(text, dump...)
		text = append(text, pick(rng, others...)...)
	}
	return text
}
