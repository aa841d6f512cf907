// Package grant decides by ExecutionGrants: a request is allowed if one grant of its namespace covers it now.
//
// A grant covers a request if all of this holds; whatever is missing, unknown or malformed denies:
//
//   - its subject is the user (by exact name), one of the user's groups, or the service account;
//   - it is active: the condition Active is True, activeFrom ≤ now < activeUntil, it is not being deleted, and the
//     digest of what it is now (package approval) is the one that was approved;
//   - it names the action, and the pod by name and UID or by labels (not for Run), the container if it names any (for PortForward
//     it names none), every
//     image (for Run and Debug), and the command if it names any (not for Attach and PortForward).
//
// Of several grants the one that ends last decides, so that webhook and proxy choose the same. Where none covers the
// request, the reasons name the nearest of the person's own grants and what is missing, and how to request one.
package grant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/authorizer/howto"
)

// maxReasons bounds how many near misses a denial tells.
const maxReasons = 3

// Authorizer is an authorizer.Authorizer. Its fields are set before first use.
type Authorizer struct {
	// Reader lists grants, best from a cache.
	Reader client.Reader
	// Now is the clock.
	Now func() time.Time
}

var _ authorizer.Authorizer = (*Authorizer)(nil)

// Authorize decides. It never returns NeedsApproval: that takes a policy.
func (z *Authorizer) Authorize(ctx context.Context, a authorizer.Attributes) (authorizer.Decision, error) {
	if a.User.Name == "" || a.Namespace == "" || a.Action == "" {
		return authorizer.Decision{}, errors.New("deciding by grants: user, namespace or action is not known")
	}
	// The objects belong to the cache and are only read.
	var grants accessv1alpha1.ExecutionGrantList
	if err := z.Reader.List(ctx, &grants, client.InNamespace(a.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return authorizer.Decision{}, fmt.Errorf("listing grants in namespace %q: %w", a.Namespace, err)
	}
	return decide(grants.Items, &a, z.Now()), nil
}

// near is a grant with how near it came.
type near struct {
	fit

	grant *accessv1alpha1.ExecutionGrant
}

// nearer orders the nearest first, then who ends last.
func nearer(x, y near) int {
	return cmp.Or(cmp.Compare(y.nearness, x.nearness), byEnd(x.grant, y.grant))
}

func decide(grants []accessv1alpha1.ExecutionGrant, a *authorizer.Attributes, now time.Time) authorizer.Decision {
	m := newMatcher()
	var candidates []near
	for i := range grants {
		if f := match(&grants[i], a, now, m); f.nearness != unrelated {
			candidates = append(candidates, near{f, &grants[i]})
		}
	}
	slices.SortFunc(candidates, nearer)
	for i := range candidates {
		c := &candidates[i]
		if c.nearness != covers {
			break
		}
		if c.fit = isApproved(c.grant); c.nearness == covers {
			return allow(c.grant)
		}
	}
	slices.SortFunc(candidates, nearer) // some may not have been what was approved
	return deny(candidates, a)
}

func allow(g *accessv1alpha1.ExecutionGrant) authorizer.Decision {
	return authorizer.Decision{
		Outcome: authorizer.Allow,
		Reasons: []string{fmt.Sprintf("grant %q covers this until %s", g.Name, stamp(g.Status.ActiveUntil))},
		Grant:   authorizer.GrantRef{Namespace: g.Namespace, Name: g.Name, UID: string(g.UID)},
		Until:   g.Status.ActiveUntil.UnixNano(),
	}
}

// deny tells the nearest misses. Who only has to wait is not told to request another grant.
func deny(misses []near, a *authorizer.Attributes) authorizer.Decision {
	misses = misses[:min(len(misses), maxReasons)]
	d := authorizer.Decision{Outcome: authorizer.Deny}
	for _, m := range misses {
		d.Reasons = append(d.Reasons, m.reason())
	}
	if len(misses) > 0 && misses[0].nearness == notYet {
		return d
	}
	wanted := *a
	wanted.Command = nil // it may hold secrets, and reasons do not
	d.Reasons, d.OffersRequest = append(d.Reasons, "no grant covers this; request one: "+howto.Request(wanted)), true
	return d
}

// byEnd orders grants by how late they end, the last first, then by name.
func byEnd(x, y *accessv1alpha1.ExecutionGrant) int {
	return cmp.Or(end(y).Compare(end(x)), cmp.Compare(x.Name, y.Name))
}

func end(g *accessv1alpha1.ExecutionGrant) time.Time {
	if g.Status.ActiveUntil == nil {
		return time.Time{}
	}
	return g.Status.ActiveUntil.Time
}
