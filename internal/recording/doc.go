// Package recording writes and reads the evidence of one session: who was where,
// under which grant, and every byte that passed, bound to that person and to a
// time.
//
// # Format
//
// docs/recording-format.md specifies it for strangers. In short, below
// "sessions/<yyyy>/<mm>/<dd>/<session id>/" lie
//
//	open.json                     who, where, why; stored before the first byte passes
//	segment-00000001.ndjson.zst   records, one JSON object a line, in zstd frames
//	segment-…
//	close.json                    the manifest: every segment, totals, exit
//
// Every object is put once, with a checksum and an explicit retention. The first
// line of a segment holds the SHA-256 of the open object and of the object
// before it; the manifest holds those of all.
//
// # Invariants
//
//   - Start returns only after the store has acknowledged the open object.
//   - Records are numbered without gaps from 1 and keep their exact bytes, also
//     where these are no text or where a chunk ends inside a character.
//   - What the store holds is always a prefix of the recording: segments are put
//     one after the other.
//   - Commit returns only after everything recorded before it is durable: in the
//     journal, or, with Stored, in the store. Who passes bytes on commits first.
//   - Bytes that pass before their record can be made, because it is not known yet
//     what of them is secret, are announced by Ahead: their number is in the
//     journal before they pass. Whatever happens then, the recording has them, or
//     as many asterisks.
//   - Nothing is dropped in silence. While the store is out, segments wait in the
//     journal. When the disk fails or is full, or the store refuses a segment,
//     every later call fails, Failed is closed, and Close says what is lost.
//   - Memory is bounded: 1 MiB of records that are not committed, and one segment
//     on its way to the store. An idle session holds neither.
//
// # Death
//
// A recorder that dies leaves its journal. Resume verifies what the store has,
// adds what the journal holds beyond that, and puts the manifest; it may die
// itself at any point, and be repeated.
//
// # Threat
//
// A holder of the store's credentials can neither change nor remove a retained
// version, but can place newer versions and delete markers over it. Load reads by
// version id, takes the oldest version of each key, and reports the others.
// Whoever can write objects at all can invent a whole session: the objects are
// chained, not signed.
package recording
