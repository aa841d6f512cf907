package recording

// SecretValues says which values of the pod's own Secrets were known, and masked, when the session began.
type SecretValues struct {
	Mode        string       `json:"mode"` // Off, WhereAllowed or Required
	Secrets     []ReadSecret `json:"secrets,omitempty"`
	Environment *KnownValues `json:"environment,omitempty"` // of the pod's specification
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
}

// IgnoredValue is one that is not masked, by its key.
type IgnoredValue struct {
	Key string `json:"key"`
	Why string `json:"why"`
}
