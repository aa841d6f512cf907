package recording

import (
	"encoding/json"
	"time"

	"github.com/sallyport-dev/sallyport/internal/objectstore"
)

// Format names the version of the recording format, in every object.
const Format = "sallyport.recording/v1"

// Subject is an authenticated identity.
type Subject struct {
	Username string   `json:"username"`
	UID      string   `json:"uid,omitempty"`
	Groups   []string `json:"groups,omitempty"`
}

// Grant names the permission that a session used.
type Grant struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	UID       string `json:"uid"`
	Digest    string `json:"digest"` // of exactly what was approved

	Reason      string    `json:"reason"`
	Ticket      string    `json:"ticket,omitempty"`
	ActiveFrom  time.Time `json:"activeFrom,omitzero"`
	ActiveUntil time.Time `json:"activeUntil,omitzero"`
}

// Approval is one person's decision on the grant.
type Approval struct {
	Approver string    `json:"approver"`
	Time     time.Time `json:"time"`
	Decision string    `json:"decision"`
	Comment  string    `json:"comment,omitempty"`
}

// Gateway is whose recording it is. Only instances of the same installation may end what another one left.
type Gateway struct {
	Installation string `json:"installation"` // "sha256:" and the digest of the public key that signs its session tokens, in hex
	Instance     string `json:"instance"`     // its pod
}

// PolicyRef names a policy as it was in force.
type PolicyRef struct {
	Name       string `json:"name"`
	UID        string `json:"uid"`
	Generation int64  `json:"generation"`
}

// Open is the object that is locked in the store before the first byte flows.
type Open struct {
	Format    string                `json:"format"`   // set by Start
	Session   string                `json:"session"`  // UUIDv7; its time is the date in the keys
	Recorder  string                `json:"recorder"` // program and version
	Gateway   Gateway               `json:"gateway,omitzero"`
	Started   time.Time             `json:"started"` // set by Start
	Retention objectstore.Retention `json:"retention"`

	// Durability is where each byte was recorded before it passed, at least. Who starts a recording says what is asked for;
	// Start raises it to what the recorder does. Empty in recordings of the first versions, which did not say.
	Durability Durability `json:"durability,omitempty"`

	Cluster   string  `json:"cluster"`
	Subject   Subject `json:"subject"`
	Requester Subject `json:"requester"` // who asked for the grant

	Action    string   `json:"action"`
	Namespace string   `json:"namespace"`
	Pod       string   `json:"pod"`
	PodUID    string   `json:"podUID"`
	Node      string   `json:"node,omitempty"`
	Container string   `json:"container"`
	Image     string   `json:"image,omitempty"`
	ImageID   string   `json:"imageID,omitempty"`
	Argv      []string `json:"argv,omitempty"` // masked by the caller
	TTY       bool     `json:"tty"`
	Stdin     bool     `json:"stdin"`

	Archive *ArchiveOpen `json:"archive,omitempty"` // for a Copy that carries one

	Grant        Grant           `json:"grant"`
	Approvals    []Approval      `json:"approvals,omitempty"`
	PolicyDigest string          `json:"policyDigest,omitempty"`
	MaskDigest   string          `json:"maskDigest"`
	MaskPolicies []PolicyRef     `json:"maskPolicies,omitempty"` // that made the rules, by name
	SecretValues *SecretValues   `json:"secretValues,omitempty"`
	PodSpec      json.RawMessage `json:"podSpec,omitempty"`
}
