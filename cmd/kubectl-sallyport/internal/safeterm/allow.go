package safeterm

import (
	"slices"
	"strings"
)

// allowedEscape judges what follows ESC: save and restore the cursor, index, reverse index, next line, and the
// character sets that draw frames. Not a reset (it may clear the scrollback), not keypad modes, no identification.
func allowedEscape(body []byte) bool {
	switch string(body) {
	case "7", "8", "D", "E", "M", "(0", "(A", "(B", ")0", ")A", ")B":
		return true
	}
	return false
}

// allowedControl judges what follows CSI: parameters and a final, without prefix or intermediates, that move the
// cursor, edit, erase or colour; and the private modes of modes. Everything that makes a terminal answer, print,
// resize, report the mouse or change how keys are sent is absent.
func allowedControl(body []byte) bool {
	parameters, final := string(body[:len(body)-1]), body[len(body)-1]
	if final == 'h' || final == 'l' {
		return slices.Contains(modes(), parameters)
	}
	switch {
	case strings.Trim(parameters, "0123456789;:") != "", tooLarge(parameters):
		return false
	case final == 'J':
		// 3J erases the scrollback: what the reader had on the screen before.
		return parameters == "" || parameters == "0" || parameters == "1" || parameters == "2"
	}
	return strings.IndexByte("@ABCDEFGHIKLMPSTXZ`adefmrsu", final) >= 0
}

// modes may be set and reset: insert, wrap, the cursor's visibility and blinking, the alternate screen, and
// synchronised output.
func modes() []string {
	return []string{"4", "?7", "?12", "?25", "?47", "?1047", "?1048", "?1049", "?2026"}
}

// tooLarge reports a number of more than four digits: no screen is that large, and some terminals take their time.
func tooLarge(parameters string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(parameters, func(r rune) bool { return r == ';' || r == ':' }),
		func(number string) bool { return len(number) > 4 })
}
