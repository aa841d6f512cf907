package webhooks

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/test/gen"
)

// asked is a grant as a person writes it: without requester and subject.
func asked(change func(*accessv1alpha1.ExecutionGrant)) *accessv1alpha1.ExecutionGrant {
	g := gen.MakeGrant(namespace, "g").ForCreate().Requester("").Obj()
	g.TypeMeta = metav1.TypeMeta{APIVersion: accessv1alpha1.GroupVersion.String(), Kind: "ExecutionGrant"}
	if change != nil {
		change(g)
	}
	return g
}

func developer() *accessv1alpha1.Identity {
	return &accessv1alpha1.Identity{Username: "developer", UID: "developer-uid", Groups: []string{"developers", "system:authenticated"}}
}

// stamped is the same after GrantMutator.
func stamped(change func(*accessv1alpha1.ExecutionGrant)) *accessv1alpha1.ExecutionGrant {
	return asked(func(g *accessv1alpha1.ExecutionGrant) {
		g.Spec.Requester = developer()
		g.Spec.Subject = &accessv1alpha1.Subject{Kind: accessv1alpha1.SubjectUser, Name: "developer"}
		g.Spec.Target.PodUID = "web-uid"
		if change != nil {
			change(g)
		}
	})
}

func TestANewGrantIsStamped(t *testing.T) {
	tests := map[string]struct {
		user string
		in   *accessv1alpha1.ExecutionGrant
		want *accessv1alpha1.ExecutionGrant
	}{
		"if nothing is written by hand, then all is stamped": {in: asked(nil), want: stamped(nil)},
		"if a service account asks, then it is the subject as such": {
			user: "system:serviceaccount:ci:bot", in: asked(nil),
			want: stamped(func(g *accessv1alpha1.ExecutionGrant) {
				g.Spec.Requester.Username, g.Spec.Requester.UID = "system:serviceaccount:ci:bot", "system:serviceaccount:ci:bot-uid"
				g.Spec.Subject = &accessv1alpha1.Subject{Kind: accessv1alpha1.SubjectServiceAccount, Namespace: "ci", Name: "bot"}
			}),
		},
		"if a requester is written by hand, then it stays to be refused": {
			in:   asked(func(g *accessv1alpha1.ExecutionGrant) { g.Spec.Requester = &accessv1alpha1.Identity{Username: "admin"} }),
			want: stamped(func(g *accessv1alpha1.ExecutionGrant) { g.Spec.Requester = &accessv1alpha1.Identity{Username: "admin"} }),
		},
		"if a subject is written by hand, then it stays to be judged": {
			in: asked(func(g *accessv1alpha1.ExecutionGrant) {
				g.Spec.Subject = &accessv1alpha1.Subject{Kind: "Group", Name: "ops"}
			}),
			want: stamped(func(g *accessv1alpha1.ExecutionGrant) {
				g.Spec.Subject = &accessv1alpha1.Subject{Kind: "Group", Name: "ops"}
			}),
		},
		"if the pod's UID is written by hand, then it stays to be refused": {
			in:   asked(func(g *accessv1alpha1.ExecutionGrant) { g.Spec.Target.PodUID = "x" }),
			want: stamped(func(g *accessv1alpha1.ExecutionGrant) { g.Spec.Target.PodUID = "x" }),
		},
		"if the pod does not exist, then there is no UID": {
			in: asked(func(g *accessv1alpha1.ExecutionGrant) { g.Spec.Target.PodName = "none" }),
			want: stamped(func(g *accessv1alpha1.ExecutionGrant) {
				g.Spec.Target = accessv1alpha1.Target{PodName: "none"}
			}),
		},
		"if the pod's name is none, then there is no UID": {
			in:   asked(func(g *accessv1alpha1.ExecutionGrant) { g.Spec.Target.PodName = "../web" }),
			want: stamped(func(g *accessv1alpha1.ExecutionGrant) { g.Spec.Target = accessv1alpha1.Target{PodName: "../web"} }),
		},
		"if pods are chosen by labels, then there is no UID": {
			in: asked(func(g *accessv1alpha1.ExecutionGrant) {
				g.Spec.Target = accessv1alpha1.Target{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}}
			}),
			want: stamped(func(g *accessv1alpha1.ExecutionGrant) {
				g.Spec.Target = accessv1alpha1.Target{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}}
			}),
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := world{objects: []client.Object{webPod()}}
			m := &GrantMutator{Decoder: testDecoder(), Live: w.client()}
			user := tc.user
			if user == "" {
				user = "developer"
			}
			req := request(t, admissionv1.Create, user, tc.in, nil)
			r := m.Handle(t.Context(), *req)
			wantAnswer(t, r, "")
			got := &accessv1alpha1.ExecutionGrant{}
			if err := json.Unmarshal(patched(t, req, r), got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What a person wrote in another form that means the same stays as it was written: GitOps compares forms.
func TestStampingChangesNothingElse(t *testing.T) {
	const object = `{"apiVersion":"access.sallyport.dev/v1alpha1","kind":"ExecutionGrant","metadata":{"name":"g","namespace":"shop"},` +
		`"spec":{"actions":["Exec"],"target":{"podName":"web"},"reason":"why","unknown":1,` +
		`"window":{"notBefore":"2026-03-01T14:00:00+02:00","notAfter":"2026-03-01T15:00:00.000+02:00"}}}`
	w := world{objects: []client.Object{webPod()}}
	req := request(t, admissionv1.Create, "developer", object, nil)
	r := (&GrantMutator{Decoder: testDecoder(), Live: w.client()}).Handle(t.Context(), *req)
	wantAnswer(t, r, "")
	got := string(patched(t, req, r))
	for _, want := range []string{`"notBefore":"2026-03-01T14:00:00+02:00"`, `"notAfter":"2026-03-01T15:00:00.000+02:00"`, `"unknown":1`, `"username":"developer"`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in %s", want, got)
		}
	}
	if strings.Contains(got, "status") || strings.Contains(got, "creationTimestamp") {
		t.Errorf("something was added to %s", got)
	}
}

func TestApplyingAgainChangesNothing(t *testing.T) {
	tests := map[string]struct {
		sent *accessv1alpha1.ExecutionGrant
		want *accessv1alpha1.ExecutionGrant
	}{
		"if the request leaves everything out, then it is put back": {
			sent: asked(nil), want: stamped(nil),
		},
		"if the request leaves only the pod's UID out, then it is put back": {
			sent: stamped(func(g *accessv1alpha1.ExecutionGrant) { g.Spec.Target.PodUID = "" }), want: stamped(nil),
		},
		"if the request says another UID, then it stays to be refused": {
			sent: stamped(func(g *accessv1alpha1.ExecutionGrant) { g.Spec.Target.PodUID = "x" }),
			want: stamped(func(g *accessv1alpha1.ExecutionGrant) { g.Spec.Target.PodUID = "x" }),
		},
		"if the request says something else, then it stays to be refused": {
			sent: stamped(func(g *accessv1alpha1.ExecutionGrant) { g.Spec.Requester.Username = "admin" }),
			want: stamped(func(g *accessv1alpha1.ExecutionGrant) { g.Spec.Requester.Username = "admin" }),
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := world{}
			req := request(t, admissionv1.Update, "somebody else", tc.sent, stamped(nil))
			r := (&GrantMutator{Decoder: testDecoder(), Live: w.client()}).Handle(t.Context(), *req)
			wantAnswer(t, r, "")
			got := &accessv1alpha1.ExecutionGrant{}
			if err := json.Unmarshal(patched(t, req, r), got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestANewGrantIsVerified(t *testing.T) {
	type g = *accessv1alpha1.ExecutionGrant
	selector := func(labels map[string]string) func(g) {
		return func(x g) {
			x.Spec.Target = accessv1alpha1.Target{Selector: &metav1.LabelSelector{MatchLabels: labels}}
		}
	}
	subject := func(kind accessv1alpha1.SubjectKind, name string) func(g) {
		return func(x g) { x.Spec.Subject = &accessv1alpha1.Subject{Kind: kind, Name: name} }
	}
	tests := map[string]struct {
		change func(g)
		verbs  []string
		broken bool
		want   []string // parts of the message; none if it is allowed
	}{
		"if it is as it was stamped, then it is allowed":       {},
		"if there is no requester, then it is refused":         {change: func(x g) { x.Spec.Requester = nil }, want: []string{"spec.requester", "leave it out", `"developer"`}},
		"if the requester is another, then it is refused":      {change: func(x g) { x.Spec.Requester.Username = "admin" }, want: []string{"spec.requester", `"admin"`}},
		"if the requester has another UID, then it is refused": {change: func(x g) { x.Spec.Requester.UID = "x" }, want: []string{"spec.requester"}},
		"if the requester has more groups, then it is refused": {
			change: func(x g) { x.Spec.Requester.Groups = append(x.Spec.Requester.Groups, "admins") }, want: []string{"spec.requester"},
		},
		"if there is no subject, then it is refused":                         {change: func(x g) { x.Spec.Subject = nil }, want: []string{"spec.subject"}},
		"if the subject is somebody else, then it is refused":                {change: subject("User", "admin"), want: []string{"spec.subject", "delegate", "leave it out"}},
		"if the subject is a group of one's own, then it is refused":         {change: subject("Group", "developers"), want: []string{"spec.subject", "delegate"}},
		"if the subject is a group of one's own name, then it is refused":    {change: subject("Group", "developer"), want: []string{"spec.subject", "delegate"}},
		"if the subject is somebody else and one may delegate, then allowed": {change: subject("User", "admin"), verbs: []string{"delegate"}},
		"if one has another verb, then delegating is refused":                {change: subject("User", "admin"), verbs: []string{"approve", "*"}, want: []string{"spec.subject"}},
		"if the subject's name turns the text round, then it is refused":     {change: subject("User", "admin\u202egnp"), verbs: []string{"delegate"}, want: []string{"spec.subject.name", "cannot be seen"}},
		"if the subject's name ends with a blank, then it is refused":        {change: subject("User", "admin "), verbs: []string{"delegate"}, want: []string{"spec.subject.name", "blank"}},
		"if the subject's name has a zero byte, then it is refused":          {change: subject("User", "admin\x00"), verbs: []string{"delegate"}, want: []string{"spec.subject.name"}},

		"if the pod does not exist, then it is named": {
			change: func(x g) { x.Spec.Target = accessv1alpha1.Target{PodName: "web-9"} }, want: []string{"spec.target.podName", `"web-9"`, "kubectl get pods -n shop"},
		},
		"if the labels match no pod, then it is refused": {change: selector(map[string]string{"app": "none"}), want: []string{"spec.target.selector", "matches no pod"}},
		"if the labels match a pod, then it is allowed":  {change: selector(map[string]string{"app": "web"})},
		"if the container exists, then it is allowed":    {change: func(x g) { x.Spec.Target.Containers = []string{"side", "init"} }},
		"if the container does not exist, then those that do are named": {
			change: func(x g) { x.Spec.Target.Containers = []string{"app", "nope"} }, want: []string{"spec.target.containers[1]", `"nope"`, "app, init, side"},
		},
		"if no pod of the labels has the container, then it is refused": {
			change: func(x g) { selector(map[string]string{"app": "web"})(x); x.Spec.Target.Containers = []string{"nope"} }, want: []string{"spec.target.containers[0]"},
		},
		"if it is for Run alone, then no pod is needed": {
			change: func(x g) {
				x.Spec.Actions, x.Spec.Target = []accessv1alpha1.Action{"Run"}, accessv1alpha1.Target{Images: []string{"*"}}
			},
		},
		"if the pod's UID is another, then it is refused": {change: func(x g) { x.Spec.Target.PodUID = "x" }, want: []string{"spec.target.podUID", `"x"`, "leave it out"}},
		"if the pod's UID is missing, then it is refused": {change: func(x g) { x.Spec.Target.PodUID = "" }, want: []string{"spec.target.podUID"}},
		"if a UID stands beside labels, then it is refused": {
			change: func(x g) {
				selector(map[string]string{"app": "web"})(x)
				x.Spec.Target.PodUID = "web-uid"
			}, want: []string{"spec.target.podUID"},
		},

		"if the window is over, then it is refused": {
			change: func(x g) {
				x.Spec.DurationSeconds = 0
				x.Spec.Window = &accessv1alpha1.Window{NotBefore: gen.Stamp(present.Add(-time.Hour)), NotAfter: gen.Stamp(present)}
			}, want: []string{"spec.window.notAfter", "over already"},
		},
		"if the window has a second left, then it is allowed": {
			change: func(x g) {
				x.Spec.DurationSeconds = 0
				x.Spec.Window = &accessv1alpha1.Window{NotBefore: gen.Stamp(present.Add(-time.Hour)), NotAfter: gen.Stamp(present.Add(time.Second))}
			},
		},
		"if a pattern ends in a backslash, then it is named": {
			change: func(x g) { x.Spec.Commands = []accessv1alpha1.CommandPattern{{Argv: []string{"ls", `a\`}}} }, want: []string{"spec.commands[0].argv[1]", "lone backslash"},
		},
		"if a pattern would draw on a terminal, then it is named": {
			change: func(x g) {
				x.Spec.Commands = []accessv1alpha1.CommandPattern{{Argv: []string{"sh", "-c", "a\nb"}}, {Argv: []string{"ls", "\x1b[2K"}}}
			},
			want: []string{"spec.commands[1].argv[1]", "cannot be seen"},
		},
		"if an image ends in a backslash, then it is named": {change: func(x g) { x.Spec.Target.Images = []string{`a\`} }, want: []string{"spec.target.images[0]"}},
		"if an argument has line breaks, then it is allowed": {
			change: func(x g) { x.Spec.Commands = []accessv1alpha1.CommandPattern{{Argv: []string{"sh", "-c", "a\nb"}}} },
		},
		"if the reason has lines, then it is allowed":                {change: func(x g) { x.Spec.Reason = "first\n\tsecond – ünïcödé 🙂" }},
		"if the reason would draw on a terminal, then it is refused": {change: func(x g) { x.Spec.Reason = "ok\x1b[2K" }, want: []string{"spec.reason", "cannot be seen"}},
		"if the ticket has a line break, then it is refused":         {change: func(x g) { x.Spec.Ticket = "A-1\nB" }, want: []string{"spec.ticket"}},
		"if the ticket begins with a blank, then it is refused":      {change: func(x g) { x.Spec.Ticket = " A-1" }, want: []string{"spec.ticket", "blank"}},
		"if two things are wrong, then both are told":                {change: func(x g) { x.Spec.Requester, x.Spec.Ticket = nil, " " }, want: []string{"spec.requester", "spec.ticket"}},
		"if the API server cannot be asked, then it is denied":       {broken: true, want: []string{"could not decide"}},
		"if the right to delegate cannot be asked, then it is denied": {
			broken: true, want: []string{"could not decide"},
			change: func(x g) { x.Spec.Target = accessv1alpha1.Target{}; x.Spec.Subject.Name = "admin" },
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := world{objects: []client.Object{webPod()}, verbs: tc.verbs, broken: tc.broken}
			v := &GrantValidator{Decoder: testDecoder(), Live: w.client(), Now: clock}
			r := v.Handle(t.Context(), *request(t, admissionv1.Create, "developer", stamped(tc.change), nil))
			if len(tc.want) == 0 {
				wantAnswer(t, r, "")
			}
			for _, want := range tc.want {
				wantAnswer(t, r, want)
			}
		})
	}
}

func TestTheRightToDelegateIsAskedExactly(t *testing.T) {
	w := world{objects: []client.Object{webPod()}}
	req := request(t, admissionv1.Create, "developer", stamped(func(g *accessv1alpha1.ExecutionGrant) { g.Spec.Subject.Name = "other" }), nil)
	(&GrantValidator{Decoder: testDecoder(), Live: w.client(), Now: clock}).Handle(t.Context(), *req)
	want := []authorizationv1.SubjectAccessReviewSpec{{
		User: "developer", UID: "developer-uid", Groups: []string{"developers", "system:authenticated"}, Extra: map[string]authorizationv1.ExtraValue{},
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: "delegate", Group: "access.sallyport.dev", Version: "v1alpha1", Resource: "executiongrants", Namespace: namespace, Name: "g",
		},
	}}
	if diff := cmp.Diff(want, w.reviews); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAStoredGrantStaysWhatItIs(t *testing.T) {
	tests := map[string]struct {
		change func(*accessv1alpha1.ExecutionGrant)
		want   string
	}{
		"if nothing changes, then it is allowed": {change: func(*accessv1alpha1.ExecutionGrant) {}},
		"if labels and annotations change, then it is allowed": {change: func(g *accessv1alpha1.ExecutionGrant) {
			g.Labels = map[string]string{"a": "b"}
			g.Annotations = map[string]string{"c": "d"}
		}},
		"if the pod's UID changes, then it is refused":    {change: func(g *accessv1alpha1.ExecutionGrant) { g.Spec.Target.PodUID = "new" }, want: "immutable"},
		"if the pod's UID is removed, then it is refused": {change: func(g *accessv1alpha1.ExecutionGrant) { g.Spec.Target.PodUID = "" }, want: "immutable"},
		"if the requester changes, then it is refused":    {change: func(g *accessv1alpha1.ExecutionGrant) { g.Spec.Requester.Username = "x" }, want: "immutable"},
		"if the duration changes, then it is refused":     {change: func(g *accessv1alpha1.ExecutionGrant) { g.Spec.DurationSeconds = 43200 }, want: "immutable"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := world{}
			v := &GrantValidator{Decoder: testDecoder(), Live: w.client(), Now: clock}
			wantAnswer(t, v.Handle(t.Context(), *request(t, admissionv1.Update, "developer", stamped(tc.change), stamped(nil))), tc.want)
		})
	}
}

func TestGrantRequestsThatAreDenied(t *testing.T) {
	tests := map[string]struct {
		operation   admissionv1.Operation
		object, old any
		want        string
	}{
		"if the operation is another, then it is denied":      {admissionv1.Connect, stamped(nil), nil, "does not know this request"},
		"if a type is wrong, then the field is named":         {admissionv1.Create, `{"apiVersion":"access.sallyport.dev/v1alpha1","kind":"ExecutionGrant","spec":{"durationSeconds":3153600000}}`, nil, "durationSeconds"},
		"if the object is garbage, then it is denied":         {admissionv1.Create, "{", nil, "cannot be read"},
		"if the object is of another kind, then it is denied": {admissionv1.Create, &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}}, nil, "cannot be read"},
		"if the stored object is missing, then it is denied":  {admissionv1.Update, stamped(nil), nil, "cannot be read"},
		"if the stored object is garbage, then it is denied":  {admissionv1.Update, stamped(nil), "[]", "cannot be read"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := world{objects: []client.Object{webPod()}}
			for _, h := range []admission.Handler{
				&GrantMutator{Decoder: testDecoder(), Live: w.client()}, &GrantValidator{Decoder: testDecoder(), Live: w.client(), Now: clock},
			} {
				wantAnswer(t, h.Handle(t.Context(), *request(t, tc.operation, "developer", tc.object, tc.old)), tc.want)
			}
		})
	}
}

// FuzzGrant sends any object through both handlers: what comes out was requested by who sent it.
func FuzzGrant(f *testing.F) {
	add := func(g *accessv1alpha1.ExecutionGrant) {
		b, err := json.Marshal(g)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	add(asked(nil))
	add(stamped(nil))
	add(stamped(func(g *accessv1alpha1.ExecutionGrant) { g.Spec.Requester.Username = "admin" }))
	f.Add([]byte(`{"spec":{"requester":null,"subject":{"kind":"User","name":"admin"}}}`))
	f.Add([]byte(`{"spec":[],"metadata":1}`))
	w := world{objects: []client.Object{webPod()}}
	live := w.client()
	m, v := &GrantMutator{Decoder: testDecoder(), Live: live}, &GrantValidator{Decoder: testDecoder(), Live: live, Now: clock}
	f.Fuzz(func(t *testing.T, object []byte) {
		req := request(t, admissionv1.Create, "developer", string(object), nil)
		r := m.Handle(t.Context(), *req)
		if !r.Allowed {
			return
		}
		for _, op := range r.Patches {
			if op.Operation != "add" && op.Operation != "replace" {
				return // keys that a parser drops: the API server has dropped them before
			}
		}
		req.Object.Raw = patched(t, req, r)
		if !v.Handle(t.Context(), *req).Allowed {
			return
		}
		g := &accessv1alpha1.ExecutionGrant{}
		if err := json.Unmarshal(req.Object.Raw, g); err != nil {
			t.Fatal(err)
		}
		if !cmp.Equal(g.Spec.Requester, developer()) || *g.Spec.Subject != (accessv1alpha1.Subject{Kind: "User", Name: "developer"}) {
			t.Errorf("allowed for %+v, requested by %+v", g.Spec.Subject, g.Spec.Requester)
		}
	})
}
