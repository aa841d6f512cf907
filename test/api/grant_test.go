package api_test

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/test/gen"
)

func validGrant() client.Object { return gen.MakeGrant("", "fix").ForCreate().Obj() }

// window replaces the duration.
func window(notBefore, notAfter string) change {
	return func(t *testing.T, obj map[string]any) {
		unset("spec.durationSeconds")(t, obj)
		set("spec.window", object{"notBefore": notBefore, "notAfter": notAfter})(t, obj)
	}
}

// target replaces the whole target.
func target(value object) change { return set("spec.target", value) }

func TestGrantTime(t *testing.T) {
	const one, end = "2026-03-01T12:00:00Z", "2026-03-01T13:00:00Z"
	runCreations(t, "ExecutionGrant", validGrant, map[string]creation{
		"if it has a duration, it is accepted":              with(),
		"if it has the shortest duration, it is accepted":   with(set("spec.durationSeconds", int64(10))),
		"if it has the longest duration, it is accepted":    with(set("spec.durationSeconds", int64(43200))),
		"if the duration is 0, it is refused":               with(set("spec.durationSeconds", int64(0))).isRefused("spec.durationSeconds", "greater than or equal to 10"),
		"if the duration is 9 s, it is refused":             with(set("spec.durationSeconds", int64(9))).isRefused("spec.durationSeconds", "greater than or equal to 10"),
		"if the duration is negative, it is refused":        with(set("spec.durationSeconds", int64(-60))).isRefused("spec.durationSeconds", "greater than or equal to 10"),
		"if the duration is 12 h and 1 s, it is refused":    with(set("spec.durationSeconds", int64(43201))).isRefused("spec.durationSeconds", "less than or equal to 43200"),
		"if the duration is 100 years, it is refused":       with(set("spec.durationSeconds", int64(3155760000))).isRefused("spec.durationSeconds"),
		"if the duration is a fraction, it is refused":      with(set("spec.durationSeconds", 10.5)).isRefused("spec.durationSeconds", "integer"),
		"if the duration has a unit, it is refused":         with(set("spec.durationSeconds", "15m")).isRefused("spec.durationSeconds", "integer"),
		"if it has a window, it is accepted":                with(window(one, end)),
		"if the window has a zone, it is accepted":          with(window("2026-03-01T12:00:00+02:00", "2026-03-01T12:00:00Z")),
		"if it has a window of 12 h, it is accepted":        with(window(one, "2026-03-02T00:00:00Z")),
		"if it has a window of 12 h 1 s, it is refused":     with(window(one, "2026-03-02T00:00:01Z")).isRefused("spec.window", "12 hours at most"),
		"if it has a window of 100 years, it is refused":    with(window(one, "2126-03-01T12:00:00Z")).isRefused("spec.window", "12 hours at most"),
		"if the window ends before it begins, refused":      with(window(end, one)).isRefused("spec.window", "notAfter must be later than notBefore"),
		"if the window is empty, it is refused":             with(window(one, one)).isRefused("spec.window", "notAfter must be later than notBefore"),
		"if the window begins within a second, refused":     with(window("2026-03-01T12:00:00.000001Z", end)).isRefused("spec.window", "whole seconds"),
		"if the window ends within a second, it is refused": with(window(one, "2026-03-01T12:30:00.5Z")).isRefused("spec.window", "whole seconds"),
		"if a time has no zone, it is refused":              with(window("2026-03-01T12:00:00", end)).isRefused("spec.window.notBefore", "date-time"),
		"if a time does not exist, it is refused":           with(window("2026-02-30T12:00:00Z", end)).isRefused("spec.window.notBefore", "date-time"),
		"if the window has no end, it is refused": with(unset("spec.durationSeconds"), set("spec.window", object{"notBefore": one})).
			isRefused("spec.window.notAfter", "Required"),
		"if it has both, it is refused": with(set("spec.window", object{"notBefore": one, "notAfter": end})).
			isRefused("exactly one of durationSeconds and window"),
		"if it has neither, it is refused": with(unset("spec.durationSeconds")).isRefused("exactly one of durationSeconds and window"),
	})
}

func TestGrantTarget(t *testing.T) {
	app := object{"matchLabels": object{"app": "web"}}
	runCreations(t, "ExecutionGrant", validGrant, map[string]creation{
		"if it names a pod, it is accepted":                        with(target(object{"podName": "web-0.db"})),
		"if it has the pod's UID, it is accepted":                  with(target(object{"podName": "web", "podUID": "6a0c"})),
		"if it has a UID and labels, it is refused":                with(target(object{"selector": app, "podUID": "6a0c"})).isRefused("spec.target", "podUID stands beside podName only"),
		"if it has only a UID, it is refused":                      with(target(object{"podUID": "6a0c"})).isRefused("podUID stands beside podName only"),
		"if the pod's UID is empty, it is refused":                 with(target(object{"podName": "web", "podUID": ""})).isRefused("spec.target.podUID", "at least 1 chars"),
		"if the pod's UID is too long, it is refused":              with(target(object{"podName": "web", "podUID": strings.Repeat("x", 65)})).isRefused("spec.target.podUID", "64"),
		"if it names labels, it is accepted":                       with(target(object{"selector": app})),
		"if it names an expression, it is accepted":                with(target(object{"selector": object{"matchExpressions": list(object{"key": "app", "operator": "Exists"})}})),
		"if it names containers, it is accepted":                   with(target(object{"podName": "web", "containers": list("app", "log")})),
		"if there is no target, it is refused":                     with(unset("spec.target")).isRefused("spec.target", "Required"),
		"if the target is empty, it is refused":                    with(target(object{})).isRefused("spec.target", "at least 1 properties"),
		"if it names only containers, it is refused":               with(target(object{"containers": list("app")})).isRefused("target needs podName or selector"),
		"if it names a pod and labels, it is refused":              with(target(object{"podName": "web", "selector": app})).isRefused("spec.target", "podName and selector exclude each other"),
		"if the selector is empty, it is refused":                  with(target(object{"selector": object{}})).isRefused("spec.target.selector", "a selector that names no label would choose every pod"),
		"if the selector only says what is missing, it is refused": with(target(object{"selector": object{"matchExpressions": []any{object{"key": "zzz", "operator": "DoesNotExist"}}}})).isRefused("spec.target.selector", "a selector that names no label would choose every pod"),
		"if the labels are empty, it is refused":                   with(target(object{"selector": object{"matchLabels": object{}}})).isRefused("spec.target.selector", "a selector that names no label would choose every pod"),
		"if the pod's name is none, it is refused":                 with(target(object{"podName": "Web_1"})).isRefused("spec.target.podName", "not the name of a pod"),
		"if the pod's name is a path, it is refused":               with(target(object{"podName": "../db"})).isRefused("spec.target.podName", "not the name of a pod"),
		"if the pod's name is empty, it is refused":                with(target(object{"podName": ""})).isRefused("spec.target.podName", "at least 1 chars"),
		"if a container's name is none, refused":                   with(target(object{"podName": "web", "containers": list("a b")})).isRefused("spec.target.containers[0]", "not the name of a container"),
		"if the list of containers is empty, refused":              with(target(object{"podName": "web", "containers": list()})).isRefused("spec.target.containers", "at least 1 items"),
		"if a container is named twice, refused":                   with(target(object{"podName": "web", "containers": list("app", "app")})).isRefused("spec.target.containers[1]", "Duplicate value"),
		"if it is for PortForward, it is accepted":                 with(set("spec.actions", list("PortForward")), target(object{"podName": "web"})),
		"if it is for every action, it is accepted":                with(set("spec.actions", list("Exec", "Attach", "PortForward", "Run", "Debug")), target(object{"podName": "web", "images": list("busybox")})),
		"if it is for ports of a container, it is refused":         with(set("spec.actions", list("Exec", "PortForward")), target(object{"podName": "web", "containers": list("app")})).isRefused("PortForward reaches the ports of every container"),
		"if it is for PortForward without a pod, it is refused":    with(set("spec.actions", list("PortForward")), unset("spec.target.podName")).isRefused("spec.target"),
		"if it is for Run with images, no pod needed":              with(set("spec.actions", list("Run")), target(object{"images": list("busybox:*")})),
		"if it is for Run without images, refused":                 with(set("spec.actions", list("Run")), target(object{"podName": "web"})).isRefused("target.images is required"),
		"if it is for Debug without images, refused":               with(set("spec.actions", list("Debug"))).isRefused("target.images is required"),
		"if it is for Run and Exec without a pod, it is refused": with(set("spec.actions", list("Run", "Exec")), target(object{"images": list("busybox")})).
			isRefused("target needs podName or selector"),
	})
}

func TestGrantWords(t *testing.T) {
	runCreations(t, "ExecutionGrant", validGrant, map[string]creation{
		"if the spec has an unknown field, it is refused":   with(set("spec.duration", "15m")).isRefused(`unknown field "spec.duration"`),
		"if the target has an unknown field, it is refused": with(set("spec.target.pod", "web")).isRefused(`unknown field "spec.target.pod"`),
		"if it has an unknown field, it is refused":         with(set("approved", true)).isRefused(`unknown field "approved"`),
		"if there is no spec, it is refused":                with(unset("spec")).isRefused("spec", "Required"),
		"if there is no action, it is refused":              with(unset("spec.actions")).isRefused("spec.actions", "Required"),
		"if the list of actions is empty, it is refused":    with(set("spec.actions", list())).isRefused("spec.actions", "at least 1 items"),
		"if an action is unknown, it is refused":            with(set("spec.actions", list("Fly"))).isRefused("spec.actions[0]", `Unsupported value: "Fly"`),
		"if an action is in lower case, it is refused":      with(set("spec.actions", list("exec"))).isRefused("spec.actions[0]", "Unsupported value"),
		"if an action is named twice, it is refused":        with(set("spec.actions", list("Exec", "Exec"))).isRefused("spec.actions[1]", "Duplicate value"),
		"if it is for Copy, it is accepted":                 with(set("spec.actions", list("Copy"))),
		"if copies are recorded by digest, it is accepted":  with(set("spec.actions", list("Copy")), set("spec.recording", object{"copies": "DigestOnly"})),
		"if copies are recorded in full, it is accepted":    with(set("spec.actions", list("Copy")), set("spec.recording", object{"copies": "Full"})),
		"if copies are not recorded, it is refused":         with(set("spec.actions", list("Copy")), set("spec.recording", object{"copies": "None"})).isRefused("spec.recording.copies", "Unsupported value"),
		"if recording says nothing, it is refused":          with(set("spec.actions", list("Copy")), set("spec.recording", object{})).isRefused("spec.recording", "at least 1 properties"),
		"if bytes are to be spooled, it is accepted":        with(set("spec.recording", object{"durability": "Spool"})),
		"if bytes are to be stored, it is accepted":         with(set("spec.recording", object{"durability": "Store"})),
		"if a copy is to be stored, it is accepted":         with(set("spec.actions", list("Copy")), set("spec.recording", object{"copies": "Full", "durability": "Store"})),
		"if bytes are to be kept in memory, it is refused":  with(set("spec.recording", object{"durability": "Memory"})).isRefused("spec.recording.durability", "Unsupported value"),
		"if durability is in lower case, it is refused":     with(set("spec.recording", object{"durability": "store"})).isRefused("spec.recording.durability", "Unsupported value"),
		"if durability is empty, it is refused":             with(set("spec.recording", object{"durability": ""})).isRefused("spec.recording.durability", "Unsupported value"),
		"if what is left is killed, it is accepted":         with(set("spec.onEnd", "Kill")),
		"if what is left goes on, it is accepted":           with(set("spec.actions", list("Attach")), set("spec.onEnd", "Leave")),
		"if it kills what it does not start, it is refused": with(set("spec.actions", list("Attach")), set("spec.onEnd", "Kill")).isRefused("spec", "what Exec and Copy start"),
		"if something else is done at the end, refused":     with(set("spec.onEnd", "Burn")).isRefused("spec.onEnd", "Unsupported value"),
		"if it records copies and has none, it is refused":  with(set("spec.recording", object{"copies": "Full"})).isRefused("spec", "for the action Copy"),
		"if there is no reason, it is refused":              with(unset("spec.reason")).isRefused("spec.reason", "Required"),
		"if the reason is too short, it is refused":         with(set("spec.reason", "ab")).isRefused("spec.reason", "at least 3 chars"),
		"if the reason is blank, it is refused":             with(set("spec.reason", "   \n")).isRefused("spec.reason", "say in at least 3 characters why"),
		"if the reason is too long, it is refused":          with(set("spec.reason", strings.Repeat("x", 1025))).isRefused("spec.reason", "1024"),
		"if the ticket is too long, it is refused":          with(set("spec.ticket", strings.Repeat("x", 129))).isRefused("spec.ticket", "128"),
		"if commands are given, it is accepted":             with(set("spec.commands", list(object{"argv": list("ls", "**")}))),
		"if the list of commands is empty, it is refused":   with(set("spec.commands", list())).isRefused("spec.commands", "at least 1 items"),
		"if a command is empty, it is refused":              with(set("spec.commands", list(object{"argv": list()}))).isRefused("spec.commands[0].argv", "at least 1 items"),
		"if an argument is empty, it is refused":            with(set("spec.commands", list(object{"argv": list("")}))).isRefused("spec.commands[0].argv[0]", "at least 1 chars"),
		"if a command is a line, it is refused":             with(set("spec.commands", list("ls -l"))).isRefused("spec.commands[0]", "must be of type object"),
	})
}

func TestGrantPeople(t *testing.T) {
	subject := func(value object) change { return set("spec.subject", value) }
	runCreations(t, "ExecutionGrant", validGrant, map[string]creation{
		"if nobody requested it, admission is to say who":     with(unset("spec.requester")),
		"if it is for a user, it is accepted":                 with(subject(object{"kind": "User", "name": "dev"})),
		"if it is for a group, it is accepted":                with(subject(object{"kind": "Group", "name": "devs"})),
		"if it is for a service account, it is accepted":      with(subject(object{"kind": "ServiceAccount", "name": "bot", "namespace": "ci"})),
		"if a service account has no namespace, refused":      with(subject(object{"kind": "ServiceAccount", "name": "bot"})).isRefused("spec.subject", "namespace is required for a ServiceAccount"),
		"if a user has a namespace, it is refused":            with(subject(object{"kind": "User", "name": "dev", "namespace": "ci"})).isRefused("spec.subject", "forbidden for a User"),
		"if the namespace is none, it is refused":             with(subject(object{"kind": "ServiceAccount", "name": "bot", "namespace": "a:b"})).isRefused("spec.subject.namespace", "not the name of a namespace"),
		"if the subject's kind is unknown, it is refused":     with(subject(object{"kind": "Everyone", "name": "dev"})).isRefused("spec.subject.kind", "Unsupported value"),
		"if the subject has no kind, it is refused":           with(subject(object{"name": "dev"})).isRefused("spec.subject.kind", "Required"),
		"if the subject has no name, it is refused":           with(subject(object{"kind": "User"})).isRefused("spec.subject.name", "Required"),
		"if the subject's name is empty, it is refused":       with(subject(object{"kind": "User", "name": ""})).isRefused("spec.subject.name", "at least 1 chars"),
		"if the requester has no name, it is refused":         with(set("spec.requester", object{})).isRefused("spec.requester.username", "Required"),
		"if the requester has an unknown field, refused":      with(set("spec.requester.admin", true)).isRefused(`unknown field "spec.requester.admin"`),
		"if the requester's list of groups is empty, refused": with(set("spec.requester.groups", list())).isRefused("spec.requester.groups", "at least 1 items"),
	})
}

func TestGrantSpecNeverChanges(t *testing.T) {
	changes := map[string]func(*gen.Grant){
		"the duration":  func(g *gen.Grant) { g.Duration(12 * time.Hour) },
		"the pod":       func(g *gen.Grant) { g.Pod("db") },
		"the pod's UID": func(g *gen.Grant) { g.PodUID("x") },
		"the actions":   func(g *gen.Grant) { g.Actions("Exec", "Attach") },
		"the commands":  func(g *gen.Grant) { g.Command("sh") },
		"the requester": func(g *gen.Grant) { g.Requester("eve") },
		"no requester":  func(g *gen.Grant) { g.Requester("") },
		"the subject":   func(g *gen.Grant) { g.Subject(accessv1alpha1.Subject{Kind: "User", Name: "eve"}) },
		"the reason":    func(g *gen.Grant) { g.Reason("another reason") },
	}
	ns, c := cluster.Namespace(t), cluster.AdminClient
	grant := gen.MakeGrant(ns, "fix").ForCreate().Obj()
	if err := c.Create(t.Context(), grant); err != nil {
		t.Fatal(err)
	}
	for name, change := range changes {
		t.Run("if "+name+" is put in, it is refused", func(t *testing.T) {
			g := gen.MakeGrant(ns, "fix").ForCreate()
			change(g)
			other := g.Obj()
			other.ResourceVersion = grant.ResourceVersion
			checkAnswer(t, c.Update(t.Context(), other), []string{"spec", "the spec of a grant is immutable: delete this grant and request another"})
		})
	}
	t.Run("if only labels change, it is accepted", func(t *testing.T) {
		grant.Labels = map[string]string{"team": "a"}
		checkAnswer(t, c.Update(t.Context(), grant), nil)
	})
}

func TestNewGrantIsNotReady(t *testing.T) {
	c := cluster.AdminClient
	grant := gen.MakeGrant(cluster.Namespace(t), "fix").Active("sha256:"+strings.Repeat("0", 64), gen.Epoch(), gen.Epoch().Add(time.Hour)).ForCreate().Obj()
	if err := c.Create(t.Context(), grant); err != nil {
		t.Fatal(err)
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(grant), grant); err != nil {
		t.Fatal(err)
	}
	ready := meta.FindStatusCondition(grant.Status.Conditions, accessv1alpha1.ConditionReady)
	if ready == nil || ready.Status != metav1.ConditionUnknown || ready.Reason != accessv1alpha1.ReasonPending {
		t.Errorf("the condition Ready of a new grant is %+v", ready)
	}
	if len(grant.Status.Conditions) != 1 || grant.Status.ApprovedDigest != "" || grant.Status.ActiveUntil != nil {
		t.Errorf("a person wrote into the status: %+v", grant.Status)
	}
}

// Not even Sallyport itself can extend a grant or put something else in place of what was approved.
func TestApprovedGrantIsNeverExtended(t *testing.T) {
	digest := "sha256:" + strings.Repeat("a", 64)
	from, until := gen.Epoch(), gen.Epoch().Add(15*time.Minute)
	tests := map[string]struct {
		change  func(*accessv1alpha1.ExecutionGrantStatus)
		refused string
	}{
		"if nothing changes, it is accepted":       {func(*accessv1alpha1.ExecutionGrantStatus) {}, ""},
		"if the end moves closer, it is accepted":  {func(s *accessv1alpha1.ExecutionGrantStatus) { s.ActiveUntil = new(gen.Stamp(until.Add(-time.Minute))) }, ""},
		"if the end moves away, it is refused":     {func(s *accessv1alpha1.ExecutionGrantStatus) { s.ActiveUntil = new(gen.Stamp(until.Add(time.Second))) }, "a grant is never extended"},
		"if the end is removed, it is refused":     {func(s *accessv1alpha1.ExecutionGrantStatus) { s.ActiveUntil = nil }, "a grant is never extended"},
		"if the beginning moves, it is refused":    {func(s *accessv1alpha1.ExecutionGrantStatus) { s.ActiveFrom = new(gen.Stamp(from.Add(time.Second))) }, "activeFrom never changes"},
		"if the digest changes, it is refused":     {func(s *accessv1alpha1.ExecutionGrantStatus) { s.ApprovedDigest = "sha256:" + strings.Repeat("b", 64) }, "what was approved never changes"},
		"if the digest has no form, it is refused": {func(s *accessv1alpha1.ExecutionGrantStatus) { s.ApprovedDigest = strings.Repeat("b", 71) }, "status.approvedDigest"},
		"if the status is wiped, it is refused":    {func(s *accessv1alpha1.ExecutionGrantStatus) { *s = accessv1alpha1.ExecutionGrantStatus{} }, "never"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, grant := cluster.AdminClient, gen.MakeGrant(cluster.Namespace(t), "fix").ForCreate().Obj()
			if err := c.Create(t.Context(), grant); err != nil {
				t.Fatal(err)
			}
			grant.Status = gen.MakeGrant("", "").Active(digest, from, until).Obj().Status
			if err := c.Status().Update(t.Context(), grant); err != nil {
				t.Fatal(err)
			}
			tt.change(&grant.Status)
			var fragments []string
			if tt.refused != "" {
				fragments = []string{tt.refused}
			}
			checkAnswer(t, c.Status().Update(t.Context(), grant), fragments)
		})
	}
}
