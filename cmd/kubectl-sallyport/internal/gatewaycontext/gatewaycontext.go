// Package gatewaycontext adds to a kubeconfig a context that goes through the gateway, and removes it again.
//
// The new context has the user of the one it comes from and a cluster entry of its own: the same server, CA and TLS
// settings with the gateway's path behind the server's. Both entries are marked with the extension of Extension,
// which says where they come from; only marked entries are ever changed or removed, and a user entry never is. New
// entries go to the file that holds the entry they come from (KUBECONFIG may list several), so relative paths stay
// right.
package gatewaycontext

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/sallyport-dev/sallyport/internal/layout"
)

// Extension is the name of the mark on contexts and clusters.
const Extension = "sallyport.dev/login"

var (
	// ErrNotFound says that there is no such context.
	ErrNotFound = errors.New("no such context in the kubeconfig")
	// ErrForeign says that somebody else made an entry of that name.
	ErrForeign = errors.New("not made by kubectl sallyport login")
	// ErrNested says that the context already goes through a gateway.
	ErrNested = errors.New("already goes through a gateway")
)

// Mark is what the extension says.
type Mark struct {
	From    string `json:"from"`    // the context that the entry was made from
	Gateway string `json:"gateway"` // the gateway's name
}

// DefaultName is the name of the gateway context made from a context.
func DefaultName(from string) string { return from + "-sallyport" }

// Through reports whether a server URL leads through a gateway.
func Through(server string) bool { return strings.Contains(server, layout.GatewayPathPrefix) }

// Server is the URL of the Kubernetes API as seen through a gateway of the API server at server.
func Server(server, gateway string) (string, error) {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("the cluster's server is not the URL of an API server")
	}
	return u.JoinPath(layout.GatewayPathPrefix, gateway, "proxy").String(), nil
}

// MarkOf returns the mark of a context, and whether it has one.
func MarkOf(config *api.Config, name string) (Mark, bool) {
	context := config.Contexts[name]
	if context == nil {
		return Mark{}, false
	}
	return mark(context.Extensions)
}

func mark(extensions map[string]runtime.Object) (Mark, bool) {
	unknown, ok := extensions[Extension].(*runtime.Unknown)
	if !ok {
		return Mark{}, false
	}
	var m Mark
	if json.Unmarshal(unknown.Raw, &m) != nil {
		return Mark{}, false
	}
	return m, true
}

// Add makes, or brings up to date, the context name that leads from the context from through gateway. It changes
// nothing when it fails. Doing it again changes nothing; a namespace that was set on the new context since is kept.
func Add(config *api.Config, from, name, gateway string) error {
	source := config.Contexts[from]
	if source == nil {
		return fmt.Errorf("context %q: %w", from, ErrNotFound)
	}
	cluster := config.Clusters[source.Cluster]
	if cluster == nil {
		return fmt.Errorf("context %q: its cluster %q: %w", from, source.Cluster, ErrNotFound)
	}
	if Through(cluster.Server) {
		return fmt.Errorf("context %q %w", from, ErrNested)
	}
	server, err := Server(cluster.Server, gateway)
	if err != nil {
		return fmt.Errorf("context %q: %w", from, err)
	}
	raw, err := json.Marshal(Mark{From: from, Gateway: gateway})
	if err != nil {
		return fmt.Errorf("encoding the mark of context %q: %w", name, err)
	}
	if err := checkOwn(config, name); err != nil {
		return err
	}
	put(config, name, server, raw, source, cluster)
	return nil
}

// checkOwn refuses to take over entries that somebody else made.
func checkOwn(config *api.Config, name string) error {
	if context := config.Contexts[name]; context != nil {
		if _, ours := mark(context.Extensions); !ours {
			return fmt.Errorf("context %q exists and was %w", name, ErrForeign)
		}
	}
	if cluster := config.Clusters[name]; cluster != nil {
		if _, ours := mark(cluster.Extensions); !ours {
			return fmt.Errorf("cluster %q exists and was %w", name, ErrForeign)
		}
	}
	return nil
}

// put writes both entries. LocationOfOrigin comes with the copies, unless the entries have one already.
func put(config *api.Config, name, server string, raw []byte, source *api.Context, direct *api.Cluster) {
	extensions := func() map[string]runtime.Object {
		return map[string]runtime.Object{Extension: &runtime.Unknown{Raw: raw, ContentType: runtime.ContentTypeJSON}}
	}
	cluster := direct.DeepCopy()
	cluster.Server, cluster.Extensions = server, extensions()
	if old := config.Clusters[name]; old != nil {
		cluster.LocationOfOrigin = old.LocationOfOrigin
	}
	context := source.DeepCopy()
	context.Cluster, context.Extensions = name, extensions()
	if old := config.Contexts[name]; old != nil {
		context.LocationOfOrigin, context.Namespace = old.LocationOfOrigin, old.Namespace
	}
	config.Clusters[name], config.Contexts[name] = cluster, context
}

// Remove takes out the context name with its cluster, and switches back to the context it was made from if it was
// the current one. It returns the current context afterwards, which is empty if the one it came from is gone.
func Remove(config *api.Config, name string) (current string, err error) {
	context := config.Contexts[name]
	if context == nil {
		return "", fmt.Errorf("context %q: %w", name, ErrNotFound)
	}
	m, ours := mark(context.Extensions)
	if !ours {
		return "", fmt.Errorf("context %q was %w", name, ErrForeign)
	}
	delete(config.Contexts, name)
	if _, ours := clusterMark(config, context.Cluster); ours && !used(config, context.Cluster) {
		delete(config.Clusters, context.Cluster)
	}
	if config.CurrentContext == name {
		config.CurrentContext = ""
		if config.Contexts[m.From] != nil {
			config.CurrentContext = m.From
		}
	}
	return config.CurrentContext, nil
}

func clusterMark(config *api.Config, name string) (Mark, bool) {
	if cluster := config.Clusters[name]; cluster != nil {
		return mark(cluster.Extensions)
	}
	return Mark{}, false
}

func used(config *api.Config, cluster string) bool {
	for _, context := range config.Contexts {
		if context.Cluster == cluster {
			return true
		}
	}
	return false
}
