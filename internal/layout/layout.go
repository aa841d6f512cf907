// Package layout holds every string that other programs, people or stored objects rely on: names in the
// cluster, keys of userInfo extras, field managers. A change here is a change of a contract.
package layout

const (
	// SystemNamespace is where Sallyport runs, unless its options say otherwise.
	SystemNamespace = "sallyport-system"
	// ServiceAccount is the service account of manager and proxy.
	ServiceAccount = "sallyport"
	// WebhookService and GatewayService are the Services in front of manager and proxy, unless their options say
	// otherwise.
	WebhookService = "sallyport-webhooks"
	GatewayService = "sallyport-gateway"

	// GatewayGroup and GatewayVersion name the aggregated API.
	GatewayGroup   = "gateway.sallyport.dev"
	GatewayVersion = "v1alpha1"
	// GatewayName is the name of the only gateway of a cluster, so far.
	GatewayName = "main"
	// GatewayPathPrefix is what a kubeconfig appends to its server address, followed by a gateway's name
	// and "/proxy".
	GatewayPathPrefix = "/apis/" + GatewayGroup + "/" + GatewayVersion + "/gateways/"

	// ExtraSessionToken is the key of the session token in the impersonated user's extra: lower-case and
	// prefixed with a domain, as constrained impersonation (KEP-5284) demands.
	ExtraSessionToken = "gateway.sallyport.dev/session-token"

	// SigningKeySecret is the Secret of the system namespace that holds the key pair of session tokens.
	SigningKeySecret = "sallyport-session-signing-key"

	// ServingSecret is the Secret of the system namespace that holds the certificate of webhooks and gateway.
	ServingSecret = "sallyport-serving-certificate"

	// FieldManager names what Sallyport wrote, in managedFields.
	FieldManager = "sallyport"

	// AnnotationGrant and AnnotationGrantUID, on a pod that a person made, name the grant under which it runs.
	AnnotationGrant    = "access.sallyport.dev/grant"
	AnnotationGrantUID = "access.sallyport.dev/grant-uid"
	// AnnotationDefaultContainer is kubectl's choice of a container where the user names none.
	AnnotationDefaultContainer = "kubectl.kubernetes.io/default-container"

	// VerbApprove, on approvalrequests of access.sallyport.dev, is the right to decide.
	VerbApprove = "approve"
	// VerbDelegate, on executiongrants of access.sallyport.dev, is the right to declare a grant for
	// somebody else.
	VerbDelegate = "delegate"
)

// GatewayPath is the server path of the one gateway: what comes after it is the path of the Kubernetes API.
func GatewayPath() string { return GatewayPathPrefix + GatewayName + "/proxy" }

// ServiceAccountUsername is the user name under which the API server knows a service account.
func ServiceAccountUsername(namespace, name string) string {
	return "system:serviceaccount:" + namespace + ":" + name
}
