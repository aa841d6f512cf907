package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Condition types of an ExecutionGrant. Ready, Reconciling and Stalled are those of kstatus: Ready is
// True once nothing more will happen without a new event (active, or at its end in good order).
const (
	// ConditionReady sums the others up for people and for GitOps health checks.
	ConditionReady = "Ready"
	// ConditionReconciling is True while the grant waits for approval or for its window.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is True when the grant can never become active: denied, or not approved in time.
	ConditionStalled = "Stalled"
	// ConditionApproved is True once enough people agreed.
	ConditionApproved = "Approved"
	// ConditionActive is True exactly while the grant opens the door.
	ConditionActive = "Active"
)

// Reasons of a grant's and of an ApprovalRequest's conditions.
const (
	// ReasonPending stands in a new object until Sallyport has seen it.
	ReasonPending = "Pending"
	// ReasonAwaitingApproval: people have to decide.
	ReasonAwaitingApproval = "AwaitingApproval"
	// ReasonAwaitingWindow: approved, but the window opens later.
	ReasonAwaitingWindow = "AwaitingWindow"
	// ReasonApproved: enough people agreed in time.
	ReasonApproved = "Approved"
	// ReasonDenied: somebody said no.
	ReasonDenied = "Denied"
	// ReasonDeadlineExceeded: too few people agreed in time.
	ReasonDeadlineExceeded = "DeadlineExceeded"
	// ReasonActive: the grant opens the door.
	ReasonActive = "Active"
	// ReasonExpired: the grant was approved, and its time is over.
	ReasonExpired = "Expired"
	// ReasonApprovalVoid: what people decide or decided about is not this grant, or was taken away.
	ReasonApprovalVoid = "ApprovalVoid"
)

// CommandPattern matches an argument vector. Each element is a glob over one whole argument ('*' any run of characters, '/'
// among them, but no climb by ".."; '?' one character; '\' escapes); a last element "**" matches any further arguments, none
// included. Without it the number of arguments must be equal.
type CommandPattern struct {
	// argv holds one glob an argument; argv[0] is the program.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=1024
	Argv []string `json:"argv,omitempty"`
}

// Target says which pods and containers a grant opens. A grant for Run alone names images and no pod: the pod
// does not exist yet.
// +kubebuilder:validation:XValidation:rule="!(has(self.podName) && has(self.selector))",message="podName and selector exclude each other"
// +kubebuilder:validation:XValidation:rule="!has(self.podUID) || has(self.podName)",message="podUID stands beside podName only"
// +kubebuilder:validation:MinProperties=1
type Target struct {
	// podName is one pod of the grant's namespace.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="not the name of a pod"
	PodName string `json:"podName,omitempty"`

	// podUID is the pod that had the name when the grant was made; a new pod of the same name is another pod. It is
	// stamped by admission; leave it out.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	PodUID string `json:"podUID,omitempty"`

	// selector chooses pods of the grant's namespace by label; it may not be empty.
	// +optional
	// +kubebuilder:validation:XValidation:rule="(has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && self.matchExpressions.exists(e, e.operator == 'In' || e.operator == 'Exists'))",message="a selector that names no label would choose every pod; name one that the pods have"
	Selector *metav1.LabelSelector `json:"selector,omitempty"`

	// containers limits the grant to these containers; none means every container of the pod.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:XValidation:rule="!format.dns1123Label().validate(self).hasValue()",message="not the name of a container"
	Containers []string `json:"containers,omitempty"`

	// images limits Run and Debug to these images; a glob ('*', '?') over the whole reference. Required
	// for Run and Debug.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	Images []string `json:"images,omitempty"`
}

// RecordedBytes says what of the bytes that pass is recorded.
// +kubebuilder:validation:Enum=Full;DigestOnly
type RecordedBytes string

// What is recorded of bytes.
const (
	// RecordedFull: all bytes, with secrets masked in the recording.
	RecordedFull RecordedBytes = "Full"
	// RecordedDigestOnly: what they are, how many, and their SHA-256.
	RecordedDigestOnly RecordedBytes = "DigestOnly"
)

// Durability says where a byte must be recorded before it passes.
// +kubebuilder:validation:Enum=Spool;Store
type Durability string

// Where a byte is recorded before it passes, the stricter one last. Nothing weaker exists.
const (
	// DurabilitySpool: on the gateway's disk.
	DurabilitySpool Durability = "Spool"
	// DurabilityStore: in the object store, which has acknowledged it.
	DurabilityStore Durability = "Store"
)

// RecordingPolicy says how the sessions of a grant are recorded.
// +kubebuilder:validation:MinProperties=1
type RecordingPolicy struct {
	// copies is about the archives of Copy: Full, or DigestOnly for the list of members with their digests, and the
	// digest of the whole. By default Full.
	// +optional
	Copies RecordedBytes `json:"copies,omitempty"`

	// durability is where a byte must be recorded before it passes, at least: Spool, on the gateway's disk, or Store, in
	// the object store. A gateway that asks for more has its way. By default what the gateway asks for.
	// +optional
	Durability Durability `json:"durability,omitempty"`
}

// OnEnd says what becomes of a process that outlives its session.
// +kubebuilder:validation:Enum=Leave;Kill
type OnEnd string

// What becomes of a process.
const (
	// OnEndLeave: it goes on, and the recording says so.
	OnEndLeave OnEnd = "Leave"
	// OnEndKill: the gateway ends it, and what it started in its Unix session.
	OnEndKill OnEnd = "Kill"
)

// Window is an absolute time span, as GitOps needs it: applying it again changes nothing.
// +kubebuilder:validation:XValidation:rule="self.notAfter > self.notBefore",message="notAfter must be later than notBefore"
// +kubebuilder:validation:XValidation:rule="self.notAfter - self.notBefore <= duration('43200s')",message="a window may span 12 hours at most"
// +kubebuilder:validation:XValidation:rule="timestamp(int(self.notBefore)) == self.notBefore && timestamp(int(self.notAfter)) == self.notAfter",message="a window begins and ends at whole seconds"
type Window struct {
	// notBefore is the first second in which the grant may be active.
	// +required
	NotBefore metav1.Time `json:"notBefore,omitempty,omitzero"`

	// notAfter is the first second in which it no longer is.
	// +required
	NotAfter metav1.Time `json:"notAfter,omitempty,omitzero"`
}

// ExecutionGrantSpec is what is asked for. It never changes after creation.
// +kubebuilder:validation:XValidation:rule="has(self.durationSeconds) != has(self.window)",message="give exactly one of durationSeconds and window"
// +kubebuilder:validation:XValidation:rule="self.actions.all(a, a == 'Run') || has(self.target.podName) || has(self.target.selector)",message="target needs podName or selector (only a grant for Run alone does without)"
// +kubebuilder:validation:XValidation:rule="!self.actions.exists(a, a == 'Run' || a == 'Debug') || has(self.target.images)",message="target.images is required for the actions Run and Debug"
// +kubebuilder:validation:XValidation:rule="!self.actions.exists(a, a == 'PortForward') || !has(self.target.containers)",message="PortForward reaches the ports of every container of the pod: leave target.containers out, or ask for it in a grant of its own"
// +kubebuilder:validation:XValidation:rule="!has(self.recording) || !has(self.recording.copies) || self.actions.exists(a, a == 'Copy')",message="recording.copies is for the action Copy"
// +kubebuilder:validation:XValidation:rule="!has(self.onEnd) || self.onEnd == 'Leave' || self.actions.exists(a, a == 'Exec' || a == 'Copy')",message="onEnd Kill is for what Exec and Copy start"
type ExecutionGrantSpec struct {
	// requester is who created the grant. Admission stamps it; leave it out.
	// +optional
	Requester *Identity `json:"requester,omitempty"` //nolint:kubeapilinter // nil until admission stamped it

	// subject is whom the grant is for; by default the requester.
	// +optional
	Subject *Subject `json:"subject,omitempty"` //nolint:kubeapilinter // nil is the requester

	// actions are the ways in that the grant opens.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=5
	Actions []Action `json:"actions,omitempty"`

	// target says where.
	// +required
	Target Target `json:"target,omitempty,omitzero"`

	// commands limits Exec, Copy, Run and Debug to these argument vectors; none means any command.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Commands []CommandPattern `json:"commands,omitempty"`

	// recording is how sessions are recorded; by default all of it, as the gateway asks for.
	// +optional
	Recording *RecordingPolicy `json:"recording,omitempty"` //nolint:kubeapilinter // nil is everything

	// onEnd is what becomes of a process that Exec or Copy started and that has not ended when its session does: Leave,
	// the default, or Kill.
	// +optional
	OnEnd OnEnd `json:"onEnd,omitempty"`

	// reason is why, in words that an approver and an auditor understand.
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.trim().size() >= 3",message="say in at least 3 characters why"
	Reason string `json:"reason,omitempty"`

	// ticket is the reference in a tracker.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Ticket string `json:"ticket,omitempty"`

	// durationSeconds is how long the grant stays active once it is approved: 10 seconds to 12 hours.
	// +optional
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=43200
	DurationSeconds int32 `json:"durationSeconds,omitempty"`

	// window is the absolute span in which the grant may be active.
	// +optional
	Window *Window `json:"window,omitempty"` //nolint:kubeapilinter // nil where there is a duration
}

// ExecutionGrantStatus is what became of it. What was approved and when it began never changes, and the end never
// moves to a later time: the API server holds Sallyport itself to that.
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.approvedDigest) || (has(self.approvedDigest) && self.approvedDigest == oldSelf.approvedDigest)",message="what was approved never changes"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.activeFrom) || (has(self.activeFrom) && self.activeFrom == oldSelf.activeFrom)",message="activeFrom never changes"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.activeUntil) || (has(self.activeUntil) && self.activeUntil <= oldSelf.activeUntil)",message="a grant is never extended"
type ExecutionGrantStatus struct {
	// conditions are Ready, Reconciling, Stalled, Approved and Active.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation that this status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// approvalRequestName is the ApprovalRequest that decides.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	ApprovalRequestName string `json:"approvalRequestName,omitempty"`

	// approvedDigest is the digest of exactly what was approved ("sha256:" and 64 hex digits).
	// +optional
	// +kubebuilder:validation:MinLength=71
	// +kubebuilder:validation:MaxLength=71
	// +kubebuilder:validation:Pattern=`^sha256:[0-9a-f]{64}$`
	ApprovedDigest string `json:"approvedDigest,omitempty"`

	// activeFrom is the first second of activity; known once the grant is approved.
	// +optional
	ActiveFrom *metav1.Time `json:"activeFrom,omitempty"`

	// activeUntil is the first second after it; known once the grant is approved.
	// +optional
	ActiveUntil *metav1.Time `json:"activeUntil,omitempty"`
}

// ExecutionGrant permits its subject to run code in pods of its namespace for a bounded time.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=xg,categories=sallyport
// +kubebuilder:selectablefield:JSONPath=`.spec.requester.username`
// +kubebuilder:printcolumn:name="Requester",type=string,JSONPath=`.spec.requester.username`
// +kubebuilder:printcolumn:name="Actions",type=string,JSONPath=`.spec.actions`
// +kubebuilder:printcolumn:name="Pod",type=string,JSONPath=`.spec.target.podName`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Until",type=string,JSONPath=`.status.activeUntil`
// +kubebuilder:printcolumn:name="Subject",type=string,JSONPath=`.spec.subject.name`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.spec.reason`,priority=1
// +kubebuilder:printcolumn:name="Ticket",type=string,JSONPath=`.spec.ticket`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ExecutionGrant struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is standard.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is what is asked for. It is immutable: to change a grant, make another.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="the spec of a grant is immutable: delete this grant and request another"
	Spec ExecutionGrantSpec `json:"spec,omitempty,omitzero"`

	// status is what became of it; written by Sallyport only.
	// +optional
	// +default={"conditions": [{"type": "Ready", "status": "Unknown", "reason": "Pending", "message": "waiting for Sallyport", "lastTransitionTime": "1970-01-01T00:00:00Z"}]}
	Status ExecutionGrantStatus `json:"status,omitempty,omitzero"`
}

// ExecutionGrantList is a list of grants.
// +kubebuilder:object:root=true
type ExecutionGrantList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ExecutionGrant `json:"items"`
}
