package recording

import "time"

// Outcome says how a recording ended.
type Outcome string

const (
	// Closed: every record of the session is in the listed segments.
	Closed Outcome = "closed"
	// Aborted: records may be missing after the last listed segment.
	Aborted Outcome = "aborted"
)

// Process says what became of the process in the container.
type Process string

const (
	ProcessUnknown Process = "unknown"
	ProcessExited  Process = "exited"
	ProcessRunning Process = "running"
)

// Exit says how a session ended.
type Exit struct {
	Code    *int    `json:"code,omitempty"` // nil if none was received
	Reason  string  `json:"reason"`         // short, for machines: "completed", "grant-expired", …
	Message string  `json:"message,omitempty"`
	Process Process `json:"process"` // the zero value is written as "unknown"
}

// Segment is one line of the manifest: an object as the store acknowledged it.
type Segment struct {
	Key       string `json:"key"`
	VersionID string `json:"versionID"`
	SHA256    string `json:"sha256"` // of the object's bytes, lower-case hex
	Size      int64  `json:"size"`   // of the object, bytes
	First     uint64 `json:"first"`  // sequence number of its first record
	Last      uint64 `json:"last"`
	Bytes     int64  `json:"bytes"` // of stream data in its records
}

// Total counts one stream.
type Total struct {
	Records uint64 `json:"records"`
	Bytes   int64  `json:"bytes"`
}

// Manifest is the close object.
type Manifest struct {
	Format   string           `json:"format"`
	Session  string           `json:"session"`
	Outcome  Outcome          `json:"outcome"`
	Ended    time.Time        `json:"ended"`
	Open     Segment          `json:"open"` // the open object; First, Last and Bytes are zero
	Segments []Segment        `json:"segments"`
	Head     string           `json:"head"`    // SHA-256 of the last segment, or of the open object
	Records  uint64           `json:"records"` // sequence number of the last record
	Totals   map[Stream]Total `json:"totals"`
	Masked   map[string]int   `json:"masked,omitempty"` // secrets by rule
	Exit     Exit             `json:"exit"`
}
