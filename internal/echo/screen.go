package echo

// screen is where the output is within an escape sequence (ECMA-48).
type screen uint8

const (
	ground   screen = iota
	escaped         // after ESC
	between         // after ESC and intermediate bytes
	sequence        // a control sequence
	command         // an operating system command, which BEL ends, too
	text            // another string
	commandEscaped
	textEscaped
)

const (
	bell       = 0x07
	cancel     = 0x18
	substitute = 0x1a
)

// step takes a byte, and reports whether it matters on the ground: printable bytes, and the controls that move.
func (s *screen) step(b byte) bool {
	switch b {
	case cancel, substitute:
		*s = ground
		return false
	case esc:
		switch *s {
		case command:
			*s = commandEscaped
		case text:
			*s = textEscaped
		case ground, escaped, between, sequence, commandEscaped, textEscaped:
			*s = escaped
		}
		return false
	}
	switch *s {
	case ground:
		return b >= 0x20 && b != del || b >= '\b' && b <= '\r'
	case commandEscaped, textEscaped:
		*s = ground
		if b != '\\' {
			*s = escape(b)
		}
	case escaped:
		*s = escape(b)
	case between:
		if b >= 0x30 {
			*s = ground
		}
	case sequence:
		if b >= 0x40 {
			*s = ground
		}
	case command:
		if b == bell {
			*s = ground
		}
	case text:
	}
	return false
}

// escape is the state after ESC and a byte.
func escape(b byte) screen {
	switch {
	case b == '[':
		return sequence
	case b == ']':
		return command
	case b == 'P' || b == 'X' || b == '^' || b == '_':
		return text
	case b < 0x20:
		return escaped
	case b < 0x30:
		return between
	default:
		return ground
	}
}
