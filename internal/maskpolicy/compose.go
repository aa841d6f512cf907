package maskpolicy

import (
	"cmp"
	"slices"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/mask"
)

// Config is what one policy makes of the rules.
func Config(m *accessv1alpha1.MaskingPolicy) mask.Config {
	if m == nil {
		return mask.Config{}
	}
	c := mask.Config{Off: m.DisabledDetectors}
	for _, l := range m.Literals {
		c.Literals = append(c.Literals, mask.Literal{Name: l.Name, Text: l.Value})
	}
	for _, p := range m.Patterns {
		c.Patterns = append(c.Patterns, mask.Pattern{Name: p.Name, Literal: p.Literal, Expression: p.Expression, MaxLength: int(p.MaxLength)})
	}
	return c
}

// Compose is what several policies make of the rules together. The same policies in another order make the same.
func Compose(policies []*accessv1alpha1.ExecutionPolicy) mask.Config {
	policies = slices.SortedFunc(slices.Values(policies), func(a, b *accessv1alpha1.ExecutionPolicy) int { return cmp.Compare(a.Name, b.Name) })
	var all mask.Config
	names := contents{}
	speaking := 0
	disabled := map[string]int{}
	for _, p := range policies {
		if p.Spec.Masking == nil {
			continue
		}
		speaking++
		c := Config(p.Spec.Masking)
		for _, name := range c.Off {
			disabled[name]++
		}
		for _, l := range c.Literals {
			names.add(l.Name, p.Name, content{literal: l.Text})
		}
		for _, m := range c.Patterns {
			names.add(m.Name, p.Name, content{pattern: mask.Pattern{Literal: m.Literal, Expression: m.Expression, MaxLength: m.MaxLength}})
		}
	}
	for name, times := range disabled {
		if times == speaking {
			all.Off = append(all.Off, name)
		}
	}
	slices.Sort(all.Off)
	names.addTo(&all)
	return all
}

// content is what a rule finds; it is a literal or a pattern.
type content struct {
	literal string
	pattern mask.Pattern // without its name
}

// contents are the rules of all policies: by name, by content, the first policy that has it.
type contents map[string]map[content]string

func (c contents) add(name, policy string, what content) {
	if c[name] == nil {
		c[name] = map[content]string{}
	}
	if _, has := c[name][what]; !has {
		c[name][what] = policy
	}
}

// addTo adds the rules to a Config, sorted by name. One name with several contents is followed by the policy's: no DNS
// label has a dot.
func (c contents) addTo(all *mask.Config) {
	for name, rules := range c {
		for what, policy := range rules {
			full := name
			if len(rules) > 1 {
				full = name + "." + policy
			}
			if what.literal != "" {
				all.Literals = append(all.Literals, mask.Literal{Name: full, Text: what.literal})
				continue
			}
			pattern := what.pattern
			pattern.Name = full
			all.Patterns = append(all.Patterns, pattern)
		}
	}
	slices.SortFunc(all.Literals, func(a, b mask.Literal) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(all.Patterns, func(a, b mask.Pattern) int { return cmp.Compare(a.Name, b.Name) })
}
