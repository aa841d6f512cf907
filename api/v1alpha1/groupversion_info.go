package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is access.sallyport.dev/v1alpha1.
var GroupVersion = schema.GroupVersion{Group: "access.sallyport.dev", Version: "v1alpha1"}

var schemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

// AddToScheme registers the kinds of this package.
var AddToScheme = schemeBuilder.AddToScheme

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&ExecutionGrant{}, &ExecutionGrantList{},
		&ApprovalRequest{}, &ApprovalRequestList{},
		&ExecutionSession{}, &ExecutionSessionList{},
		&ExecutionPolicy{}, &ExecutionPolicyList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
