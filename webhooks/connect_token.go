package webhooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/layout"
	"github.com/sallyport-dev/sallyport/internal/leftover"
	"github.com/sallyport-dev/sallyport/internal/sessiontoken"
)

const (
	// maxUsedTokens is the bound of ExecutionSession.status.usedTokens.
	maxUsedTokens = 8
	// consumeAttempts bounds the retries after a lost compare-and-swap; the proxy writes the same status every few seconds.
	consumeAttempts = 5
)

// check verifies the token, asks the authorizer, and consumes the token last: a denial spends nothing.
func (h *ConnectHandler) check(ctx context.Context, c *connection) error {
	claims, err := sessiontoken.Verify(h.PublicKey, c.token, h.Now())
	if err != nil {
		return refuse("%v; go through the gateway again", err)
	}
	if c.container() == "" && c.forward == nil {
		return refuse("a session of the gateway names its container, and this request does not")
	}
	pod := &corev1.Pod{}
	switch err := h.Live.Get(ctx, client.ObjectKey{Namespace: c.namespace, Name: c.pod}, pod); {
	case apierrors.IsNotFound(err):
		return refuse("pod %s/%s does not exist", c.namespace, c.pod)
	case err != nil:
		return fmt.Errorf("reading pod %s/%s: %w", c.namespace, c.pod, err)
	}
	a, err := c.attributes(pod)
	if err != nil {
		return refuse("%v", err)
	}
	if err := claims.Binds(h.claimsOf(&a, c.subresource)); err != nil {
		return refuse("%v", err)
	}
	if h.Username != "" && c.user.Name == h.Username {
		return h.checkOwn(ctx, c, &claims)
	}
	a, d, err := authorizer.Decide(ctx, h.Authorizer, a)
	if err != nil {
		return fmt.Errorf("asking the authorizer: %w", err)
	}
	if d.Outcome != authorizer.Allow {
		return refuse("%s", strings.Join(append([]string{"no grant opens this any more."}, d.Reasons...), "\n"))
	}
	return h.consume(ctx, &claims, func(s *accessv1alpha1.ExecutionSession) error { return accepts(s, &claims, &a, d.Grant) })
}

// checkOwn lets Sallyport itself run one command, in the container of a session whose grant says that what is left of it is
// killed; see package leftover. It needs no grant that is still active: the session is over because that is not. If the
// session was deleted, there is nothing to consume the token by; it has to be Sallyport's, and recent, all the same.
func (h *ConnectHandler) checkOwn(ctx context.Context, c *connection, claims *sessiontoken.Claims) error {
	if c.exec == nil || c.exec.TTY || !slices.Equal(c.exec.Command, leftover.Command()) {
		return refuse("Sallyport itself runs one command only, and this is another")
	}
	err := h.consume(ctx, claims, func(s *accessv1alpha1.ExecutionSession) error { return acceptsOwn(s, claims) })
	if errors.Is(err, errNoSession) {
		return nil
	}
	return err
}

// acceptsOwn reports why a session does not take this token of Sallyport's own; nil if it does.
func acceptsOwn(s *accessv1alpha1.ExecutionSession, c *sessiontoken.Claims) error {
	spec := &s.Spec
	switch {
	case s.Status.State != accessv1alpha1.SessionOpening && s.Status.State != accessv1alpha1.SessionLive:
		return refuse("this session is over (it is %q)", s.Status.State)
	case spec.OnEnd != accessv1alpha1.OnEndKill:
		return refuse("the grant of this session leaves its process")
	case spec.Container != c.Container, spec.PodRef != accessv1alpha1.ObjectReference{Name: c.Pod, UID: c.PodUID}:
		return refuse("the token does not belong to this session")
	default:
		return unused(s, c)
	}
}

// claimsOf is what a token for this request has to say.
func (h *ConnectHandler) claimsOf(a *authorizer.Attributes, subresource string) sessiontoken.Claims {
	return sessiontoken.Claims{
		Namespace: a.Namespace, Username: a.User.Name, Pod: a.Pod, PodUID: a.PodUID, Container: a.Container,
		Subresource: subresource, CommandDigest: h.CommandKey.Digest(a.Command),
	}
}

var errNoSession = refuse("the session of this token does not exist any more")

// consume notes the token's ID in the session by compare-and-swap. Of all webhooks that see the token, one succeeds.
func (h *ConnectHandler) consume(ctx context.Context, c *sessiontoken.Claims, accepts func(*accessv1alpha1.ExecutionSession) error) error {
	for range consumeAttempts {
		s := &accessv1alpha1.ExecutionSession{}
		switch err := h.Live.Get(ctx, client.ObjectKey{Namespace: c.Namespace, Name: c.Session}, s); {
		case apierrors.IsNotFound(err):
			return errNoSession
		case err != nil:
			return fmt.Errorf("reading session %s/%s: %w", c.Namespace, c.Session, err)
		}
		if err := accepts(s); err != nil {
			return err
		}
		// The update carries the resource version that was read.
		s.Status.UsedTokens = append(s.Status.UsedTokens, c.ID)
		err := h.Live.Status().Update(ctx, s, client.FieldOwner(layout.FieldManager))
		if err == nil {
			return nil
		}
		if !apierrors.IsConflict(err) {
			return fmt.Errorf("consuming the token of session %s/%s: %w", c.Namespace, c.Session, err)
		}
	}
	return errors.New("consuming a session token: lost too many races")
}

// accepts reports why a session does not take this token; nil if it does.
func accepts(s *accessv1alpha1.ExecutionSession, c *sessiontoken.Claims, a *authorizer.Attributes, grant authorizer.GrantRef) error {
	spec := &s.Spec
	switch {
	case !s.DeletionTimestamp.IsZero():
		return refuse("this session was ended by its deletion")
	case s.Status.State != accessv1alpha1.SessionOpening:
		return refuse("this session is not opening (it is %q)", s.Status.State)
	case spec.User.Username != c.Username, spec.Action != accessv1alpha1.Action(a.Action), spec.Container != c.Container,
		spec.PodRef != accessv1alpha1.ObjectReference{Name: c.Pod, UID: c.PodUID}, spec.CommandDigest != c.CommandDigest:
		return refuse("the token does not belong to this session")
	case grant.Namespace != s.Namespace, spec.GrantRef != accessv1alpha1.ObjectReference{Name: grant.Name, UID: grant.UID}:
		return refuse("another grant than that of this session covers it now; run the command again")
	default:
		return unused(s, c)
	}
}

func unused(s *accessv1alpha1.ExecutionSession, c *sessiontoken.Claims) error {
	switch {
	case slices.Contains(s.Status.UsedTokens, c.ID):
		return refuse("this session token was used already")
	case len(s.Status.UsedTokens) >= maxUsedTokens:
		return refuse("this session has tried to connect too often; run the command again")
	default:
		return nil
	}
}
