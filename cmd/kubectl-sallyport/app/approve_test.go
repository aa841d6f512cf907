package app

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/exit"
)

const digest = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"

// asked makes a request, named as given, about the grant named so.
func asked(name, grant string) *accessv1alpha1.ApprovalRequest {
	return &accessv1alpha1.ApprovalRequest{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID("uid-of-" + name), CreationTimestamp: metav1.NewTime(noon.Add(-3 * minute))},
		Spec: accessv1alpha1.ApprovalRequestSpec{
			GrantRef: accessv1alpha1.ObjectReference{Name: grant, UID: "uid-of-" + grant}, Digest: digest, Requester: "jane",
			Subject:           accessv1alpha1.Subject{Kind: accessv1alpha1.SubjectUser, Name: "jane"},
			Summary:           "Exec in pod web-0 for 15m: why\x1b[1A\x1b[2K",
			RequiredApprovals: 2, Deadline: metav1.NewTime(noon.Add(30 * minute)),
		},
	}
}

func granted(name, request string) *accessv1alpha1.ExecutionGrant {
	return &accessv1alpha1.ExecutionGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID("uid-of-" + name), CreationTimestamp: metav1.NewTime(noon.Add(-3 * minute))},
		Spec: accessv1alpha1.ExecutionGrantSpec{
			Requester: &accessv1alpha1.Identity{Username: "jane"}, Actions: []accessv1alpha1.Action{accessv1alpha1.ActionExec},
			Target: accessv1alpha1.Target{PodName: "web-0"}, Reason: "why", DurationSeconds: 900,
		},
		Status: accessv1alpha1.ExecutionGrantStatus{ApprovalRequestName: request},
	}
}

// admit stamps a decision as the webhook does, and fails as often as conflicts says.
func (w *world) admit(conflicts int, meanwhile func(client.WithWatch)) {
	w.intercept.Update = func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
		r, ok := obj.(*accessv1alpha1.ApprovalRequest)
		if !ok {
			w.t.Fatalf("updating a %T", obj)
		}
		if conflicts > 0 {
			conflicts--
			meanwhile(c)
			return apierrors.NewConflict(schema.GroupResource{}, r.Name, errors.New("somebody was faster"))
		}
		for i := range r.Spec.Decisions {
			if r.Spec.Decisions[i].Approver == "" {
				r.Spec.Decisions[i].Approver, r.Spec.Decisions[i].Time = "carl", metav1.NewTime(noon)
			}
		}
		return c.Update(ctx, r, opts...)
	}
}

func (w *world) decisions(name string) []accessv1alpha1.ApprovalDecision {
	w.t.Helper()
	var r accessv1alpha1.ApprovalRequest
	if err := w.client.Get(w.t.Context(), client.ObjectKey{Namespace: "shop", Name: name}, &r); err != nil {
		w.t.Fatal(err)
	}
	for i := range r.Spec.Decisions {
		r.Spec.Decisions[i].Time = metav1.Time{}
	}
	return r.Spec.Decisions
}

func TestDecide(t *testing.T) {
	const yes, no = accessv1alpha1.VerdictApproved, accessv1alpha1.VerdictDenied
	tests := map[string]struct {
		args     string
		terminal bool
		input    string
		code     exit.Code
		want     []accessv1alpha1.ApprovalDecision
		out, err []string
	}{
		"if approved by the request's name, then added": {
			args: "approve ask -m ok", want: []accessv1alpha1.ApprovalDecision{{Approver: "carl", Verdict: yes, Comment: "ok"}},
			out: []string{"approvalrequest.access.sallyport.dev/ask approved as carl\n"},
			err: []string{`Summary:   Exec in pod web-0 for 15m: why\x1b[1A\x1b[2K`, digest, "1 of 2 approvals: 1 more needed", "(30m left)"},
		},
		"if approved by the grant's name, then added":   {args: "approve fix", want: []accessv1alpha1.ApprovalDecision{{Approver: "carl", Verdict: yes}}},
		"if said to be a grant, then added":             {args: "approve grant/fix", want: []accessv1alpha1.ApprovalDecision{{Approver: "carl", Verdict: yes}}},
		"if said to be a request, then added":           {args: "approve xar/ask", want: []accessv1alpha1.ApprovalDecision{{Approver: "carl", Verdict: yes}}},
		"if said as kubectl prints it, then added":      {args: "approve approvalrequest.access.sallyport.dev/ask", want: []accessv1alpha1.ApprovalDecision{{Approver: "carl", Verdict: yes}}},
		"if denied, then added with the reason":         {args: "deny ask -m no", want: []accessv1alpha1.ApprovalDecision{{Approver: "carl", Verdict: no, Comment: "no"}}, out: []string{"denied as carl"}},
		"if a person says yes, then added":              {args: "approve ask", terminal: true, input: "Yes\n", want: []accessv1alpha1.ApprovalDecision{{Approver: "carl", Verdict: yes}}, err: []string{"Approve? [y/N]"}},
		"if a person says nothing, then nothing":        {args: "approve ask", terminal: true, input: "\n", code: exit.Failed, err: []string{"nothing was decided"}},
		"if a person goes away, then nothing":           {args: "approve ask", terminal: true, input: "y", code: exit.Failed},
		"if a person is not to be asked, then added":    {args: "approve ask --yes", terminal: true, want: []accessv1alpha1.ApprovalDecision{{Approver: "carl", Verdict: yes}}},
		"if a person denies and is asked, then so":      {args: "deny ask -m no", terminal: true, input: "n\n", code: exit.Failed, err: []string{"Deny? [y/N]"}},
		"if nothing has the name, then 4":               {args: "approve nothing", code: exit.NotFound, err: []string{"neither a request nor a grant", "approvals -A"}},
		"if the grant has no request yet, then 4":       {args: "approve new", code: exit.NotFound, err: []string{"no request for approval yet"}},
		"if the kind is unknown, then 2":                {args: "approve pod/x", code: exit.Usage, err: []string{"neither approvalrequest/NAME nor grant/NAME"}},
		"if the name means two things, then 2":          {args: "approve twice", code: exit.Usage, err: []string{"say approvalrequest/twice or grant/twice"}},
		"if the request is about an old grant, then 3":  {args: "approve grant/renewed", code: exit.Refused, err: []string{"about another grant"}},
		"if a grant is called like a request, then one": {args: "approve same", want: nil, out: []string{"/same approved"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.terminal, w.input = tc.terminal, tc.input
			w.objects = []client.Object{
				asked("ask", "fix"), granted("fix", "ask"), granted("new", ""),
				asked("twice", "other"), granted("twice", "ask2"), asked("ask2", "twice"),
				asked("same", "same"), granted("same", "same"),
				asked("old", "gone"), granted("renewed", "old"),
			}
			w.admit(0, nil)
			w.run(strings.Fields(tc.args)...).want(t, tc.code, tc.out, tc.err)
			if diff := cmp.Diff(tc.want, w.decisions("ask")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecideWithOthers(t *testing.T) {
	t.Run("if somebody was faster, then both decisions stand", func(t *testing.T) {
		w := newWorld(t)
		w.objects = []client.Object{asked("ask", "fix")}
		w.admit(2, func(c client.WithWatch) {
			other := asked("ask", "fix")
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(other), other); err != nil {
				t.Fatal(err)
			}
			other.Spec.Decisions = []accessv1alpha1.ApprovalDecision{{Approver: "dora", Verdict: accessv1alpha1.VerdictApproved}}
			if err := c.Update(t.Context(), other); err != nil {
				t.Fatal(err)
			}
		})
		w.run("approve", "ask").want(t, exit.OK, []string{"approved as carl"}, nil)
		want := []accessv1alpha1.ApprovalDecision{{Approver: "dora", Verdict: "Approved"}, {Approver: "carl", Verdict: "Approved"}}
		if diff := cmp.Diff(want, w.decisions("ask")); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("if the request was replaced by another, then nothing is decided", func(t *testing.T) {
		w := newWorld(t)
		w.objects = []client.Object{asked("ask", "fix")}
		w.admit(1, func(c client.WithWatch) {
			other := asked("ask", "fix")
			if err := c.Delete(t.Context(), other); err != nil {
				t.Fatal(err)
			}
			other.UID, other.Spec.Digest, other.ResourceVersion = "another", strings.Replace(digest, "2c", "ff", 1), ""
			if err := c.Create(t.Context(), other); err != nil {
				t.Fatal(err)
			}
		})
		w.run("approve", "ask").want(t, exit.Failed, nil, []string{"was replaced by another"})
		if got := w.decisions("ask"); got != nil {
			t.Errorf("decided: %+v", got)
		}
	})
	t.Run("if admission refuses, then 3 and its words", func(t *testing.T) {
		w := newWorld(t)
		w.objects = []client.Object{asked("ask", "fix")}
		w.intercept.Update = func(context.Context, client.WithWatch, client.Object, ...client.UpdateOption) error {
			return apierrors.NewForbidden(schema.GroupResource{Resource: "approvalrequests"}, "ask", errors.New("nobody approves a request of their own"))
		}
		w.run("approve", "ask").want(t, exit.Refused, nil, []string{"Error from server (Forbidden)", "nobody approves a request of their own"})
	})
	t.Run("if names are completed, then those that wait", func(t *testing.T) {
		w := newWorld(t)
		late := asked("late", "x")
		late.Spec.Deadline = metav1.NewTime(noon)
		w.objects = []client.Object{asked("ask", "fix"), late}
		r := w.exec(t.Context(), "__complete", "approve", "--kubeconfig", w.kubeconfigFile(), "")
		if r.code != exit.OK || !strings.HasPrefix(r.out, "ask\tExec in pod") || strings.Contains(r.out, "late") {
			t.Errorf("%+v", r)
		}
	})
}
