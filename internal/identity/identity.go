// Package identity finds out who sends a request to the gateway.
//
// Two ways count, both by k8s.io/apiserver's own authenticators and both following the cluster's configuration
// (the ConfigMap kube-system/extension-apiserver-authentication) while it changes:
//
//   - the API server's front proxy: a client certificate of the request-header authority with an allowed name,
//     which vouches for the X-Remote-* headers;
//   - a person's own credential on a direct connection: a client certificate of the cluster, or a bearer token
//     that the API server reviews.
//
// Invariants: there is no anonymous access; X-Remote-* headers without the front proxy's certificate, and
// Impersonate-* headers at all, end the request; an extra value under layout.ExtraSessionToken never comes out
// of this package, because only the gateway may set it.
//
// Threat: whoever reaches the gateway's port can send any header. Only the TLS layer says who is a front proxy.
package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/layout"
)

// The ways in which a request's identity can be wrong.
var (
	// ErrNone says that the request carries no credential that counts.
	ErrNone = errors.New("the gateway does not know who you are: no valid credential came with the request")
	// ErrClaimed says that the request claims an identity that nobody vouches for.
	ErrClaimed = errors.New("the gateway takes X-Remote-* headers from the API server only, and Impersonate-* headers from nobody")
	// ErrAnonymous says that anonymous requests are refused.
	ErrAnonymous = errors.New("the gateway refuses anonymous requests")
	// ErrMasters says that members of system:masters are refused.
	ErrMasters = errors.New("use a named administrator; the gateway does not impersonate system:masters")
)

// Authenticator tells who sends a request. It is safe for concurrent use.
type Authenticator struct {
	frontProxy authenticator.Request
	direct     authenticator.Request
	ready      func() bool
	run        []func(context.Context)
}

// Authenticate returns who sends r. It removes from r the headers that named them. Every error is one of this
// package's, wrapped with the cause where there is one.
func (a *Authenticator) Authenticate(r *http.Request) (authorizer.User, error) {
	if hasHeader(r.Header, "impersonate-") {
		return authorizer.User{}, ErrClaimed
	}
	response, ok, err := a.frontProxy.AuthenticateRequest(r)
	if err == nil && ok {
		return asUser(response.User), nil
	}
	if hasHeader(r.Header, "x-remote-") {
		return authorizer.User{}, withCause(ErrClaimed, err)
	}
	response, ok, err = a.direct.AuthenticateRequest(r)
	if err != nil || !ok {
		return authorizer.User{}, withCause(ErrNone, err)
	}
	return asUser(response.User), nil
}

// Ready reports whether the cluster's configuration has been read.
func (a *Authenticator) Ready() bool { return a.ready() }

// Run follows changes of the cluster's configuration until ctx ends.
func (a *Authenticator) Run(ctx context.Context) {
	for _, run := range a.run {
		go run(ctx)
	}
	<-ctx.Done()
}

// MayEnter says why a user may not use the gateway at all, or returns nil: the gateway acts for named people and
// programs only.
func MayEnter(u authorizer.User) error {
	switch {
	case u.Name == "" || u.Name == user.Anonymous || slices.Contains(u.Groups, user.AllUnauthenticated):
		return ErrAnonymous
	case slices.Contains(u.Groups, user.SystemPrivilegedGroup):
		return ErrMasters
	default:
		return nil
	}
}

func asUser(info user.Info) authorizer.User {
	u := authorizer.User{Name: info.GetName(), UID: info.GetUID(), Groups: slices.Clone(info.GetGroups())}
	for key, values := range info.GetExtra() {
		if strings.EqualFold(key, layout.ExtraSessionToken) {
			continue
		}
		if u.Extra == nil {
			u.Extra = map[string][]string{}
		}
		u.Extra[key] = slices.Clone(values)
	}
	return u
}

func hasHeader(h http.Header, prefix string) bool {
	for name := range h {
		if strings.HasPrefix(strings.ToLower(name), prefix) {
			return true
		}
	}
	return false
}

func withCause(err, cause error) error {
	if cause == nil {
		return err
	}
	return fmt.Errorf("%w (%w)", err, cause)
}
