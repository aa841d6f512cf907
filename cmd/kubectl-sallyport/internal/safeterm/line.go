// Package safeterm keeps text that other people wrote from taking over the terminal of the person who reads it.
//
// The threat: whoever writes a reason, a comment or an error message, or prints into a recorded session, chooses
// bytes that an approver's or an auditor's terminal will interpret. Such bytes can set the clipboard (OSC 52), set
// the title, make the terminal answer as if the person had typed (device queries, answerback), print, erase the
// scrollback, or rewrite lines so that the approver reads something else than what is approved.
//
// Line and Text are for words: nothing that is not a printable character gets through. Filter is for replayed
// terminal output, where colours and cursor movement are part of what was seen: it lets through only complete
// sequences of a fixed list and drops the rest.
package safeterm

import (
	"strconv"
	"strings"
	"unicode"
)

// Line returns s as one line of printable characters: everything else (controls, line ends, bytes that are not
// UTF-8, and the invisible characters that reorder text) is written as in a Go string literal.
func Line(s string) string { return escape(s, "") }

// Text is Line, but keeps line feeds and tabs.
func Text(s string) string { return escape(s, "\n\t") }

func escape(s, keep string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case strings.ContainsRune(keep, r) && r != unicode.ReplacementChar, unicode.IsPrint(r) && r != unicode.ReplacementChar:
			b.WriteRune(r)
		case r == unicode.ReplacementChar && !strings.HasPrefix(s[i:], string(r)):
			b.WriteString(`\x` + strconv.FormatUint(uint64(s[i])|0x100, 16)[1:])
		default:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return b.String()
}
