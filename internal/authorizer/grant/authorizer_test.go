package grant

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/approval"
	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/test/gen"
)

const (
	webUID = "web-uid"
	noHelp = "no grant covers this; request one: kubectl sallyport request -n shop --pod web -c app --reason WHY"
)

// cached is a reader that lists as controller-runtime's cache does without deep copies.
type cached struct {
	client.Reader

	objects []runtime.Object
	err     error
	asked   string
}

func (c *cached) List(_ context.Context, list client.ObjectList, opts ...client.ListOption) error {
	o := client.ListOptions{}
	o.ApplyOptions(opts)
	c.asked = o.Namespace
	if c.err != nil {
		return c.err
	}
	return meta.SetList(list, c.objects)
}

func now() time.Time { return gen.Epoch().Add(time.Minute) }

// pinned makes a grant for the pod "web" as it is.
func pinned(name string) *gen.Grant { return gen.MakeGrant("shop", name).PodUID(webUID) }

// activate writes the status of a grant that was approved as it is: from the Epoch, for 15 minutes.
func activate(g *gen.Grant) *accessv1alpha1.ExecutionGrant {
	return activateUntil(g, gen.Epoch().Add(15*time.Minute))
}

func activateUntil(g *gen.Grant, until time.Time) *accessv1alpha1.ExecutionGrant {
	return g.Active(approval.Digest(g.Obj()), gen.Epoch(), until).Obj()
}

func execAttributes(change func(*authorizer.Attributes)) authorizer.Attributes {
	a := authorizer.Attributes{
		User:   authorizer.User{Name: "developer", Groups: []string{"developers", "system:authenticated"}},
		Action: "Exec", Namespace: "shop", Pod: "web", PodUID: webUID, PodLabels: map[string]string{"app": "web"},
		Container: "app", Command: []string{"ls", "/tmp"},
	}
	if change != nil {
		change(&a)
	}
	return a
}

func runAttributes(a *authorizer.Attributes) {
	*a = authorizer.Attributes{User: a.User, Action: "Run", Namespace: "shop", Images: []string{"busybox:1"}, Command: []string{"sleep", "60"}}
}

func forwardAttributes(a *authorizer.Attributes) {
	a.Action, a.Container, a.Command = "PortForward", "", nil
}

func copyAttributes(a *authorizer.Attributes) {
	a.Action, a.Command = "Copy", []string{"tar", "cf", "-", "/var/log/app.log"}
}

func debugAttributes(a *authorizer.Attributes) {
	a.Action, a.Container, a.Images, a.Command = "Debug", "", []string{"busybox:1"}, nil
}

func TestAuthorize(t *testing.T) {
	type grants = []*accessv1alpha1.ExecutionGrant
	exec, attach, run, debug := accessv1alpha1.ActionExec, accessv1alpha1.ActionAttach, accessv1alpha1.ActionRun, accessv1alpha1.ActionDebug
	forward := accessv1alpha1.ActionPortForward
	user := func(kind accessv1alpha1.SubjectKind, namespace, name string) accessv1alpha1.Subject {
		return accessv1alpha1.Subject{Kind: kind, Namespace: namespace, Name: name}
	}
	tests := map[string]struct {
		grants  grants
		request func(*authorizer.Attributes)
		allow   string   // the grant that covers the request
		reasons []string // the reasons of a denial, in order, by a part of each
	}{
		"if there is no grant, then the message says how to request one": {reasons: []string{noHelp}},
		"if a grant covers the request, then it is allowed":              {grants: grants{activate(pinned("g"))}, allow: "g"},

		// Whose grant.
		"if the grant is another user's, then it is not even named": {grants: grants{activate(pinned("g").Requester("other"))}, reasons: []string{noHelp}},
		"if the grant has no requester, then nobody may use it":     {grants: grants{activate(pinned("g").Requester(""))}, reasons: []string{noHelp}},
		"if it is for a group of the user, then it is allowed": {
			grants: grants{activate(pinned("g").Requester("other").Subject(user(accessv1alpha1.SubjectGroup, "", "developers")))}, allow: "g",
		},
		"if it is for another group, then it is not even named": {
			grants: grants{activate(pinned("g").Subject(user(accessv1alpha1.SubjectGroup, "", "developer")))}, reasons: []string{noHelp},
		},
		"if it is for a service account, then that may use it": {
			grants:  grants{activate(pinned("g").Subject(user(accessv1alpha1.SubjectServiceAccount, "ci", "bot")))},
			request: func(a *authorizer.Attributes) { a.User = authorizer.User{Name: "system:serviceaccount:ci:bot"} }, allow: "g",
		},
		"if it is for a service account of another namespace, then not": {
			grants:  grants{activate(pinned("g").Subject(user(accessv1alpha1.SubjectServiceAccount, "ci", "bot")))},
			request: func(a *authorizer.Attributes) { a.User = authorizer.User{Name: "system:serviceaccount:shop:bot"} }, reasons: []string{noHelp},
		},
		"if the requester named somebody else, then the requester may not use it": {
			grants: grants{activate(pinned("g").Subject(user(accessv1alpha1.SubjectUser, "", "other")))}, reasons: []string{noHelp},
		},

		// When.
		"if it was never looked at, then the message says to wait": {grants: grants{pinned("g").Obj()}, reasons: []string{`grant "g" was requested a moment ago`}},
		"if it waits for approval, then the message has the approver's command": {
			grants: grants{pinned("g").Condition("Ready", "False", accessv1alpha1.ReasonAwaitingApproval).Obj()},
			reasons: []string{
				`grant "g" is waiting for approval; an approver has to run: kubectl sallyport approve -n shop g`,
			},
		},
		"if its window begins later, then the message says when": {
			grants: grants{pinned("g").Approved("x", now().Add(time.Second), now().Add(time.Hour)).Obj()}, reasons: []string{`grant "g" begins at 2026-03-01T12:01:01Z`},
		},
		"if it is approved but not opened yet, then the message says to try again": {
			grants: grants{pinned("g").Approved("x", gen.Epoch(), now().Add(time.Hour)).Obj()}, reasons: []string{`grant "g" is approved and opens in a moment`},
		},
		"if its last moment has come, then it is allowed": {grants: grants{activateUntil(pinned("g"), now().Add(time.Second))}, allow: "g"},
		"if it has ended by the clock, then it is denied though the status says active": {
			grants: grants{activateUntil(pinned("g"), now())}, reasons: []string{`grant "g" has expired at 2026-03-01T12:01:00Z`, noHelp},
		},
		"if it has expired, then the message says so": {
			grants:  grants{pinned("g").Condition("Ready", "True", accessv1alpha1.ReasonExpired).Obj()},
			reasons: []string{`grant "g" has expired`, noHelp},
		},
		"if it was denied, then the message says so": {
			grants: grants{pinned("g").Condition("Ready", "False", accessv1alpha1.ReasonDenied).Obj()}, reasons: []string{`grant "g" was denied`, noHelp},
		},
		"if nobody approved in time, then the message says so": {
			grants:  grants{pinned("g").Condition("Ready", "False", accessv1alpha1.ReasonDeadlineExceeded).Obj()},
			reasons: []string{`grant "g" was not approved in time`, noHelp},
		},
		"if its approval is void, then the message says so": {
			grants:  grants{pinned("g").Condition("Ready", "False", accessv1alpha1.ReasonApprovalVoid).Obj()},
			reasons: []string{`grant "g" has lost its approval`, noHelp},
		},
		"if it is being deleted, then it is denied at once": {
			grants: grants{func() *accessv1alpha1.ExecutionGrant {
				g := activate(pinned("g"))
				g.DeletionTimestamp = new(gen.Stamp(now()))
				return g
			}()}, reasons: []string{`grant "g" is being deleted`, noHelp},
		},
		"if it is not what was approved, then it is denied": {
			grants: grants{func() *accessv1alpha1.ExecutionGrant {
				g := activate(pinned("g"))
				g.Spec.Reason = "another one"
				return g
			}()}, reasons: []string{`grant "g" is not what was approved`, noHelp},
		},
		"if its condition was taken back, then it is denied": {
			grants:  grants{pinned("g").Active("x", gen.Epoch(), now().Add(time.Hour)).Condition("Active", "False", "X").Condition("Ready", "False", "Denied").Obj()},
			reasons: []string{`grant "g" was denied`, noHelp},
		},

		// What.
		"if it is of another namespace, then it is not even named": {
			grants: grants{func() *accessv1alpha1.ExecutionGrant {
				g := activate(pinned("g"))
				g.Namespace = "other"
				return g
			}()}, reasons: []string{noHelp},
		},
		"if it covers another action, then the message names both": {grants: grants{activate(pinned("g").Actions(attach))}, reasons: []string{`covers the action Attach, not Exec`, noHelp}},
		"if it covers Copy, then a copy is allowed": {
			grants: grants{activate(pinned("g").Actions(accessv1alpha1.ActionCopy))}, request: copyAttributes, allow: "g",
		},
		"if it covers Exec alone, then a copy is not one": {
			grants: grants{activate(pinned("g"))}, request: copyAttributes, reasons: []string{"covers the action Exec, not Copy", "--action Copy"},
		},
		"if it covers Copy alone, then an exec is denied": {
			grants: grants{activate(pinned("g").Actions(accessv1alpha1.ActionCopy))}, reasons: []string{"covers the action Copy, not Exec", noHelp},
		},
		"if it covers the copy of a path, then that is allowed": {
			grants: grants{activate(pinned("g").Actions(accessv1alpha1.ActionCopy).Command("tar", "cf", "-", "/var/log/*"))}, request: copyAttributes, allow: "g",
		},
		"if it covers the copy of another path, then it is denied": {
			grants:  grants{activate(pinned("g").Actions(accessv1alpha1.ActionCopy).Command("tar", "cf", "-", "/tmp/*"))},
			request: copyAttributes, reasons: []string{"other commands", "--action Copy"},
		},
		"if a copy has no command, then it is denied": {
			grants:  grants{activate(pinned("g").Actions(accessv1alpha1.ActionCopy))},
			request: func(a *authorizer.Attributes) { a.Action, a.Command = "Copy", nil }, reasons: []string{"--action Copy"},
		},
		"if the action is unknown, then it is denied": {
			grants: grants{activate(pinned("g").Actions("Fly"))}, request: func(a *authorizer.Attributes) { a.Action = "Fly" },
			reasons: []string{"no grant covers this"},
		},
		"if it covers another pod, then the message names both": {grants: grants{activate(pinned("g").Pod("db"))}, reasons: []string{`grant "g" covers pod db, not web`, noHelp}},
		"if the pod was replaced, then the message says so": {
			grants: grants{activate(pinned("g"))}, request: func(a *authorizer.Attributes) { a.PodUID = "new" }, reasons: []string{"was replaced since", "no grant covers this"},
		},
		"if the pod's UID was never stamped, then it is denied": {
			grants: grants{activate(pinned("g").PodUID(""))}, reasons: []string{"was replaced since", noHelp},
		},
		"if the pod's UID was changed after the approval, then it is denied": {
			grants:  grants{pinned("g").Active(approval.Digest(pinned("g").PodUID("old").Obj()), gen.Epoch(), now().Add(time.Hour)).Obj()},
			reasons: []string{"is not what was approved", noHelp},
		},
		"if neither the grant nor the request knows a UID, then it is denied": {
			grants: grants{activate(pinned("g").PodUID(""))}, request: func(a *authorizer.Attributes) { a.PodUID = "" }, reasons: []string{noHelp},
		},
		"if the pod is not known, then it is denied": {
			grants: grants{activate(pinned("g"))}, request: func(a *authorizer.Attributes) { a.PodUID = "" }, reasons: []string{noHelp},
		},
		"if the pod has the labels, then it is allowed":      {grants: grants{activate(pinned("g").Labels(map[string]string{"app": "web"}))}, allow: "g"},
		"if the pod has other labels, then it is denied":     {grants: grants{activate(pinned("g").Labels(map[string]string{"app": "db"}))}, reasons: []string{`covers pods with labels "app=db"`, noHelp}},
		"if the selector is empty, then it covers nothing":   {grants: grants{activate(pinned("g").Labels(nil))}, reasons: []string{"covers pods with labels", noHelp}},
		"if no pod is named, then it covers none":            {grants: grants{activate(pinned("g").Pod(""))}, reasons: []string{"covers no pod", noHelp}},
		"if it names the container, then it is allowed":      {grants: grants{activate(pinned("g").Containers("side", "app"))}, allow: "g"},
		"if it names another container, then both are named": {grants: grants{activate(pinned("g").Containers("side"))}, reasons: []string{"covers container side, not app", noHelp}},
		"if the container is not resolved, then it is denied": {
			grants: grants{activate(pinned("g"))}, request: func(a *authorizer.Attributes) { a.Container = "" },
			reasons: []string{"no grant covers this"},
		},
		"if it names the command, then it is allowed": {grants: grants{activate(pinned("g").Command("cat", "*").Command("ls", "/t*"))}, allow: "g"},
		"if it names other commands, then it is denied and no argument is told": {
			grants: grants{activate(pinned("g").Command("ls", "/"))}, reasons: []string{`grant "g" covers other commands`, noHelp},
		},
		"if there is no command, then it is denied": {
			grants: grants{activate(pinned("g"))}, request: func(a *authorizer.Attributes) { a.Command = nil }, reasons: []string{noHelp},
		},
		"if the action is Attach, then commands do not matter": {
			grants: grants{activate(pinned("g").Actions(exec, attach).Command("ls"))}, allow: "g",
			request: func(a *authorizer.Attributes) { a.Action, a.Command = "Attach", nil },
		},

		// PortForward.
		"if the action is PortForward, then commands do not matter": {
			grants: grants{activate(pinned("g").Actions(exec, forward).Command("ls"))}, request: forwardAttributes, allow: "g",
		},
		"if it is for Exec only, then a port-forward is denied": {
			grants: grants{activate(pinned("g"))}, request: forwardAttributes, reasons: []string{"covers the action Exec, not PortForward", "--action PortForward"},
		},
		"if it is for PortForward only, then exec is denied": {
			grants: grants{activate(pinned("g").Actions(forward))}, reasons: []string{"covers the action PortForward, not Exec", noHelp},
		},
		"if it names a container, then a port-forward is denied": {
			grants: grants{activate(pinned("g").Actions(forward).Containers("app"))}, request: forwardAttributes,
			reasons: []string{"ports belong to the whole pod", "request one"},
		},
		"if the pod was replaced, then a port-forward is denied": {
			grants: grants{activate(pinned("g").Actions(forward).PodUID("old"))}, request: forwardAttributes, reasons: []string{"replaced", "request one"},
		},
		"if a port-forward comes with a container, then it is denied": {
			grants:  grants{activate(pinned("g").Actions(forward))},
			request: func(a *authorizer.Attributes) { a.Action, a.Command = "PortForward", nil }, reasons: []string{"request one"},
		},

		// Run and Debug.
		"if a pod's image and command fit, then it is allowed": {
			grants: grants{activate(pinned("g").Pod("").Actions(run).Images("busybox:*").Command("sleep", "*"))}, request: runAttributes, allow: "g",
		},
		"if one image does not fit, then it is named": {
			grants:  grants{activate(pinned("g").Pod("").Actions(run).Images("busybox:*"))},
			request: func(a *authorizer.Attributes) { runAttributes(a); a.Images = []string{"busybox:1", "evil:1"} },
			reasons: []string{`covers the image "busybox:*", not "evil:1"`, "request -n shop --action Run --image busybox:1 --image evil:1 --reason WHY"},
		},
		"if no image is known, then it is denied": {
			grants:  grants{activate(pinned("g").Pod("").Actions(run).Images("*"))},
			request: func(a *authorizer.Attributes) { runAttributes(a); a.Images = nil },
			reasons: []string{"no grant covers this"},
		},
		"if the grant names no image, then it covers none": {
			grants: grants{activate(pinned("g").Pod("").Actions(run))}, request: runAttributes, reasons: []string{"covers the image", "no grant covers this"},
		},
		"if more than one command would run, then a grant for some commands does not fit": {
			grants:  grants{activate(pinned("g").Pod("").Actions(run).Images("*").Command("sleep", "*"))},
			request: func(a *authorizer.Attributes) { runAttributes(a); a.Command = nil },
			reasons: []string{"covers certain commands only", "no grant covers this"},
		},
		"if a debugging container fits, then it is allowed": {grants: grants{activate(pinned("g").Actions(debug).Images("busybox:*"))}, request: debugAttributes, allow: "g"},
		"if a debugging container goes into another pod, then it is denied": {
			grants: grants{activate(pinned("g").Pod("db").Actions(debug).Images("*"))}, request: debugAttributes, reasons: []string{"covers pod db", "no grant covers this"},
		},
		"if a debugging container stands beside the containers of the grant, then it is denied": {
			grants: grants{activate(pinned("g").Actions(debug).Images("*").Containers("app"))}, request: debugAttributes,
			reasons: []string{"name it with --target", "no grant covers this"},
		},
		"if a debugging container shares the container of the grant, then it is allowed": {
			grants:  grants{activate(pinned("g").Actions(debug).Images("*").Containers("app"))},
			request: func(a *authorizer.Attributes) { debugAttributes(a); a.Container = "app" }, allow: "g",
		},

		// Several.
		"if several cover it, then the one that ends last decides": {
			grants: grants{activate(pinned("a")), activateUntil(pinned("b"), now().Add(time.Hour)), activate(pinned("c"))}, allow: "b",
		},
		"if several end together, then the first by name decides": {grants: grants{activate(pinned("b")), activate(pinned("a"))}, allow: "a"},
		"if several come near, then the nearest are told in order": {
			grants: grants{
				activate(pinned("action").Actions(attach)), activate(pinned("pod").Pod("db")), activate(pinned("container").Containers("side")),
				activate(pinned("command").Command("id")), activate(pinned("other").Requester("other")),
			},
			reasons: []string{`"command"`, `"container"`, `"pod"`, noHelp},
		},
		"if an old grant is about something else, then it is not told": {
			grants: grants{activateUntil(pinned("old").Pod("db"), gen.Epoch().Add(time.Second))}, reasons: []string{noHelp},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			reader := &cached{}
			for _, g := range tc.grants {
				reader.objects = append(reader.objects, g)
			}
			a := execAttributes(tc.request)
			d, err := (&Authorizer{Reader: reader, Now: now}).Authorize(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			if reader.asked != "shop" {
				t.Errorf("listed the grants of namespace %q", reader.asked)
			}
			if tc.allow != "" {
				wantAllow(t, d, tc.grants, tc.allow)
				return
			}
			wantDeny(t, d, tc.reasons)
		})
	}
}

func wantAllow(t *testing.T, d authorizer.Decision, grants []*accessv1alpha1.ExecutionGrant, name string) {
	t.Helper()
	for _, g := range grants {
		if g.Name != name {
			continue
		}
		want := authorizer.Decision{
			Outcome: authorizer.Allow, Reasons: d.Reasons,
			Grant: authorizer.GrantRef{Namespace: "shop", Name: name, UID: string(g.UID)}, Until: g.Status.ActiveUntil.UnixNano(),
		}
		if diff := cmp.Diff(want, d); diff != "" {
			t.Errorf("decision (-want +got):\n%s", diff)
		}
	}
}

func wantDeny(t *testing.T, d authorizer.Decision, reasons []string) {
	t.Helper()
	if d.Outcome != authorizer.Deny || d.Grant != (authorizer.GrantRef{}) || d.Until != 0 {
		t.Errorf("got %+v, want a denial", d)
	}
	if len(d.Reasons) != len(reasons) {
		t.Fatalf("got %d reasons, want %d:\n%s", len(d.Reasons), len(reasons), strings.Join(d.Reasons, "\n"))
	}
	for i, want := range reasons {
		if !strings.Contains(d.Reasons[i], want) {
			t.Errorf("reason %d is %q, want %q in it", i, d.Reasons[i], want)
		}
	}
	if offers := strings.Contains(d.Reasons[len(reasons)-1], "kubectl sallyport request "); d.OffersRequest != offers {
		t.Errorf("it says that it offers a request: %t, want %t", d.OffersRequest, offers)
	}
}

func TestReasonsNeverHoldTheCommand(t *testing.T) {
	const secret = "hunter2-in-argv"
	reader := &cached{objects: []runtime.Object{
		activate(pinned("a").Command("id")), pinned("b").Obj(), activate(pinned("c").Pod("db")),
	}}
	a := execAttributes(func(a *authorizer.Attributes) { a.Command = []string{"mysql", "-p" + secret} })
	d, err := (&Authorizer{Reader: reader, Now: now}).Authorize(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(d.Reasons, "\n"); strings.Contains(text, secret) {
		t.Errorf("the reasons tell the command:\n%s", text)
	}
}

func TestAnErrorIsNoDecision(t *testing.T) {
	tests := map[string]struct {
		reader  *cached
		request func(*authorizer.Attributes)
	}{
		"if the grants cannot be listed, then an error": {reader: &cached{err: errors.New("no cache")}},
		"if nobody asks, then an error":                 {reader: &cached{}, request: func(a *authorizer.Attributes) { a.User = authorizer.User{Groups: []string{"developers"}} }},
		"if the namespace is unknown, then an error":    {reader: &cached{}, request: func(a *authorizer.Attributes) { a.Namespace = "" }},
		"if the action is unknown, then an error":       {reader: &cached{}, request: func(a *authorizer.Attributes) { a.Action = "" }},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			tc.reader.objects = []runtime.Object{activate(pinned("g"))}
			d, err := (&Authorizer{Reader: tc.reader, Now: now}).Authorize(t.Context(), execAttributes(tc.request))
			if err == nil || d.Outcome != authorizer.Deny {
				t.Errorf("got %v, %v", d.Outcome, err)
			}
		})
	}
}

func TestTheCacheIsNotWrittenTo(t *testing.T) {
	g := activate(pinned("g").Command("ls", "*"))
	before := g.DeepCopy()
	reader := &cached{objects: []runtime.Object{g}}
	if _, err := (&Authorizer{Reader: reader, Now: now}).Authorize(t.Context(), execAttributes(nil)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, g); diff != "" {
		t.Errorf("the cached grant changed (-before +after):\n%s", diff)
	}
}

// BenchmarkAuthorize decides among 10,000 grants of one namespace: of the user and of others, in force and not.
func BenchmarkAuthorize(b *testing.B) {
	reader := &cached{}
	for i := range 10_000 {
		g := pinned(fmt.Sprintf("g%05d", i)).Command("cat", "/var/log/*").Command("ls", "-*", "**")
		switch i % 4 {
		case 0:
			g.Requester("other")
		case 1:
			g.Pod(fmt.Sprintf("web-%d", i))
		case 2:
			g.Labels(map[string]string{"app": "web"})
		}
		reader.objects = append(reader.objects, activate(g))
	}
	z := &Authorizer{Reader: reader, Now: now}
	for name, command := range map[string][]string{"allowed": {"ls", "-l", "/tmp"}, "denied": {"rm", "-r", "/tmp"}} {
		b.Run(name, func(b *testing.B) {
			a := execAttributes(func(a *authorizer.Attributes) { a.Command = command })
			for b.Loop() {
				if _, err := z.Authorize(b.Context(), a); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
