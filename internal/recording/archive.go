package recording

import "fmt"

// The streams of a session that carries an archive.
const (
	Member  Stream = "member"  // data is an archive.Member as JSON
	Archive Stream = "archive" // data is an ArchiveEnd as JSON; no more of the archive follows
)

// RecordedBytes says what is kept of an archive's bytes.
type RecordedBytes string

const (
	// RecordedFull: all of them are in their stream, with secrets masked in the recording only.
	RecordedFull RecordedBytes = "Full"
	// RecordedDigestOnly: their stream is not recorded.
	RecordedDigestOnly RecordedBytes = "DigestOnly"
)

// ArchiveOpen says that one stream of the session is a tar archive that passes unaltered.
type ArchiveOpen struct {
	Stream   Stream        `json:"stream"` // stdout or stdin
	Recorded RecordedBytes `json:"recorded"`
}

// ArchiveEnd sums an archive up.
type ArchiveEnd struct {
	Members int    `json:"members"`
	Bytes   int64  `json:"bytes"`  // that were let pass
	SHA256  string `json:"sha256"` // of these bytes, unmasked
	// Whole says that the archive's end, as tar marks it, was among them.
	Whole bool `json:"whole"`
	// Fault says from which byte on the stream was no archive; nothing passed from there on.
	Fault    string        `json:"fault,omitempty"`
	Recorded RecordedBytes `json:"recorded"`
}

// String says in one line what the archive was.
func (e ArchiveEnd) String() string {
	text := fmt.Sprintf("%d members, %d bytes, sha256:%s", e.Members, e.Bytes, e.SHA256)
	if e.Fault != "" {
		return text + "; " + e.Fault
	}
	if !e.Whole {
		text += "; the archive's end is not among them"
	}
	return text
}
