package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/transport"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/layout"
	"github.com/sallyport-dev/sallyport/internal/leftover"
	"github.com/sallyport-dev/sallyport/internal/streaming"
)

const (
	// graceTime is how long a process may take to end when it was asked to.
	graceTime = 2 * time.Second
	// searchTime bounds one search in the container.
	searchTime = 3 * time.Second
	// besideTime is how far apart two sessions must have begun for their processes to be told apart by their age: what that
	// may be off, the second that times in objects are cut to, and a second for clocks.
	besideTime = leftover.Around + 2*time.Second
	// maxWhy bounds what is told of somebody else's error.
	maxWhy = 200
)

// kill ends what the session left running: it asks its processes to terminate, and after graceTime, or as soon as the
// first of them has ended, kills those that are left. It says in words what it did, for the person and the recording.
func (l *live) kill(ctx context.Context, gone <-chan struct{}) string {
	switch name, err := l.beside(ctx); {
	case err != nil:
		return "the gateway could not look for other sessions, whose processes it might be: " + l.why(err)
	case name != "":
		return "session " + name + " began in the container at the same time, so nothing was killed"
	}
	search := leftover.Search{Age: l.Now().Sub(*l.connected.Load())}
	found, err := l.search(ctx, search)
	switch {
	case err != nil:
		return "the gateway could not look for it: " + l.why(err)
	case found.Leaders == 0:
		return "no process in the container began with the session, so none was killed"
	case found.Leaders > 1:
		return fmt.Sprintf("%d processes in the container began with the session, so none was killed", found.Leaders)
	}
	did := fmt.Sprintf("TERM was sent to process %d and its session, %d in all", found.Leader, found.Signalled)
	select {
	case <-gone:
	case <-time.After(graceTime):
	case <-ctx.Done():
	}
	search.Leader = found.Leader
	switch found, err = l.search(ctx, search); {
	case err != nil:
		return did + "; the gateway could not look again: " + l.why(err)
	case found.Signalled > 0:
		return fmt.Sprintf("%s; then KILL to %d", did, found.Signalled)
	default:
		return did
	}
}

// beside names a session whose process may be taken for this one's. Who is asked is the API server, for a cache may not
// have seen it yet.
func (l *live) beside(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	sessions, err := l.Store.List(ctx, l.object.Namespace)
	if err != nil {
		return "", err
	}
	for i := range sessions {
		if mayBeTakenFor(&sessions[i], l.object, *l.connected.Load()) {
			return sessions[i].Name, nil
		}
	}
	return "", nil
}

// mayBeTakenFor reports whether a session may have left a process in the same container that began when the one of own
// did, which was connected at a time.
func mayBeTakenFor(s, own *accessv1alpha1.ExecutionSession, connected time.Time) bool {
	starts := s.Spec.Action == accessv1alpha1.ActionExec || s.Spec.Action == accessv1alpha1.ActionCopy
	if s.UID == own.UID || !starts || s.Spec.PodRef.UID != own.Spec.PodRef.UID || s.Spec.Container != own.Spec.Container ||
		s.Status.Process == accessv1alpha1.ProcessExited || s.Status.Process == accessv1alpha1.ProcessKilled {
		return false
	}
	if s.CreationTimestamp.After(connected.Add(besideTime)) {
		return false
	}
	last := s.Status.StartTime
	if last == nil {
		last = s.Status.EndTime // the API server may have been at it all the while
	}
	return last == nil || !last.Add(besideTime).Before(own.CreationTimestamp.Time)
}

// search runs the one command that the gateway may run under its own name; see package leftover.
func (l *live) search(ctx context.Context, s leftover.Search) (leftover.Found, error) {
	ctx, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	var answer leftover.Answer
	target := streaming.Target{API: l.API, URL: l.searchURL(), As: l.asItself}
	if err := target.Stream(ctx, streaming.Streams{Stdin: bytes.NewReader(s.Input()), Stdout: &answer}); err != nil {
		return leftover.Found{}, err
	}
	return leftover.Parse(answer.Bytes())
}

// why words an error of a search, which quotes neither the search's input nor the whole of its command.
func (l *live) why(err error) string {
	var exit streaming.ExitError
	var api apierrors.APIStatus
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "it took too long"
	case errors.As(err, &exit):
		return "the container's shell failed"
	case errors.As(err, &api):
		return shortened(l.request.rules.Text(api.Status().Message), maxWhy)
	default:
		return shortened(l.request.rules.Text(err.Error()), maxWhy)
	}
}

// asItself is the gateway, with a token of the session that is for this command only.
func (l *live) asItself() (transport.ImpersonationConfig, error) {
	token, err := l.token(l.Own, "exec", leftover.Command())
	return transport.ImpersonationConfig{UserName: l.Own, Extra: map[string][]string{layout.ExtraSessionToken: {token}}}, err
}

func (l *live) searchURL() *url.URL {
	u := *l.base
	u.Path = strings.TrimSuffix(u.Path, "/") + l.request.route.Path
	u.RawQuery = targetQuery(streaming.Options{Stdin: true, Stdout: true}, l.request.attributes.Container, leftover.Command())
	return &u
}
