package proxy

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/identity"
	"github.com/sallyport-dev/sallyport/internal/leftover"
	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/maskpolicy"
	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/objectstore/memory"
	"github.com/sallyport-dev/sallyport/internal/proxy/session"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/sessiontoken"
	"github.com/sallyport-dev/sallyport/internal/spool"
	"github.com/sallyport-dev/sallyport/internal/spool/spooltest"
	"github.com/sallyport-dev/sallyport/internal/streaming"
)

const own = "system:serviceaccount:sallyport-system:sallyport"

var commandKey = authorizer.CommandKey("a key for digests of commands")

const secret = "AKIAENDTOENDTESTABCD"

var user = authorizer.User{Name: "dev", Groups: []string{"devs", "system:authenticated"}, Extra: map[string][]string{"example.com/level": {"7"}}}

// world is a gateway between a test and an API server that behaves as the real one where the gateway looks.
type world struct {
	t        testing.TB
	store    *memory.Store
	spool    *spool.Spool
	registry *session.Registry
	counts   *Counts
	public   ed25519.PublicKey
	gateway  *httptest.Server

	mu          sync.Mutex
	user        authorizer.User
	storeError  error
	decide      func(authorizer.Attributes) (authorizer.Decision, error)
	rbac        bool
	noPod       bool
	policies    maskpolicy.Set
	unruled     error // why nobody knows what to mask
	noSessions  bool
	noWebSocket bool
	refusal     string   // what the webhook says, whatever comes
	calls       []string // of exec, at the API server
	tokens      map[string]bool
	sessions    []*accessv1alpha1.ExecutionSession
	states      []accessv1alpha1.SessionState
	last        accessv1alpha1.ExecutionSessionStatus
	ended       chan string
	output      string                          // of tar and test
	recording   *accessv1alpha1.RecordingPolicy // of every grant
	onEnd       accessv1alpha1.OnEnd            // of every grant
	others      []accessv1alpha1.ExecutionSession
	unlisted    error                  // why sessions cannot be listed
	search      func(in string) string // what the container's shell answers
	searches    []string               // what it was asked
	killed      chan struct{}          // closed when what runs in the container ends
	api         http.HandlerFunc       // for what is not known here
	secrets     *secretsAPI
	values      *mask.Shared
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	return newWorldWith(tb, SecretsWhereAllowed)
}

func newWorldWith(tb testing.TB, mode SecretMode) *world {
	tb.Helper()
	w := &world{
		t: tb, store: memory.New(time.Now), spool: spooltest.New(tb), registry: &session.Registry{MaxSessions: 100, MaxPerUser: 100}, user: user, rbac: true,
		tokens: map[string]bool{}, ended: make(chan string, 16), killed: make(chan struct{}), secrets: newSecretsAPI(), values: &mask.Shared{Limit: 1 << 30, Now: time.Now},
		decide: func(authorizer.Attributes) (authorizer.Decision, error) {
			return authorizer.Decision{
				Outcome: authorizer.Allow, Until: time.Now().Add(time.Hour).UnixNano(),
				Grant: authorizer.GrantRef{Namespace: "shop", Name: "g", UID: "u-g"},
			}, nil
		},
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(w.serveAPI))
	server.EnableHTTP2 = true
	server.StartTLS()
	tb.Cleanup(server.Close)
	config := &rest.Config{Host: server.URL, BearerToken: "the-gateway's-own", TLSClientConfig: rest.TLSClientConfig{Insecure: true}}
	asJSON := rest.CopyConfig(config)
	asJSON.ContentType, asJSON.AcceptContentTypes = "application/json", "application/json"
	clients, err := kubernetes.NewForConfig(asJSON)
	if err != nil {
		tb.Fatal(err)
	}
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		tb.Fatal(err)
	}
	w.public = public
	w.counts = NewCounts(w, time.Now, testr.NewWithInterface(tb, testr.Options{}))
	h, err := New(Options{
		Authenticate: w.authenticate, API: config, Log: testr.NewWithInterface(tb, testr.Options{}),
		Sessions: Sessions{
			Access: clients.AuthorizationV1(), Pods: clients.CoreV1(), Authorizer: w, Grants: w, Store: w, Journal: w.journal, Record: w.record,
			Rules: w.rules, Secrets: PodSecrets{Mode: mode, API: clients.CoreV1(), Values: w.values}, Key: key, CommandKey: commandKey, Registry: w.registry, Now: time.Now, Own: own, Counts: w.counts,
			Ended: func(reason string, _ bool) { w.ended <- reason },
			Proxy: "proxy-0", Installation: "sha256:1", Cluster: "test", Program: "test",
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	w.gateway = httptest.NewTLSServer(h)
	tb.Cleanup(w.gateway.Close)
	return w
}

func (w *world) authenticate(r *http.Request) (authorizer.User, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.user.Name == "" {
		return authorizer.User{}, identity.ErrNone
	}
	return w.user, nil
}

func (w *world) Authorize(_ context.Context, a authorizer.Attributes) (authorizer.Decision, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.decide(a)
}

func (w *world) rules(_ context.Context, namespace string) (*mask.Rules, []maskpolicy.Ref, error) {
	if w.unruled != nil {
		return nil, nil, w.unruled
	}
	return w.policies.Rules(map[string]string{"kubernetes.io/metadata.name": namespace})
}

func (w *world) Grant(_ context.Context, namespace, name string) (*accessv1alpha1.ExecutionGrant, error) {
	return &accessv1alpha1.ExecutionGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: "u-g"},
		Spec:       accessv1alpha1.ExecutionGrantSpec{Requester: &accessv1alpha1.Identity{Username: "pipeline"}, Reason: "because", Recording: w.recording, OnEnd: w.onEnd},
		Status:     accessv1alpha1.ExecutionGrantStatus{ApprovalRequestName: "ar", ApprovedDigest: "sha256:d"},
	}, nil
}

func (w *world) Approval(context.Context, string, string) (*accessv1alpha1.ApprovalRequest, error) {
	return &accessv1alpha1.ApprovalRequest{Spec: accessv1alpha1.ApprovalRequestSpec{
		Decisions: []accessv1alpha1.ApprovalDecision{{Approver: "boss", Verdict: accessv1alpha1.VerdictApproved, Comment: "go"}},
	}}, nil
}

func (w *world) Create(_ context.Context, s *accessv1alpha1.ExecutionSession) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.noSessions {
		return errors.New("no")
	}
	w.sessions = append(w.sessions, s)
	return nil
}

func (w *world) List(context.Context, string) ([]accessv1alpha1.ExecutionSession, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []accessv1alpha1.ExecutionSession
	for _, s := range w.sessions {
		all = append(all, *s)
	}
	return append(all, w.others...), w.unlisted
}

func (w *world) Delete(_ context.Context, s *accessv1alpha1.ExecutionSession) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sessions = slices.DeleteFunc(w.sessions, func(made *accessv1alpha1.ExecutionSession) bool { return made == s })
	return nil
}

func (w *world) Report(_ context.Context, _ *accessv1alpha1.ExecutionSession, status accessv1alpha1.ExecutionSessionStatus) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.states, w.last = append(w.states, status.State), status
	return nil
}

func (w *world) journal(id string) (recording.Journal, error) { return w.spool.Create(id) }

func (w *world) record(ctx context.Context, journal recording.Journal, open recording.Open) (*recording.Recorder, error) {
	w.mu.Lock()
	err := w.storeError
	w.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return recording.Start(ctx, w.store, recording.Options{
		Now: time.Now, Retention: objectstore.Retention{Mode: objectstore.Compliance, Until: time.Now().Add(time.Hour)},
		Journal: journal,
	}, open)
}

func (w *world) serveAPI(rw http.ResponseWriter, r *http.Request) {
	if got := r.Header.Get("Authorization"); got != "Bearer the-gateway's-own" {
		w.t.Errorf("%s came with authorization %q", r.URL.Path, got)
	}
	impersonated := r.Header.Get("Impersonate-User") != ""
	switch {
	case r.URL.Path == "/apis/authorization.k8s.io/v1/subjectaccessreviews" && !impersonated:
		w.serveReview(rw, r)
	case r.URL.Path == "/api/v1/namespaces/shop/pods/web" && !impersonated:
		w.servePod(rw)
	case strings.HasPrefix(r.URL.Path, "/api/v1/namespaces/shop/secrets") && !impersonated:
		w.secrets.ServeHTTP(rw, r)
	case strings.HasSuffix(r.URL.Path, "/exec") || strings.HasSuffix(r.URL.Path, "/attach") || strings.HasSuffix(r.URL.Path, "/portforward"):
		w.serveExec(rw, r)
	default:
		w.api(rw, r)
	}
}

func (w *world) serveReview(rw http.ResponseWriter, r *http.Request) {
	var review authorizationv1.SubjectAccessReview
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
		w.t.Error(err)
	}
	w.mu.Lock()
	review.Status.Allowed = w.rbac && review.Spec.User == user.Name && review.Spec.ResourceAttributes.Subresource != ""
	w.mu.Unlock()
	writeJSON(rw, http.StatusCreated, review)
}

func (w *world) servePod(rw http.ResponseWriter) {
	w.mu.Lock()
	gone := w.noPod
	w.mu.Unlock()
	if gone {
		writeError(rw, notFound(`pods "web" not found`))
		return
	}
	writeJSON(rw, http.StatusOK, corev1.Pod{
		TypeMeta:   metav1.TypeMeta{Kind: "Pod", APIVersion: "v1"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "u-web"},
		Spec: corev1.PodSpec{NodeName: "n1", Containers: []corev1.Container{
			{Name: "app", Image: "web:1", Env: []corev1.EnvVar{{Name: "PASSWORD", Value: "hunter2"}}, EnvFrom: w.secrets.envFrom()}, {Name: "side"},
		}},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "app", Image: "web:1", ImageID: "sha256:i"}}},
	})
}

// serveExec checks the token as the webhook does, and then plays the container.
func (w *world) serveExec(rw http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	subresource := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	username := user.Name
	if slices.Equal(query["command"], leftover.Command()) {
		username = own
	}
	if as := r.Header.Get("Impersonate-User"); as != username {
		w.t.Errorf("%q is asked as %s", query["command"], as)
	}
	claims, err := sessiontoken.Verify(w.public, r.Header.Get("Impersonate-Extra-Gateway.sallyport.dev%2fsession-Token"), time.Now())
	if err == nil {
		err = claims.Binds(sessiontoken.Claims{
			Namespace: "shop", Username: username, Pod: "web", PodUID: "u-web", Container: query.Get("container"),
			Subresource: subresource, CommandDigest: commandKey.Digest(query["command"]),
		})
	}
	w.mu.Lock()
	if w.tokens[claims.ID] {
		err = errors.New("the token was used before")
	}
	w.tokens[claims.ID] = true
	w.calls = append(w.calls, fmt.Sprint(r.Method, " ", subresource, " as ", r.Header.Get("Impersonate-User"), " ",
		r.Header.Values("Impersonate-Group"), " level ", r.Header.Get("Impersonate-Extra-Example.com%2flevel")))
	if w.refusal != "" {
		err = errors.New(w.refusal)
	}
	refused := w.noWebSocket && r.Header.Get("Upgrade") == "websocket"
	w.mu.Unlock()
	if refused {
		http.Error(rw, "no such protocol here", http.StatusBadRequest)
		return
	}
	if err != nil {
		writeError(rw, forbidden(fmt.Sprint("the webhook says: ", err)))
		return
	}
	if subresource == "portforward" {
		_ = streaming.ServeForward(rw, r, ports)
		return
	}
	flag := func(name string) bool { return query.Get(name) == "true" }
	o := streaming.Options{Stdin: flag("stdin"), Stdout: flag("stdout"), Stderr: flag("stderr"), TTY: flag("tty")}
	_ = streaming.Serve(rw, r, o, func(ctx context.Context, c streaming.Client) error {
		if command := query["command"]; len(command) > 0 && (command[0] == "tar" || command[0] == "test") {
			var err error
			if c.Stdin != nil {
				_, err = io.Copy(io.Discard, c.Stdin)
			}
			_, printErr := io.WriteString(c.Stdout, w.output)
			return errors.Join(err, printErr)
		}
		if username == own {
			return w.shell(c)
		}
		return w.container(ctx, c, query["command"])
	})
}

// ports answers every connection with its port and then with its own bytes.
func ports(ctx context.Context, c streaming.Client) error {
	for {
		select {
		case f := <-c.Forwards:
			go func() {
				defer f.Reset()
				if f.Port == 1 {
					f.End("connection refused")
					return
				}
				_, _ = fmt.Fprintf(f, "%d ", f.Port)
				_, _ = io.Copy(f, f)
				f.End("")
				_, _ = io.Copy(io.Discard, f)
			}()
		case <-ctx.Done():
			return nil
		}
	}
}

// shell answers the gateway's own command.
func (w *world) shell(c streaming.Client) error {
	in, err := io.ReadAll(c.Stdin)
	w.mu.Lock()
	w.searches = append(w.searches, string(in))
	w.mu.Unlock()
	_, printErr := io.WriteString(c.Stdout, w.search(string(in)))
	return errors.Join(err, printErr)
}

// container runs a command.
func (w *world) container(ctx context.Context, c streaming.Client, command []string) error {
	if len(command) == 0 {
		command = []string{"print", "attached"}
	}
	switch command[0] {
	case "print":
		_, err := io.WriteString(c.Stdout, strings.Join(command[1:], " "))
		return err
	case "cat":
		_, err := io.Copy(c.Stdout, c.Stdin)
		return err
	case "flood":
		bytes, err := strconv.Atoi(command[1])
		for block := make([]byte, 32<<10); err == nil && bytes > 0; bytes -= len(block) {
			_, err = c.Stdout.Write(block)
		}
		return err
	case "exit":
		code, err := strconv.Atoi(command[1])
		return errors.Join(err, streaming.ExitError{Code: code})
	default:
		_, _ = io.WriteString(c.Stdout, "started")
		select {
		case <-ctx.Done():
			return nil
		case <-w.killed:
			return streaming.ExitError{Code: 143}
		}
	}
}

// recorded is the only recording in the store, verified.
func (w *world) recorded() (*recording.Recording, string) {
	w.t.Helper()
	var text strings.Builder
	for summary, err := range recording.List(w.t.Context(), w.store, recording.ListOptions{From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour)}) {
		if err != nil {
			w.t.Fatal(err)
		}
		r, err := recording.Load(w.t.Context(), w.store, summary.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		for record, err := range r.Records(w.t.Context()) {
			if err != nil {
				w.t.Fatal(err)
			}
			if record.Stream != recording.Ended {
				fmt.Fprintf(&text, "%s:%s|", record.Stream, record.Data)
			}
		}
		return r, text.String()
	}
	return nil, ""
}
