package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ConditionEffective is False on an ExecutionPolicy some of whose rules can never find anything; the message names them.
const ConditionEffective = "Effective"

// Reasons of an ExecutionPolicy's conditions.
const (
	// ReasonAccepted: new sessions follow the policy.
	ReasonAccepted = "Accepted"
	// ReasonInvalid: the policy cannot be used. Gateways that knew an earlier form of it go on with that; others refuse
	// sessions in its namespaces.
	ReasonInvalid = "Invalid"
	// ReasonAllRulesEffective: every rule can find something.
	ReasonAllRulesEffective = "AllRulesEffective"
	// ReasonLiteralsIgnored: some literals are too common or too plain to be masked.
	ReasonLiteralsIgnored = "LiteralsIgnored"
)

// MaskLiteral is an exact text that is masked wherever it stands, in its usual encodings too.
type MaskLiteral struct {
	// name of the rule, as recordings have it: a DNS label. No detector and no other rule of the policy has it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Label().validate(self).hasValue()",message="not a DNS label: lower-case letters, digits and '-', with a letter or digit at both ends"
	Name string `json:"name,omitempty"`

	// value is the text, 8 to 4096 bytes without line ends. Whoever may read the policy reads it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	Value string `json:"value,omitempty"`
}

// MaskPattern is a bounded regular expression. What every match begins with stays clear, what follows is masked.
type MaskPattern struct {
	// name of the rule, as recordings have it: a DNS label. No detector and no other rule of the policy has it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Label().validate(self).hasValue()",message="not a DNS label: lower-case letters, digits and '-', with a letter or digit at both ends"
	Name string `json:"name,omitempty"`

	// literal is what every match begins with, exactly, 3 to 64 printable ASCII characters; it is not masked.
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=64
	Literal string `json:"literal,omitempty"`

	// expression is what follows the literal: RE2 syntax over bytes, without ^, $, \b and the like. What it matches is masked,
	// the longest match counts.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Expression string `json:"expression,omitempty"`

	// maxLength is how many bytes the expression matches at most.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1024
	MaxLength int32 `json:"maxLength,omitempty"`
}

// MaskingPolicy changes the rules by which sessions are masked. Where several policies select a namespace, all their literals
// and patterns apply there, and a detector is off only if every policy that speaks of masking disables it: an empty masking
// keeps all detectors on.
// +kubebuilder:validation:MinProperties=0
type MaskingPolicy struct {
	// disabledDetectors are names of detectors that do not apply; kubectl sallyport mask --list names them all.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	DisabledDetectors []string `json:"disabledDetectors,omitempty"`

	// literals are exact texts.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	Literals []MaskLiteral `json:"literals,omitempty"`

	// patterns are bounded regular expressions.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Patterns []MaskPattern `json:"patterns,omitempty"`
}

// ExecutionPolicySpec is what holds for the sessions of some namespaces, or of all.
// +kubebuilder:validation:MinProperties=1
type ExecutionPolicySpec struct {
	// namespaceSelector chooses namespaces by label; without it, or if it is empty, every namespace is chosen.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`

	// masking changes the rules by which sessions are masked. A session keeps the rules that it began with.
	// +optional
	Masking *MaskingPolicy `json:"masking,omitempty"`
}

// ExecutionPolicyStatus is what Sallyport makes of the policy.
// +kubebuilder:validation:MinProperties=1
type ExecutionPolicyStatus struct {
	// conditions are Ready, Stalled and Effective.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation that this status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// maskDigest is that of the rules as this policy alone makes them: 64 hex digits. Where it alone selects a namespace, recordings have
	// the same. Absent while the policy is invalid.
	// +optional
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{64}$`
	MaskDigest string `json:"maskDigest,omitempty"`
}

// ExecutionPolicy is what an administrator demands of every session in some namespaces.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=xp,path=executionpolicies,categories=sallyport
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Effective",type=string,JSONPath=`.status.conditions[?(@.type=="Effective")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Disabled",type=string,JSONPath=`.spec.masking.disabledDetectors`,priority=1
// +kubebuilder:printcolumn:name="Digest",type=string,JSONPath=`.status.maskDigest`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
type ExecutionPolicy struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is standard.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is what holds.
	// +required
	Spec ExecutionPolicySpec `json:"spec,omitempty,omitzero"`

	// status is what Sallyport makes of it.
	// +optional
	// +default={"conditions": [{"type": "Ready", "status": "Unknown", "reason": "Pending", "message": "waiting for Sallyport", "lastTransitionTime": "1970-01-01T00:00:00Z"}]}
	Status ExecutionPolicyStatus `json:"status,omitempty,omitzero"`
}

// ExecutionPolicyList is a list of policies.
// +kubebuilder:object:root=true
type ExecutionPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ExecutionPolicy `json:"items"`
}
