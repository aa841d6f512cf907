package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// SessionState is where a session is in its life.
// +kubebuilder:validation:Enum=Opening;Live;Ended;Failed
type SessionState string

// The states of a session.
const (
	// SessionOpening: decided, and not yet connected to the container. Every session begins so.
	SessionOpening SessionState = "Opening"
	// SessionLive: bytes may flow.
	SessionLive SessionState = "Live"
	// SessionEnded: over, and its recording is closed, or waits to be; recordingState says which.
	SessionEnded SessionState = "Ended"
	// SessionFailed: over, and its recording could not be closed; reason says why.
	SessionFailed SessionState = "Failed"
)

// SessionProcess is what had become of the process in the container when the session was over.
// +kubebuilder:validation:Enum=Exited;Running;Killed;Unknown
type SessionProcess string

// What had become of the process.
const (
	// ProcessExited: it had ended by itself, or because its input did.
	ProcessExited SessionProcess = "Exited"
	// ProcessRunning: it, or what it started and what holds its streams, goes on.
	ProcessRunning SessionProcess = "Running"
	// ProcessKilled: Sallyport ended it, because the grant says so.
	ProcessKilled SessionProcess = "Killed"
	// ProcessUnknown: nothing tells; processDetail says why.
	ProcessUnknown SessionProcess = "Unknown"
)

// RecordingState is where the recording of a session is that is over.
// +kubebuilder:validation:Enum=Waiting;Complete;Incomplete
type RecordingState string

// Where a recording is.
const (
	// RecordingWaiting: part of it waits in the gateway's spool for the object store.
	RecordingWaiting RecordingState = "Waiting"
	// RecordingComplete: all that passed is in the object store, and closed.
	RecordingComplete RecordingState = "Complete"
	// RecordingIncomplete: it has no end in the object store, or not all that passed; reason says why.
	RecordingIncomplete RecordingState = "Incomplete"
)

// ConditionSecretValuesMasked says whether the values of the Secrets that the session's container can read are masked. It is
// True where all are that can be told from ordinary words.
const ConditionSecretValuesMasked = "SecretValuesMasked"

// Reasons of SecretValuesMasked.
const (
	// ReasonSecretsKnown: all values are known.
	ReasonSecretsKnown = "AllKnown"
	// ReasonSecretsIgnored: those that the message names are too short or too common to be masked.
	ReasonSecretsIgnored = "ValuesIgnored"
	// ReasonSecretsNotRead: the Secrets that the message names could not be read; they go on being tried.
	ReasonSecretsNotRead = "NotRead"
	// ReasonSecretsTooLarge: there are more values than one session can know.
	ReasonSecretsTooLarge = "TooLarge"
	// ReasonSecretsOff: the gateway is set to read no Secrets.
	ReasonSecretsOff = "SwitchedOff"
)

// ExecutionSessionSpec is what was decided when the session opened. It never changes.
// +kubebuilder:validation:XValidation:rule="has(self.container) == (self.action != 'PortForward')",message="every session but a PortForward names its container"
type ExecutionSessionSpec struct {
	// user is whose session it is.
	// +required
	User Identity `json:"user,omitempty,omitzero"`

	// grantRef is the grant that covers it.
	// +required
	GrantRef ObjectReference `json:"grantRef,omitempty,omitzero"`

	// action is the way in.
	// +required
	Action Action `json:"action,omitempty"`

	// podRef is the pod, pinned.
	// +required
	PodRef ObjectReference `json:"podRef,omitempty,omitzero"`

	// container is the container's name, resolved; empty for PortForward, which is to the pod.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Container string `json:"container,omitempty"`

	// command is the argument vector, with secrets masked.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1024
	// +kubebuilder:validation:items:MinLength=0
	// +kubebuilder:validation:items:MaxLength=4096
	Command []string `json:"command,omitempty"`

	// commandDigest is the HMAC-SHA-256 of the unmasked argument vector, under a key of the installation: "hmac-sha256:" and
	// 64 hex digits. Older sessions have a plain "sha256:".
	// +required
	// +kubebuilder:validation:MinLength=71
	// +kubebuilder:validation:MaxLength=76
	// +kubebuilder:validation:Pattern=`^(hmac-)?sha256:[0-9a-f]{64}$`
	CommandDigest string `json:"commandDigest,omitempty"`

	// onEnd is that of the grant: Leave, the default, or Kill.
	// +optional
	OnEnd OnEnd `json:"onEnd,omitempty"`

	// recording is the key prefix of the recording in the object store.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Recording string `json:"recording,omitempty"`

	// proxy is the name of the proxy instance that holds the stream.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Proxy string `json:"proxy,omitempty"`
}

// ExecutionSessionStatus is where the session is. A session that was live, or is over, never opens again, and a token that
// was used stays used.
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.state) || (has(self.state) && (self.state == oldSelf.state || oldSelf.state == 'Opening' || (oldSelf.state == 'Live' && self.state != 'Opening')))",message="a session never goes back"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.usedTokens) || (has(self.usedTokens) && oldSelf.usedTokens.all(t, t in self.usedTokens))",message="a token that was used stays used"
// +kubebuilder:validation:MinProperties=1
type ExecutionSessionStatus struct {
	// conditions are SecretValuesMasked.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// state is Opening, Live, Ended or Failed.
	// +optional
	State SessionState `json:"state,omitempty"`

	// usedTokens are the identifiers of the session tokens that the webhook has accepted: each token
	// opens one connection, once.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=64
	UsedTokens []string `json:"usedTokens,omitempty"`

	// startTime is when the container was connected.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`

	// bytesIn is how much of what went into the container, or the pod, is recorded; brought up to date every few seconds.
	// +optional
	// +kubebuilder:validation:Minimum=0
	BytesIn *int64 `json:"bytesIn,omitempty"`

	// bytesOut is how much of what came out is recorded.
	// +optional
	// +kubebuilder:validation:Minimum=0
	BytesOut *int64 `json:"bytesOut,omitempty"`

	// endTime is when the stream ended.
	// +optional
	EndTime *metav1.Time `json:"endTime,omitempty"`

	// exitCode is that of the command, where it has one.
	// +optional
	ExitCode *int32 `json:"exitCode,omitempty"`

	// reason says in one line why the session ended.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`

	// recordingState is where the recording is, once the session is over: Waiting, Complete or Incomplete.
	// +optional
	RecordingState RecordingState `json:"recordingState,omitempty"`

	// process is what had become of the process that the session started: Exited, Running, Killed or Unknown.
	// +optional
	Process SessionProcess `json:"process,omitempty"`

	// processDetail says in one line how that is known.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	ProcessDetail string `json:"processDetail,omitempty"`
}

// ExecutionSession is one live or recent stream. Sallyport's proxy makes it; deleting it ends the stream.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=xs,categories=sallyport
// +kubebuilder:selectablefield:JSONPath=`.spec.user.username`
// +kubebuilder:selectablefield:JSONPath=`.spec.grantRef.name`
// +kubebuilder:selectablefield:JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="User",type=string,JSONPath=`.spec.user.username`
// +kubebuilder:printcolumn:name="Action",type=string,JSONPath=`.spec.action`
// +kubebuilder:printcolumn:name="Pod",type=string,JSONPath=`.spec.podRef.name`
// +kubebuilder:printcolumn:name="Container",type=string,JSONPath=`.spec.container`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Exit",type=integer,JSONPath=`.status.exitCode`
// +kubebuilder:printcolumn:name="In",type=integer,format=int64,JSONPath=`.status.bytesIn`
// +kubebuilder:printcolumn:name="Out",type=integer,format=int64,JSONPath=`.status.bytesOut`
// +kubebuilder:printcolumn:name="Since",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Grant",type=string,JSONPath=`.spec.grantRef.name`,priority=1
// +kubebuilder:printcolumn:name="Command",type=string,JSONPath=`.spec.command`,priority=1
// +kubebuilder:printcolumn:name="Process",type=string,JSONPath=`.status.process`,priority=1
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.reason`,priority=1
// +kubebuilder:printcolumn:name="SecretValuesMasked",type=string,JSONPath=`.status.conditions[?(@.type=="SecretValuesMasked")].status`,priority=1
// +kubebuilder:printcolumn:name="Recorded",type=string,JSONPath=`.status.recordingState`,priority=1
// +kubebuilder:printcolumn:name="Recording",type=string,JSONPath=`.spec.recording`,priority=1
type ExecutionSession struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is standard; the name is the session's identifier, a UUIDv7.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is what was decided; immutable.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="the spec of a session is immutable"
	Spec ExecutionSessionSpec `json:"spec,omitempty,omitzero"`

	// status is where the session is.
	// +optional
	// +default={"state": "Opening"}
	Status ExecutionSessionStatus `json:"status,omitempty,omitzero"`
}

// ExecutionSessionList is a list of sessions.
// +kubebuilder:object:root=true
type ExecutionSessionList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ExecutionSession `json:"items"`
}
