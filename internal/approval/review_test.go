package approval

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/test/gen"
)

var (
	soon     = gen.Epoch().Add(5 * time.Minute)
	deadline = gen.Epoch().Add(time.Hour)
)

func TestReview(t *testing.T) {
	grant := func() *gen.Grant { return gen.MakeGrant("shop", "fix") }
	request := func(g *accessv1alpha1.ExecutionGrant) *gen.Request { return gen.MakeRequest(g, Digest(g)) }
	plain := grant().Obj()

	tests := map[string]struct {
		grant *accessv1alpha1.ExecutionGrant
		req   *accessv1alpha1.ApprovalRequest
		now   time.Time
		want  Outcome
	}{
		"if nobody has decided, it is pending": {
			req:  request(plain).Obj(),
			want: Outcome{Pending, "AwaitingApproval", "0 of 1 approvals, to be given before 2026-03-01T13:00:00Z"},
		},
		"if one approved and one is needed, it is approved": {
			req:  request(plain).ApprovedBy("ann", soon).Obj(),
			want: Outcome{Approved, "Approved", "approved by ann"},
		},
		"if one approved and two are needed, it is pending": {
			req:  request(plain).Needs(2).ApprovedBy("ann", soon).Obj(),
			want: Outcome{Pending, "AwaitingApproval", "1 of 2 approvals, to be given before 2026-03-01T13:00:00Z"},
		},
		"if two approved and two are needed, it is approved, names sorted": {
			req:  request(plain).Needs(2).ApprovedBy("zoe", soon).ApprovedBy("ann", soon.Add(time.Second)).Obj(),
			want: Outcome{Approved, "Approved", "approved by ann, zoe"},
		},
		"if one person approved twice and two are needed, it is pending": {
			req:  request(plain).Needs(2).ApprovedBy("ann", soon).ApprovedBy("ann", soon).Obj(),
			want: Outcome{Pending, "AwaitingApproval", "1 of 2 approvals, to be given before 2026-03-01T13:00:00Z"},
		},
		"if the requester approved, it does not count": {
			req:  request(plain).ApprovedBy("developer", soon).Obj(),
			want: Outcome{Pending, "AwaitingApproval", "0 of 1 approvals, to be given before 2026-03-01T13:00:00Z"},
		},
		"if the requester hides behind another name in the request, it does not count": {
			req: func() *accessv1alpha1.ApprovalRequest {
				r := request(plain).ApprovedBy("developer", soon).Obj()
				r.Spec.Requester, r.Spec.Subject.Name = "eve", "eve"
				return r
			}(),
			want: Outcome{Pending, "AwaitingApproval", "0 of 1 approvals, to be given before 2026-03-01T13:00:00Z"},
		},
		"if the subject approved what a pipeline requested, it does not count": {
			grant: grant().Requester("system:serviceaccount:ci:bot").Subject(accessv1alpha1.Subject{Kind: "User", Name: "dev"}).Obj(),
			req: request(grant().Requester("system:serviceaccount:ci:bot").Subject(accessv1alpha1.Subject{Kind: "User", Name: "dev"}).Obj()).
				ApprovedBy("dev", soon).Obj(),
			want: Outcome{Pending, "AwaitingApproval", "0 of 1 approvals, to be given before 2026-03-01T13:00:00Z"},
		},
		"if a service account approved, it does not count": {
			req:  request(plain).ApprovedBy("system:serviceaccount:ci:bot", soon).Obj(),
			want: Outcome{Pending, "AwaitingApproval", "0 of 1 approvals, to be given before 2026-03-01T13:00:00Z"},
		},
		"if the approval has no time, admission did not see it and it does not count": {
			req:  request(plain).Decision("ann", accessv1alpha1.VerdictApproved, metav1.Time{}).Obj(),
			want: Outcome{Pending, "AwaitingApproval", "0 of 1 approvals, to be given before 2026-03-01T13:00:00Z"},
		},
		"if the verdict is none that is known, it does not count": {
			req:  request(plain).Decision("ann", "Maybe", gen.Stamp(soon)).Obj(),
			want: Outcome{Pending, "AwaitingApproval", "0 of 1 approvals, to be given before 2026-03-01T13:00:00Z"},
		},
		"if somebody denied, it is denied": {
			req:  request(plain).DeniedBy("bob", soon).Obj(),
			want: Outcome{Refused, "Denied", "denied by bob"},
		},
		"if the denial has a comment, it is quoted in one line": {
			req: func() *accessv1alpha1.ApprovalRequest {
				r := request(plain).DeniedBy("bob", soon).Obj()
				r.Spec.Decisions[0].Comment = "no\napproved by ann"
				return r
			}(),
			want: Outcome{Refused, "Denied", `denied by bob: "no\napproved by ann"`},
		},
		"if enough approved and somebody denied afterwards, it is denied": {
			req:  request(plain).ApprovedBy("ann", soon).DeniedBy("bob", soon.Add(time.Minute)).Obj(),
			want: Outcome{Refused, "Denied", "denied by bob"},
		},
		"if two denied, the first is named": {
			req:  request(plain).DeniedBy("bob", soon.Add(time.Second)).DeniedBy("zoe", soon).Obj(),
			want: Outcome{Refused, "Denied", "denied by zoe"},
		},
		"if the requester denied, that is a withdrawal and denies": {
			req:  request(plain).DeniedBy("developer", soon).Obj(),
			want: Outcome{Refused, "Denied", "denied by developer"},
		},
		"if a denial has no time, it denies all the same": {
			req:  request(plain).Decision("bob", accessv1alpha1.VerdictDenied, metav1.Time{}).Obj(),
			want: Outcome{Refused, "Denied", "denied by bob"},
		},
		"if it is the last moment before the deadline, it is pending": {
			req: request(plain).Obj(), now: deadline.Add(-1),
			want: Outcome{Pending, "AwaitingApproval", "0 of 1 approvals, to be given before 2026-03-01T13:00:00Z"},
		},
		"if the deadline has come, it is refused": {
			req: request(plain).Obj(), now: deadline,
			want: Outcome{Refused, "DeadlineExceeded", "0 of 1 approvals by the deadline 2026-03-01T13:00:00Z"},
		},
		"if the approval was in time but is seen after the deadline, it is approved": {
			req: request(plain).ApprovedBy("ann", deadline.Add(-time.Second)).Obj(), now: deadline.Add(time.Hour),
			want: Outcome{Approved, "Approved", "approved by ann"},
		},
		"if the approval came at the deadline, it is refused": {
			req: request(plain).ApprovedBy("ann", deadline).Obj(), now: deadline,
			want: Outcome{Refused, "DeadlineExceeded", "0 of 1 approvals by the deadline 2026-03-01T13:00:00Z"},
		},
		"if the digest is another's, it is void": {
			req:  gen.MakeRequest(plain, Digest(grant().Pod("db").Obj())).ApprovedBy("ann", soon).Obj(),
			want: Outcome{Refused, "ApprovalVoid", "the grant is not what the ApprovalRequest shows: their digests differ"},
		},
		"if the digest is empty, it is void": {
			req:  gen.MakeRequest(plain, "").ApprovedBy("ann", soon).Obj(),
			want: Outcome{Refused, "ApprovalVoid", "the grant is not what the ApprovalRequest shows: their digests differ"},
		},
		"if the grant was made anew under its name, it is void": {
			grant: grant().UID("another").Obj(),
			req:   request(plain).ApprovedBy("ann", soon).Obj(),
			want:  Outcome{Refused, "ApprovalVoid", "the ApprovalRequest is about another grant"},
		},
		"if the grant has the UID but another name, it is void": {
			grant: gen.MakeGrant("shop", "other").UID(string(plain.UID)).Obj(),
			req:   request(plain).ApprovedBy("ann", soon).Obj(),
			want:  Outcome{Refused, "ApprovalVoid", "the ApprovalRequest is about another grant"},
		},
		"if nobody is needed, it is void": {
			req:  request(plain).Needs(0).Obj(),
			want: Outcome{Refused, "ApprovalVoid", "the ApprovalRequest asks for nobody's approval"},
		},
		"if there is no deadline, it is void": {
			req: func() *accessv1alpha1.ApprovalRequest {
				r := request(plain).ApprovedBy("ann", soon).Obj()
				r.Spec.Deadline = metav1.Time{}
				return r
			}(),
			want: Outcome{Refused, "ApprovalVoid", "the ApprovalRequest has no deadline"},
		},
		"if nobody requested the grant, it is void": {
			grant: grant().Requester("").Obj(),
			req:   request(grant().Requester("").Obj()).ApprovedBy("ann", soon).Obj(),
			want:  Outcome{Refused, "ApprovalVoid", "nobody knows who requested the grant: it did not pass admission"},
		},
		"if the requester has no name, no approval counts": {
			grant: func() *accessv1alpha1.ExecutionGrant {
				g := grant().Obj()
				g.Spec.Requester.Username = ""
				return g
			}(),
			req: func() *accessv1alpha1.ApprovalRequest {
				g := grant().Obj()
				g.Spec.Requester.Username = ""
				return request(g).ApprovedBy("ann", soon).Obj()
			}(),
			want: Outcome{Pending, "AwaitingApproval", "0 of 1 approvals, to be given before 2026-03-01T13:00:00Z"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			g, now := tt.grant, tt.now
			if g == nil {
				g = plain
			}
			if now.IsZero() {
				now = soon
			}
			if diff := cmp.Diff(tt.want, Review(tt.req, g, now)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestReviewOfNothingIsPending(t *testing.T) {
	grant := gen.MakeGrant("shop", "fix").Obj()
	req := gen.MakeRequest(grant, Digest(grant)).ApprovedBy("ann", soon).Obj()
	for name, got := range map[string]Outcome{
		"no request": Review(nil, grant, soon), "no grant": Review(req, nil, soon), "neither": Review(nil, nil, soon),
	} {
		if got != (Outcome{}) || got.Verdict != Pending {
			t.Errorf("%s: got %v, want the zero Outcome, and that pending", name, got)
		}
	}
}

// The order in which decisions stand in the list is up to whoever sent them; it may not matter.
func TestAgreementIsAtTheTimeOfTheLastThatWasNeeded(t *testing.T) {
	grant := gen.MakeGrant("shop", "fix").Obj()
	req := gen.MakeRequest(grant, Digest(grant)).Needs(2).
		ApprovedBy("cid", soon.Add(3*time.Minute)).
		ApprovedBy("developer", soon).
		ApprovedBy("bob", soon.Add(2*time.Minute)).
		ApprovedBy("ann", soon.Add(time.Minute)).Obj()

	at, people, ok := Agreement(req, grant)
	if !ok || !at.Equal(soon.Add(2*time.Minute)) {
		t.Errorf("got %v %v, want agreement at bob's time", at, ok)
	}
	if diff := cmp.Diff([]string{"ann", "bob"}, people); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAgreementStandsAgainstALaterDenial(t *testing.T) {
	grant := gen.MakeGrant("shop", "fix").Obj()
	req := gen.MakeRequest(grant, Digest(grant)).ApprovedBy("ann", soon).DeniedBy("bob", soon.Add(time.Minute)).Obj()
	if at, _, ok := Agreement(req, grant); !ok || !at.Equal(soon) {
		t.Errorf("got %v %v, want agreement at ann's time", at, ok)
	}
}

func TestSettled(t *testing.T) {
	grant := gen.MakeGrant("shop", "fix").Obj()
	request := func() *gen.Request { return gen.MakeRequest(grant, Digest(grant)) }
	tests := map[string]struct {
		req  *accessv1alpha1.ApprovalRequest
		want Verdict
	}{
		"if there is no request, pending":                        {nil, Pending},
		"if Sallyport has not judged, pending":                   {request().ApprovedBy("ann", soon).Obj(), Pending},
		"if it judged that it is approved, approved":             {request().Settled("Approved").Obj(), Approved},
		"if it judged that it is denied, refused":                {request().Settled("Denied").Obj(), Refused},
		"if it judged that it is too late, refused":              {request().Settled("DeadlineExceeded").Obj(), Refused},
		"if it judged that it is void, refused":                  {request().Settled("ApprovalVoid").Obj(), Refused},
		"if the status says both approved and denied, refused":   {request().Settled("Approved").Settled("Denied").Obj(), Refused},
		"if the condition Approved is there but False, pending":  {request().Condition("Approved", metav1.ConditionFalse, "AwaitingApproval").Obj(), Pending},
		"if the condition Approved is there but unsure, pending": {request().Condition("Approved", metav1.ConditionUnknown, "Pending").Obj(), Pending},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Settled(tt.req); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestMayApprove(t *testing.T) {
	forGroup := gen.MakeGrant("shop", "fix").Subject(accessv1alpha1.Subject{Kind: "Group", Name: "devs"}).Obj()
	forUser := gen.MakeGrant("shop", "fix").Requester("lead").Subject(accessv1alpha1.Subject{Kind: "User", Name: "dev"}).Obj()
	tests := map[string]struct {
		grant    *accessv1alpha1.ExecutionGrant
		username string
		groups   []string
		want     string
	}{
		"if it is somebody else, they may":                {forUser, "ann", []string{"devs"}, ""},
		"if it is the requester, they may not":            {forUser, "lead", nil, "you requested this grant: somebody else has to approve it"},
		"if it is the subject, they may not":              {forUser, "dev", nil, "this grant is for you: somebody else has to approve it"},
		"if they are in the subject's group, may not":     {forGroup, "ann", []string{"a", "devs"}, "this grant is for a group that you are in: somebody else has to approve it"},
		"if they are in other groups, they may":           {forGroup, "ann", []string{"approvers"}, ""},
		"if it is a service account, it may not":          {forUser, "system:serviceaccount:ci:bot", nil, "only people approve, programs do not"},
		"if it is a node, it may not":                     {forUser, "system:node:n1", nil, "only people approve, programs do not"},
		"if nobody is authenticated, nobody may":          {forUser, "", nil, "an approval needs the name of a person"},
		"if the grant did not pass admission, nobody may": {gen.MakeGrant("shop", "fix").Requester("").Obj(), "ann", nil, "nobody knows who requested this grant: it did not pass admission"},
		"if there is no grant, nobody may":                {nil, "ann", nil, "nobody knows who requested this grant: it did not pass admission"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := ""
			if err := MayApprove(tt.grant, tt.username, tt.groups); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
