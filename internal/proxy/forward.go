package proxy

import (
	"context"
	"errors"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/sallyport-dev/sallyport/internal/proxy/session"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/streaming"
)

// dialTime is how long the API server and the node may take to accept a port-forward.
const dialTime = 30 * time.Second

// forward carries a port-forward. The API server is asked before the client is upgraded: the protocol has no word for a
// refusal of the whole, and a plain answer has.
func (l *live) forward(w http.ResponseWriter, r *http.Request) error {
	pod, err := l.dial(r.Context())
	if err != nil {
		writeError(w, l.refused(err))
		return err
	}
	defer pod.Close()
	return streaming.ServeForward(w, r, func(ctx context.Context, client streaming.Client) error {
		ctx, stop := l.endable(ctx)
		defer stop()
		s := session.Forward{Session: l.session(), Dial: pod.Dial, Lost: pod.Lost()}
		return l.settled(s.Run(ctx, client))
	})
}

func (l *live) dial(ctx context.Context) (*streaming.Forwarding, error) {
	ctx, stop := l.endable(ctx)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, min(dialTime, l.session().Left), errors.New("the API server took too long"))
	defer cancel()
	pod, err := l.target().Forward(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return pod, err
}

// refused ends a session that the API server, or the registry meanwhile, did not let begin. It returns what to tell.
func (l *live) refused(err error) error {
	exit := recording.Exit{Reason: session.ReasonConnectionLost, Message: "the gateway could not connect to the pod"}
	told := unavailable("the gateway cannot connect to the pod; run the command again")
	var api apierrors.APIStatus
	var end *session.End
	switch {
	case errors.As(err, &end):
		exit, told = recording.Exit{Reason: end.Reason, Message: end.Text}, end.StatusError()
	case errors.As(err, &api):
		status := api.Status()
		status.Message = l.request.rules.Text(status.Message)
		exit = recording.Exit{Reason: session.ReasonRefused, Message: status.Message}
		told = &apierrors.StatusError{ErrStatus: status}
	}
	l.finished(exit, l.seal(exit))
	return told
}
