package proxy

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/transport"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/layout"
	"github.com/sallyport-dev/sallyport/internal/sessiontoken"
	"github.com/sallyport-dev/sallyport/internal/streaming"
)

func (l *live) target() streaming.Target {
	return streaming.Target{
		API: l.API, URL: l.targetURL(), As: l.impersonate,
		Connected: func() {
			now := l.Now()
			l.connected.Store(&now)
			l.reports.Go(func() { l.lives(now) })
		},
	}
}

// lives reports that the session does, unless it is over before that is of use to anybody, and then what is masked in it.
func (l *live) lives(since time.Time) {
	select {
	case <-time.After(liveAfter):
		in, out := bytesOf(l.recorder.Totals())
		l.showSecrets(accessv1alpha1.ExecutionSessionStatus{
			State: accessv1alpha1.SessionLive, StartTime: &metav1.Time{Time: since.UTC()}, BytesIn: &in, BytesOut: &out,
		})
	case <-l.over:
	}
}

// token is good for one attempt of this user to do this in the session's container.
func (l *live) token(username, subresource string, command []string) (string, error) {
	a := l.request.attributes
	token, err := sessiontoken.Sign(l.Key, sessiontoken.Claims{
		ID: uuid.NewString(), Session: l.object.Name, Namespace: a.Namespace, Username: username,
		Pod: a.Pod, PodUID: a.PodUID, Container: a.Container, Subresource: subresource,
		CommandDigest: l.CommandKey.Digest(command),
	}, l.Now())
	if err != nil {
		return "", fmt.Errorf("signing a session token: %w", err)
	}
	return token, nil
}

// impersonate is the user, with a token.
func (l *live) impersonate() (transport.ImpersonationConfig, error) {
	a := l.request.attributes
	token, err := l.token(a.User.Name, l.request.subresource, a.Command)
	if err != nil {
		return transport.ImpersonationConfig{}, err
	}
	as := impersonation(a.User)
	as.Extra = map[string][]string{layout.ExtraSessionToken: {token}}
	for key, values := range a.User.Extra {
		if !strings.EqualFold(key, layout.ExtraSessionToken) {
			as.Extra[key] = values
		}
	}
	return as, nil
}

func (l *live) targetURL() *url.URL {
	u := *l.base
	u.Path = strings.TrimSuffix(u.Path, "/") + l.request.route.Path
	if l.request.forward != nil {
		u.RawQuery = ""
		return &u
	}
	u.RawQuery = targetQuery(l.request.streams, l.request.attributes.Container, l.request.attributes.Command)
	return &u
}
