package forms

import (
	"bytes"
	"encoding/hex"
	"slices"
)

// Of returns every usual encoding of a text, without repetition; nil for one of less than 6 bytes.
func Of(text []byte) [][]byte {
	core := bytes.TrimSpace(text)
	if len(core) < minAsked {
		return nil
	}
	c := collector{least: min(MinText, len(core)), seen: map[string]bool{}}
	c.add(core)
	c.add(text)
	c.base64(core, text)
	encoded := hex.AppendEncode(nil, core)
	c.add(encoded)
	c.add(bytes.ToUpper(encoded))
	if slices.ContainsFunc(core, func(b byte) bool { return !isAlnum(b) }) {
		quotings := longQuotings
		if len(core) <= maxShort {
			quotings = shortQuotings
		}
		for _, quote := range quotings {
			c.add(quote(core))
		}
	}
	return c.forms
}

// Plain returns a text as it stands, in the pieces of Of.
func Plain(text []byte) [][]byte {
	core := bytes.TrimSpace(text)
	if len(core) < minAsked {
		return nil
	}
	c := collector{least: min(MinText, len(core)), seen: map[string]bool{}}
	c.add(core)
	return c.forms
}

// collector keeps each form once.
type collector struct {
	least int
	seen  map[string]bool
	forms [][]byte
}

func (c *collector) add(form []byte) {
	for _, side := range sides(form) {
		for _, piece := range pieces(side) {
			if len(piece) >= c.least && !c.seen[string(piece)] {
				c.seen[string(piece)] = true
				c.forms = append(c.forms, piece)
			}
		}
	}
}

// sides are what lies between the empty lines of a form, without line ends.
func sides(form []byte) [][]byte {
	var all [][]byte
	var side []byte
	for line := range bytes.SplitSeq(form, []byte("\n")) {
		line = bytes.ReplaceAll(line, []byte("\r"), nil)
		if len(line) == 0 {
			all, side = append(all, side), nil
			continue
		}
		side = append(side, line...)
	}
	return append(all, side)
}

// pieces cuts a form into some that are not too long. The last one is of full length, too.
func pieces(form []byte) [][]byte {
	if len(form) <= MaxForm {
		return [][]byte{form}
	}
	var all [][]byte
	for from := 0; ; from += MaxForm - Overlap {
		if from+MaxForm >= len(form) {
			return append(all, form[len(form)-MaxForm:])
		}
		all = append(all, form[from:from+MaxForm])
	}
}
