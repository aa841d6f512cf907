package recording

import (
	"encoding/json"
	"fmt"
	"strings"
)

// SecretValue is the stream of what became known of the pod's own Secrets during the session; data is a SecretChange as JSON.
const SecretValue Stream = "secret"

// SecretValues says which values of the pod's own Secrets were known, and masked, when the session began.
type SecretValues struct {
	Mode        string       `json:"mode"` // Off, WhereAllowed or Required
	Secrets     []ReadSecret `json:"secrets,omitempty"`
	Environment *KnownValues `json:"environment,omitempty"` // of the pod's specification
}

// SecretChange is what came of reading one Secret again, from this record on. One of the two is there.
type SecretChange struct {
	Secret      *ReadSecret  `json:"secret,omitempty"`
	Environment *KnownValues `json:"environment,omitempty"`
}

// ReadSecret is what came of reading one Secret.
type ReadSecret struct {
	Name            string `json:"name"`
	ResourceVersion string `json:"resourceVersion,omitempty"`
	State           string `json:"state"` // Known, Absent, Forbidden or Failed
	Why             string `json:"why,omitempty"`

	KnownValues
}

// KnownValues are those found in one place, by their number.
type KnownValues struct {
	Values  int            `json:"values"`
	Ignored []IgnoredValue `json:"ignored,omitempty"`
	Cut     bool           `json:"cut,omitempty"` // not all are masked, for want of room
}

// IgnoredValue is one that is not masked, by its key.
type IgnoredValue struct {
	Key string `json:"key"`
	Why string `json:"why"`
}

// SecretChanged records what came of reading a Secret again.
func (r *Recorder) SecretChanged(c SecretChange) error {
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encoding what came of reading a Secret: %w", err)
	}
	return r.Record(SecretValue, text)
}

// secretWords is what a record of SecretValue says; its data if that does not parse.
func secretWords(rec Record) string {
	var c SecretChange
	if json.Unmarshal(rec.Data, &c) != nil {
		return string(rec.Data)
	}
	return "secret " + c.Words()
}

// Words says it for people.
func (c SecretChange) Words() string {
	switch {
	case c.Secret != nil:
		return c.Secret.Words()
	case c.Environment != nil:
		return "the pod's specification: " + c.Environment.Words()
	default:
		return ""
	}
}

// Words says it for people.
func (s ReadSecret) Words() string {
	text := s.Name
	if s.ResourceVersion != "" {
		text += ", version " + s.ResourceVersion
	}
	text += ": " + s.State
	if s.Why != "" {
		text += " (" + s.Why + ")"
	}
	if s.Values == 0 && !s.Cut && len(s.Ignored) == 0 {
		return text
	}
	return text + ", " + s.KnownValues.Words()
}

// Words says it for people.
func (k KnownValues) Words() string {
	text := fmt.Sprintf("%d values", k.Values)
	if k.Cut {
		text += ", not all of them masked"
	}
	ignored := make([]string, 0, len(k.Ignored))
	for _, i := range k.Ignored {
		ignored = append(ignored, i.Key+" ("+i.Why+")")
	}
	if len(ignored) > 0 {
		text += "; not masked: " + strings.Join(ignored, ", ")
	}
	return text
}
