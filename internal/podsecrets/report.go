package podsecrets

import (
	"cmp"
	"slices"
)

// State is what came of reading a Secret.
type State string

// The states of a Secret.
const (
	// Known: its values are masked, but for those that are ignored.
	Known State = "Known"
	// Absent: there is no such Secret.
	Absent State = "Absent"
	// Forbidden: the gateway may not read it.
	Forbidden State = "Forbidden"
	// Failed: the API server did not answer in time, or with an error, or there are too many.
	Failed State = "Failed"
)

const (
	whySlow    = "the API server had not answered when the session began"
	whyError   = "the API server answered with an error"
	whyBug     = "an internal error of the gateway"
	whyTooMany = "a session knows 64 Secrets, and no more"
	whyTooLong = "not all of it is masked: of a text, the first 32 KiB are"
	whyTooMuch = "not all of it is masked: a session knows 512 KiB of values, and no more"
)

// Found is what was found in one place.
type Found struct {
	Values  int // texts that are masked
	Ignored []Ignored
	Cut     bool // some did not fit
}

// Ignored is a value that is not masked.
type Ignored struct {
	Key    string
	Why    string
	Public bool // it is no secret
}

// Secret is what is known of one Secret.
type Secret struct {
	Found

	Name            string
	ResourceVersion string
	State           State
	Why             string // in words, of what is Failed, or Known and not in use
}

// Environment names the pod's specification, among Secrets.
const Environment = "env"

// Report is what is known, without any value.
type Report struct {
	Secrets     []Secret
	Environment Found // of the pod's specification
}

// Report says what is known by now.
func (s *Session) Report() Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.report()
}

// report is Report, in the caller's lock.
func (s *Session) report() Report {
	r := Report{Environment: s.environment.clone()}
	for _, k := range s.secrets {
		secret := k.Secret
		secret.Found = k.Found.clone()
		r.Secrets = append(r.Secrets, secret)
	}
	return r
}

// Unread returns the Secrets whose values may be there and are not known.
func (r *Report) Unread() []Secret {
	var unread []Secret
	for _, s := range r.Secrets {
		if s.State != Known && s.State != Absent {
			unread = append(unread, s)
		}
	}
	return unread
}

// Cut names the Secrets of which not all is masked, and the pod's specification if it is so of that.
func (r *Report) Cut() []string {
	var names []string
	if r.Environment.Cut {
		names = append(names, Environment)
	}
	for _, s := range r.Secrets {
		if s.Cut {
			names = append(names, s.Name)
		}
	}
	return names
}

func (f *Found) ignore(one Ignored) {
	if len(f.Ignored) < MaxIgnored && !slices.Contains(f.Ignored, one) {
		f.Ignored = append(f.Ignored, one)
	}
}

// cut notes that not all of a value is masked.
func (f *Found) cut(key, why string) {
	f.Cut = true
	f.ignore(Ignored{Key: key, Why: why})
}

func (f *Found) clone() Found {
	ignored := slices.Clone(f.Ignored)
	slices.SortFunc(ignored, func(a, b Ignored) int { return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Why, b.Why)) })
	return Found{Values: f.Values, Ignored: ignored, Cut: f.Cut}
}
