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
