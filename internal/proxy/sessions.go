package proxy

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	authorizationv1client "k8s.io/client-go/kubernetes/typed/authorization/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/maskpolicy"
	"github.com/sallyport-dev/sallyport/internal/proxy/session"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/streaming"
)

// startTime bounds the acknowledgement of the open object: nobody waits longer for a shell that cannot be recorded.
const startTime = 5 * time.Second

// liveAfter is how long a session has its start to itself before it is reported to live. One that is over by then never was.
const liveAfter = 200 * time.Millisecond

// GrantReader reads what a recording says about its grant.
type GrantReader interface {
	Grant(ctx context.Context, namespace, name string) (*accessv1alpha1.ExecutionGrant, error)
	Approval(ctx context.Context, namespace, name string) (*accessv1alpha1.ApprovalRequest, error)
}

// SessionStore writes ExecutionSessions.
type SessionStore interface {
	// Create makes the object and fills in what the API server adds.
	Create(ctx context.Context, s *accessv1alpha1.ExecutionSession) error
	// List returns the sessions of a namespace as they are now.
	List(ctx context.Context, namespace string) ([]accessv1alpha1.ExecutionSession, error)
	// Delete takes the session with this UID back. It is no error that it is gone.
	Delete(ctx context.Context, s *accessv1alpha1.ExecutionSession) error
	// Report merges the fields that are set into the status of the session with this UID, and leaves the others alone.
	// It is no error that the object is gone.
	Report(ctx context.Context, s *accessv1alpha1.ExecutionSession, status accessv1alpha1.ExecutionSessionStatus) error
}

// Sessions are what the gateway needs for exec, attach and port-forward.
type Sessions struct {
	Access     authorizationv1client.SubjectAccessReviewsGetter
	Pods       corev1client.PodsGetter
	Authorizer authorizer.Authorizer
	Grants     GrantReader
	Store      SessionStore
	// Journal makes what keeps the recording of a new session, by the session's name, until the store has it.
	Journal func(session string) (recording.Journal, error)
	// Record puts the open object and returns once the store has acknowledged it; see recording.Start.
	Record func(context.Context, recording.Journal, recording.Open) (*recording.Recorder, error)
	// Rules are the mask rules in force in a namespace, and the policies that made them; see maskpolicy.Set.
	Rules   func(ctx context.Context, namespace string) (*mask.Rules, []maskpolicy.Ref, error)
	Secrets PodSecrets
	Key     ed25519.PrivateKey
	// CommandKey is that of the CONNECT webhook, too.
	CommandKey authorizer.CommandKey
	Registry   *session.Registry
	// Counts keeps the bytes in the statuses of live sessions up to date.
	Counts *Counts
	// Ended is told the reason of every session's end, and whether its recording is sealed.
	Ended func(reason string, sealed bool)
	// Own is the user name of the gateway itself, under which it ends what sessions left running.
	Own string
	// Now is the clock. Proxy names this instance, Installation what all instances are of, Cluster the cluster, Program this
	// program and its version.
	Now                                   func() time.Time
	Proxy, Installation, Cluster, Program string
}

type sessions struct {
	Sessions

	API   *streaming.API
	base  *url.URL
	Log   logr.Logger
	turns turns // of compiling, by set of Secrets
}

// serve answers one request for a session. It returns when the session is over and sealed.
func (s *sessions) serve(w http.ResponseWriter, r *http.Request, to route, user authorizer.User) {
	q, err := newRequest(r, to, user)
	if err == nil {
		err = s.admit(r.Context(), q)
	}
	if err != nil {
		s.refuse(w, to, user, q, err)
		return
	}
	l, err := s.open(r.Context(), q)
	if err != nil {
		s.refuse(w, to, user, q, err)
		return
	}
	defer l.release()
	// A client that could not be upgraded, or a panic, must not leave an open recording behind.
	defer l.abandon()
	if q.forward != nil {
		err = l.forward(w, r)
	} else {
		err = streaming.Serve(w, r, q.streams, l.run)
	}
	if err != nil {
		s.Log.Info("client not upgraded", "session", l.object.Name, "cause", err.Error())
	}
}

// refuse answers with an error and logs it: who tried what, and why not. The request is nil if it could not be read.
func (s *sessions) refuse(w http.ResponseWriter, to route, user authorizer.User, q *request, err error) {
	rules := mask.Default()
	if q != nil {
		rules = q.rules
	}
	s.Log.Info("session refused", "user", user.Name, "namespace", to.Namespace, "pod", to.Pod, "why", rules.Text(err.Error()))
	writeError(w, err)
}

// live is one session from its open object to its end.
type live struct {
	*sessions

	values   *secretValues
	request  *request
	ctx      context.Context //nolint:containedctx // ends with the session; that of the request ends with its connection
	release  func()
	recorder *recording.Recorder
	object   *accessv1alpha1.ExecutionSession
	uncount  func()
	reports  sync.WaitGroup
	over     chan struct{} // closed when the session is
	// connected is when the API server accepted the container's leg; nil until then.
	connected atomic.Pointer[time.Time]
}

// open makes a session known to the registry, and then begins it: an event that ends it can come at any moment, so it is
// known before it is decided about for the last time.
func (s *sessions) open(ctx context.Context, q *request) (*live, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("making a session's name: %w", err)
	}
	l := &live{sessions: s, request: q, over: make(chan struct{})}
	var release func()
	l.ctx, release, err = s.Registry.Add(context.WithoutCancel(ctx), session.Facts{
		ID: id.String(), User: q.user.Name, Namespace: q.attributes.Namespace, Pod: q.attributes.Pod, PodUID: q.attributes.PodUID,
		Grant: q.decision.Grant,
	})
	if errors.Is(err, session.ErrTooMany) {
		return nil, apierrors.NewTooManyRequestsError(err.Error())
	}
	if err != nil {
		return nil, unavailable(err.Error() + "; run the command again")
	}
	l.release = func() {
		if l.values != nil {
			l.values.Close()
		}
		release()
	}
	if err := l.begin(ctx, id.String()); err != nil {
		l.release()
		return nil, err
	}
	return l, nil
}

// run carries the session. The context ends with the client's connection; the session's own ends through the registry.
func (l *live) run(ctx context.Context, client streaming.Client) error {
	ctx, stop := l.endable(ctx)
	defer stop()
	s := l.session()
	s.Target, s.TTY, s.Waits = l.target().Stream, l.request.streams.TTY, l.request.exec != nil
	s.Started = func() bool { return l.connected.Load() != nil }
	if l.request.onEnd == accessv1alpha1.OnEndKill {
		s.Kill = l.kill
	}
	return l.settled(s.Run(ctx, client))
}

// endable ends, with the cause, when ctx does or when the registry ends the session.
func (l *live) endable(ctx context.Context) (endable context.Context, stop func()) {
	ctx, end := context.WithCancelCause(ctx)
	unhook := context.AfterFunc(l.ctx, func() { end(context.Cause(l.ctx)) })
	return ctx, func() {
		unhook()
		end(nil)
	}
}

// session is what all kinds of sessions have.
func (l *live) session() session.Session {
	return session.Session{
		Recorder: l.recorder, Rules: l.request.rules, Changes: l.values.changes, Sealing: l.recordSecrets,
		Left:   time.Duration(l.request.decision.Until - l.Now().UnixNano()),
		Expiry: session.Expired(l.request.decision.Grant), Archive: l.request.archive,
	}
}

// settled reports how a session went, and returns what its client is told.
func (l *live) settled(result session.Result) error {
	if result.Cause != nil {
		l.Log.Info("session cut short", "session", l.object.Name, "reason", result.Exit.Reason, "cause", l.request.rules.Text(result.Cause.Error()))
	}
	l.finished(result.Exit, result.Sealed)
	return result.Status
}

// abandon ends a session that did not end by itself.
func (l *live) abandon() {
	select {
	case <-l.over:
		return
	default:
	}
	exit := recording.Exit{Reason: session.ReasonFailed, Message: "the session failed inside the gateway, or its client was not upgraded"}
	l.finished(exit, l.seal(exit))
}

func (l *live) seal(exit recording.Exit) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), session.SealTime)
	defer cancel()
	l.recordSecrets()
	_, err := l.recorder.Close(ctx, exit)
	return err
}

// finished reports the end, once the recording is over.
func (l *live) finished(exit recording.Exit, sealed error) {
	l.values.Close() // and with them what may begin a report
	close(l.over)
	l.reports.Wait()
	l.uncount()
	status := endedStatus(exit, sealed, l.recorder.Totals(), l.Now())
	if at := l.connected.Load(); at != nil {
		status.StartTime = &metav1.Time{Time: at.UTC()}
	}
	status.Conditions = l.conditions()
	l.report(status)
	if sealed != nil {
		l.Log.Error(sealed, "sealing a recording", "session", l.object.Name)
	}
	l.Log.Info("session ended", "session", l.object.Name, "reason", exit.Reason, "sealed", sealed == nil)
	l.Ended(exit.Reason, sealed == nil)
}

func (l *live) report(status accessv1alpha1.ExecutionSessionStatus) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), startTime)
	defer cancel()
	if err := l.Store.Report(ctx, l.object, status); err != nil {
		l.Log.Error(err, "reporting a session's state", "session", l.object.Name, "state", status.State)
	}
}

var errIncomplete = errors.New("the gateway lacks something that sessions need")

func (o *Sessions) check() error {
	if o.Access == nil || o.Counts == nil || o.Own == "" || o.Pods == nil || o.Authorizer == nil || o.Grants == nil || o.Store == nil ||
		o.Journal == nil || o.Record == nil ||
		o.Rules == nil || !o.Secrets.sound() || len(o.Key) != ed25519.PrivateKeySize || len(o.CommandKey) == 0 ||
		o.Registry == nil || o.Ended == nil || o.Now == nil || o.Proxy == "" ||
		o.Installation == "" {
		return errIncomplete
	}
	return nil
}
