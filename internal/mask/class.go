package mask

// class is a set of bytes.
type class [256]bool

// newClass reads a set like "A-Z0-9_": ranges and single bytes; a hyphen at the
// end stands for itself.
func newClass(set string) class {
	var c class
	for i := 0; i < len(set); i++ {
		if i+2 < len(set) && set[i+1] == '-' {
			for b := int(set[i]); b <= int(set[i+2]); b++ {
				c[b] = true
			}
			i += 2
			continue
		}
		c[set[i]] = true
	}
	return c
}

func (c class) bits() [32]byte {
	var bits [32]byte
	for b, in := range c {
		if in {
			bits[b/8] |= 1 << (b % 8)
		}
	}
	return bits
}

func isAlnum(b byte) bool { return isLetter(b) || isDigit(b) }
func isDigit(b byte) bool { return b >= '0' && b <= '9' }
func isLetter(b byte) bool {
	b |= 0x20
	return b >= 'a' && b <= 'z'
}

// isBase64URL reports whether a byte is of the URL-safe alphabet (RFC 4648, section 5).
func isBase64URL(b byte) bool { return isAlnum(b) || b == '_' || b == '-' }
func isQuote(b byte) bool     { return b == '"' || b == '\'' || b == '`' }

// fold makes an ASCII letter lower-case.
func fold(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		return b | 0x20
	}
	return b
}
