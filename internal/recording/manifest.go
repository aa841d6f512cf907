package recording

import "time"

// Outcome says how a recording ended.
type Outcome string

const (
	// Closed: every record of the session is in the listed segments.
	Closed Outcome = "closed"
	// Aborted: records after the last listed segment are lost.
	Aborted Outcome = "aborted"
)

// Process says what had become of the process in the container when the session
// ended.
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
	// Killed: the process had exited because the gateway ended it.
	Killed bool `json:"killed,omitempty"`
	// Detail says what is known beyond Process, and why it is not more.
	Detail string `json:"processDetail,omitempty"`
}

// ProcessWords say what had become of the process; nothing where there is nothing to say.
func (e Exit) ProcessWords() string {
	var words string
	switch {
	case e.Killed:
		words = "the process was killed"
	case e.Process == ProcessRunning:
		words = "the process in the container was still running"
	case e.Process == ProcessExited && e.Reason != "completed":
		words = "the process had ended"
	case e.Process == ProcessUnknown && e.Detail != "":
		words = "whether the process in the container still runs is not known"
	}
	if words != "" && e.Detail != "" {
		words += ": " + e.Detail
	}
	return words
}

// Segment is one object of a recording as the store acknowledged it.
type Segment struct {
	Key       string `json:"key"`
	VersionID string `json:"versionID"`
	SHA256    string `json:"sha256"`          // of the object's bytes, lower-case hex
	Size      int64  `json:"size"`            // of the object, bytes
	First     uint64 `json:"first,omitempty"` // sequence number of its first record
	Last      uint64 `json:"last,omitempty"`
	Bytes     int64  `json:"bytes,omitempty"` // of data in its records
}

// Total counts one stream.
type Total struct {
	Records uint64 `json:"records"`
	Bytes   int64  `json:"bytes"` // of data
}

// Manifest is the close object. There is one key for it, whatever the outcome:
// a session has one end.
type Manifest struct {
	Format   string           `json:"format"`
	Session  string           `json:"session"`
	Outcome  Outcome          `json:"outcome"`
	Fault    string           `json:"fault,omitempty"` // why aborted
	Lost     uint64           `json:"lost,omitempty"`  // records known to be lost; aborted only
	Whole    bool             `json:"whole,omitempty"` // all that passed is stored, and only the end is not known; aborted only
	Ended    time.Time        `json:"ended"`           // of the exit record; when aborted, of the abortion
	Open     Segment          `json:"open"`            // the open object
	Segments []Segment        `json:"segments"`
	Head     string           `json:"head"`    // SHA-256 of the last segment; of the open object if there is none
	Records  uint64           `json:"records"` // sequence number of the last stored record
	Totals   map[Stream]Total `json:"totals"`  // of stored records
	Masked   map[string]int   `json:"masked,omitempty"`
	Exit     Exit             `json:"exit"`
}
