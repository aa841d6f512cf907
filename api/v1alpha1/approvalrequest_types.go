package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ConditionDenied is True once somebody said no; it never becomes False again.
const ConditionDenied = "Denied"

// Verdict is what one person said.
// +kubebuilder:validation:Enum=Approved;Denied
type Verdict string

// The verdicts.
const (
	VerdictApproved Verdict = "Approved"
	VerdictDenied   Verdict = "Denied"
)

// ApprovalDecision is one person's decision. Admission stamps approver and time; a value that somebody
// wrote by hand and that is not their own is refused.
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a decision that was made cannot be changed"
type ApprovalDecision struct {
	// approver is the user name of the person who decided; leave it out, or give your own.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Approver string `json:"approver,omitempty"`

	// verdict is Approved or Denied.
	// +required
	Verdict Verdict `json:"verdict,omitempty"`

	// comment is for the requester and the auditor.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Comment string `json:"comment,omitempty"`

	// time is when the API server took the decision; leave it out. An approval without it does not count.
	// +optional
	Time metav1.Time `json:"time,omitempty,omitzero"`
}

// ApprovalRequestSpec is what is to be decided, and what was. Everything but decisions is written once, by
// Sallyport; decisions only grow.
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.decisions) || (has(self.decisions) && oldSelf.decisions.all(d, self.decisions.exists(e, e.approver == d.approver)))",message="a decision that was made cannot be withdrawn"
type ApprovalRequestSpec struct {
	// grantRef is the grant that is to be approved.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="only decisions may be added to an ApprovalRequest"
	GrantRef ObjectReference `json:"grantRef,omitempty,omitzero"`

	// digest is the SHA-256 of exactly what is approved: "sha256:" and 64 hex digits.
	// +required
	// +kubebuilder:validation:MinLength=71
	// +kubebuilder:validation:MaxLength=71
	// +kubebuilder:validation:Pattern=`^sha256:[0-9a-f]{64}$`
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="only decisions may be added to an ApprovalRequest"
	Digest string `json:"digest,omitempty"`

	// requester is who asked.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="only decisions may be added to an ApprovalRequest"
	Requester string `json:"requester,omitempty"`

	// subject is whom the grant is for.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="only decisions may be added to an ApprovalRequest"
	Subject Subject `json:"subject,omitempty,omitzero"`

	// summary says in one line what the approver agrees to.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="only decisions may be added to an ApprovalRequest"
	Summary string `json:"summary,omitempty"`

	// requiredApprovals is how many different people have to agree: 1 to 10.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="only decisions may be added to an ApprovalRequest"
	RequiredApprovals int32 `json:"requiredApprovals,omitempty"`

	// deadline is the first second in which it is too late to decide.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="only decisions may be added to an ApprovalRequest"
	Deadline metav1.Time `json:"deadline,omitempty,omitzero"`

	// decisions are those made so far, one a person.
	// +optional
	// +listType=map
	// +listMapKey=approver
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Decisions []ApprovalDecision `json:"decisions,omitempty"`
}

// ApprovalRequestStatus is the sum of the decisions. Once Approved or Denied is True, it stays so, whatever is
// added to the decisions afterwards.
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.conditions) || oldSelf.conditions.all(o, !(o.type in ['Approved', 'Denied'] && o.status == 'True') || (has(self.conditions) && self.conditions.exists(c, c.type == o.type && c.status == 'True')))",message="what was decided stands"
// +kubebuilder:validation:XValidation:rule="!has(self.conditions) || self.conditions.filter(c, c.type in ['Approved', 'Denied'] && c.status == 'True').size() <= 1",message="an ApprovalRequest is approved or denied, never both"
type ApprovalRequestStatus struct {
	// conditions are Ready, Reconciling, Stalled, Approved and Denied.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation that this status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
}

// ApprovalRequest asks people to decide about one grant. Sallyport makes it; people add decisions.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=xar,categories=sallyport
// +kubebuilder:printcolumn:name="Grant",type=string,JSONPath=`.spec.grantRef.name`
// +kubebuilder:printcolumn:name="Requester",type=string,JSONPath=`.spec.requester`
// +kubebuilder:printcolumn:name="Subject",type=string,JSONPath=`.spec.subject.name`
// +kubebuilder:printcolumn:name="Needs",type=integer,JSONPath=`.spec.requiredApprovals`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Deadline",type=string,JSONPath=`.spec.deadline`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Summary",type=string,JSONPath=`.spec.summary`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ApprovalRequest struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is standard.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is what is to be decided, and the decisions.
	// +required
	Spec ApprovalRequestSpec `json:"spec,omitempty,omitzero"`

	// status is written by Sallyport only.
	// +optional
	// +default={"conditions": [{"type": "Ready", "status": "Unknown", "reason": "Pending", "message": "waiting for Sallyport", "lastTransitionTime": "1970-01-01T00:00:00Z"}]}
	Status ApprovalRequestStatus `json:"status,omitempty,omitzero"`
}

// ApprovalRequestList is a list of approval requests.
// +kubebuilder:object:root=true
type ApprovalRequestList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ApprovalRequest `json:"items"`
}
