package webhooks

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/test/gen"
)

const collector = "system:serviceaccount:kube-system:generic-garbage-collector"

type approvalRequest = accessv1alpha1.ApprovalRequest

// pending is a request about the grant "g" of the developer, stored.
func pending(change func(*approvalRequest)) *approvalRequest {
	r := gen.MakeRequest(gen.MakeGrant(namespace, "g").Obj(), "sha256:x").Obj()
	r.TypeMeta = metav1.TypeMeta{APIVersion: accessv1alpha1.GroupVersion.String(), Kind: "ApprovalRequest"}
	if change != nil {
		change(r)
	}
	return r
}

func decision(approver string, verdict accessv1alpha1.Verdict, at time.Time) accessv1alpha1.ApprovalDecision {
	d := accessv1alpha1.ApprovalDecision{Approver: approver, Verdict: verdict}
	if !at.IsZero() {
		d.Time = gen.Stamp(at)
	}
	return d
}

// with adds decisions to a pending request.
func with(decisions ...accessv1alpha1.ApprovalDecision) *approvalRequest {
	return pending(func(r *approvalRequest) { r.Spec.Decisions = decisions })
}

func TestADecisionIsStamped(t *testing.T) {
	const approved, denied = accessv1alpha1.VerdictApproved, accessv1alpha1.VerdictDenied
	earlier := present.Add(-30 * time.Second)
	mine, theirs := decision("approver", approved, present), decision("other", approved, earlier)
	tests := map[string]struct {
		user      string
		old, sent *approvalRequest
		want      []accessv1alpha1.ApprovalDecision
		refused   string
	}{
		"if name and time are left out, then both are stamped": {old: with(), sent: with(decision("", approved, time.Time{})), want: []accessv1alpha1.ApprovalDecision{mine}},
		"if only the time is left out, then it is stamped":     {old: with(), sent: with(decision("approver", approved, time.Time{})), want: []accessv1alpha1.ApprovalDecision{mine}},
		"if another name is written by hand, then it stays to be refused": {
			old: with(), sent: with(decision("x", denied, time.Time{})), want: []accessv1alpha1.ApprovalDecision{decision("x", denied, present)},
		},
		"if a time is written by hand, then it stays to be refused": {
			old: with(), sent: with(decision("", denied, earlier)), want: []accessv1alpha1.ApprovalDecision{decision("approver", denied, earlier)},
		},
		"if there is one already, then the new one stands beside it": {old: with(theirs), sent: with(theirs, decision("", approved, time.Time{})), want: []accessv1alpha1.ApprovalDecision{theirs, mine}},
		"if a stored time is left out, then it is put back":          {old: with(theirs), sent: with(decision("other", approved, time.Time{})), want: []accessv1alpha1.ApprovalDecision{theirs}},
		"if nothing is decided, then nothing is stamped":             {old: with(), sent: with()},
		"if the list replaces that of others, then the command to add is told": {
			old: with(theirs), sent: with(decision("", approved, time.Time{})), refused: `"op":"add","path":"/spec/decisions/-"`,
		},
		"if the list is emptied, then it is refused": {old: with(theirs), sent: with(), refused: "append-only"},
		"if somebody decides twice, then it is refused": {
			old: with(mine), sent: with(mine, decision("", denied, time.Time{})), refused: "has decided already",
		},
		"if Sallyport writes, then nothing is stamped":             {user: sallyport, old: with(), sent: with(decision("", approved, time.Time{})), want: []accessv1alpha1.ApprovalDecision{decision("", approved, time.Time{})}},
		"if the garbage collector writes, then nothing is stamped": {user: collector, old: with(mine), sent: with()},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			user := tc.user
			if user == "" {
				user = "approver"
			}
			req := request(t, admissionv1.Update, user, tc.sent, tc.old)
			r := (&ApprovalMutator{Decoder: testDecoder(), Now: clock, Username: sallyport}).Handle(t.Context(), *req)
			wantAnswer(t, r, tc.refused)
			if tc.refused != "" {
				return
			}
			got := &approvalRequest{}
			if err := json.Unmarshal(patched(t, req, r), got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got.Spec.Decisions); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got.Spec.Decisions = tc.sent.Spec.Decisions; !cmp.Equal(got, tc.sent) {
				t.Errorf("something else changed:\n%s", cmp.Diff(tc.sent, got))
			}
		})
	}
}

func TestADecisionIsVerified(t *testing.T) {
	const approved, denied = accessv1alpha1.VerdictApproved, accessv1alpha1.VerdictDenied
	mine, theirs := decision("approver", approved, present), decision("other", approved, present.Add(-30*time.Second))
	settled := func(reason string) func(*approvalRequest) {
		return func(r *approvalRequest) {
			r.Status = gen.MakeRequest(gen.MakeGrant(namespace, "g").Obj(), "x").Settled(reason).Obj().Status
		}
	}
	tests := map[string]struct {
		user    string
		grant   func(*gen.Grant)
		noGrant bool
		state   func(*approvalRequest) // of the stored request
		old     []accessv1alpha1.ApprovalDecision
		sent    []accessv1alpha1.ApprovalDecision
		change  func(*approvalRequest) // of what is sent
		noVerb  bool
		broken  bool
		want    string
	}{
		"if somebody else approves, then it is allowed":              {sent: []accessv1alpha1.ApprovalDecision{mine}},
		"if somebody else denies, then it is allowed":                {sent: []accessv1alpha1.ApprovalDecision{decision("approver", denied, present)}},
		"if a second person approves, then it is allowed":            {old: []accessv1alpha1.ApprovalDecision{theirs}, sent: []accessv1alpha1.ApprovalDecision{theirs, mine}},
		"if the order changes, then it is allowed":                   {old: []accessv1alpha1.ApprovalDecision{theirs}, sent: []accessv1alpha1.ApprovalDecision{mine, theirs}},
		"if nothing changes, then it is allowed":                     {old: []accessv1alpha1.ApprovalDecision{theirs}, sent: []accessv1alpha1.ApprovalDecision{theirs}, noVerb: true},
		"if the verb is missing, then it is refused":                 {sent: []accessv1alpha1.ApprovalDecision{mine}, noVerb: true, want: "lacks the verb approve"},
		"if the verb cannot be asked, then it is denied":             {sent: []accessv1alpha1.ApprovalDecision{mine}, broken: true, want: "could not decide"},
		"if the approver is somebody else, then it is refused":       {sent: []accessv1alpha1.ApprovalDecision{decision("x", approved, present)}, want: "leave it out: it is stamped with who you are"},
		"if the time is earlier, then it is refused":                 {sent: []accessv1alpha1.ApprovalDecision{decision("approver", approved, present.Add(-11*time.Second))}, want: "spec.decisions[0].time"},
		"if the time is later, then it is refused":                   {sent: []accessv1alpha1.ApprovalDecision{decision("approver", approved, present.Add(11*time.Second))}, want: "spec.decisions[0].time"},
		"if the time is missing, then it is refused":                 {sent: []accessv1alpha1.ApprovalDecision{decision("approver", approved, time.Time{})}, want: "spec.decisions[0].time"},
		"if a second has passed since the stamp, then it is allowed": {sent: []accessv1alpha1.ApprovalDecision{decision("approver", approved, present.Add(-2*time.Second))}},
		"if the comment would draw on a terminal, then it is refused": {
			sent: []accessv1alpha1.ApprovalDecision{{Approver: "approver", Verdict: approved, Time: gen.Stamp(present), Comment: "ok\x1b[2K"}}, want: "comment",
		},

		"if the requester approves, then it is refused and named": {user: "developer", sent: []accessv1alpha1.ApprovalDecision{decision("developer", approved, present)}, want: `Invalid value: "developer": you requested this grant`},
		"if the subject approves, then it is refused": {
			grant: func(g *gen.Grant) { g.Subject(accessv1alpha1.Subject{Kind: "User", Name: "approver"}) }, sent: []accessv1alpha1.ApprovalDecision{mine}, want: "this grant is for you",
		},
		"if a member of the subject approves, then it is refused": {
			grant: func(g *gen.Grant) { g.Subject(accessv1alpha1.Subject{Kind: "Group", Name: "developers"}) }, sent: []accessv1alpha1.ApprovalDecision{mine}, want: "a group that you are in",
		},
		"if a program approves, then it is refused": {
			user: "system:serviceaccount:ci:bot", sent: []accessv1alpha1.ApprovalDecision{decision("system:serviceaccount:ci:bot", approved, present)}, want: "only people approve",
		},
		"if nobody knows who requested it, then it is refused": {grant: func(g *gen.Grant) { g.Requester("") }, sent: []accessv1alpha1.ApprovalDecision{mine}, want: "nobody knows who requested"},
		"if the grant is gone, then it is refused":             {noGrant: true, sent: []accessv1alpha1.ApprovalDecision{mine}, want: "does not exist any more"},
		"if the grant is a new one of the same name, then it is refused": {
			grant: func(g *gen.Grant) { g.UID("new") }, sent: []accessv1alpha1.ApprovalDecision{mine}, want: "does not exist any more",
		},
		"if the request says another requester than the grant, then the grant counts": {
			user: "developer", state: func(r *approvalRequest) { r.Spec.Requester, r.Spec.Subject.Name = "x", "x" },
			sent: []accessv1alpha1.ApprovalDecision{decision("developer", approved, present)}, want: "you requested this grant",
		},

		"if the deadline has come, then it is refused":              {state: func(r *approvalRequest) { r.Spec.Deadline = gen.Stamp(present) }, sent: []accessv1alpha1.ApprovalDecision{mine}, want: "too late"},
		"if a second is left, then it is allowed":                   {state: func(r *approvalRequest) { r.Spec.Deadline = gen.Stamp(present.Add(time.Second)) }, sent: []accessv1alpha1.ApprovalDecision{mine}},
		"if it was denied a moment ago, then it is refused":         {old: []accessv1alpha1.ApprovalDecision{decision("other", denied, present)}, sent: []accessv1alpha1.ApprovalDecision{decision("other", denied, present), mine}, want: "denied, or ended otherwise"},
		"if the denial was written down, then it is refused":        {state: settled(accessv1alpha1.ReasonDenied), sent: []accessv1alpha1.ApprovalDecision{mine}, want: "denied, or ended otherwise"},
		"if the deadline was written down, then it is refused":      {state: settled(accessv1alpha1.ReasonDeadlineExceeded), sent: []accessv1alpha1.ApprovalDecision{mine}, want: "ended otherwise"},
		"if it was approved, then the way to revoke is told":        {state: settled(accessv1alpha1.ReasonApproved), sent: []accessv1alpha1.ApprovalDecision{decision("approver", denied, present)}, want: "kubectl delete executiongrant -n shop g"},
		"if a decision is changed, then it is refused":              {old: []accessv1alpha1.ApprovalDecision{theirs}, sent: []accessv1alpha1.ApprovalDecision{decision("other", denied, present.Add(-30*time.Second))}, want: "append-only"},
		"if one's own decision is changed, then it is refused":      {old: []accessv1alpha1.ApprovalDecision{mine}, sent: []accessv1alpha1.ApprovalDecision{decision("approver", denied, present)}, want: "append-only"},
		"if a decision is removed, then it is refused":              {old: []accessv1alpha1.ApprovalDecision{theirs}, want: "none may be removed"},
		"if a decision replaces another, then it is refused":        {old: []accessv1alpha1.ApprovalDecision{theirs}, sent: []accessv1alpha1.ApprovalDecision{mine}, want: "none may be removed"},
		"if two are added, then it is refused":                      {sent: []accessv1alpha1.ApprovalDecision{mine, decision("x", approved, present)}, want: "add one decision, your own"},
		"if the number of approvals changes, then it is refused":    {sent: []accessv1alpha1.ApprovalDecision{mine}, change: func(r *approvalRequest) { r.Spec.RequiredApprovals = 0 }, want: "only decisions may be added"},
		"if the digest changes, then it is refused":                 {change: func(r *approvalRequest) { r.Spec.Digest = "sha256:y" }, want: "only decisions may be added"},
		"if labels change, then it is refused":                      {change: func(r *approvalRequest) { r.Labels = map[string]string{"a": "b"} }, want: "metadata"},
		"if owners change, then it is refused":                      {change: func(r *approvalRequest) { r.OwnerReferences = []metav1.OwnerReference{{Name: "x"}} }, want: "metadata"},
		"if finalizers change, then it is refused":                  {change: func(r *approvalRequest) { r.Finalizers = []string{"a.b/c"} }, want: "metadata"},
		"if annotations change, then it is refused":                 {change: func(r *approvalRequest) { r.Annotations = map[string]string{"a": "b"} }, want: "metadata"},
		"if Sallyport changes metadata, then it is allowed":         {user: sallyport, change: func(r *approvalRequest) { r.Labels = map[string]string{"a": "b"} }},
		"if the garbage collector changes metadata, then allowed":   {user: collector, change: func(r *approvalRequest) { r.OwnerReferences = nil; r.Finalizers = []string{"a.b/c"} }},
		"if Sallyport decides, then it is refused":                  {user: sallyport, sent: []accessv1alpha1.ApprovalDecision{decision(sallyport, approved, present)}, want: "programs do not"},
		"if Sallyport decides for somebody, then it is refused":     {user: sallyport, sent: []accessv1alpha1.ApprovalDecision{mine}, want: "programs do not"},
		"if Sallyport changes the spec, then it is refused":         {user: sallyport, change: func(r *approvalRequest) { r.Spec.RequiredApprovals = 9 }, want: "only decisions may be added"},
		"if the garbage collector removes a decision, then refused": {user: collector, old: []accessv1alpha1.ApprovalDecision{theirs}, want: "none may be removed"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			g := gen.MakeGrant(namespace, "g")
			if tc.grant != nil {
				tc.grant(g)
			}
			w := world{verbs: []string{"approve"}, broken: tc.broken}
			if !tc.noGrant {
				w.objects = []client.Object{g.Obj()}
			}
			if tc.noVerb {
				w.verbs = []string{"update", "patch"}
			}
			old := with(tc.old...)
			if tc.state != nil {
				tc.state(old)
			}
			sent := old.DeepCopy()
			sent.Spec.Decisions = tc.sent
			if tc.change != nil {
				tc.change(sent)
			}
			user := tc.user
			if user == "" {
				user = "approver"
			}
			v := &ApprovalValidator{Decoder: testDecoder(), Live: w.client(), Now: clock, Username: sallyport}
			wantAnswer(t, v.Handle(t.Context(), *request(t, admissionv1.Update, user, sent, old)), tc.want)
		})
	}
}

func TestWhoMayActAsTheServiceAccountDoesNotApproveForIt(t *testing.T) {
	const pipeline = "system:serviceaccount:ci:pipeline"
	tests := map[string]struct {
		verbs []string
		grant *gen.Grant
		want  string
	}{
		"if the approver may not act as it, then it is allowed":             {[]string{"approve"}, gen.MakeGrant(namespace, "g").Requester(pipeline), ""},
		"if the approver may impersonate the requester, then it is refused": {[]string{"approve", "impersonate"}, gen.MakeGrant(namespace, "g").Requester(pipeline), "service account ci/pipeline"},
		"if the approver may mint its tokens, then it is refused":           {[]string{"approve", "create"}, gen.MakeGrant(namespace, "g").Requester(pipeline), "service account ci/pipeline"},
		"if the approver may impersonate the subject, then it is refused": {
			[]string{"approve", "impersonate"},
			gen.MakeGrant(namespace, "g").Subject(accessv1alpha1.Subject{Kind: "ServiceAccount", Namespace: "ci", Name: "bot"}), "service account ci/bot",
		},
		"if nobody in it is a service account, then nobody asks": {[]string{"approve", "impersonate", "create"}, gen.MakeGrant(namespace, "g"), ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := world{objects: []client.Object{tc.grant.Obj()}, verbs: tc.verbs}
			v := &ApprovalValidator{Decoder: testDecoder(), Live: w.client(), Now: clock, Username: sallyport}
			sent := with(decision("approver", "Approved", present))
			wantAnswer(t, v.Handle(t.Context(), *request(t, admissionv1.Update, "approver", sent, with())), tc.want)
		})
	}
}

func TestAnOrphanCanBeDeleted(t *testing.T) {
	tests := map[string]struct {
		objects []client.Object
		broken  bool
		want    string
	}{
		"if the grant is there, then the way is told":               {objects: []client.Object{gen.MakeGrant(namespace, "g").Obj()}, want: "kubectl delete executiongrant"},
		"if the grant is gone, then it is allowed":                  {},
		"if a new grant has the name, then it is allowed":           {objects: []client.Object{gen.MakeGrant(namespace, "g").UID("new").Obj()}},
		"if nobody can say whether it is there, then it is refused": {broken: true, want: "kubectl delete executiongrant"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := world{objects: tc.objects, broken: tc.broken}
			v := &ApprovalValidator{Decoder: testDecoder(), Live: w.client(), Now: clock, Username: sallyport}
			wantAnswer(t, v.Handle(t.Context(), *request(t, admissionv1.Delete, "developer", nil, with())), tc.want)
		})
	}
}

func TestTheRightToApproveIsAskedExactly(t *testing.T) {
	w := world{objects: []client.Object{gen.MakeGrant(namespace, "g").Obj()}}
	v := &ApprovalValidator{Decoder: testDecoder(), Live: w.client(), Now: clock, Username: sallyport}
	v.Handle(t.Context(), *request(t, admissionv1.Update, "approver", with(decision("approver", "Approved", present)), with()))
	want := []authorizationv1.SubjectAccessReviewSpec{{
		User: "approver", UID: "approver-uid", Groups: []string{"developers", "system:authenticated"}, Extra: map[string]authorizationv1.ExtraValue{},
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: "approve", Group: "access.sallyport.dev", Version: "v1alpha1", Resource: "approvalrequests", Namespace: namespace, Name: "g",
		},
	}}
	if diff := cmp.Diff(want, w.reviews); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhoMakesAndDeletesApprovalRequests(t *testing.T) {
	tests := map[string]struct {
		operation admissionv1.Operation
		user      string
		object    any
		want      string
	}{
		"if Sallyport makes one, then it is allowed":                         {admissionv1.Create, sallyport, with(), ""},
		"if Sallyport makes one that is decided already, then it is refused": {admissionv1.Create, sallyport, with(decision("x", "Approved", present)), "a new approval request has none"},
		"if a person makes one, then it is refused":                          {admissionv1.Create, "admin", with(), "only Sallyport makes approval requests"},
		"if the garbage collector makes one, then it is refused":             {admissionv1.Create, collector, with(), "only Sallyport makes approval requests"},
		"if what is made is garbage, then it is refused":                     {admissionv1.Create, sallyport, "{", "cannot be read"},
		"if Sallyport deletes one, then it is allowed":                       {admissionv1.Delete, sallyport, nil, ""},
		"if the garbage collector deletes one, then it is allowed":           {admissionv1.Delete, collector, nil, ""},
		"if its namespace is deleted, then it is allowed":                    {admissionv1.Delete, "system:serviceaccount:kube-system:namespace-controller", nil, ""},
		"if a person deletes one, then the way is told":                      {admissionv1.Delete, "admin", nil, "kubectl delete executiongrant"},
		"if nobody is known to delete one, then it is refused":               {admissionv1.Delete, "", nil, "deleted with their grant"},
		"if the operation is another, then it is refused":                    {admissionv1.Connect, sallyport, nil, "does not know"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := world{}
			v := &ApprovalValidator{Decoder: testDecoder(), Live: w.client(), Now: clock, Username: sallyport}
			wantAnswer(t, v.Handle(t.Context(), *request(t, tc.operation, tc.user, tc.object, nil)), tc.want)
		})
	}
}

func TestApprovalRequestsThatCannotBeRead(t *testing.T) {
	tests := map[string]struct{ object, old any }{
		"if the object is garbage, then it is denied":               {"{", with()},
		"if the stored object is garbage, then it is denied":        {with(), "{"},
		"if the stored object is missing, then it is denied":        {with(), nil},
		"if the decisions are no list, then it is denied":           {`{"spec":{"decisions":"x"}}`, with()},
		"if a decision is no object, then it is denied":             {`{"spec":{"decisions":[1]}}`, with()},
		"if the spec is no object, then it is denied":               {`{"spec":[]}`, with()},
		"if an approver is no text, then it is denied or not valid": {`{"apiVersion":"access.sallyport.dev/v1alpha1","kind":"ApprovalRequest","spec":{"decisions":[{"approver":1}]}}`, with()},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := world{}
			m := &ApprovalMutator{Decoder: testDecoder(), Now: clock, Username: sallyport}
			v := &ApprovalValidator{Decoder: testDecoder(), Live: w.client(), Now: clock, Username: sallyport}
			req := request(t, admissionv1.Update, "approver", tc.object, tc.old)
			if r := m.Handle(t.Context(), *req); r.Allowed {
				req.Object.Raw = patched(t, req, r)
			}
			wantAnswer(t, v.Handle(t.Context(), *req), "cannot be read")
		})
	}
}

// FuzzDecision sends any change of a request through both handlers: what comes out is the old decisions and at most one
// more, of the person who sent it, now.
func FuzzDecision(f *testing.F) {
	theirs := decision("other", "Approved", present.Add(-time.Minute))
	old := with(theirs)
	add := func(r *approvalRequest) {
		b, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	add(with(theirs, decision("", "Approved", time.Time{})))
	add(with(theirs, decision("x", "Denied", present)))
	add(with(decision("approver", "Approved", present)))
	f.Add([]byte(`{"spec":{"decisions":[{"approver":"other"},{"approver":null}]}}`))
	w := world{objects: []client.Object{gen.MakeGrant(namespace, "g").Obj()}, verbs: []string{"approve"}}
	m := &ApprovalMutator{Decoder: testDecoder(), Now: clock, Username: sallyport}
	v := &ApprovalValidator{Decoder: testDecoder(), Live: w.client(), Now: clock, Username: sallyport}
	f.Fuzz(func(t *testing.T, object []byte) {
		req := request(t, admissionv1.Update, "approver", string(object), old)
		r := m.Handle(t.Context(), *req)
		if !r.Allowed || !onlyAdds(r) {
			return
		}
		req.Object.Raw = patched(t, req, r)
		if !v.Handle(t.Context(), *req).Allowed {
			return
		}
		got := &approvalRequest{}
		if err := json.Unmarshal(req.Object.Raw, got); err != nil {
			t.Fatal(err)
		}
		others := 0
		for _, d := range got.Spec.Decisions {
			switch {
			case cmp.Equal(d, theirs):
				others++
			case d.Approver != "approver" || !d.Time.Time.Equal(present):
				t.Errorf("allowed %+v", d)
			}
		}
		if others != 1 || len(got.Spec.Decisions) > 2 {
			t.Errorf("allowed %+v", got.Spec.Decisions)
		}
	})
}

// onlyAdds reports whether the patches can be applied by the tests' helper.
func onlyAdds(r admission.Response) bool {
	for _, op := range r.Patches {
		if op.Operation != "add" && op.Operation != "replace" {
			return false
		}
	}
	return true
}
