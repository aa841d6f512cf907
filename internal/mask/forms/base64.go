package forms

import (
	"bytes"
	"encoding/base64"
)

// wrapAt is where base64(1) ends its lines.
const wrapAt = 76

// base64 adds a text in base64, alone and inside of something longer, and the same encoded again.
func (c *collector) base64(core, text []byte) {
	for _, alphabet := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		alone := encoded(alphabet, core)
		c.add(alone)
		c.add(bytes.TrimRight(alone, "="))
		if len(text) != len(core) {
			c.add(encoded(alphabet, text))
		}
		for shift := range 3 {
			inside := aligned(alphabet, core, shift)
			c.add(inside)
			if len(core) <= maxShort {
				c.again(alphabet, inside)
			}
		}
	}
	if len(core) > maxShort {
		alone := encoded(base64.StdEncoding, core)
		c.again(base64.StdEncoding, alone)
		c.again(base64.StdEncoding, wrapped(alone))
	}
}

func (c *collector) again(alphabet *base64.Encoding, once []byte) {
	for shift := range 3 {
		c.add(aligned(alphabet, once, shift))
	}
}

func encoded(alphabet *base64.Encoding, text []byte) []byte {
	return alphabet.AppendEncode(nil, text)
}

// aligned is what of a text can be seen in base64 if the text begins shift bytes after a multiple of three, whatever stands
// before and after it.
func aligned(alphabet *base64.Encoding, text []byte, shift int) []byte {
	padded := append(make([]byte, shift, shift+len(text)), text...)
	all := encoded(alphabet, padded)
	from, to := (8*shift+5)/6, 8*len(padded)/6
	return all[min(from, to):to]
}

func wrapped(line []byte) []byte {
	var lines []byte
	for len(line) > wrapAt {
		lines = append(append(lines, line[:wrapAt]...), '\n')
		line = line[wrapAt:]
	}
	return append(lines, line...)
}
