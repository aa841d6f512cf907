package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/identity"
	"github.com/sallyport-dev/sallyport/internal/streaming"
)

// Options are what the gateway is made of; all are required.
type Options struct {
	// Authenticate tells who sends a request; see identity.Authenticator.
	Authenticate func(*http.Request) (authorizer.User, error)
	// API is the gateway's own access to the API server.
	API      *rest.Config
	Sessions Sessions
	Log      logr.Logger
}

type handler struct {
	authenticate func(*http.Request) (authorizer.User, error)
	sessions     *sessions
	pass         http.Handler
	log          logr.Logger
}

// New returns the gateway.
func New(o Options) (http.Handler, error) {
	if o.Authenticate == nil || o.API == nil {
		return nil, errors.New("the gateway needs an authenticator and an API server")
	}
	if err := o.Sessions.check(); err != nil {
		return nil, err
	}
	pass, err := newPassthrough(o.API, o.Log)
	if err != nil {
		return nil, err
	}
	base, _, err := rest.DefaultServerUrlFor(o.API)
	if err != nil {
		return nil, fmt.Errorf("reading the API server's address: %w", err)
	}
	api, err := streaming.NewAPI(o.API)
	if err != nil {
		return nil, err
	}
	return &handler{
		authenticate: o.Authenticate, pass: pass, log: o.Log,
		sessions: &sessions{Sessions: o.Sessions, API: api, base: base, Log: o.Log},
	}, nil
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, err := h.authenticate(r)
	if err != nil {
		h.log.Info("request refused", "why", err.Error(), "remote", r.RemoteAddr)
		writeError(w, refusal(err))
		return
	}
	to, err := routeOf(r)
	if err == nil && to.Kind >= kindPass {
		// Discovery is for everyone: the API server itself asks as a member of system:masters.
		err = mayEnter(user)
	}
	if err != nil {
		h.log.Info("request refused", "user", user.Name, "path", r.URL.Path, "why", err.Error())
		writeError(w, err)
		return
	}
	switch to.Kind {
	case kindGroups:
		writeJSON(w, http.StatusOK, groupsDocument())
	case kindGroup:
		writeJSON(w, http.StatusOK, groupDocument())
	case kindResources:
		writeJSON(w, http.StatusOK, resourcesDocument())
	case kindGatewayList:
		writeJSON(w, http.StatusOK, gatewayList())
	case kindGateway:
		writeJSON(w, http.StatusOK, gatewayObject())
	case kindPass:
		ctx := context.WithValue(r.Context(), innerKey{}, inner{path: to.Path, user: user})
		h.pass.ServeHTTP(w, r.WithContext(ctx))
	case kindExec, kindAttach, kindPortForward:
		h.sessions.serve(w, r, to, user)
	case kindNone:
		fallthrough
	default:
		writeError(w, notFound("the gateway serves nothing at "+r.URL.Path))
	}
}

// refusal words an authentication error. The cause is for the log.
func refusal(err error) error {
	if errors.Is(err, identity.ErrClaimed) {
		return forbidden(identity.ErrClaimed.Error())
	}
	return failure(http.StatusUnauthorized, metav1.StatusReasonUnauthorized, identity.ErrNone.Error())
}

func mayEnter(user authorizer.User) error {
	if err := identity.MayEnter(user); err != nil {
		return forbidden(err.Error())
	}
	return nil
}
