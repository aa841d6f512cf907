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
//   - Nothing is dropped in silence. When a segment cannot be stored, every later
//     call fails, Failed is closed, and Close says "aborted" with what is lost.
//   - Memory is bounded: at most three segments and three frames of some 256 KiB exist at
//     a time; Record blocks while they wait for the store. An idle session holds
//     none of these.
//
// # Durability
//
// A record is in this process's memory until its segment is stored, that is for
// at most Options.FlushEvery plus the time of the upload. A crash of the process
// or of its machine in that time loses it, after the person has seen it; the
// session is then left without close object, which a reader reports as open.
//
// # Threat
//
// A holder of the store's credentials can neither change nor remove a retained
// version, but can place newer versions and delete markers over it. Load reads by
// version id, takes the oldest version of each key, and reports the others.
// Whoever can write objects at all can invent a whole session: the objects are
// chained, not signed.
package recording
