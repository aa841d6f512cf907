// Package forms knows how a secret text is written: which texts a Secret's value is made of (Parts), in which usual encodings
// a text stands in a stream (Of), and which texts are too common to be looked for (Unfit).
//
// # Forms
//
// Of returns the text itself, without the space around it, in base64 (standard and URL-safe, at each of the three alignments at
// which it can lie in what was encoded), in base64 of that, in hexadecimal, percent-encoded, and as it stands between the quotes
// of JSON, shells, YAML, Go, C and XML. What the neighbours of a text would change is cut off: the first and last characters of
// base64 hold bits of them. Texts of more than 128 bytes are encoded again as they stand alone only, and quoted for JSON, shells and URLs only:
// forms are memory, 20 bytes for each byte of them.
//
// Who searches ignores CR and LF, so no form has any, and a form ends where the text has an empty line: each side is a form. A
// form is MinText bytes or longer (or as long as the text, if that is shorter), and at most MaxForm. A longer one is cut
// into pieces, of which each repeats the last Overlap bytes of the one before: who follows a piece to its end is inside the next.
//
// # Parts
//
// A value is a part of itself, always. Beyond that, the lines of a value of several lines; what is secret in the types of Secrets
// that Kubernetes knows, in a kubeconfig, in URLs and connection strings, and in documents of JSON, YAML, properties and env.
// In a document it is the values whose name says secret, and those that look like tokens: its other lines stand in any
// file. Nothing that is wrong with a value loses the value itself.
package forms

const (
	// MinText is how long a text must be to be looked for without anybody having asked for it.
	MinText = 8
	// minAsked is how long it must be to have any form.
	minAsked = 6
	// MaxForm bounds a form, in bytes.
	MaxForm = 4096
	// Overlap is what two pieces of a form have in common.
	Overlap = 64
	// maxShort bounds the texts that have all forms. A longer one, a key or a file, has a share of them: what is written by the
	// programs that handle such.
	maxShort = 128
	// MaxParts bounds the parts of a value, and maxParsed the bytes that are read as a document.
	MaxParts  = 256
	maxParsed = 256 << 10
	// minLine is how long a line must be to be a part.
	minLine = 12
	// maxDepth bounds how deep a document is nested.
	maxDepth = 32
)
