package proxy

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/sets"
	apirequest "k8s.io/apiserver/pkg/endpoints/request"

	"github.com/sallyport-dev/sallyport/internal/layout"
)

type kind int

const (
	kindNone kind = iota
	kindGroups
	kindGroup
	kindResources
	kindGatewayList
	kindGateway
	kindPass
	kindExec
	kindAttach
	kindPortForward
)

// route is what a request asks for. Path is the path of the Kubernetes API behind the gateway; Namespace and
// Pod are set for sessions.
type route struct {
	Kind      kind
	Path      string
	Namespace string
	Pod       string
}

const (
	groupsPath    = "/apis"
	groupPath     = groupsPath + "/" + layout.GatewayGroup
	resourcesPath = groupPath + "/" + layout.GatewayVersion
	gatewaysPath  = resourcesPath + "/gateways"
	proxySegment  = "proxy"
)

// routeOf decides by method, path and headers alone. An error is an *apierrors.StatusError for the person.
func routeOf(r *http.Request) (route, error) {
	if r.Method == http.MethodConnect || r.Method == http.MethodTrace {
		return route{}, apierrors.NewBadRequest("the gateway does not carry " + r.Method + " requests")
	}
	if err := checkPath(r.URL); err != nil {
		return route{}, err
	}
	switch r.URL.Path {
	case groupsPath:
		return route{Kind: kindGroups}, nil
	case groupPath:
		return route{Kind: kindGroup}, nil
	case resourcesPath:
		return route{Kind: kindResources}, nil
	case gatewaysPath:
		return route{Kind: kindGatewayList}, nil
	case gatewaysPath + "/" + layout.GatewayName:
		return route{Kind: kindGateway}, nil
	}
	inner, err := innerPath(r.URL.Path)
	if err != nil {
		return route{}, err
	}
	return innerRoute(r, inner)
}

// checkPath refuses a path that another parser could read as another path.
func checkPath(u *url.URL) error {
	p := u.Path
	// The one path that may end in a slash is the root of the API behind the gateway.
	if p == layout.GatewayPath()+"/" {
		p = layout.GatewayPath()
	}
	raw := strings.ToLower(u.EscapedPath())
	for _, code := range []string{"%2f", "%2e", "%5c", "%25"} {
		if strings.Contains(raw, code) {
			return apierrors.NewBadRequest("the gateway refuses paths with encoded slashes, dots, backslashes or percent signs")
		}
	}
	if !strings.HasPrefix(p, "/") || path.Clean(p) != p {
		return apierrors.NewBadRequest("the gateway refuses paths with empty or dot segments, or with a slash at the end")
	}
	if strings.ContainsFunc(p, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\\' }) {
		return apierrors.NewBadRequest("the gateway refuses paths with control characters or backslashes")
	}
	return nil
}

// innerPath is the path of the Kubernetes API behind the gateway.
func innerPath(p string) (string, error) {
	rest, ok := strings.CutPrefix(p, layout.GatewayPathPrefix)
	if !ok {
		return "", notFound("the gateway serves nothing at " + p)
	}
	name, rest, _ := strings.Cut(rest, "/")
	if name != layout.GatewayName {
		return "", notFound(`there is no gateway "` + name + `", only "` + layout.GatewayName + `"`)
	}
	subresource, inner, _ := strings.Cut(rest, "/")
	if subresource != proxySegment {
		return "", notFound("a gateway has no subresource " + subresource)
	}
	return "/" + inner, nil
}

var requestInfo = &apirequest.RequestInfoFactory{
	APIPrefixes:          sets.NewString("api", "apis"),
	GrouplessAPIPrefixes: sets.NewString("api"),
}

func innerRoute(r *http.Request, inner string) (route, error) {
	info, err := requestInfo.NewRequestInfo(&http.Request{
		Method: r.Method, URL: &url.URL{Path: inner, RawQuery: r.URL.RawQuery},
	})
	if err != nil {
		return route{}, apierrors.NewBadRequest("the gateway cannot read this path: " + err.Error())
	}
	if info.IsResourceRequest && strings.EqualFold(info.APIGroup, layout.GatewayGroup) {
		return route{}, forbidden("the gateway does not lead to itself: leave the gateway's path out of the request")
	}
	switch strings.ToLower(info.Subresource) {
	case "exec":
		return sessionRoute(r, info, inner, kindExec)
	case "attach":
		return sessionRoute(r, info, inner, kindAttach)
	case "portforward":
		return sessionRoute(r, info, inner, kindPortForward)
	case proxySegment:
		return route{}, forbidden("this version of the gateway does not carry the proxy of " + info.Resource)
	}
	if info.Verb == proxySegment {
		return route{}, forbidden("this version of the gateway does not carry proxy requests")
	}
	if asksUpgrade(r) {
		return route{}, forbidden("the gateway upgrades connections for pods/exec, pods/attach and pods/portforward only")
	}
	return route{Kind: kindPass, Path: inner}, nil
}

// sessionRoute insists on the one spelling of a session's path, and on an upgrade.
func sessionRoute(r *http.Request, info *apirequest.RequestInfo, inner string, k kind) (route, error) {
	canonical := "/api/v1/namespaces/" + info.Namespace + "/pods/" + info.Name + "/" + info.Subresource
	if inner != canonical || info.Namespace == "" || info.Name == "" || strings.ToLower(info.Subresource) != info.Subresource {
		return route{}, forbidden("the gateway knows " + info.Subresource + " of pods only, at /api/v1/namespaces/NAMESPACE/pods/NAME/" + info.Subresource)
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return route{}, apierrors.NewMethodNotSupported(podResource, r.Method)
	}
	if !asksUpgrade(r) {
		return route{}, apierrors.NewBadRequest("pods/" + info.Subresource + " needs a connection upgrade (WebSocket or SPDY)")
	}
	return route{Kind: k, Path: inner, Namespace: info.Namespace, Pod: info.Name}, nil
}
