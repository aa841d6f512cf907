package webhooks

import (
	"crypto/ed25519"
	"errors"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
)

// The paths of the handlers, as the webhook configurations name them.
const (
	PathConnect             = "/validate-connect"
	PathMutatePods          = "/mutate-pods"
	PathValidatePods        = "/validate-pods"
	PathPodImages           = "/validate-podimages"
	PathEphemeralContainers = "/validate-ephemeralcontainers"
	PathMutateGrants        = "/mutate-executiongrants"
	PathValidateGrants      = "/validate-executiongrants"
	PathMutateApprovals     = "/mutate-approvalrequests"
	PathValidateApprovals   = "/validate-approvalrequests"
	PathValidatePolicies    = "/validate-executionpolicies"
	PathOwn                 = "/validate-own"
)

// Every webhook fails closed, has no selector, and matches equivalent versions. A unit test holds the generated manifest
// to that, and its matchConditions to PodControllers.
//
// +kubebuilder:webhookconfiguration:mutating=true,name=sallyport
// +kubebuilder:webhookconfiguration:mutating=false,name=sallyport
// +kubebuilder:webhook:name=connect.access.sallyport.dev,path=/validate-connect,mutating=false,groups="",versions=v1,resources=pods/exec;pods/attach;pods/portforward,verbs=connect,failurePolicy=fail,matchPolicy=Equivalent,sideEffects=NoneOnDryRun,timeoutSeconds=10,admissionReviewVersions=v1,serviceName=sallyport-webhooks,serviceNamespace=sallyport-system
// +kubebuilder:webhook:name=pods.access.sallyport.dev,path=/mutate-pods,mutating=true,groups="",versions=v1,resources=pods,verbs=create,failurePolicy=fail,matchPolicy=Equivalent,reinvocationPolicy=IfNeeded,sideEffects=NoneOnDryRun,timeoutSeconds=10,admissionReviewVersions=v1,serviceName=sallyport-webhooks,serviceNamespace=sallyport-system,patch=`{"matchConditions":[{"name":"not-a-controller","expression":"!(request.userInfo.username in ['system:serviceaccount:kube-system:replicaset-controller', 'system:serviceaccount:kube-system:statefulset-controller', 'system:serviceaccount:kube-system:daemon-set-controller', 'system:serviceaccount:kube-system:job-controller', 'system:serviceaccount:kube-system:replication-controller', 'system:kube-controller-manager'])"}]}`
// +kubebuilder:webhook:name=pods.access.sallyport.dev,path=/validate-pods,mutating=false,groups="",versions=v1,resources=pods,verbs=create,failurePolicy=fail,matchPolicy=Equivalent,sideEffects=NoneOnDryRun,timeoutSeconds=10,admissionReviewVersions=v1,serviceName=sallyport-webhooks,serviceNamespace=sallyport-system,patch=`{"matchConditions":[{"name":"not-a-controller","expression":"!(request.userInfo.username in ['system:serviceaccount:kube-system:replicaset-controller', 'system:serviceaccount:kube-system:statefulset-controller', 'system:serviceaccount:kube-system:daemon-set-controller', 'system:serviceaccount:kube-system:job-controller', 'system:serviceaccount:kube-system:replication-controller', 'system:kube-controller-manager'])"}]}`
// +kubebuilder:webhook:name=podimages.access.sallyport.dev,path=/validate-podimages,mutating=false,groups="",versions=v1,resources=pods,verbs=update,failurePolicy=fail,matchPolicy=Equivalent,sideEffects=NoneOnDryRun,timeoutSeconds=10,admissionReviewVersions=v1,serviceName=sallyport-webhooks,serviceNamespace=sallyport-system,patch=`{"matchConditions":[{"name":"not-a-controller","expression":"!(request.userInfo.username in ['system:serviceaccount:kube-system:replicaset-controller', 'system:serviceaccount:kube-system:statefulset-controller', 'system:serviceaccount:kube-system:daemon-set-controller', 'system:serviceaccount:kube-system:job-controller', 'system:serviceaccount:kube-system:replication-controller', 'system:kube-controller-manager'])"},{"name":"changes-an-image","expression":"object.spec.containers.map(c, c.?image) != oldObject.spec.containers.map(c, c.?image) || object.spec.?initContainers.orValue([]).map(c, c.?image) != oldObject.spec.?initContainers.orValue([]).map(c, c.?image)"}]}`
// +kubebuilder:webhook:name=ephemeralcontainers.access.sallyport.dev,path=/validate-ephemeralcontainers,mutating=false,groups="",versions=v1,resources=pods/ephemeralcontainers,verbs=update,failurePolicy=fail,matchPolicy=Equivalent,sideEffects=NoneOnDryRun,timeoutSeconds=10,admissionReviewVersions=v1,serviceName=sallyport-webhooks,serviceNamespace=sallyport-system
// +kubebuilder:webhook:name=executiongrants.access.sallyport.dev,path=/mutate-executiongrants,mutating=true,groups=access.sallyport.dev,versions=v1alpha1,resources=executiongrants,verbs=create;update,failurePolicy=fail,matchPolicy=Equivalent,sideEffects=NoneOnDryRun,timeoutSeconds=10,admissionReviewVersions=v1,serviceName=sallyport-webhooks,serviceNamespace=sallyport-system
// +kubebuilder:webhook:name=executiongrants.access.sallyport.dev,path=/validate-executiongrants,mutating=false,groups=access.sallyport.dev,versions=v1alpha1,resources=executiongrants,verbs=create;update,failurePolicy=fail,matchPolicy=Equivalent,sideEffects=NoneOnDryRun,timeoutSeconds=10,admissionReviewVersions=v1,serviceName=sallyport-webhooks,serviceNamespace=sallyport-system
// +kubebuilder:webhook:name=approvalrequests.access.sallyport.dev,path=/mutate-approvalrequests,mutating=true,groups=access.sallyport.dev,versions=v1alpha1,resources=approvalrequests,verbs=update,failurePolicy=fail,matchPolicy=Equivalent,sideEffects=NoneOnDryRun,timeoutSeconds=10,admissionReviewVersions=v1,serviceName=sallyport-webhooks,serviceNamespace=sallyport-system
// +kubebuilder:webhook:name=approvalrequests.access.sallyport.dev,path=/validate-approvalrequests,mutating=false,groups=access.sallyport.dev,versions=v1alpha1,resources=approvalrequests,verbs=create;update;delete,failurePolicy=fail,matchPolicy=Equivalent,sideEffects=NoneOnDryRun,timeoutSeconds=10,admissionReviewVersions=v1,serviceName=sallyport-webhooks,serviceNamespace=sallyport-system
// +kubebuilder:webhook:name=executionpolicies.access.sallyport.dev,path=/validate-executionpolicies,mutating=false,groups=access.sallyport.dev,versions=v1alpha1,resources=executionpolicies,verbs=create;update,failurePolicy=fail,matchPolicy=Equivalent,sideEffects=NoneOnDryRun,timeoutSeconds=10,admissionReviewVersions=v1,serviceName=sallyport-webhooks,serviceNamespace=sallyport-system
// +kubebuilder:webhook:name=own.access.sallyport.dev,path=/validate-own,mutating=false,groups=access.sallyport.dev,versions=v1alpha1,resources=executionsessions;executionsessions/status;executiongrants/status;approvalrequests/status;executionpolicies/status,verbs=create;update,failurePolicy=fail,matchPolicy=Equivalent,sideEffects=NoneOnDryRun,timeoutSeconds=10,admissionReviewVersions=v1,serviceName=sallyport-webhooks,serviceNamespace=sallyport-system

// What the handlers read and write. The client that asks for it is not cached, but for the grants.
//
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list
// +kubebuilder:rbac:groups=access.sallyport.dev,resources=executiongrants,verbs=get;list;watch
// +kubebuilder:rbac:groups=access.sallyport.dev,resources=executionsessions,verbs=get
// +kubebuilder:rbac:groups=access.sallyport.dev,resources=executionsessions/status,verbs=update
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

// Registry is where handlers are registered: the manager's webhook server.
type Registry interface {
	Register(path string, hook http.Handler)
}

// Options are what the handlers work with; all are required but MaskArgs.
type Options struct {
	Scheme *runtime.Scheme
	// Live reads and writes at the API server, without a cache.
	Live       client.Client
	Authorizer authorizer.Authorizer
	// PublicKey verifies session tokens.
	PublicKey ed25519.PublicKey
	// CommandKey makes the digests of commands in them.
	CommandKey authorizer.CommandKey
	Now        func() time.Time
	// Username is Sallyport's own.
	Username string
	// MaskArgs masks secrets in an argument vector that is shown to the person who sent it.
	MaskArgs func([]string) []string
}

// Setup registers all handlers.
func Setup(r Registry, o Options) error {
	if o.Scheme == nil || o.Live == nil || o.Authorizer == nil || o.Now == nil || o.Username == "" || len(o.PublicKey) != ed25519.PublicKeySize ||
		len(o.CommandKey) == 0 {
		return errors.New("the webhooks lack something that they need to decide")
	}
	decoder := admission.NewDecoder(o.Scheme)
	pods := PodGate{Decoder: decoder, Authorizer: o.Authorizer, Now: o.Now, Username: o.Username}
	for path, handler := range map[string]admission.Handler{
		PathConnect: &ConnectHandler{
			Decoder: decoder, Live: o.Live, Authorizer: o.Authorizer, PublicKey: o.PublicKey, CommandKey: o.CommandKey, Now: o.Now,
			Username: o.Username, MaskArgs: o.MaskArgs,
		},
		PathMutatePods:          &PodMutator{pods},
		PathValidatePods:        &PodValidator{pods},
		PathPodImages:           &PodImageHandler{pods},
		PathEphemeralContainers: &EphemeralHandler{Decoder: decoder, Authorizer: o.Authorizer},
		PathMutateGrants:        &GrantMutator{Decoder: decoder, Live: o.Live},
		PathValidateGrants:      &GrantValidator{Decoder: decoder, Live: o.Live, Now: o.Now},
		PathMutateApprovals:     &ApprovalMutator{Decoder: decoder, Now: o.Now, Username: o.Username},
		PathValidateApprovals:   &ApprovalValidator{Decoder: decoder, Live: o.Live, Now: o.Now, Username: o.Username},
		PathValidatePolicies:    &PolicyValidator{Decoder: decoder},
		PathOwn:                 &OwnHandler{Username: o.Username},
	} {
		r.Register(path, &admission.Webhook{Handler: handler})
	}
	return nil
}
