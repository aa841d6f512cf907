package v1alpha1

// Action is one way into a container.
// +kubebuilder:validation:Enum=Exec;Attach;Copy;PortForward;Run;Debug
type Action string

// The actions that a grant can name.
const (
	// ActionExec is pods/exec. What kubectl cp sends is among it, with what looks like a secret masked as everywhere.
	ActionExec Action = "Exec"
	// ActionAttach is pods/attach.
	ActionAttach Action = "Attach"
	// ActionPortForward is pods/portforward: connections to any port of the pod, whichever container listens.
	ActionPortForward Action = "PortForward"
	// ActionCopy is kubectl cp: pods/exec with just the commands that it sends. The archive passes unaltered, and each
	// member of it is recorded.
	ActionCopy Action = "Copy"
	// ActionRun is the creation of a pod by a person (kubectl run, kubectl create), and the change of an image of one
	// (kubectl set image).
	ActionRun Action = "Run"
	// ActionDebug is the addition of an ephemeral container.
	ActionDebug Action = "Debug"
)

// SubjectKind says how a subject's name is to be read.
// +kubebuilder:validation:Enum=User;Group;ServiceAccount
type SubjectKind string

// The kinds of subjects, as in RBAC.
const (
	SubjectUser           SubjectKind = "User"
	SubjectGroup          SubjectKind = "Group"
	SubjectServiceAccount SubjectKind = "ServiceAccount"
)

// Subject is whom a grant is for.
// +kubebuilder:validation:XValidation:rule="self.kind == 'ServiceAccount' ? has(self.namespace) : !has(self.namespace)",message="namespace is required for a ServiceAccount and forbidden for a User or a Group"
type Subject struct {
	// kind is User, Group or ServiceAccount.
	// +required
	Kind SubjectKind `json:"kind,omitempty"`

	// name is the user name, the group name, or the name of the service account, exactly as
	// the API server reports it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Name string `json:"name,omitempty"`

	// namespace is that of the service account; empty for users and groups.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Label().validate(self).hasValue()",message="not the name of a namespace"
	Namespace string `json:"namespace,omitempty"`
}

// Identity is a person or program as the API server authenticated it (authentication.k8s.io
// UserInfo without its extra values).
type Identity struct {
	// username is unique among all active users of the cluster.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Username string `json:"username,omitempty"`

	// uid tells apart two users who had the same name at different times; empty for client
	// certificates.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	UID string `json:"uid,omitempty"`

	// groups are those that the API server authenticated, in its order.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	Groups []string `json:"groups,omitempty"`
}

// ObjectReference names an object of the same namespace, pinned by its UID.
type ObjectReference struct {
	// name of the object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// uid of the object; a new object of the same name is another object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	UID string `json:"uid,omitempty"`
}
