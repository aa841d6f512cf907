package mask

import (
	"slices"
	"strings"
)

// Detector describes a rule that can be switched off.
type Detector struct {
	Name    string
	Version int    // the highest of its rules
	Finds   string // what stands before the secret
}

// Detectors describes the default rules, by name.
func Detectors() []Detector {
	var all []Detector
	for _, r := range wellKnown() {
		i := slices.IndexFunc(all, func(d Detector) bool { return d.Name == r.name })
		if i < 0 {
			i, all = len(all), append(all, Detector{Name: r.name})
		}
		d := &all[i]
		d.Version = max(d.Version, r.version)
		d.Finds = strings.TrimPrefix(d.Finds+", ", ", ") + r.begins()
	}
	slices.SortFunc(all, func(a, b Detector) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// begins is what stands before the rule's secrets, or what they are.
func (r rule) begins() string {
	switch {
	case r.kind == kindCard:
		return "numbers of payment cards"
	case r.kind == kindIBAN:
		return "international bank account numbers"
	case r.opens != "":
		return r.opens
	default:
		return strings.Join(r.literals, ", ")
	}
}
