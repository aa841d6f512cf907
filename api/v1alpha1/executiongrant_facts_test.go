package v1alpha1

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestMatches(t *testing.T) {
	tests := map[string]struct {
		subject  Subject
		username string
		groups   []string
		want     bool
	}{
		"if nothing is known of the subject, nobody matches":          {Subject{}, "dev", []string{"devs"}, false},
		"if the subject has no name, nobody matches":                  {Subject{Kind: SubjectUser}, "", nil, false},
		"if the kind is unknown, nobody matches":                      {Subject{Kind: "Person", Name: "dev"}, "dev", []string{"dev"}, false},
		"if the user has the name, they match":                        {Subject{Kind: SubjectUser, Name: "dev"}, "dev", nil, true},
		"if the name differs in case, they do not match":              {Subject{Kind: SubjectUser, Name: "dev"}, "Dev", nil, false},
		"if a group has the user's name, the user does not match":     {Subject{Kind: SubjectUser, Name: "dev"}, "eve", []string{"dev"}, false},
		"if the user is in the group, they match":                     {Subject{Kind: SubjectGroup, Name: "devs"}, "dev", []string{"a", "devs"}, true},
		"if the user has the group's name, they do not match":         {Subject{Kind: SubjectGroup, Name: "devs"}, "devs", nil, false},
		"if nobody is authenticated, the group does not match":        {Subject{Kind: SubjectGroup, Name: "devs"}, "", []string{"devs"}, false},
		"if the service account is the one, it matches":               {Subject{Kind: SubjectServiceAccount, Namespace: "ci", Name: "bot"}, "system:serviceaccount:ci:bot", nil, true},
		"if it is that of another namespace, it does not match":       {Subject{Kind: SubjectServiceAccount, Namespace: "ci", Name: "bot"}, "system:serviceaccount:cd:bot", nil, false},
		"if a user has the service account's name, they do not match": {Subject{Kind: SubjectServiceAccount, Namespace: "ci", Name: "bot"}, "bot", nil, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.subject.Matches(tt.username, tt.groups); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestSubjectOrRequester(t *testing.T) {
	tests := map[string]struct {
		spec ExecutionGrantSpec
		want Subject
	}{
		"if neither is known, nobody":                       {ExecutionGrantSpec{}, Subject{}},
		"if the requester has no name, nobody":              {ExecutionGrantSpec{Requester: &Identity{}}, Subject{}},
		"if only the requester is known, the requester":     {ExecutionGrantSpec{Requester: &Identity{Username: "dev"}}, Subject{Kind: SubjectUser, Name: "dev"}},
		"if the requester is a program, its account":        {ExecutionGrantSpec{Requester: &Identity{Username: "system:serviceaccount:ci:bot"}}, Subject{Kind: SubjectServiceAccount, Namespace: "ci", Name: "bot"}},
		"if the account's name is cut short, it is a user":  {ExecutionGrantSpec{Requester: &Identity{Username: "system:serviceaccount:ci"}}, Subject{Kind: SubjectUser, Name: "system:serviceaccount:ci"}},
		"if a subject is named, it and not the requester":   {ExecutionGrantSpec{Requester: &Identity{Username: "dev"}, Subject: &Subject{Kind: SubjectGroup, Name: "g"}}, Subject{Kind: SubjectGroup, Name: "g"}},
		"if the subject is named emptily, nobody after all": {ExecutionGrantSpec{Requester: &Identity{Username: "dev"}, Subject: &Subject{}}, Subject{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.spec.SubjectOrRequester()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestActiveAt(t *testing.T) {
	from := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	until := from.Add(time.Minute)
	active := func(change func(*ExecutionGrant)) *ExecutionGrant {
		g := &ExecutionGrant{Status: ExecutionGrantStatus{
			Conditions:     []metav1.Condition{{Type: ConditionActive, Status: metav1.ConditionTrue}},
			ApprovedDigest: "sha256:0", ActiveFrom: &metav1.Time{Time: from}, ActiveUntil: &metav1.Time{Time: until},
		}}
		change(g)
		return g
	}
	whole := func(*ExecutionGrant) {}
	tests := map[string]struct {
		change func(*ExecutionGrant)
		now    time.Time
		want   bool
	}{
		"if it is the first moment, open":         {whole, from, true},
		"if it is the last moment, open":          {whole, until.Add(-1), true},
		"if it is a moment too early, closed":     {whole, from.Add(-1), false},
		"if the end has come, closed":             {whole, until, false},
		"if Sallyport never said so, closed":      {func(g *ExecutionGrant) { g.Status.Conditions = nil }, from, false},
		"if Sallyport took it back, closed":       {func(g *ExecutionGrant) { g.Status.Conditions[0].Status = metav1.ConditionFalse }, from, false},
		"if nothing was approved, closed":         {func(g *ExecutionGrant) { g.Status.ApprovedDigest = "" }, from, false},
		"if it has no beginning, closed":          {func(g *ExecutionGrant) { g.Status.ActiveFrom = nil }, from, false},
		"if it has no end, closed":                {func(g *ExecutionGrant) { g.Status.ActiveUntil = nil }, from, false},
		"if it is being deleted, closed at once":  {func(g *ExecutionGrant) { g.DeletionTimestamp = &metav1.Time{Time: from} }, from, false},
		"if the status is empty, closed for ever": {func(g *ExecutionGrant) { g.Status = ExecutionGrantStatus{} }, from, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := active(tt.change).ActiveAt(tt.now); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
