package reader

import (
	"fmt"
	"time"
)

// opened is what the other objects are compared with.
type opened struct {
	session  string
	hash     string
	size     int64
	username string
	mode     string
	until    time.Time

	durability string // empty if it does not say
}

func readOpen(s *store) (*opened, error) {
	if closing := s.prefix + "close.json"; s.has(closing) {
		if err := s.nameVersions(closing); err != nil {
			return nil, err
		}
	}
	data, err := s.get(s.prefix + "open.json")
	if err != nil {
		return nil, err
	}
	f := parse(data)
	expect(f, "format", format)
	expect(f, "session", s.session)
	need[string](f, "recorder")
	moment(f, "started")

	retention := need[fields](f, "retention")
	subject := may[fields](f, "subject")
	open := &opened{
		session:  s.session,
		hash:     hash(data),
		size:     int64(len(data)),
		username: may[string](&subject, "username"),
		mode:     need[string](&retention, "mode"),
		until:    moment(&retention, "until"),
	}
	if f.has("durability") {
		open.durability = need[string](f, "durability")
	}
	readPolicies(f)
	if f.has("secretValues") && f.err == nil {
		f.err = checkSecretValues(need[fields](f, "secretValues"))
	}
	if firmness[open.mode] == 0 {
		return nil, fmt.Errorf("retention mode %q is unknown", open.mode)
	}
	for _, err := range []error{f.err, subject.err, retention.err} {
		if err != nil {
			return nil, err
		}
	}
	if d := open.durability; f.has("durability") && d != "Spool" && d != "Store" {
		return nil, fmt.Errorf("durability %q is unknown", d)
	}
	return open, nil
}

// readPolicies reads the policies that made the mask rules.
func readPolicies(f *fields) {
	before := ""
	for _, policy := range may[[]fields](f, "maskPolicies") {
		name, uid, generation := need[string](&policy, "name"), need[string](&policy, "uid"), need[int64](&policy, "generation")
		switch {
		case f.err != nil:
		case policy.err != nil:
			f.err = fmt.Errorf("maskPolicies: %w", policy.err)
		case uid == "" || generation < 1 || name <= before:
			f.err = fmt.Errorf("maskPolicies: policy %q, uid %q, generation %d: not one after the other, or not whole", name, uid, generation)
		}
		before = name
	}
}
