// Package mask replaces secrets in a byte stream by asterisks, as the stream
// passes, without changing its length.
//
// # How it works
//
// A Stream is a fold over visible bytes: those that are no part of an escape
// sequence (package vt). One automaton (package dfa) finds the public opening of a
// secret: "ghp_", "password=", "-----BEGIN RSA PRIVATE KEY-----", the first six
// digits of a card. A small machine then follows what comes after it. It
// holds bytes back only while they may still become a secret; once it has decided,
// everything it held is masked, and every further byte of the secret goes out masked
// at once. A second automaton (package needle) finds exact values, in all the forms
// of package forms.
//
// There are two readers. The person sees the first min(4, length/4) bytes of an exact value: who
// types a letter with which one begins is not kept waiting for the next. The record
// has none of it. All else is the same for both. So the person can have bytes that the record does not have
// yet (Ahead), never the reverse.
//
// # Invariants
//
//   - How the input is cut into writes does not change the output: Write is a fold
//     of one step for each byte, and what it skips is what steps would not change.
//     No time, no chunk length and no end of a write has any influence.
//   - Output and input have the same length, and differ only where the output has
//     '*'. Nothing is reordered. Line ends are never masked, nor are escape sequences but as part of an exact value.
//   - At most MaxHeld bytes are held. What would need more is masked, with all that
//     follows up to a line end or a sequence that moves, and reported as "hold-limit".
//   - A public opening is never held, and is masked only where it lies within
//     another rule's secret. So are the first six digits of a card and the first four
//     characters of an IBAN.
//   - From needle.Commit bytes on, the beginning of an exact value is masked whatever
//     follows it.
//
// # Escape sequences
//
// To rules, a sequence that paints is nothing, one that moves the cursor is a line end,
// one that moves it to the right is a blank. Exact values are followed across all of
// them, and across line ends, but not across an empty line. The string in a sequence (a title, a
// link, the clipboard) is a text of its own, in which all is found as elsewhere; what
// the sequence stands in goes on after it.
//
// An exact value is also found in the bytes as they stand, if it has bytes of a sequence in it, or of what a terminal takes for one;
// those are masked with it.
//
// # Margins
//
// Where a row of a terminal is full, line editors and vim write a blank and CR, a byte twice, and the like (margin). Such bytes
// are text: what they are part of is found as elsewhere. From the first one on the screen is read a second time, without them
// (reading), until both readings would find the same, and what that finds is masked as well. For the record that is all of it. The person
// may have been given what stands before the margin, where nothing was held there, or only a URL or the value of an assignment and a
// blank came; and sees what only a name and its separator stand before, or a line end of a text with CR LF.
//
// # Dumps
//
// Exact values are also found in the rows of hexdump, xxd and od, whether they show bytes as pairs of digits, words, octal numbers
// or characters (row, dumpWord), from row to row, and masked in the digits and in the text beside them.
//
// # What it does not do
//
// It prevents accidents. Whoever has a shell can print a secret so that no rule
// sees it; that is why sessions are recorded. A value in an assignment that is
// shorter than six bytes is not taken for a secret, nor an exact value of fewer
// than needle.MinLength.
package mask
