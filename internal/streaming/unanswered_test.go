package streaming

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// hesitant is an API server without WebSocket, if overSPDY is set, that calls asked at a request, and answers once late is closed.
// It closes left when the client has gone, and nothing had begun.
func hesitant(t *testing.T, overSPDY bool, asked func(), late, left chan struct{}) *apiServer {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if overSPDY && websocket.IsWebSocketUpgrade(r) {
			http.Error(w, "requested protocol(s) are not supported", http.StatusForbidden)
			return
		}
		asked()
		select {
		case <-r.Context().Done():
			close(left)
		case <-late:
			conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(httpstream.Stream, <-chan struct{}) error {
				t.Error("something began")
				return nil
			})
			if conn != nil {
				<-conn.CloseChan()
				close(left)
			}
		}
	}))
	t.Cleanup(server.Close)
	return &apiServer{Server: server}
}

func TestTargetDoesNotWaitForAnAnswerAfterItsContext(t *testing.T) {
	calls := map[string]func(context.Context, Target) error{
		"exec": func(ctx context.Context, target Target) error { return target.Stream(ctx, Streams{Stdout: io.Discard}) },
		"port-forward": func(ctx context.Context, target Target) error {
			_, err := target.Forward(ctx)
			return err
		},
	}
	for name, overSPDY := range map[string]bool{
		"if WebSocket is not answered, then it hangs up":            false,
		"if SPDY is not answered, then it hangs up when that comes": true,
	} {
		for what, call := range calls {
			t.Run(name+", "+what, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				late, left := make(chan struct{}), make(chan struct{})
				target := hesitant(t, overSPDY, cancel, late, left).target(t)
				target.Connected = func() { t.Error("it is said to be connected") }
				ended := make(chan error, 1)
				go func() { ended <- call(ctx, target) }()
				select {
				case err := <-ended:
					if !errors.Is(err, context.Canceled) {
						t.Errorf("ended with %v", err)
					}
				case <-time.After(patience):
					t.Error("it waits")
				}
				if overSPDY || t.Failed() {
					close(late)
				}
				select {
				case <-left:
				case <-time.After(patience):
					t.Error("the server can still begin what was asked for")
				}
			})
		}
	}
}
