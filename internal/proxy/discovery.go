package proxy

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sallyport-dev/sallyport/internal/layout"
)

const gatewayKind = "Gateway"

// The discovery documents. The API server asks for them as a member of system:masters, so they are served to
// everyone who is authenticated.

func groupDocument() metav1.APIGroup {
	version := metav1.GroupVersionForDiscovery{
		GroupVersion: layout.GatewayGroup + "/" + layout.GatewayVersion, Version: layout.GatewayVersion,
	}
	return metav1.APIGroup{
		TypeMeta: metav1.TypeMeta{Kind: "APIGroup", APIVersion: "v1"},
		Name:     layout.GatewayGroup, Versions: []metav1.GroupVersionForDiscovery{version}, PreferredVersion: version,
	}
}

func groupsDocument() metav1.APIGroupList {
	return metav1.APIGroupList{
		TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"},
		Groups:   []metav1.APIGroup{groupDocument()},
	}
}

func resourcesDocument() metav1.APIResourceList {
	return metav1.APIResourceList{
		TypeMeta:     metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"},
		GroupVersion: layout.GatewayGroup + "/" + layout.GatewayVersion,
		APIResources: []metav1.APIResource{
			{Name: "gateways", SingularName: "gateway", Kind: gatewayKind, Verbs: metav1.Verbs{"get", "list"}},
			{
				Name: "gateways/" + proxySegment, Kind: gatewayKind,
				Verbs: metav1.Verbs{"create", "delete", "get", "patch", "update"},
			},
		},
	}
}

func gatewayObject() metav1.PartialObjectMetadata {
	return metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{Kind: gatewayKind, APIVersion: layout.GatewayGroup + "/" + layout.GatewayVersion},
		ObjectMeta: metav1.ObjectMeta{Name: layout.GatewayName},
	}
}

func gatewayList() metav1.PartialObjectMetadataList {
	return metav1.PartialObjectMetadataList{
		TypeMeta: metav1.TypeMeta{Kind: gatewayKind + "List", APIVersion: layout.GatewayGroup + "/" + layout.GatewayVersion},
		Items:    []metav1.PartialObjectMetadata{gatewayObject()},
	}
}
