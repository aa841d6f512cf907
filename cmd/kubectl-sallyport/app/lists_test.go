package app

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/exit"
)

const minute = time.Minute

// manyObjects are some of each kind, in two namespaces and in no order.
func manyObjects() []client.Object {
	active := became(granted("active", "active"), accessv1alpha1.ReasonActive, accessv1alpha1.ConditionActive)
	active.Spec.Subject = &accessv1alpha1.Subject{Kind: accessv1alpha1.SubjectServiceAccount, Namespace: "ci", Name: "bot"}
	active.Spec.Commands = []accessv1alpha1.CommandPattern{{Argv: []string{"ls", "-l", "/var/*"}}, {Argv: []string{"id"}}}
	active.Spec.Target.Containers = []string{"app", "sidecar"}
	later := became(granted("later", "later"), accessv1alpha1.ReasonAwaitingWindow)
	later.Spec.Target = accessv1alpha1.Target{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}}
	later.Spec.Reason, later.Spec.Ticket = "why\x1b[2J\nnot", "OPS-1"
	waiting := became(granted("waiting", "ask"), accessv1alpha1.ReasonAwaitingApproval)
	waiting.CreationTimestamp = metav1.NewTime(noon.Add(-90 * time.Second))
	over := became(granted("over", "over"), accessv1alpha1.ReasonExpired)
	over.Namespace, over.Spec.Actions = "pay", []accessv1alpha1.Action{"Run", "Debug"}
	over.Spec.Subject = &accessv1alpha1.Subject{Kind: accessv1alpha1.SubjectGroup, Name: "ops"}
	over.Spec.Target = accessv1alpha1.Target{Images: []string{"x"}}

	decided := asked("decided", "active")
	decided.Status.Conditions = []metav1.Condition{{Type: accessv1alpha1.ConditionApproved, Status: metav1.ConditionTrue}}
	late := asked("late", "x")
	late.Spec.Deadline = metav1.NewTime(noon)
	half := asked("half", "y")
	half.Spec.Decisions = []accessv1alpha1.ApprovalDecision{{Approver: "dora", Verdict: accessv1alpha1.VerdictApproved}}

	return []client.Object{
		waiting, active, over, granted("fresh", ""), later, decided, late, half, asked("ask", "waiting"),
		counted(session("019ab034-5d00-7abc-8def-000000000001", accessv1alpha1.SessionLive, nil), 0, 123456789, ""),
		counted(session("019ab034-5d00-7abc-8def-000000000002", accessv1alpha1.SessionEnded, new(int32(3))), 7, 12, accessv1alpha1.ProcessKilled),
		session("019ab034-5d00-7abc-8def-000000000003", "", nil),
		session("019ab034-5d00-7abc-8def-000000000004", accessv1alpha1.SessionFailed, nil),
	}
}

func session(id string, state accessv1alpha1.SessionState, code *int32) *accessv1alpha1.ExecutionSession {
	return &accessv1alpha1.ExecutionSession{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: id, CreationTimestamp: metav1.NewTime(noon.Add(-5 * minute))},
		Spec: accessv1alpha1.ExecutionSessionSpec{
			User: accessv1alpha1.Identity{Username: "jane"}, Action: accessv1alpha1.ActionExec, Container: "app",
			PodRef: accessv1alpha1.ObjectReference{Name: "web-0"}, GrantRef: accessv1alpha1.ObjectReference{Name: "active"},
			Command: []string{"sh", "-c", "echo 'it''s'\x1b]0;x\a"},
		},
		Status: accessv1alpha1.ExecutionSessionStatus{State: state, ExitCode: code, Reason: "completed"},
	}
}

// counted adds what a session has once bytes have passed, and once it is over.
func counted(s *accessv1alpha1.ExecutionSession, in, out int64, process accessv1alpha1.SessionProcess) *accessv1alpha1.ExecutionSession {
	s.Status.BytesIn, s.Status.BytesOut, s.Status.Process = &in, &out, process
	s.Spec.Recording = "sessions/2025/11/23/" + s.Name + "/"
	return s
}

func TestLists(t *testing.T) {
	tests := map[string]struct{ args, file string }{
		"if grants are listed, then of the namespace":          {"grants", "grants.txt"},
		"if grants are listed wide, then with more":            {"grants -A -o wide", "grants-wide.txt"},
		"if grants are listed as JSON, then the objects":       {"grants -n pay -o json", "grants.json"},
		"if grants are listed by name, then names":             {"grants -o name", "grants-names.txt"},
		"if approvals are listed, then those that wait":        {"approvals", "approvals.txt"},
		"if decided approvals are listed, then all":            {"approvals --decided -o wide", "approvals-decided.txt"},
		"if approvals are listed as YAML, then the objects":    {"approvals -o yaml", "approvals.yaml"},
		"if sessions are listed, then live and recent":         {"sessions", "sessions.txt"},
		"if sessions are listed by the longer name, then same": {"sessions list", "sessions.txt"},
		"if sessions are listed wide, then with more":          {"sessions -o wide", "sessions-wide.txt"},
		"if live sessions are listed, then only those":         {"sessions list --live -A -o wide --no-headers", "sessions-live.txt"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.objects = manyObjects()
			r := w.run(strings.Fields(tc.args)...)
			r.want(t, exit.OK, nil, nil)
			golden(t, tc.file, r.out)
			if strings.Contains(r.out, "\x1b") {
				t.Error("a control character got through")
			}
		})
	}
}

func TestEmptyLists(t *testing.T) {
	for args, says := range map[string]string{
		"grants":                "No grants found in namespace shop\n",
		"approvals -A":          "No requests found\n",
		"sessions --live":       "No sessions found in namespace shop\n",
		"sessions list -n else": "No sessions found in namespace else\n",
	} {
		if r := newWorld(t).run(strings.Fields(args)...); r.code != exit.OK || r.out != "" || r.err != says {
			t.Errorf("%s: %+v", args, r)
		}
	}
}
