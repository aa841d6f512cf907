package proxy

import (
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

const gw = "/apis/gateway.sallyport.dev/v1alpha1/gateways/main/proxy"

func webSocket(r *http.Request) {
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
}

func TestRoutesThatExist(t *testing.T) {
	exec := gw + "/api/v1/namespaces/shop/pods/web/exec"
	tests := map[string]struct {
		target  string
		upgrade bool
		want    route
	}{
		"if it is the list of groups, then it is served":        {"/apis", false, route{Kind: kindGroups}},
		"if it is the group, then it is served":                 {"/apis/gateway.sallyport.dev", false, route{Kind: kindGroup}},
		"if it is the version, then it is served":               {"/apis/gateway.sallyport.dev/v1alpha1", false, route{Kind: kindResources}},
		"if it is the list of gateways, then it is served":      {"/apis/gateway.sallyport.dev/v1alpha1/gateways", false, route{Kind: kindGatewayList}},
		"if it is the gateway, then it is served":               {"/apis/gateway.sallyport.dev/v1alpha1/gateways/main", false, route{Kind: kindGateway}},
		"if it is the root of the API, then it passes":          {gw, false, route{Kind: kindPass, Path: "/"}},
		"if it is the root with a slash, then it passes":        {gw + "/", false, route{Kind: kindPass, Path: "/"}},
		"if it is a list, then it passes":                       {gw + "/api/v1/namespaces/shop/pods?watch=1", false, route{Kind: kindPass, Path: "/api/v1/namespaces/shop/pods"}},
		"if it is a log, then it passes":                        {gw + "/api/v1/namespaces/shop/pods/web/log?follow=1", false, route{Kind: kindPass, Path: "/api/v1/namespaces/shop/pods/web/log"}},
		"if a name has a colon, then it passes":                 {gw + "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node", false, route{Kind: kindPass, Path: "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node"}},
		"if a name has an encoded colon, then it passes":        {gw + "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode", false, route{Kind: kindPass, Path: "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node"}},
		"if it is the gateway's own discovery, then it passes":  {gw + "/apis/gateway.sallyport.dev/v1alpha1", false, route{Kind: kindPass, Path: "/apis/gateway.sallyport.dev/v1alpha1"}},
		"if a pod is called exec, then it passes":               {gw + "/api/v1/namespaces/shop/pods/exec", false, route{Kind: kindPass, Path: "/api/v1/namespaces/shop/pods/exec"}},
		"if a path begins with a dot, then it passes":           {gw + "/.well-known/openid-configuration", false, route{Kind: kindPass, Path: "/.well-known/openid-configuration"}},
		"if it is exec, then it is a session":                   {exec, true, route{Kind: kindExec, Path: "/api/v1/namespaces/shop/pods/web/exec", Namespace: "shop", Pod: "web"}},
		"if it is attach, then it is a session":                 {gw + "/api/v1/namespaces/shop/pods/web/attach", true, route{Kind: kindAttach, Path: "/api/v1/namespaces/shop/pods/web/attach", Namespace: "shop", Pod: "web"}},
		"if it is port-forward, then it is a session":           {gw + "/api/v1/namespaces/shop/pods/web/portforward", true, route{Kind: kindPortForward, Path: "/api/v1/namespaces/shop/pods/web/portforward", Namespace: "shop", Pod: "web"}},
		"if exec is spelled with needless codes, then it is it": {gw + "/api/v1/namespaces/shop/pods/web/%65xec", true, route{Kind: kindExec, Path: "/api/v1/namespaces/shop/pods/web/exec", Namespace: "shop", Pod: "web"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := ask(t, http.MethodGet, tc.target)
			if tc.upgrade {
				webSocket(r)
			}
			got, err := routeOf(r)
			if err != nil || got != tc.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tc.want)
			}
		})
	}
}

func ask(t *testing.T, method, target string) *http.Request {
	t.Helper()
	u, err := url.ParseRequestURI(target)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Request{Method: method, URL: u, Header: http.Header{}, RequestURI: target}
}

func TestRoutesThatAreRefused(t *testing.T) {
	exec := "/api/v1/namespaces/shop/pods/web/exec"
	tests := map[string]struct {
		method, target string
		upgrade        bool
		code           int32
	}{
		"if it is outside the group, then there is nothing":          {"GET", "/api/v1/namespaces", false, 404},
		"if it is another version, then there is nothing":            {"GET", "/apis/gateway.sallyport.dev/v1", false, 404},
		"if it is another gateway, then there is none":               {"GET", strings.Replace(gw, "main", "other", 1) + "/version", false, 404},
		"if the gateway has no name, then there is none":             {"GET", "/apis/gateway.sallyport.dev/v1alpha1/gateways//proxy/version", false, 400},
		"if it is another subresource, then there is none":           {"GET", "/apis/gateway.sallyport.dev/v1alpha1/gateways/main/status", false, 404},
		"if it leads back to the gateway, then it is refused":        {"GET", gw + gw + "/version", false, 403},
		"if it leads back in capitals, then it is refused":           {"GET", gw + "/apis/GATEWAY.sallyport.dev/v1alpha1/gateways/main/proxy/version", false, 403},
		"if it leads to the gateway object, then it is refused":      {"GET", gw + "/apis/gateway.sallyport.dev/v1alpha1/gateways/main", false, 403},
		"if it is a port-forward of a service, then it is refused":   {"POST", gw + "/api/v1/namespaces/shop/services/web/portforward", true, 403},
		"if it is a port-forward in capitals, then it is refused":    {"POST", gw + "/api/v1/namespaces/shop/pods/web/portForward", true, 403},
		"if it is a port-forward without upgrade, it is refused":     {"GET", gw + "/api/v1/namespaces/shop/pods/web/portforward", false, 400},
		"if it is a pod's proxy, then it is refused":                 {"GET", gw + "/api/v1/namespaces/shop/pods/web/proxy/etc/passwd", false, 403},
		"if it is a service's proxy, then it is refused":             {"GET", gw + "/api/v1/namespaces/shop/services/web:80/proxy", false, 403},
		"if it is a node's proxy, then it is refused":                {"GET", gw + "/api/v1/nodes/n1/proxy/run/shop/web/app", false, 403},
		"if it is a node's proxy in capitals, then it is refused":    {"GET", gw + "/api/v1/nodes/n1/PROXY/pods", false, 403},
		"if it is a proxy of the old kind, then it is refused":       {"GET", gw + "/api/v1/proxy/nodes/n1/pods", false, 403},
		"if it is the proxy of another group, then it is refused":    {"GET", gw + "/apis/cluster.example.com/v1/clusters/c1/proxy/api/v1/pods", false, 403},
		"if something else is upgraded, then it is refused":          {"GET", gw + "/api/v1/namespaces/shop/pods", true, 403},
		"if exec is not upgraded, then it is refused":                {"POST", gw + exec, false, 400},
		"if exec is deleted, then it is refused":                     {"DELETE", gw + exec, true, 405},
		"if exec is in another group, then it is refused":            {"GET", gw + "/apis/apps/v1/namespaces/shop/pods/web/exec", true, 403},
		"if exec has something behind it, then it is refused":        {"GET", gw + exec + "/more", true, 403},
		"if exec is of a watch, then it is refused":                  {"GET", gw + "/api/v1/watch/namespaces/shop/pods/web/exec", true, 403},
		"if exec is of no namespace, then it is refused":             {"GET", gw + "/api/v1/pods/web/exec", true, 403},
		"if exec is of a node, then it is refused":                   {"GET", gw + "/api/v1/nodes/n1/exec", true, 403},
		"if exec is in capitals, then it is refused":                 {"GET", gw + "/api/v1/namespaces/shop/pods/web/EXEC", true, 403},
		"if exec is in capitals and plain, then it is refused":       {"POST", gw + "/api/v1/namespaces/shop/pods/web/Exec", false, 403},
		"if the path has dot segments, then it is refused":           {"GET", gw + "/api/v1/namespaces/shop/configmaps/../pods/web/exec", true, 400},
		"if the path has a dot segment, then it is refused":          {"GET", gw + "/api/v1/./namespaces", false, 400},
		"if the path has an empty segment, then it is refused":       {"GET", gw + "//api/v1/namespaces", false, 400},
		"if the path ends in a slash, then it is refused":            {"GET", gw + exec + "/", true, 400},
		"if the path leaves the gateway, then it is refused":         {"GET", gw + "/../../other/proxy/version", false, 400},
		"if a slash is encoded, then it is refused":                  {"GET", gw + "/api/v1/namespaces/shop/pods%2Fweb%2fexec", true, 400},
		"if a dot is encoded, then it is refused":                    {"GET", gw + "/api/v1/namespaces/shop/%2e%2E/pods", false, 400},
		"if a percent sign is encoded, then it is refused":           {"GET", gw + "/api/v1/namespaces/shop%252f", false, 400},
		"if a backslash is encoded, then it is refused":              {"GET", gw + "/api/v1/namespaces/shop%5cpods", false, 400},
		"if a backslash is in the path, then it is refused":          {"GET", gw + `/api/v1\namespaces`, false, 400},
		"if a line break is in the path, then it is refused":         {"GET", gw + "/api/v1/namespaces/a%0ab", false, 400},
		"if the method is CONNECT, then it is refused":               {"CONNECT", gw + exec, true, 400},
		"if the method is TRACE, then it is refused":                 {"TRACE", gw + "/version", false, 400},
		"if a special verb has no object, then it is refused":        {"GET", gw + "/api/v1/watch", false, 400},
		"if the group's name is a prefix only, then it is not it":    {"GET", "/apis/gateway.sallyport.dev.evil/v1alpha1/gateways/main/proxy/version", false, 404},
		"if the gateway's name is a prefix only, then it is another": {"GET", strings.Replace(gw, "main", "main2", 1) + "/version", false, 404},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := ask(t, tc.method, tc.target)
			if tc.upgrade {
				webSocket(r)
			}
			got, err := routeOf(r)
			var api apierrors.APIStatus
			if got.Kind != kindNone || !errors.As(err, &api) || api.Status().Code != tc.code {
				t.Errorf("got %+v, %v, want code %d", got, err, tc.code)
			}
		})
	}
}

func TestAsksUpgrade(t *testing.T) {
	tests := map[string]struct {
		header http.Header
		want   bool
	}{
		"if nothing is said, then no":                        {http.Header{}, false},
		"if the connection is kept alive, then no":           {http.Header{"Connection": {"keep-alive"}}, false},
		"if it is plain, then yes":                           {http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}, true},
		"if it is in a list, then yes":                       {http.Header{"Connection": {"keep-alive, UPGRADE"}}, true},
		"if it is in a second header, then yes":              {http.Header{"Connection": {"keep-alive", "x, upgrade"}}, true},
		"if the header is not canonical, then yes":           {http.Header{"connection": {"uPgRaDe"}}, true},
		"if only Upgrade is there, then yes":                 {http.Header{"upgrade": {"h2c"}}, true},
		"if the Upgrade header is empty, then yes":           {http.Header{"Upgrade": {""}}, true},
		"if HTTP/2 asks for a protocol, then yes":            {http.Header{":protocol": {"websocket"}}, true},
		"if HTTP/2 settings come along, then yes":            {http.Header{"Http2-Settings": {"AAMAAABk"}}, true},
		"if a proxy's connection is to upgrade, then yes":    {http.Header{"Proxy-Connection": {"upgrade"}}, true},
		"if another header speaks of upgrades, then no":      {http.Header{"X-Note": {"upgrade"}}, false},
		"if there are only WebSocket's own headers, then no": {http.Header{"Sec-Websocket-Key": {"x"}}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := asksUpgrade(&http.Request{Header: tc.header}); got != tc.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestClaimsDoNotTravel(t *testing.T) {
	h := http.Header{
		"Authorization": {"Bearer x"}, "X-Remote-User": {"admin"}, "x-remote-extra-a": {"b"}, "Impersonate-User": {"admin"},
		"IMPERSONATE-GROUP": {"system:masters"}, "Impersonate-Extra-Gateway.sallyport.dev%2fsession-Token": {"t"},
		"X-Forwarded-For": {"1.2.3.4"}, "Forwarded": {"for=1.2.3.4"}, "Sec-Websocket-Protocol": {"base64url.bearer.authorization.k8s.io.x"},
		"Upgrade": {"x"}, "Cookie": {"a=b"}, "Accept": {"application/json"}, "Accept-Encoding": {"gzip"}, "User-Agent": {"kubectl"},
	}
	withoutClaims(h)
	for _, name := range []string{"Accept", "Accept-Encoding", "User-Agent"} {
		if h.Get(name) == "" {
			t.Errorf("%s was removed", name)
		}
		delete(h, name)
	}
	if len(h) > 0 {
		t.Errorf("these travel on: %v", h)
	}
}

// FuzzRoute checks what must hold for any path: what passes, passes under the very path that was judged, and nothing
// that the API server would take for a stream passes.
func FuzzRoute(f *testing.F) {
	for _, target := range []string{
		gw + "/api/v1/namespaces/shop/pods/web/exec?command=id", gw + "/api/v1/nodes/n/proxy/x", gw + gw, "/apis", gw + "/a%2f..%2fb", gw + "//x", gw + "/api/v1/watch/pods",
	} {
		f.Add(target, true)
		f.Add(target, false)
	}
	f.Fuzz(func(t *testing.T, target string, upgrade bool) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		r := &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{}}
		if upgrade {
			webSocket(r)
		}
		got, err := routeOf(r)
		if err != nil {
			if got != (route{}) {
				t.Errorf("%q is refused with the route %+v", target, got)
			}
			return
		}
		if got.Path != "" && got.Path != path.Clean(got.Path) {
			t.Errorf("%q passes as %q", target, got.Path)
		}
		last := strings.ToLower(path.Base(got.Path))
		stream := last == "exec" || last == "attach" || last == "portforward"
		// /api/v1/namespaces/N/pods/P/exec has eight parts.
		if got.Kind == kindPass && (upgrade || stream && strings.Count(got.Path, "/") >= 7 && strings.HasPrefix(got.Path, "/api/v1/namespaces/")) {
			t.Errorf("%q passes as %q", target, got.Path)
		}
		if (got.Kind == kindExec || got.Kind == kindAttach) && got.Path != "/api/v1/namespaces/"+got.Namespace+"/pods/"+got.Pod+"/"+last {
			t.Errorf("%q is a session at %q of %s/%s", target, got.Path, got.Namespace, got.Pod)
		}
	})
}
