// Package masktest says what package mask must do, without knowing how: it is
// the oracle of its tests, and the maker of the texts that they run on.
//
// # The oracle
//
// It has the whole text before it, takes out the escape sequences, and works by
// index, one rule after the other. It shares no code with the engine; only the
// table of the rules (which beginning, which bytes, how many) is the same, since
// that is what the rules are.
//
// What it understands the specification to say, where that leaves a choice:
//
//   - A rule that is following a beginning takes no notice of a further one until
//     it is done with the first, be it a secret or not.
//   - Of names of an assignment that end at the same byte the longest counts. A
//     value that begins inside a value that is being followed is part of that.
//   - A line end inside a masked span stays. For an exact value neither CR nor LF
//     is there at all, but an empty line (two LF with nothing visible but CR
//     between them) is a break: no value reaches across it.
//   - Which bytes are an escape sequence is said by package vt. One that moves is to
//     a rule what a line end is, and nothing to an exact value; one that moves right
//     is a blank to both. What a string holds (a title, a link) is a text of its
//     own: on the screen nothing is between what stands before and behind it.
//   - What programs write at the right edge of a terminal (margin.go) is text on the screen, and is left out of one more text that is the
//     screen without it. What is found there is masked as well; for the person surely what stands behind the last margin within it
//     that is no line end, and the rest perhaps (Masked.Least).
//   - The stream as it is, sequences and all, is one more text, for exact values only. Again CR and LF are not there,
//     and two LF with nothing but CR between them are a break. What is found there is masked with what it has of
//     sequences. What it has not of them is found on the screen or in a string as well.
//   - Values that are changed at some write are changed as it begins, if by then no end of a text of four bytes or more
//     is the beginning of a value; else as soon as this can be said. What began before is not found after that, but
//     for the new values of which up to three bytes were there.
//   - Dumps the oracle does not know.
//   - The end of the stream completes what is a secret by then (a value of an
//     assignment of six bytes, a token of an exact length) and nothing else.
//
// # The corpus
//
// Texts of many kinds, as programs print them, with secrets planted that know how
// much of them may be seen. All of it comes from a seed.
package masktest
