package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/test/gen"
)

var someDigest = "sha256:" + strings.Repeat("0123456789abcdef", 4)

func makeRequest(ns string) *gen.Request {
	return gen.MakeRequest(gen.MakeGrant(ns, "fix").Obj(), someDigest).ForCreate()
}

func validRequest() client.Object { return makeRequest("").Obj() }

func TestRequest(t *testing.T) {
	decisions := func(values ...any) change { return set("spec.decisions", list(values...)) }
	ann := object{"approver": "ann", "verdict": "Approved"}
	var crowd []any
	for i := range 33 {
		crowd = append(crowd, object{"approver": fmt.Sprintf("p%d", i), "verdict": "Approved"})
	}
	runCreations(t, "ApprovalRequest", validRequest, map[string]creation{
		"if it is as Sallyport makes it, it is accepted":    with(),
		"if it has a decision, it is accepted":              with(decisions(ann)),
		"if it has the longest summary, it is accepted":     with(set("spec.summary", strings.Repeat("x", 4096))),
		"if the summary is longer, it is refused":           with(set("spec.summary", strings.Repeat("x", 4097))).isRefused("spec.summary", "4096"),
		"if it has no summary, it is refused":               with(unset("spec.summary")).isRefused("spec.summary", "Required"),
		"if the digest has no form, it is refused":          with(set("spec.digest", strings.Repeat("0", 71))).isRefused("spec.digest", "sha256"),
		"if the digest is in upper case, it is refused":     with(set("spec.digest", "sha256:"+strings.Repeat("A", 64))).isRefused("spec.digest", "sha256"),
		"if the digest is too short, it is refused":         with(set("spec.digest", "sha256:00")).isRefused("spec.digest"),
		"if nobody is needed, it is refused":                with(set("spec.requiredApprovals", int64(0))).isRefused("spec.requiredApprovals", "greater than or equal to 1"),
		"if too many are needed, it is refused":             with(set("spec.requiredApprovals", int64(11))).isRefused("spec.requiredApprovals", "less than or equal to 10"),
		"if it has no deadline, it is refused":              with(unset("spec.deadline")).isRefused("spec.deadline", "Required"),
		"if it has no requester, it is refused":             with(unset("spec.requester")).isRefused("spec.requester", "Required"),
		"if the grant has no UID, it is refused":            with(unset("spec.grantRef.uid")).isRefused("spec.grantRef.uid", "Required"),
		"if it has an unknown field, it is refused":         with(set("spec.approved", true)).isRefused(`unknown field "spec.approved"`),
		"if a decision has an unknown field, it is refused": with(decisions(object{"approver": "ann", "verdict": "Approved", "force": true})).isRefused(`unknown field "spec.decisions[0].force"`),
		"if a verdict is unknown, it is refused":            with(decisions(object{"approver": "ann", "verdict": "Maybe"})).isRefused("spec.decisions[0].verdict", "Unsupported value"),
		"if a decision has no verdict, it is refused":       with(decisions(object{"approver": "ann"})).isRefused("spec.decisions[0].verdict", "Required"),
		"if a decision is nobody's, it is refused":          with(decisions(object{"verdict": "Approved"})).isRefused("spec.decisions[0].approver", "Required"),
		"if somebody decides twice, it is refused":          with(decisions(ann, object{"approver": "ann", "verdict": "Denied"})).isRefused("spec.decisions[1]", "Duplicate value"),
		"if the list of decisions is empty, it is refused":  with(decisions()).isRefused("spec.decisions", "at least 1 items"),
		"if a crowd decides, it is refused":                 with(set("spec.decisions", crowd)).isRefused("spec.decisions", "32"),
		"if a comment is too long, it is refused": with(decisions(object{"approver": "ann", "verdict": "Denied", "comment": strings.Repeat("x", 1025)})).
			isRefused("spec.decisions[0].comment", "1024"),
	})
}

func TestOnlyDecisionsAreAdded(t *testing.T) {
	at := gen.Epoch()
	const onlyDecisions = "only decisions may be added to an ApprovalRequest"
	tests := map[string]struct {
		change  func(*accessv1alpha1.ApprovalRequestSpec)
		refused []string
	}{
		"if somebody else decides, it is accepted": {func(s *accessv1alpha1.ApprovalRequestSpec) {
			s.Decisions = append(s.Decisions, accessv1alpha1.ApprovalDecision{Approver: "zoe", Verdict: accessv1alpha1.VerdictApproved, Time: gen.Stamp(at)})
		}, nil},
		"if the decisions change places, it is accepted": {func(s *accessv1alpha1.ApprovalRequestSpec) {
			s.Decisions[0], s.Decisions[1] = s.Decisions[1], s.Decisions[0]
		}, nil},
		"if a decision is dropped, it is refused":          {func(s *accessv1alpha1.ApprovalRequestSpec) { s.Decisions = s.Decisions[:1] }, []string{"spec", "a decision that was made cannot be withdrawn"}},
		"if all decisions are dropped, it is refused":      {func(s *accessv1alpha1.ApprovalRequestSpec) { s.Decisions = nil }, []string{"spec", "a decision that was made cannot be withdrawn"}},
		"if a decision is put in another's, refused":       {func(s *accessv1alpha1.ApprovalRequestSpec) { s.Decisions[1].Approver = "eve" }, []string{"a decision that was made cannot be withdrawn"}},
		"if a verdict changes, it is refused":              {func(s *accessv1alpha1.ApprovalRequestSpec) { s.Decisions[1].Verdict = accessv1alpha1.VerdictApproved }, []string{"spec.decisions[1]", "a decision that was made cannot be changed"}},
		"if a comment changes, it is refused":              {func(s *accessv1alpha1.ApprovalRequestSpec) { s.Decisions[0].Comment = "fine" }, []string{"spec.decisions[0]", "a decision that was made cannot be changed"}},
		"if the time of a decision changes, it is refused": {func(s *accessv1alpha1.ApprovalRequestSpec) { s.Decisions[0].Time = gen.Stamp(at.Add(time.Hour)) }, []string{"spec.decisions[0]", "a decision that was made cannot be changed"}},
		"if the digest changes, it is refused":             {func(s *accessv1alpha1.ApprovalRequestSpec) { s.Digest = "sha256:" + strings.Repeat("f", 64) }, []string{"spec.digest", onlyDecisions}},
		"if the grant changes, it is refused":              {func(s *accessv1alpha1.ApprovalRequestSpec) { s.GrantRef.UID = "another" }, []string{"spec.grantRef", onlyDecisions}},
		"if the requester changes, it is refused":          {func(s *accessv1alpha1.ApprovalRequestSpec) { s.Requester = "eve" }, []string{"spec.requester", onlyDecisions}},
		"if the subject changes, it is refused":            {func(s *accessv1alpha1.ApprovalRequestSpec) { s.Subject.Name = "eve" }, []string{"spec.subject", onlyDecisions}},
		"if the summary changes, it is refused":            {func(s *accessv1alpha1.ApprovalRequestSpec) { s.Summary = "harmless" }, []string{"spec.summary", onlyDecisions}},
		"if fewer people are needed, it is refused":        {func(s *accessv1alpha1.ApprovalRequestSpec) { s.RequiredApprovals = 1 }, []string{"spec.requiredApprovals", onlyDecisions}},
		"if the deadline moves, it is refused":             {func(s *accessv1alpha1.ApprovalRequestSpec) { s.Deadline = gen.Stamp(at.Add(48 * time.Hour)) }, []string{"spec.deadline", onlyDecisions}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := cluster.AdminClient
			request := makeRequest(cluster.Namespace(t)).Needs(2).ApprovedBy("ann", at).DeniedBy("bob", at).Obj()
			request.Generation = 0
			if err := c.Create(t.Context(), request); err != nil {
				t.Fatal(err)
			}
			tt.change(&request.Spec)
			checkAnswer(t, c.Update(t.Context(), request), tt.refused)
		})
	}
}

// One judgement is made, and stands.
func TestJudgementStands(t *testing.T) {
	tests := map[string]struct {
		before, after *gen.Request
		refused       []string
	}{
		"if it is judged, it is accepted":                       {makeRequest(""), makeRequest("").Settled("Approved"), nil},
		"if it was too late and is void, it is accepted":        {makeRequest("").Settled("DeadlineExceeded"), makeRequest("").Settled("ApprovalVoid"), nil},
		"if what was approved is denied, it is refused":         {makeRequest("").Settled("Approved"), makeRequest("").Settled("Denied"), []string{"what was decided stands"}},
		"if what was denied is approved, it is refused":         {makeRequest("").Settled("Denied"), makeRequest("").Settled("Approved"), []string{"what was decided stands"}},
		"if what was approved is taken back, it is refused":     {makeRequest("").Settled("Approved"), makeRequest("").Condition("Approved", metav1.ConditionFalse, "Denied"), []string{"what was decided stands"}},
		"if the judgement is wiped, it is refused":              {makeRequest("").Settled("Denied"), makeRequest(""), []string{"what was decided stands"}},
		"if it is approved and denied, it is refused":           {makeRequest(""), makeRequest("").Settled("Approved").Settled("Denied"), []string{"approved or denied, never both"}},
		"if what was approved is denied as well, it is refused": {makeRequest("").Settled("Approved"), makeRequest("").Settled("Approved").Settled("Denied"), []string{"approved or denied, never both"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, request := cluster.AdminClient, makeRequest(cluster.Namespace(t)).Obj()
			if err := c.Create(t.Context(), request); err != nil {
				t.Fatal(err)
			}
			request.Status = tt.before.Obj().Status
			if err := c.Status().Update(t.Context(), request); err != nil {
				t.Fatal(err)
			}
			request.Status = tt.after.Obj().Status
			checkAnswer(t, c.Status().Update(t.Context(), request), tt.refused)
		})
	}
}
