package v1alpha1

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
)

const serviceAccountPrefix = "system:serviceaccount:"

// Matches says whether somebody whom the API server authenticated is the subject. The zero Subject matches nobody.
func (s *Subject) Matches(username string, groups []string) bool {
	if s.Name == "" || username == "" {
		return false
	}
	switch s.Kind {
	case SubjectUser:
		return s.Name == username
	case SubjectServiceAccount:
		return serviceAccountPrefix+s.Namespace+":"+s.Name == username
	case SubjectGroup:
		return slices.Contains(groups, s.Name)
	default:
		return false
	}
}

// SubjectOrRequester is whom the grant is for: the subject that it names, else who requested it. Where neither is
// known it is the zero Subject.
func (s *ExecutionGrantSpec) SubjectOrRequester() Subject {
	switch {
	case s.Subject != nil:
		return *s.Subject
	case s.Requester == nil:
		return Subject{}
	default:
		return SubjectOf(s.Requester.Username)
	}
}

// SubjectOf is the subject that a user name stands for: a service account where the name has that form, else a user.
// The empty name gives the zero Subject.
func SubjectOf(username string) Subject {
	if username == "" {
		return Subject{}
	}
	if rest, ok := strings.CutPrefix(username, serviceAccountPrefix); ok {
		if namespace, name, ok := strings.Cut(rest, ":"); ok {
			return Subject{Kind: SubjectServiceAccount, Namespace: namespace, Name: name}
		}
	}
	return Subject{Kind: SubjectUser, Name: username}
}

// ActiveAt says whether the grant opens the door at that time: Sallyport said so, the clock agrees, and nobody has
// deleted it. The end is kept to the second even if Sallyport does not get to write it down.
func (g *ExecutionGrant) ActiveAt(now time.Time) bool {
	s := &g.Status
	return g.DeletionTimestamp.IsZero() &&
		meta.IsStatusConditionTrue(s.Conditions, ConditionActive) &&
		s.ApprovedDigest != "" &&
		s.ActiveFrom != nil && !now.Before(s.ActiveFrom.Time) &&
		s.ActiveUntil != nil && now.Before(s.ActiveUntil.Time)
}
