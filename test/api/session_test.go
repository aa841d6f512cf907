package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/test/gen"
)

func validSession() client.Object { return gen.MakeSession("", "s").ForCreate().Obj() }

func TestSession(t *testing.T) {
	runCreations(t, "ExecutionSession", validSession, map[string]creation{
		"if it is as the proxy makes it, it is accepted": with(),
		"if an argument is empty, it is accepted":        with(set("spec.command", list("sh", "-c", ""))),
		"if it has no command, it is accepted":           with(unset("spec.command")),
		"if a port-forward has no container, accepted":   with(set("spec.action", "PortForward"), unset("spec.container")),
		"if a port-forward has a container, refused":     with(set("spec.action", "PortForward")).isRefused("names its container"),
		"if an exec has no container, it is refused":     with(unset("spec.container")).isRefused("every session but a PortForward names its container"),
		"if it has no user, it is refused":               with(unset("spec.user")).isRefused("spec.user", "Required"),
		"if it has no grant, it is refused":              with(unset("spec.grantRef")).isRefused("spec.grantRef", "Required"),
		"if the pod is not pinned, it is refused":        with(unset("spec.podRef.uid")).isRefused("spec.podRef.uid", "Required"),
		"if it is not recorded, it is refused":           with(unset("spec.recording")).isRefused("spec.recording", "Required"),
		"if the digest has no form, it is refused":       with(set("spec.commandDigest", strings.Repeat("0", 71))).isRefused("spec.commandDigest", "sha256"),
		"if the digest is of an older gateway, accepted": with(set("spec.commandDigest", "sha256:"+strings.Repeat("0", 64))),
		"if the action is unknown, it is refused":        with(set("spec.action", "Fly")).isRefused("spec.action", "Unsupported value"),
		"if it has an unknown field, it is refused":      with(set("spec.secret", "x")).isRefused(`unknown field "spec.secret"`),
	})
}

func TestSessionSpecNeverChanges(t *testing.T) {
	c, session := cluster.AdminClient, gen.MakeSession(cluster.Namespace(t), "s").ForCreate().Obj()
	if err := c.Create(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	session.Spec.User.Username = "eve"
	checkAnswer(t, c.Update(t.Context(), session), []string{"spec", "the spec of a session is immutable"})
}

func TestSessionStatus(t *testing.T) {
	tests := map[string]struct {
		status  accessv1alpha1.ExecutionSessionStatus
		refused []string
	}{
		"if it goes live, it is accepted":            {accessv1alpha1.ExecutionSessionStatus{State: accessv1alpha1.SessionLive, UsedTokens: []string{"a"}}, nil},
		"if the exit code is 0, it is accepted":      {accessv1alpha1.ExecutionSessionStatus{State: accessv1alpha1.SessionEnded, ExitCode: new(int32(0))}, nil},
		"if bytes are counted, it is accepted":       {accessv1alpha1.ExecutionSessionStatus{State: accessv1alpha1.SessionLive, BytesIn: new(int64(0)), BytesOut: new(int64(1 << 40)), StartTime: &metav1.Time{Time: time.Unix(1, 0)}}, nil},
		"if bytes are less than none, it is refused": {accessv1alpha1.ExecutionSessionStatus{BytesOut: new(int64(-1))}, []string{"status.bytesOut", "0"}},
		"if the process was killed, it is accepted":  {accessv1alpha1.ExecutionSessionStatus{State: accessv1alpha1.SessionEnded, Process: accessv1alpha1.ProcessKilled, ProcessDetail: "TERM"}, nil},
		"if it has a condition, it is accepted": {accessv1alpha1.ExecutionSessionStatus{State: accessv1alpha1.SessionLive, Conditions: []metav1.Condition{{
			Type: accessv1alpha1.ConditionSecretValuesMasked, Status: metav1.ConditionTrue, Reason: accessv1alpha1.ReasonSecretsKnown, LastTransitionTime: metav1.Time{Time: time.Unix(1, 0)},
		}}}, nil},
		"if the recording waits, it is accepted":         {accessv1alpha1.ExecutionSessionStatus{State: accessv1alpha1.SessionEnded, RecordingState: accessv1alpha1.RecordingWaiting}, nil},
		"if the recording is nowhere, it is refused":     {accessv1alpha1.ExecutionSessionStatus{RecordingState: "Nowhere"}, []string{"status.recordingState", "Unsupported value"}},
		"if the process is in no state, it is refused":   {accessv1alpha1.ExecutionSessionStatus{Process: "Lost"}, []string{"status.process", "Unsupported value"}},
		"if the detail is a novel, it is refused":        {accessv1alpha1.ExecutionSessionStatus{ProcessDetail: strings.Repeat("x", 513)}, []string{"status.processDetail", "512"}},
		"if the state is unknown, it is refused":         {accessv1alpha1.ExecutionSessionStatus{State: "Lost"}, []string{"status.state", "Unsupported value"}},
		"if a token is used twice, it is refused":        {accessv1alpha1.ExecutionSessionStatus{UsedTokens: []string{"a", "a"}}, []string{"status.usedTokens[1]", "Duplicate value"}},
		"if too many tokens are used, it is refused":     {accessv1alpha1.ExecutionSessionStatus{UsedTokens: strings.Split("abcdefghi", "")}, []string{"status.usedTokens", "8"}},
		"if the reason is a novel, it is refused":        {accessv1alpha1.ExecutionSessionStatus{Reason: strings.Repeat("x", 1025)}, []string{"status.reason", "1024"}},
		"if a token has no identifier, it is refused":    {accessv1alpha1.ExecutionSessionStatus{UsedTokens: []string{""}}, []string{"status.usedTokens[0]", "at least 1 chars"}},
		"if a token's identifier is long, it is refused": {accessv1alpha1.ExecutionSessionStatus{UsedTokens: []string{strings.Repeat("x", 65)}}, []string{"status.usedTokens[0]", "64"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, session := cluster.AdminClient, gen.MakeSession(cluster.Namespace(t), "s").ForCreate().Obj()
			if err := c.Create(t.Context(), session); err != nil {
				t.Fatal(err)
			}
			session.Status = tt.status
			checkAnswer(t, c.Status().Update(t.Context(), session), tt.refused)
		})
	}
}

func TestSessionBeginsOpening(t *testing.T) {
	c, session := cluster.AdminClient, gen.MakeSession(cluster.Namespace(t), "s").ForCreate().Obj()
	session.Status.State = accessv1alpha1.SessionLive
	if err := c.Create(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	if session.Status.State != accessv1alpha1.SessionOpening {
		t.Errorf("a new session is %q", session.Status.State)
	}
}

func TestSessionNeverGoesBack(t *testing.T) {
	type status = accessv1alpha1.ExecutionSessionStatus
	const opening, live, ended = accessv1alpha1.SessionOpening, accessv1alpha1.SessionLive, accessv1alpha1.SessionEnded
	tests := map[string]struct {
		from, to status
		refused  []string
	}{
		"if it goes on, it is accepted":               {status{State: opening, UsedTokens: []string{"a"}}, status{State: live, UsedTokens: []string{"a", "b"}}, nil},
		"if it ends, it is accepted":                  {status{State: live}, status{State: ended}, nil},
		"if it opens again, it is refused":            {status{State: ended}, status{State: opening}, []string{"status", "never goes back"}},
		"if a live one opens again, it is refused":    {status{State: live}, status{State: opening}, []string{"status", "never goes back"}},
		"if the state is dropped, it is refused":      {status{State: ended}, status{UsedTokens: []string{"a"}}, []string{"status", "never goes back"}},
		"if a used token is forgotten, it is refused": {status{State: live, UsedTokens: []string{"a", "b"}}, status{State: live, UsedTokens: []string{"b"}}, []string{"status", "stays used"}},
		"if all used tokens are gone, it is refused":  {status{State: live, UsedTokens: []string{"a"}}, status{State: live}, []string{"status", "stays used"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, session := cluster.AdminClient, gen.MakeSession(cluster.Namespace(t), "s").ForCreate().Obj()
			if err := c.Create(t.Context(), session); err != nil {
				t.Fatal(err)
			}
			session.Status = tt.from
			if err := c.Status().Update(t.Context(), session); err != nil {
				t.Fatal(err)
			}
			session.Status = tt.to
			checkAnswer(t, c.Status().Update(t.Context(), session), tt.refused)
		})
	}
}

// `kubectl get executionsessions --field-selector spec.user.username=…,status.state=Live` says where somebody is now.
func TestSessionsAreFoundByUserAndState(t *testing.T) {
	c, ns := cluster.AdminClient, cluster.Namespace(t)
	for name, user := range map[string]string{"one": "developer", "two": "eve"} {
		session := gen.MakeSession(ns, name).ForCreate().Obj()
		session.Spec.User.Username = user
		if err := c.Create(t.Context(), session); err != nil {
			t.Fatal(err)
		}
		session.Status.State = accessv1alpha1.SessionLive
		if err := c.Status().Update(t.Context(), session); err != nil {
			t.Fatal(err)
		}
	}
	var found accessv1alpha1.ExecutionSessionList
	selector := fields.Set{"spec.user.username": "eve", "status.state": "Live"}.AsSelector()
	if err := c.List(t.Context(), &found, client.InNamespace(ns), client.MatchingFieldsSelector{Selector: selector}); err != nil {
		t.Fatal(err)
	}
	if len(found.Items) != 1 || found.Items[0].Name != "two" {
		t.Errorf("found %v", found.Items)
	}
}

// What `kubectl get executionsessions` shows, asked for as kubectl does.
func TestSessionColumns(t *testing.T) {
	c, ns := cluster.AdminClient, cluster.Namespace(t)
	session := gen.MakeSession(ns, "one").ForCreate().Obj()
	session.Spec.Command = []string{"sh", "-c", "ls"}
	if err := c.Create(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	session.Status = accessv1alpha1.ExecutionSessionStatus{
		State: accessv1alpha1.SessionLive, BytesIn: new(int64(12)), BytesOut: new(int64(3456)), Process: accessv1alpha1.ProcessRunning,
		RecordingState: accessv1alpha1.RecordingComplete,
		Conditions: []metav1.Condition{{
			Type: accessv1alpha1.ConditionSecretValuesMasked, Status: metav1.ConditionFalse, Reason: accessv1alpha1.ReasonSecretsTooLarge,
			LastTransitionTime: metav1.Now(),
		}},
	}
	if err := c.Status().Update(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	var shown metav1.Table
	shown.SetGroupVersionKind(metav1.SchemeGroupVersion.WithKind("Table"))
	clients, err := kubernetes.NewForConfig(cluster.AdminConfig)
	if err != nil {
		t.Fatal(err)
	}
	body, err := clients.RESTClient().Get().AbsPath("/apis/access.sallyport.dev/v1alpha1/namespaces/"+ns+"/executionsessions").
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, &shown); err != nil || len(shown.Rows) != 1 {
		t.Fatalf("%v: %s", err, body)
	}
	got := map[string]string{}
	for i, column := range shown.ColumnDefinitions {
		got[fmt.Sprint(column.Priority, " ", column.Name)] = fmt.Sprint(shown.Rows[0].Cells[i])
	}
	want := map[string]string{
		"0 Name": "one", "0 User": session.Spec.User.Username, "0 Action": "Exec", "0 Pod": session.Spec.PodRef.Name, "0 Container": session.Spec.Container,
		"0 State": "Live", "0 Exit": "<nil>", "0 In": "12", "0 Out": "3456", "0 Since": got["0 Since"], "1 Grant": session.Spec.GrantRef.Name,
		"1 Command": `["sh","-c","ls"]`, "1 Process": "Running", "1 Reason": "<nil>", "1 Recorded": "Complete",
		"1 Recording": session.Spec.Recording, "1 SecretValuesMasked": "False",
	}
	if diff := cmp.Diff(want, got); diff != "" || got["0 Since"] == "" {
		t.Errorf("shown (-want +got): %s", diff)
	}
}
