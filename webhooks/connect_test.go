package webhooks

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/layout"
	"github.com/sallyport-dev/sallyport/internal/leftover"
	"github.com/sallyport-dev/sallyport/internal/sessiontoken"
	"github.com/sallyport-dev/sallyport/test/gen"
)

const sessionName = "0199aaaa-0000-7000-8000-000000000000"

// connect is a CONNECT that is right in every way; each case breaks it in one.
type connect struct {
	subresource string
	options     any
	user        string
	dryRun      bool
	claims      sessiontoken.Claims
	key         ed25519.PrivateKey
	issued      time.Time
	tokens      func(token string) []string
	session     *accessv1alpha1.ExecutionSession
	pod         *corev1.Pod
	authorizer  fakeAuthorizer
	world       world
	noKey       bool
	change      func(*admission.Request)
}

func newConnect() *connect {
	digest := commandKey.Digest([]string{"id", "-u"})
	session := gen.MakeSession(namespace, sessionName).State(accessv1alpha1.SessionOpening).Obj()
	session.Spec.CommandDigest = digest
	session.Spec.PodRef.UID = "web-uid"
	return &connect{
		subresource: "exec", user: "developer", key: signingKey(1), issued: present, session: session, pod: webPod(),
		options: &corev1.PodExecOptions{
			TypeMeta:  metav1.TypeMeta{APIVersion: "v1", Kind: "PodExecOptions"},
			Container: "app", Command: []string{"id", "-u"}, Stdout: true, Stderr: true,
		},
		claims: sessiontoken.Claims{
			ID: "token-1", Session: sessionName, Namespace: namespace, Username: "developer", Pod: "web", PodUID: "web-uid",
			Container: "app", Subresource: "exec", CommandDigest: digest,
		},
		tokens:     func(token string) []string { return []string{token} },
		authorizer: fakeAuthorizer{decision: allowed()},
	}
}

// toAttach turns it into an attach that is right in every way.
func (c *connect) toAttach() {
	digest := commandKey.Digest(nil)
	c.subresource, c.claims.Subresource = "attach", "attach"
	c.options = &corev1.PodAttachOptions{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodAttachOptions"}, Container: "app", Stdout: true}
	c.claims.CommandDigest, c.session.Spec.CommandDigest = digest, digest
	c.session.Spec.Action = accessv1alpha1.ActionAttach
}

// toPortForward turns it into a port-forward that is right in every way.
func (c *connect) toPortForward() {
	c.toAttach()
	c.subresource, c.claims.Subresource = "portforward", "portforward"
	c.options = &corev1.PodPortForwardOptions{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodPortForwardOptions"}}
	c.claims.Container, c.session.Spec.Container = "", ""
	c.session.Spec.Action = accessv1alpha1.ActionPortForward
}

// toCopy turns it into a copy that is right in every way.
func (c *connect) toCopy() {
	c.execOptions().Command = []string{"tar", "cf", "-", "/x"}
	digest := commandKey.Digest(c.execOptions().Command)
	c.claims.CommandDigest, c.session.Spec.CommandDigest = digest, digest
	c.session.Spec.Action = accessv1alpha1.ActionCopy
}

// toOwn turns it into Sallyport's own command, which is right in every way: whatever the grant has become.
func (c *connect) toOwn() {
	c.user, c.claims.Username = sallyport, sallyport
	c.execOptions().Command = leftover.Command()
	c.execOptions().Stdin, c.execOptions().Stderr = true, false
	c.claims.CommandDigest = commandKey.Digest(leftover.Command())
	c.session.Spec.OnEnd, c.session.Status.State = accessv1alpha1.OnEndKill, accessv1alpha1.SessionLive
	c.authorizer.decision = authorizer.Decision{}
}

// own is Sallyport's own command, with one change.
func own(change func(*connect)) func(*connect) {
	return func(c *connect) {
		c.toOwn()
		change(c)
	}
}

// command changes the command and what the token says of it.
func (c *connect) command(argv ...string) {
	c.execOptions().Command, c.claims.CommandDigest = argv, commandKey.Digest(argv)
}

func (c *connect) execOptions() *corev1.PodExecOptions { return c.options.(*corev1.PodExecOptions) }

func signingKey(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func (c *connect) request(tb testing.TB) *admission.Request {
	tb.Helper()
	token, err := sessiontoken.Sign(c.key, c.claims, c.issued)
	if err != nil {
		tb.Fatal(err)
	}
	req := request(tb, admissionv1.Connect, c.user, c.options, nil)
	req.Name, req.SubResource, req.DryRun = "web", c.subresource, &c.dryRun
	req.Resource = metav1.GroupVersionResource{Version: "v1", Resource: "pods"}
	req.UserInfo.Extra = map[string]authenticationv1.ExtraValue{"example.org/scope": {"s"}}
	if tokens := c.tokens(token); tokens != nil {
		req.UserInfo.Extra[layout.ExtraSessionToken] = tokens
	}
	if c.change != nil {
		c.change(req)
	}
	return req
}

func (c *connect) handler() (*ConnectHandler, client.Client) {
	if c.pod != nil {
		c.world.objects = append(c.world.objects, c.pod)
	}
	if c.session != nil {
		c.world.objects = append(c.world.objects, c.session)
	}
	h := &ConnectHandler{
		Username: sallyport,
		Decoder:  testDecoder(), Live: c.world.client(), Authorizer: &c.authorizer, PublicKey: signingKey(1).Public().(ed25519.PublicKey), CommandKey: commandKey, Now: clock,
		MaskArgs: func(argv []string) []string {
			for i := range argv {
				argv[i] = strings.ReplaceAll(argv[i], "hunter2", "*******")
			}
			return argv
		},
	}
	if c.noKey {
		h.PublicKey = nil
	}
	return h, h.Live
}

func TestConnect(t *testing.T) {
	tests := map[string]struct {
		change func(*connect)
		want   string // empty if it is allowed
	}{
		"if the token, the session and the grant fit, then exec is allowed":   {func(*connect) {}, ""},
		"if the token, the session and the grant fit, then attach is allowed": {(*connect).toAttach, ""},
		"if they fit, then port-forward is allowed":                           {(*connect).toPortForward, ""},

		"if a copy fits, then it is allowed": {(*connect).toCopy, ""},
		"if the session is a copy and the grant for Exec, then it is denied": {func(c *connect) {
			c.toCopy()
			c.authorizer.deny = "Copy"
		}, "does not belong to this session"},
		"if the session is an exec and the grant for Exec, then a copy passes as that": {func(c *connect) {
			c.toCopy()
			c.session.Spec.Action, c.authorizer.deny = accessv1alpha1.ActionExec, "Copy"
		}, ""},
		"if the session is an exec and the grant for Copy, then it is denied": {func(c *connect) {
			c.toCopy()
			c.session.Spec.Action = accessv1alpha1.ActionExec
		}, "does not belong to this session"},

		// What Sallyport does itself.
		"if Sallyport ends what a session left, then it is allowed":            {(*connect).toOwn, ""},
		"if the session is still opening, then it is allowed":                  {own(func(c *connect) { c.session.Status.State = accessv1alpha1.SessionOpening }), ""},
		"if Sallyport runs another command, then it is denied":                 {own(func(c *connect) { c.command("id") }), "one command only"},
		"if it is the command with another argument, then it is denied":        {own(func(c *connect) { c.command(append(leftover.Command(), "x")...) }), "one command only"},
		"if it has a terminal, then it is denied":                              {own(func(c *connect) { c.execOptions().TTY = true }), "one command only"},
		"if Sallyport attaches, then it is denied":                             {own(func(c *connect) { c.toAttach() }), "one command only"},
		"if Sallyport forwards a port, then it is denied":                      {own(func(c *connect) { c.toPortForward() }), "one command only"},
		"if Sallyport runs another command under a grant, then it is denied":   {own(func(c *connect) { c.command("id"); c.authorizer.decision = allowed() }), "one command only"},
		"if somebody else runs the command without a grant, then it is denied": {own(func(c *connect) { c.user, c.claims.Username = "developer", "developer" }), "no grant opens this"},
		"if somebody else has Sallyport's token, then it is denied":            {own(func(c *connect) { c.user = "developer" }), "for another request"},
		"if Sallyport has the token of a person, then it is denied":            {own(func(c *connect) { c.claims.Username = "developer" }), "for another request"},
		"if the grant leaves processes, then it is denied":                     {own(func(c *connect) { c.session.Spec.OnEnd = "" }), "leaves its process"},
		"if the session of Sallyport's token has ended, then it is denied":     {own(func(c *connect) { c.session.Status.State = accessv1alpha1.SessionEnded }), "is over"},
		"if it is another container of the session's pod, then it is denied":   {own(func(c *connect) { c.session.Spec.Container = "side" }), "does not belong to this session"},
		"if it is another pod than the session's, then it is denied":           {own(func(c *connect) { c.session.Spec.PodRef.UID = "x" }), "does not belong to this session"},
		"if Sallyport's token was used, then it is denied":                     {own(func(c *connect) { c.session.Status.UsedTokens = []string{"token-1"} }), "used already"},
		"if Sallyport has no token, then it is denied":                         {own(func(c *connect) { c.tokens = func(string) []string { return nil } }), "direct exec is closed"},
		"if Sallyport's token is old, then it is denied":                       {own(func(c *connect) { c.issued = present.Add(-time.Hour) }), "seconds of validity"},
		"if the session cannot be read, then it is denied":                     {own(func(c *connect) { c.world.broken = true }), "could not decide"},

		// Who comes without the gateway.
		"if a copy has no token, then it says how to copy": {func(c *connect) {
			c.toCopy()
			c.tokens = func(string) []string { return nil }
		}, "--action Copy --reason"},
		"if a copy has no token, then it says the command": {func(c *connect) {
			c.toCopy()
			c.tokens = func(string) []string { return nil }
		}, "  kubectl cp -n " + namespace + " -c app web:/x x\n"},
		"if there is no token, then it says how to get in":   {func(c *connect) { c.tokens = func(string) []string { return nil } }, "kubectl sallyport login"},
		"if the token is an empty list, then as without one": {func(c *connect) { c.tokens = func(string) []string { return []string{} } }, "direct exec is closed"},
		"if the highest administrator has no token, then the same": {func(c *connect) {
			c.tokens = func(string) []string { return nil }
			c.change = func(r *admission.Request) { r.UserInfo.Groups = []string{"system:masters"} }
		}, "direct exec is closed"},
		"if Sallyport itself has no token, then the same": {func(c *connect) {
			c.tokens, c.user = func(string) []string { return nil }, sallyport
		}, "direct exec is closed"},
		"if the token stands under a key in other letters, then as without one": {func(c *connect) {
			c.change = func(r *admission.Request) {
				token := r.UserInfo.Extra[layout.ExtraSessionToken]
				r.UserInfo.Extra = map[string]authenticationv1.ExtraValue{strings.ToUpper(layout.ExtraSessionToken): token}
			}
		}, "direct exec is closed"},
		"if there are two tokens, then it is denied": {func(c *connect) { c.tokens = func(s string) []string { return []string{s, s} } }, "carries 2 session tokens"},

		// The request itself.
		"if a port is to be forwarded with a token for attach, then it is denied": {func(c *connect) {
			c.toPortForward()
			c.claims.Subresource = "attach"
		}, "for another request"},
		"if a port is to be forwarded with a token for a container, then it is denied": {func(c *connect) {
			c.toPortForward()
			c.claims.Container = "app"
		}, "for another request"},
		"if a token for port-forward is used for attach, then it is denied": {func(c *connect) {
			c.toAttach()
			c.claims.Subresource = "portforward"
		}, "for another request"},
		"if a port-forward belongs to a session of attach, then it is denied": {func(c *connect) {
			c.toPortForward()
			c.session.Spec.Action = accessv1alpha1.ActionAttach
		}, "does not belong to this session"},
		"if a port-forward names ports in its options, then it is denied": {func(c *connect) {
			c.toPortForward()
			c.options.(*corev1.PodPortForwardOptions).Ports = []int32{80}
		}, "use a newer kubectl"},
		"if the options of a port-forward are of exec, then it is denied": {func(c *connect) { c.subresource = "portforward" }, "cannot be read"},
		"if no grant covers a port-forward, then it is denied": {func(c *connect) {
			c.toPortForward()
			c.authorizer.decision = authorizer.Decision{}
		}, "no grant opens this"},
		"if the subresource is unknown, then it is denied":       {func(c *connect) { c.subresource = "proxy" }, "does not know pods/proxy"},
		"if the subresource is empty, then it is denied":         {func(c *connect) { c.subresource = "" }, "does not know"},
		"if it is a dry run, then it is denied":                  {func(c *connect) { c.dryRun = true }, "dry run"},
		"if the operation is another, then it is denied":         {func(c *connect) { c.change = func(r *admission.Request) { r.Operation = admissionv1.Create } }, "does not know this request"},
		"if the resource is another, then it is denied":          {func(c *connect) { c.change = func(r *admission.Request) { r.Resource.Resource = "nodes" } }, "does not know this request"},
		"if the resource is of another group, then it is denied": {func(c *connect) { c.change = func(r *admission.Request) { r.Resource.Group = "x" } }, "does not know this request"},
		"if the pod is not named, then it is denied":             {func(c *connect) { c.change = func(r *admission.Request) { r.Name = "" } }, "does not know this request"},
		"if the user is not known, then it is denied":            {func(c *connect) { c.user, c.claims.Username = "", "" }, "does not know this request"},
		"if the options are missing, then it is denied":          {func(c *connect) { c.options = nil }, "cannot be read"},
		"if the options are garbage, then it is denied":          {func(c *connect) { c.options = "{" }, "cannot be read"},
		"if the options are of another kind, then it is denied": {func(c *connect) {
			c.options = &corev1.PodAttachOptions{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodAttachOptions"}, Container: "app"}
		}, "cannot be read"},
		"if the container is left to be chosen, then it is denied":            {func(c *connect) { c.execOptions().Container = "" }, "names its container"},
		"if there is no command, then it is denied":                           {func(c *connect) { c.execOptions().Command = nil }, "command must be given"},
		"if the pod does not exist, then it is denied":                        {func(c *connect) { c.pod = nil }, "does not exist"},
		"if the container does not exist, then it is denied":                  {func(c *connect) { c.execOptions().Container, c.claims.Container = "nope", "nope" }, "no container"},
		"if the API server cannot be asked, then it is denied without detail": {func(c *connect) { c.world.broken = true }, "could not decide"},

		// The token.
		"if the token is garbage, then it is denied":                    {func(c *connect) { c.tokens = func(string) []string { return []string{"x"} } }, "malformed"},
		"if another key signed it, then it is denied":                   {func(c *connect) { c.key = signingKey(2) }, "not signed by this installation"},
		"if this webhook has no key, then it is denied":                 {func(c *connect) { c.noKey = true }, "not signed by this installation"},
		"if it has expired, then it is denied":                          {func(c *connect) { c.issued = present.Add(-time.Hour) }, "seconds of validity"},
		"if it is for another user, then it is denied":                  {func(c *connect) { c.claims.Username = "other" }, "for another request"},
		"if another user sends it, then it is denied":                   {func(c *connect) { c.user = "other" }, "for another request"},
		"if it is for another namespace, then it is denied":             {func(c *connect) { c.claims.Namespace = "other" }, "for another request"},
		"if it is for another pod, then it is denied":                   {func(c *connect) { c.claims.Pod = "other" }, "for another request"},
		"if the pod was replaced, then it is denied":                    {func(c *connect) { c.pod.UID = "new" }, "for another request"},
		"if it is for another container, then it is denied":             {func(c *connect) { c.claims.Container = "side" }, "for another request"},
		"if the request is for another container, then it is denied":    {func(c *connect) { c.execOptions().Container = "side" }, "for another request"},
		"if it is for attach, then exec is denied":                      {func(c *connect) { c.claims.Subresource = "attach" }, "for another request"},
		"if it is for another command, then it is denied":               {func(c *connect) { c.claims.CommandDigest = commandKey.Digest([]string{"id"}) }, "for another request"},
		"if the arguments are cut in another way, then it is denied":    {func(c *connect) { c.execOptions().Command = []string{"id -u"} }, "for another request"},
		"if the session of the token does not exist, then it is denied": {func(c *connect) { c.session = nil }, "does not exist any more"},

		// The decision.
		"if no grant covers it now, then it is denied with the reasons": {func(c *connect) {
			c.authorizer.decision = authorizer.Decision{Reasons: []string{`grant "g" has expired`}}
		}, `grant "g" has expired`},
		"if people would have to agree, then it is denied":           {func(c *connect) { c.authorizer.decision.Outcome = authorizer.NeedsApproval }, "no grant opens this"},
		"if the outcome is unknown, then it is denied":               {func(c *connect) { c.authorizer.decision.Outcome = 99 }, "no grant opens this"},
		"if the authorizer fails, then it is denied without detail":  {func(c *connect) { c.authorizer.err = errBroken }, "could not decide"},
		"if another grant covers it, then it is denied":              {func(c *connect) { c.authorizer.decision.Grant.Name = "other" }, "another grant"},
		"if a new grant of the same name covers it, then it is not":  {func(c *connect) { c.authorizer.decision.Grant.UID = "new" }, "another grant"},
		"if the grant is of another namespace, then it is denied":    {func(c *connect) { c.authorizer.decision.Grant.Namespace = "other" }, "another grant"},
		"if the decision names no grant at all, then it is denied":   {func(c *connect) { c.authorizer.decision.Grant = authorizer.GrantRef{} }, "another grant"},
		"if the session is of another user, then it is denied":       {func(c *connect) { c.session.Spec.User.Username = "other" }, "does not belong to this session"},
		"if the session is for another action, then it is denied":    {func(c *connect) { c.session.Spec.Action = accessv1alpha1.ActionAttach }, "does not belong to this session"},
		"if the session is for another pod, then it is denied":       {func(c *connect) { c.session.Spec.PodRef.Name = "other" }, "does not belong to this session"},
		"if the session is for another pod UID, then it is denied":   {func(c *connect) { c.session.Spec.PodRef.UID = "other" }, "does not belong to this session"},
		"if the session is for another container, then it is denied": {func(c *connect) { c.session.Spec.Container = "side" }, "does not belong to this session"},
		"if the session is for another command, then it is denied":   {func(c *connect) { c.session.Spec.CommandDigest = "x" }, "does not belong to this session"},

		// The session.
		"if the session has no state yet, then it is denied": {func(c *connect) { c.session.Status.State = "" }, "not opening"},
		"if the session is live already, then it is denied":  {func(c *connect) { c.session.Status.State = accessv1alpha1.SessionLive }, "not opening"},
		"if the session has ended, then it is denied":        {func(c *connect) { c.session.Status.State = accessv1alpha1.SessionEnded }, "not opening"},
		"if the session has failed, then it is denied":       {func(c *connect) { c.session.Status.State = accessv1alpha1.SessionFailed }, "not opening"},
		"if the token was used already, then it is denied":   {func(c *connect) { c.session.Status.UsedTokens = []string{"token-0", "token-1"} }, "used already"},
		"if another token was used, then it is allowed":      {func(c *connect) { c.session.Status.UsedTokens = []string{"token-0"} }, ""},
		"if too many tokens were used, then it is denied":    {func(c *connect) { c.session.Status.UsedTokens = strings.Split("abcdefgh", "") }, "too often"},
		"if the session is being deleted, then it is denied": {func(c *connect) {
			c.session.DeletionTimestamp, c.session.Finalizers = &metav1.Time{Time: present}, []string{"x.y/z"}
		}, "ended by its deletion"},
		"if the session cannot be written, then it is denied": {func(c *connect) { c.world.funcs.SubResourceUpdate = failingUpdate }, "could not decide"},
		"if the token cannot be consumed at last, then it is not allowed": {func(c *connect) {
			c.world.funcs.SubResourceUpdate = func(ctx context.Context, cl client.Client, sub string, o client.Object, opts ...client.SubResourceUpdateOption) error {
				touch(ctx, cl, o)
				return cl.SubResource(sub).Update(ctx, o, opts...)
			}
		}, "could not decide"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			c := newConnect()
			tc.change(c)
			h, live := c.handler()
			var before []string
			if c.session != nil {
				before = c.session.Status.UsedTokens
			}
			first := h.Handle(t.Context(), *c.request(t))
			wantAnswer(t, first, tc.want)
			if tc.want == "" {
				wantUsed(t, live, append(before, "token-1"))
				wantAnswer(t, h.Handle(t.Context(), *c.request(t)), "used already")
				return
			}
			// kubectl tries again over SPDY: a denial has spent nothing and says the same.
			if again := h.Handle(t.Context(), *c.request(t)); !cmp.Equal(first, again) {
				t.Errorf("the second answer differs:\n%s", cmp.Diff(first, again))
			}
			if c.session != nil && !c.world.broken {
				wantUsed(t, live, before)
			}
		})
	}
}

// A session that somebody deleted is over, too, and nothing is left to consume its token by.
func TestSallyportEndsWhatADeletedSessionLeft(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*connect)
		want   string
	}{
		"if the token is right, then it is allowed":   {func(*connect) {}, ""},
		"if it is another command, then it is denied": {func(c *connect) { c.command("id") }, "one command only"},
		"if the token is old, then it is denied":      {func(c *connect) { c.issued = present.Add(-time.Hour) }, "seconds of validity"},
		"if it is somebody else, then it is denied":   {func(c *connect) { c.user = "developer" }, "for another request"},
		"if the pod was replaced, then it is denied":  {func(c *connect) { c.pod.UID = "new" }, "for another request"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newConnect()
			c.toOwn()
			c.session = nil
			tc.change(c)
			h, _ := c.handler()
			wantAnswer(t, h.Handle(t.Context(), *c.request(t)), tc.want)
		})
	}
}

func failingUpdate(context.Context, client.Client, string, client.Object, ...client.SubResourceUpdateOption) error {
	return errBroken
}

// touch changes the stored object, as the proxy does when it reports.
func touch(ctx context.Context, c client.Client, o client.Object) {
	stored, ok := o.DeepCopyObject().(client.Object)
	if ok && c.Get(ctx, client.ObjectKeyFromObject(o), stored) == nil {
		stored.SetLabels(map[string]string{"touched": stored.GetResourceVersion()})
		_ = c.Update(ctx, stored)
	}
}

func wantUsed(t *testing.T, c client.Client, want []string) {
	t.Helper()
	s := &accessv1alpha1.ExecutionSession{}
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: sessionName}, s); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, s.Status.UsedTokens); diff != "" {
		t.Errorf("used tokens (-want +got):\n%s", diff)
	}
}

func TestTheAuthorizerIsAskedAboutTheLivePodAndNeverToldTheToken(t *testing.T) {
	c := newConnect()
	h, _ := c.handler()
	wantAnswer(t, h.Handle(t.Context(), *c.request(t)), "")
	want := []authorizer.Attributes{{
		User: authorizer.User{
			Name: "developer", UID: "developer-uid", Groups: []string{"developers", "system:authenticated"}, Extra: map[string][]string{"example.org/scope": {"s"}},
		},
		Action: "Exec", Namespace: namespace, Pod: "web", PodUID: "web-uid", PodLabels: map[string]string{"app": "web"},
		Container: "app", Command: []string{"id", "-u"},
	}}
	if diff := cmp.Diff(want, c.authorizer.asked); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestATokenOpensOneConnectionHoweverManyTry(t *testing.T) {
	c := newConnect()
	h, live := c.handler()
	h.Authorizer = authorizerFunc(allowed)
	req := c.request(t)
	var opened atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if h.Handle(t.Context(), *req).Allowed {
				opened.Add(1)
			}
		})
	}
	wg.Wait()
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections opened", n)
	}
	wantUsed(t, live, []string{"token-1"})
}

type authorizerFunc func() authorizer.Decision

func (f authorizerFunc) Authorize(context.Context, authorizer.Attributes) (authorizer.Decision, error) {
	return f(), nil
}

func TestALostRaceIsDecidedAgain(t *testing.T) {
	tests := map[string]struct {
		meanwhile func(*accessv1alpha1.ExecutionSession)
		want      string
		used      []string
	}{
		"if the proxy only wrote something, then it is allowed": {
			func(s *accessv1alpha1.ExecutionSession) { s.Labels = map[string]string{"a": "b"} }, "", []string{"token-1"},
		},
		"if another token was consumed, then this one is, too": {
			func(s *accessv1alpha1.ExecutionSession) { s.Status.UsedTokens = []string{"token-0"} }, "", []string{"token-0", "token-1"},
		},
		"if another webhook consumed the token, then it is denied": {
			func(s *accessv1alpha1.ExecutionSession) { s.Status.UsedTokens = []string{"token-1"} }, "used already", []string{"token-1"},
		},
		"if the session ended, then it is denied": {
			func(s *accessv1alpha1.ExecutionSession) { s.Status.State = accessv1alpha1.SessionEnded }, "not opening", nil,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			c := newConnect()
			raced := false
			c.world.funcs = interceptor.Funcs{SubResourceUpdate: func(ctx context.Context, cl client.Client, sub string, o client.Object, opts ...client.SubResourceUpdateOption) error {
				if !raced {
					raced = true
					s := &accessv1alpha1.ExecutionSession{}
					if err := cl.Get(ctx, client.ObjectKeyFromObject(o), s); err != nil {
						t.Error(err)
					}
					tc.meanwhile(s)
					status := s.DeepCopy()
					if err := cl.Update(ctx, s); err != nil {
						t.Error(err)
					}
					status.ResourceVersion = s.ResourceVersion
					if err := cl.SubResource(sub).Update(ctx, status); err != nil {
						t.Error(err)
					}
				}
				return cl.SubResource(sub).Update(ctx, o, opts...)
			}}
			h, live := c.handler()
			wantAnswer(t, h.Handle(t.Context(), *c.request(t)), tc.want)
			wantUsed(t, live, tc.used)
		})
	}
}

func TestTheWayIn(t *testing.T) {
	direct := func(change func(*connect)) string {
		c := newConnect()
		c.tokens = func(string) []string { return nil }
		if change != nil {
			change(c)
		}
		h, _ := c.handler()
		r := h.Handle(t.Context(), *c.request(t))
		wantAnswer(t, r, "is closed in this cluster")
		return text(r)
	}
	tests := map[string]struct {
		change    func(*connect)
		want, not []string
	}{
		"if a command is given, then all four ways can be pasted": {
			want: []string{
				"kubectl sallyport request -n shop --pod web -c app --reason WHY -- id -u\n",
				`"target":{"podName":"web","containers":["app"]}`,
				"kubectl sallyport login\n",
				"  kubectl exec -n shop web -c app -- id -u\n",
				`/apis/gateway.sallyport.dev/v1alpha1/gateways/main/proxy" exec -n shop web -c app -- id -u`,
			},
		},
		"if it is a shell, then the terminal is kept": {
			change: func(c *connect) { o := c.execOptions(); o.TTY, o.Stdin, o.Command = true, true, []string{"sh"} },
			want:   []string{"kubectl exec -n shop web -c app -i -t -- sh\n"},
		},
		"if the command holds a secret, then it is not told": {
			change: func(c *connect) { c.execOptions().Command = []string{"mysql", "-phunter2"} },
			want:   []string{"--reason WHY\n", "-- COMMAND\n"}, not: []string{"hunter2", "***"},
		},
		"if the command is very long, then the message is not": {
			change: func(c *connect) { c.execOptions().Command = []string{"sh", "-c", strings.Repeat("x", 100_000)} },
			want:   []string{"-- COMMAND\n"},
		},
		"if the command would draw on the terminal, then it is not told": {
			change: func(c *connect) { c.execOptions().Command = []string{"echo", "\x1b]0;owned\a"} },
			want:   []string{"-- COMMAND\n"}, not: []string{"\x1b"},
		},
		"if it is an attach, then the grant is for that": {
			change: (*connect).toAttach,
			want:   []string{"direct attach is closed", "--action Attach", "kubectl attach -n shop web -c app\n"},
		},
		"if it is a port-forward, then the grant is for that": {
			change: (*connect).toPortForward,
			want: []string{
				"direct port-forward is closed", "kubectl sallyport request -n shop --pod web --action PortForward --reason WHY\n",
				`"actions":["PortForward"],"target":{"podName":"web"}`, "kubectl port-forward -n shop pod/web LOCAL:REMOTE\n",
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			message := direct(tc.change)
			for _, want := range tc.want {
				if !strings.Contains(message+"\n", want) {
					t.Errorf("%q is not in:\n%s", want, message)
				}
			}
			for _, not := range tc.not {
				if strings.Contains(message, not) {
					t.Errorf("%q is in:\n%s", not, message)
				}
			}
		})
	}
}

func TestWithoutAMaskerNoCommandIsTold(t *testing.T) {
	c := newConnect()
	c.tokens = func(string) []string { return nil }
	h, _ := c.handler()
	h.MaskArgs = nil
	if message := text(h.Handle(t.Context(), *c.request(t))); strings.Contains(message, "id -u") {
		t.Errorf("the command is in:\n%s", message)
	}
}

// FuzzConnect tries whatever a client can send, with a token of its own making: nothing opens, nothing panics.
func FuzzConnect(f *testing.F) {
	c := newConnect()
	h, _ := c.handler()
	h.Authorizer = authorizerFunc(allowed)
	f.Add("exec", []byte(`{"kind":"PodExecOptions","apiVersion":"v1","container":"app","command":["id","-u"]}`), "v1.e30.AA", "web")
	f.Add("attach", []byte(`{}`), "", "web")
	f.Add("portforward", []byte(`null`), "v1..", "")
	f.Add("exec", []byte(`{"kind":"PodExecOptions","apiVersion":"v1","command":["\u0000"]}`), "", "../x")
	f.Fuzz(func(t *testing.T, subresource string, object []byte, token, pod string) {
		req := request(t, admissionv1.Connect, "developer", nil, nil)
		req.Resource = metav1.GroupVersionResource{Version: "v1", Resource: "pods"}
		req.Name, req.SubResource, req.Object = pod, subresource, runtime.RawExtension{Raw: object}
		if token != "" {
			req.UserInfo.Extra = map[string]authenticationv1.ExtraValue{layout.ExtraSessionToken: {token}}
		}
		r := h.Handle(t.Context(), *req)
		if r.Allowed || len(text(r)) >= 2048 {
			t.Errorf("allowed %t, %d bytes of message", r.Allowed, len(text(r)))
		}
	})
}
