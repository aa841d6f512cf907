// Package echo tells what a person typed at a terminal that showed it from what they typed at a prompt that did not: a
// password. Whether a terminal echoes is known in the container only; here it is inferred from the two streams.
//
// # What is typed
//
// It falls into runs of printable bytes (from 0x20 on, but DEL), and what stands between them: control bytes, and escape
// sequences that a terminal sends for a key that is no text, for a paste's begin and end, the mouse, the focus, or as an
// answer. These say nothing secret, and are clear. Any other sequence is hidden: newer keyboard protocols send text as
// such. ESC and a letter are ESC and a run.
//
// # What is decided
//
// A run ends at what is not printable; Enter above all. It is clear if all of it was echoed: if the visible output that
// came after its first byte was typed begins with its bytes, in their order, with nothing visible between them. Otherwise
// it is hidden, and so is everything else that waits then: what is printed meanwhile is no echo of it. It is hidden, too, if
// more than MaxPending bytes wait, or if the end comes first. A run waits, and all that was typed after it, until the output
// says which it is.
//
// Visible are bytes from 0x20 on (but DEL) that belong to no escape sequence, and TAB. Not visible is a space that a carriage
// return or a backspace follows directly: so a line editor wraps a long line, and a terminal erases a character. A
// backspace goes back by one byte of the echo: some editors print again what they have printed. A line feed is visible,
// too, unless it is the echo of an Enter that was typed before the run.
//
// Output that comes when all of a run so far was echoed does not belong to it: the run stays clear if it ends there, and is
// hidden if it goes on.
//
// # Invariants
//
//   - Pieces come in the order of what was typed, and have its length.
//   - A run is clear only if the output held its bytes after the first of them was typed.
//   - How either stream is cut does not change the outcome, only the order in which bytes of the two come.
//   - At most MaxPending bytes, and what the last call returned, are held.
//
// # When it errs
//
// It hides too much: what is typed while a program prints, in an editor's command mode, in the middle of a line, or under
// a shell that suggests and repaints. Nothing is lost by that where the terminal does show it: the output is
// recorded. It hides too little where the next thing that a program prints happens to be, letter by letter, what was typed
// unseen, and where a program echoes a secret: then the output holds it.
package echo
