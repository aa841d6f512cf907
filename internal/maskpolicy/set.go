package maskpolicy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/mask"
)

// Ref names a policy in the form that is in force.
type Ref struct {
	Name, UID  string
	Generation int64
}

// RefusedError is why no session may begin in a namespace.
type RefusedError struct {
	Policies []string
	// Why is for administrators.
	Why string
}

// Error is for the person who asks for a session.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("sallyport cannot mask sessions here, so none begins: the ExecutionPolicy %s cannot be used; ask an administrator to correct it",
		strings.Join(e.Policies, ", "))
}

// Set is all policies of a cluster, as they come in. The zero Set is empty. It is safe for concurrent use.
type Set struct {
	// Key is that of fingerprints; see mask.Rules.Keyed.
	Key []byte

	mu       sync.Mutex
	policies map[types.UID]policy
	compiled map[string]*compiled // by the policies in force; only of forms that are
}

// policy is one policy as it is in force.
type policy struct {
	name   string
	seen   int64                           // the newest generation
	good   *accessv1alpha1.ExecutionPolicy // the newest that can be used; nil for none
	chosen labels.Selector                 // of good; else of the newest, and everything if that has none that can be read
	why    string                          // good is not the newest
}

// compiled are the rules of some policies, once somebody has asked for them.
type compiled struct {
	policies []*accessv1alpha1.ExecutionPolicy
	refs     []Ref
	rules    func() (*mask.Rules, error)
}

// Put takes a policy in a new form. It reports why that cannot be used, for administrators; empty if it can.
func (s *Set) Put(p *accessv1alpha1.ExecutionPolicy) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, known := s.policies[p.UID]
	if known && p.Generation <= old.seen {
		return old.why
	}
	now := policy{name: p.Name, seen: p.Generation, good: old.good, chosen: old.chosen}
	chosen, err := selector(p)
	switch errs := Validate(p); {
	case len(errs) == 0:
		now.good, now.chosen = p.DeepCopy(), chosen
		s.forget(p.UID)
	case now.good == nil && err == nil:
		now.why, now.chosen = errs.ToAggregate().Error(), chosen
	case now.good == nil:
		now.why, now.chosen = errs.ToAggregate().Error(), labels.Everything()
	default:
		now.why = errs.ToAggregate().Error()
	}
	if s.policies == nil {
		s.policies = map[types.UID]policy{}
	}
	s.policies[p.UID] = now
	return now.why
}

// Delete forgets a policy.
func (s *Set) Delete(uid types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.policies, uid)
	s.forget(uid)
}

// forget drops the rules that a policy had a part in.
func (s *Set) forget(uid types.UID) {
	maps.DeleteFunc(s.compiled, func(_ string, c *compiled) bool {
		return slices.ContainsFunc(c.refs, func(r Ref) bool { return r.UID == string(uid) })
	})
}

// Rules are those in a namespace with these labels, and the policies that speak of masking there, by name. The error is a
// *RefusedError. The first who asks waits until they are compiled.
func (s *Set) Rules(namespace map[string]string) (*mask.Rules, []Ref, error) {
	c, err := s.find(namespace)
	if err != nil {
		return nil, nil, err
	}
	rules, err := c.rules()
	if err != nil {
		refused := &RefusedError{Why: err.Error()}
		for _, r := range c.refs {
			refused.Policies = append(refused.Policies, r.Name)
		}
		return nil, nil, refused
	}
	return rules, c.refs, nil
}

// find are the rules in a namespace, which may wait to be compiled.
func (s *Set) find(namespace map[string]string) (*compiled, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &compiled{}
	refused := &RefusedError{}
	for _, p := range s.policies {
		switch {
		case !p.chosen.Matches(labels.Set(namespace)):
		case p.good == nil:
			refused.Policies, refused.Why = append(refused.Policies, p.name), p.why
		case p.good.Spec.Masking != nil:
			c.policies = append(c.policies, p.good)
		}
	}
	if len(refused.Policies) > 0 {
		slices.Sort(refused.Policies)
		return nil, refused
	}
	slices.SortFunc(c.policies, func(a, b *accessv1alpha1.ExecutionPolicy) int { return cmp.Compare(a.Name, b.Name) })
	for _, p := range c.policies {
		c.refs = append(c.refs, Ref{p.Name, string(p.UID), p.Generation})
	}
	key := fmt.Sprint(c.refs)
	if known := s.compiled[key]; known != nil {
		return known, nil
	}
	c.rules = sync.OnceValues(func() (*mask.Rules, error) { return compile(c.policies, s.Key) })
	if s.compiled == nil {
		s.compiled = map[string]*compiled{}
	}
	s.compiled[key] = c
	return c, nil
}

func compile(policies []*accessv1alpha1.ExecutionPolicy, key []byte) (*mask.Rules, error) {
	rules, err := mask.Default(), error(nil)
	if len(policies) > 0 {
		rules, err = mask.New(Compose(policies))
	}
	if err != nil || key == nil {
		return rules, err
	}
	return rules.Keyed(key), nil
}
