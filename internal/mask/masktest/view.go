package masktest

import (
	"regexp"
	"slices"
)

// view is a text without what cannot be seen.
type view struct {
	text []byte
	at   []int // where each byte stands in the raw text; -1 for one that a sequence stands for

	margins []int  // where in the raw text margins end that were left out
	within  []int  // of them, those that are no line ends
	twins   []span // places of one byte that is there twice
}

func (v *view) add(b byte, at int) { v.text, v.at = append(v.text, b), append(v.at, at) }

// index is that of the first byte from a place in the raw text on.
func (v *view) index(at int) int {
	for i, place := range v.at {
		if place >= at {
			return i
		}
	}
	return len(v.at)
}

// mask puts asterisks into raw for what a span of the view shows of it. Line ends stay.
func (v *view) mask(raw []byte, s span) {
	for i := s.from; i < s.to; i++ {
		if v.at[i] >= 0 && v.text[i] != '\r' && v.text[i] != '\n' {
			raw[v.at[i]] = '*'
		}
	}
}

var (
	// sequence is an escape sequence as ECMA-48 has it, or as much of one as there is before what has no place in it: a control
	// sequence, the beginning of a string, one with intermediate bytes, a short one.
	sequence = regexp.MustCompile(`^(?:\x07|\x1b(?:\[[\x20-\x3f]{0,64}[\x40-\x7e\x18\x1a]?|[\]PX^_]|` +
		`[\x20-\x2f]{1,65}[\x30-\x7e\x18\x1a]?|[78DEMc=><HNOZno|}~\\\x18\x1a])?)`)
	// opening begins a string, which is no text on the screen; ending is where it is over.
	opening     = regexp.MustCompile(`^\x1b[\]PX^_]$`)
	ending      = regexp.MustCompile(`[\x18\x1a\x1b]`)
	commandEnds = regexp.MustCompile(`[\x07\x18\x1a\x1b]`)
	// blank moves the cursor right, which programs write for blanks.
	blank = regexp.MustCompile(`^\x1b\[[\x20-\x3f]*[Ca]$`)
	// moving are those after which output goes on elsewhere: addressing, scrolling, inserting and deleting, saving and restoring; or
	// that a line editor begins and ends with.
	moving = regexp.MustCompile(`^\x1b(?:\[\?2004[hl]|\[[\x20-\x3f]*[ABDEFGHILMSTZ^\x60defjkrsu]|[78DEMc])$`)
)

// look takes the escape sequences out, and puts a line end in the place of those that move, a blank in that of those that move
// right. What strings hold is seen apart.
func look(raw []byte) (screen *view, texts []*view) {
	screen = &view{}
	for i := 0; i < len(raw); {
		if raw[i] != 0x1b && raw[i] != 0x07 {
			screen.add(raw[i], i)
			i++
			continue
		}
		seq := sequence.Find(raw[i:])
		i += len(seq)
		switch {
		case moving.Match(seq):
			screen.add('\n', -1)
		case blank.Match(seq):
			screen.add(' ', -1)
		case opening.Match(seq):
			text, next := hidden(raw, i, seq[1] == ']')
			texts = append(texts, text)
			i = next
		}
	}
	return screen, texts
}

// whole is all of a text.
func whole(raw []byte) *view {
	v := &view{}
	for i, b := range raw {
		v.add(b, i)
	}
	return v
}

// Place is where a byte of a text is.
type Place uint8

// The places: part of an escape sequence; in the string of one, or the second of a byte that is there twice; the blank of a margin; on the screen.
const (
	InSequence Place = iota
	InString
	InMargin
	OnScreen
)

// Places says where each byte of a text is.
func Places(raw []byte) []Place {
	places := make([]Place, len(raw))
	screen, strings := look(raw)
	for _, v := range append(strings, screen) {
		for _, at := range v.at {
			if at >= 0 {
				places[at] = InString
			}
		}
	}
	wrapped := screen.wrapped(raw)
	for i, at := range screen.at {
		switch {
		case at < 0:
		case slices.Contains(wrapped.at, at), screen.text[i] == '\r':
			places[at] = OnScreen
		case screen.text[i] == ' ' || screen.text[i] == '\b':
			places[at] = InMargin
		default:
			places[at] = InString // a byte that is there twice
		}
	}
	return places
}

// hidden is a string, from i on, and where the text goes on behind it.
func hidden(raw []byte, i int, command bool) (*view, int) {
	text, over := &view{}, ending
	if command {
		over = commandEnds
	}
	end := len(raw)
	if at := over.FindIndex(raw[i:]); at != nil {
		end = i + at[0]
	}
	for k := i; k < end; k++ {
		text.add(raw[k], k)
	}
	if end < len(raw) && raw[end] != 0x1b {
		end++
	}
	return text, end
}

// join takes out line ends, too, and says before which bytes there was an empty line.
func (v *view) join() (*view, map[int]bool) {
	joined, breaks := &view{margins: v.margins, within: v.within, twins: v.twins}, map[int]bool{}
	ends := 0
	for i, b := range v.text {
		switch {
		case b == '\r' || b == '\n' && v.at[i] < 0:
		case b == '\n':
			if ends++; ends > 1 {
				breaks[len(joined.text)] = true
			}
		default:
			ends = 0
			joined.add(b, v.at[i])
		}
	}
	return joined, breaks
}

// readings are the texts that are in a text: those of strings, the screen, and the screen without margins.
func readings(raw []byte) []*view {
	screen, texts := look(raw)
	if wrapped := screen.wrapped(raw); len(wrapped.margins) > 0 {
		texts = append(texts, wrapped)
	}
	return append(texts, screen)
}

// Strip returns what a screen shows of a text.
func Strip(raw []byte) []byte {
	var text []byte
	screen, _ := look(raw)
	for i, b := range screen.text {
		if screen.at[i] >= 0 {
			text = append(text, b)
		}
	}
	return text
}

// Joined returns what a screen shows of a text, without CR, LF and margins.
func Joined(raw []byte) []byte {
	screen, _ := look(raw)
	joined, _ := screen.wrapped(raw).join()
	return joined.text
}
