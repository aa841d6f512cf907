package proxy

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/authorizer"
	"github.com/sallyport-dev/sallyport/internal/proxy/session"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

const patience = 30 * time.Second

// exec runs a command through the gateway, as kubectl does.
func (w *world) exec(transport string, in io.Reader, out, errOut io.Writer, subresource string, command ...string) error {
	w.t.Helper()
	query := url.Values{"command": command, "stdout": {"true"}, "stderr": {"true"}, "container": {"app"}}
	if in != nil {
		query.Set("stdin", "true")
	}
	target := w.gateway.URL + gw + "/api/v1/namespaces/shop/pods/web/" + subresource + "?" + query.Encode()
	config := &rest.Config{Host: w.gateway.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}}
	var executor remotecommand.Executor
	var err error
	if transport == "SPDY" {
		var u *url.URL
		if u, err = url.Parse(target); err == nil {
			executor, err = remotecommand.NewSPDYExecutor(config, http.MethodPost, u)
		}
	} else {
		executor, err = remotecommand.NewWebSocketExecutor(config, http.MethodGet, target)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	return executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: in, Stdout: out, Stderr: errOut})
}

var transports = []string{"WebSocket", "SPDY"}

func TestExecIsMaskedRecordedAndReported(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			w := newWorld(t)
			var stdout, stderr bytes.Buffer
			if err := w.exec(transport, strings.NewReader("my key is "+secret+"\n"), &stdout, &stderr, "exec", "cat"); err != nil {
				t.Fatal(err)
			}
			masked := "my key is AKIA****************\n"
			r, text := w.recorded()
			if stdout.String() != masked || text != "stdin:"+masked+"|stdout:"+masked+"|" && text != "stdout:"+masked+"|stdin:"+masked+"|" {
				t.Errorf("delivered %q, recorded %q", stdout.String(), text)
			}
			if diff := cmp.Diff([]string{"GET exec as dev [devs system:authenticated] level 7"}, w.calls); diff != "" {
				t.Errorf("calls: %s", diff)
			}
			o := r.Open
			got := []string{
				o.Subject.Username, o.Requester.Username, o.Action, o.Namespace, o.Pod, o.PodUID, o.Node, o.Container, o.Image, o.ImageID,
				o.Grant.Name, o.Grant.Digest, o.Approvals[0].Approver, o.Approvals[0].Decision, o.Approvals[0].Comment, o.Cluster,
			}
			want := []string{"dev", "pipeline", "Exec", "shop", "web", "u-web", "n1", "app", "web:1", "sha256:i", "g", "sha256:d", "boss", "Approved", "go", "test"}
			if diff := cmp.Diff(want, got); diff != "" || strings.Contains(string(o.PodSpec), "hunter2") {
				t.Errorf("open object: %s\n%s", diff, o.PodSpec)
			}
			w.checkReported(r.ID)
		})
	}
}

func (w *world) checkReported(id string) {
	w.t.Helper()
	if reason := <-w.ended; reason != session.ReasonCompleted {
		w.t.Errorf("ended with %s", reason)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	want := []accessv1alpha1.SessionState{accessv1alpha1.SessionEnded}
	if diff := cmp.Diff(want, w.states); diff != "" || *w.last.ExitCode != 0 || w.last.Reason != session.ReasonCompleted || w.last.EndTime == nil ||
		*w.last.BytesIn != 31 || *w.last.BytesOut != 31 || w.last.Process != accessv1alpha1.ProcessExited {
		w.t.Errorf("states %s, at last %+v", diff, w.last)
	}
	s := w.sessions[0]
	if s.Name != id || s.Namespace != "shop" || s.Spec.CommandDigest != commandKey.Digest([]string{"cat"}) ||
		!strings.Contains(s.Spec.Recording, id) || s.Spec.PodRef.UID != "u-web" || s.Spec.GrantRef.UID != "u-g" || s.Spec.Proxy != "proxy-0" {
		w.t.Errorf("the executionsession is %+v", s)
	}
	for deadline := time.Now().Add(patience); w.registry.Len() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("%d sessions are left", w.registry.Len())
		}
	}
}

func TestExitCodesPass(t *testing.T) {
	w := newWorld(t)
	for _, transport := range transports {
		for _, code := range []string{"1", "7", "255"} {
			err := w.exec(transport, nil, io.Discard, io.Discard, "exec", "exit", code)
			var exit utilexec.CodeExitError
			if !errors.As(err, &exit) || fmt.Sprint(exit.Code) != code {
				t.Errorf("exit %s over %s: %v", code, transport, err)
			}
		}
	}
}

func TestAttachIsASession(t *testing.T) {
	w := newWorld(t)
	var stdout bytes.Buffer
	if err := w.exec("WebSocket", nil, &stdout, io.Discard, "attach"); err != nil {
		t.Fatal(err)
	}
	r, text := w.recorded()
	if stdout.String() != "attached" || text != "stdout:attached|" || r.Open.Action != "Attach" || r.Manifest.Exit.Process != recording.ProcessUnknown {
		t.Errorf("delivered %q, recorded %q of %s, %+v", stdout.String(), text, r.Open.Action, r.Manifest.Exit)
	}
}

func TestEveryAttemptHasItsOwnToken(t *testing.T) {
	w := newWorld(t)
	w.noWebSocket = true
	var stdout bytes.Buffer
	if err := w.exec("WebSocket", nil, &stdout, io.Discard, "exec", "print", "in"); err != nil || stdout.String() != "in" {
		t.Errorf("got %q, %v", stdout.String(), err)
	}
	if len(w.tokens) != 2 || len(w.calls) != 2 {
		t.Errorf("%d tokens in %v", len(w.tokens), w.calls)
	}
}

func TestDenials(t *testing.T) {
	deny := func(d authorizer.Decision, err error) func(*world) {
		return func(w *world) { w.decide = func(authorizer.Attributes) (authorizer.Decision, error) { return d, err } }
	}
	tests := map[string]struct {
		change func(*world)
		says   []string
		not    string
	}{
		"if there is no grant, then the command to ask for one is there": {
			deny(authorizer.Decision{Reasons: []string{"grant g covers pod db only."}}, nil),
			[]string{"grant g covers pod db only."}, "",
		},
		"if nothing is known, then the command to ask is there": {
			deny(authorizer.Decision{}, nil), []string{"kubectl sallyport request -n shop --pod web -c app", "-- print hello"}, "",
		},
		"if a decision is over, then it is none":          {deny(authorizer.Decision{Outcome: authorizer.Allow, Until: 1}, nil), []string{"does not let you"}, ""},
		"if a decision has no end, then it is none":       {deny(authorizer.Decision{Outcome: authorizer.Allow}, nil), []string{"does not let you"}, ""},
		"if an approval is missing, then it says so":      {deny(authorizer.Decision{Outcome: authorizer.NeedsApproval, Reasons: []string{"boss has to agree."}}, nil), []string{"boss has to agree."}, ""},
		"if no decision can be made, then it is denied":   {deny(authorizer.Decision{Outcome: authorizer.Allow, Until: 1 << 62}, errors.New("internals")), []string{"cannot decide"}, "internals"},
		"if RBAC says no, then the pod stays unknown":     {func(w *world) { w.rbac, w.noPod = false, true }, []string{`User "dev" cannot`, `resource "pods/exec"`, `namespace "shop"`}, "not found"},
		"if there is no pod, then it says so":             {func(w *world) { w.noPod = true }, []string{`pods "web" not found`}, ""},
		"if the store is down, then it says so":           {func(w *world) { w.storeError = errors.New("internals") }, []string{"recording store", "no session without a recording"}, "internals"},
		"if no executionsession can be made, it says so":  {func(w *world) { w.noSessions = true }, []string{"executionsession"}, ""},
		"if a policy is bad, then it is named":            {func(w *world) { w.policies.Put(disabling("birds", "fly")) }, []string{"ExecutionPolicy birds cannot be used"}, "fly"},
		"if nobody knows what to mask, then it is denied": {func(w *world) { w.unruled = errors.New("internals") }, []string{"what to mask"}, "internals"},
		"if the gateway stops, then it says so":           {func(w *world) { _ = w.registry.Shutdown(w.t.Context()) }, []string{"shutting down"}, ""},
		"if nobody is known, then it says so":             {func(w *world) { w.user = authorizer.User{} }, []string{"does not know who you are"}, ""},
		"if it is anonymous, then it says so":             {func(w *world) { w.user = authorizer.User{Name: "system:anonymous"} }, []string{"anonymous"}, ""},
		"if it is the highest group, then it says so":     {func(w *world) { w.user = authorizer.User{Name: "root", Groups: []string{"system:masters"}} }, []string{"use a named administrator"}, ""},
	}
	for name, tc := range tests {
		for _, transport := range transports {
			t.Run(name+"/"+transport, func(t *testing.T) {
				w := newWorld(t)
				tc.change(w)
				err := w.exec(transport, nil, io.Discard, io.Discard, "exec", "print", "hello")
				for _, says := range tc.says {
					if err == nil || !strings.Contains(err.Error(), says) {
						t.Errorf("got %v, want %q", err, says)
					}
				}
				if tc.not != "" && strings.Contains(fmt.Sprint(err), tc.not) {
					t.Errorf("%v tells too much", err)
				}
				if len(w.calls) > 0 || w.registry.Len() > 0 {
					t.Errorf("calls %v, registry %d", w.calls, w.registry.Len())
				}
				if len(w.sessions) > 0 {
					t.Errorf("an executionsession is left: %+v", w.sessions)
				}
				if r, _ := w.recorded(); r != nil && (r.State != recording.StateClosed || r.Manifest.Exit.Reason != session.ReasonRefused) {
					t.Errorf("a recording is left: %s", r.State)
				}
			})
		}
	}
}

func TestAGrantThatEndsWhileTheSessionOpensIsNotMissed(t *testing.T) {
	w := newWorld(t)
	allow, asked := w.decide, 0
	w.decide = func(a authorizer.Attributes) (authorizer.Decision, error) {
		if asked++; asked > 1 {
			return authorizer.Decision{Reasons: []string{"the grant was deleted."}}, nil
		}
		return allow(a)
	}
	err := w.exec("WebSocket", nil, io.Discard, io.Discard, "exec", "print", "hello")
	if err == nil || !strings.Contains(err.Error(), "the grant was deleted.") || len(w.calls) > 0 {
		t.Errorf("got %v after %v", err, w.calls)
	}
}

// TestAnotherGrantDoesNotTakeOver: the registry would end the session with the first grant, and not with the second.
func TestAnotherGrantDoesNotTakeOver(t *testing.T) {
	w := newWorld(t)
	allow, asked := w.decide, 0
	w.decide = func(a authorizer.Attributes) (authorizer.Decision, error) {
		d, err := allow(a)
		if asked++; asked > 1 {
			d.Grant.Name = "another"
		}
		return d, err
	}
	err := w.exec("WebSocket", nil, io.Discard, io.Discard, "exec", "print", "hello")
	if err == nil || !strings.Contains(err.Error(), "run the command again") || len(w.calls) > 0 || len(w.sessions) > 0 {
		t.Errorf("got %v after %v, sessions %v", err, w.calls, w.sessions)
	}
}

func TestASecretInTheCommandIsNotShown(t *testing.T) {
	w := newWorld(t)
	w.decide = func(authorizer.Attributes) (authorizer.Decision, error) { return authorizer.Decision{}, nil }
	err := w.exec("WebSocket", nil, io.Discard, io.Discard, "exec", "print", secret)
	if err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("got %v", err)
	}
}

func TestTheRegistryEndsASession(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			w := newWorld(t)
			r, out := io.Pipe()
			go func() {
				_, _ = io.ReadFull(r, make([]byte, len("started")))
				w.registry.EndIf(func(f session.Facts) *session.End { return session.Revoked(f.Grant) })
				_, _ = io.Copy(io.Discard, r)
			}()
			var stderr bytes.Buffer
			err := w.exec(transport, nil, out, &stderr, "exec", "sleep")
			out.Close()
			if err == nil || stderr.String() != "sallyport: grant shop/g was revoked\nsallyport: the process in the container was still running\n" {
				t.Fatalf("got %v, the screen shows %q", err, stderr.String())
			}
			if reason := <-w.ended; reason != session.ReasonRevoked {
				t.Errorf("ended with %s", reason)
			}
			if recorded, _ := w.recorded(); recorded.Manifest.Exit.Reason != session.ReasonRevoked || recorded.Manifest.Exit.Process != recording.ProcessRunning {
				t.Errorf("recorded %+v", recorded.Manifest.Exit)
			}
			if w.last.Process != accessv1alpha1.ProcessRunning || len(w.searches) > 0 {
				t.Errorf("reported %+v, searched %q", w.last, w.searches)
			}
		})
	}
}

func TestASessionThatLastsIsReportedLive(t *testing.T) {
	w := newWorld(t)
	r, out := io.Pipe()
	go func() {
		_, _ = io.ReadFull(r, make([]byte, len("started")))
		time.Sleep(2 * liveAfter)
		w.registry.EndIf(func(f session.Facts) *session.End { return session.Revoked(f.Grant) })
		_, _ = io.Copy(io.Discard, r)
	}()
	_ = w.exec("WebSocket", nil, out, io.Discard, "exec", "sleep")
	out.Close()
	<-w.ended
	w.mu.Lock()
	defer w.mu.Unlock()
	if diff := cmp.Diff([]accessv1alpha1.SessionState{accessv1alpha1.SessionLive, accessv1alpha1.SessionEnded}, w.states); diff != "" {
		t.Error(diff)
	}
}

func TestAClientThatIsNotUpgradedLeavesNoOpenRecording(t *testing.T) {
	w := newWorld(t)
	response := w.do("GET", "/api/v1/namespaces/shop/pods/web/exec?command=id&stdout=1", http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Protocol": {"v9.channel.k8s.io"},
	})
	response.Body.Close()
	<-w.ended
	r, _ := w.recorded()
	if response.StatusCode != http.StatusBadRequest || r.State != recording.StateClosed || len(w.calls) > 0 {
		t.Errorf("status %d, recording %s, calls %v", response.StatusCode, r.State, w.calls)
	}
}

// do sends a plain request through the gateway.
func (w *world) do(method, path string, header http.Header) *http.Response {
	w.t.Helper()
	hc := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableCompression: true}}
	w.t.Cleanup(hc.CloseIdleConnections)
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.gateway.URL+gw+path, strings.NewReader("body"))
	if err != nil {
		w.t.Fatal(err)
	}
	maps.Copy(r.Header, header)
	response, err := hc.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	return response
}

func TestRequestsPassAsTheUser(t *testing.T) {
	w := newWorld(t)
	seen := make(chan *http.Request, 1)
	w.api = func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen <- r
		rw.Header().Set("Warning", `299 - "old"`)
		rw.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(rw)
		_, _ = z.Write(append([]byte("got "), body...))
		_ = z.Close()
	}
	response := w.do("PATCH", "/api/v1/namespaces/shop/configmaps/a%3Ab?fieldManager=x&force=true&a=b%2Fc", http.Header{
		"X-Remote-User": {"admin"}, "X-Forwarded-For": {"9.9.9.9"}, "Accept-Encoding": {"gzip"}, "User-Agent": {"kubectl/1"},
		"Content-Type": {"application/apply-patch+yaml"}, "Authorization": {"Bearer stolen"},
	})
	defer response.Body.Close()
	got := <-seen
	z, err := gzip.NewReader(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(z)
	if string(body) != "got body" || response.Header.Get("Warning") == "" {
		t.Errorf("body %q, headers %v", body, response.Header)
	}
	want := map[string]string{
		"Impersonate-User": "dev", "Impersonate-Group": "devs", "Impersonate-Extra-Example.com%2flevel": "7",
		"X-Remote-User": "", "X-Forwarded-For": "", "User-Agent": "kubectl/1", "Content-Type": "application/apply-patch+yaml",
		"Impersonate-Extra-Gateway.sallyport.dev%2fsession-Token": "",
	}
	for name, value := range want {
		if got.Header.Get(name) != value {
			t.Errorf("%s is %q, want %q", name, got.Header.Get(name), value)
		}
	}
	if got.Method != http.MethodPatch || got.URL.Path != "/api/v1/namespaces/shop/configmaps/a:b" || got.URL.RawQuery != "fieldManager=x&force=true&a=b%2Fc" {
		t.Errorf("the API server saw %s %s", got.Method, got.URL)
	}
}

func TestAnswersStream(t *testing.T) {
	w := newWorld(t)
	next := make(chan struct{})
	w.api = func(rw http.ResponseWriter, r *http.Request) {
		for range 2 {
			fmt.Fprintln(rw, "event")
			_ = http.NewResponseController(rw).Flush()
			<-next
		}
	}
	response := w.do("GET", "/api/v1/pods?watch=true", nil)
	defer response.Body.Close()
	for range 2 {
		if _, err := io.ReadFull(response.Body, make([]byte, len("event\n"))); err != nil {
			t.Fatal(err)
		}
		next <- struct{}{}
	}
}

func TestRefusalsAreStatuses(t *testing.T) {
	w := newWorld(t)
	w.api = func(http.ResponseWriter, *http.Request) { t.Error("a request passed") }
	for name, path := range map[string]string{
		"loop": gw + "/version", "port-forward": "/api/v1/namespaces/shop/pods/web/portforward",
		"plain exec": "/api/v1/namespaces/shop/pods/web/exec?command=id&stdout=1", "dots": "/api/../api",
	} {
		t.Run(name, func(t *testing.T) {
			response := w.do("POST", path, nil)
			defer response.Body.Close()
			var status metav1.Status
			if err := json.NewDecoder(response.Body).Decode(&status); err != nil || status.Kind != "Status" || int(status.Code) != response.StatusCode || status.Message == "" {
				t.Errorf("%v: %+v", err, status)
			}
		})
	}
}

func TestDiscoveryIsForEveryone(t *testing.T) {
	w := newWorld(t)
	w.user = authorizer.User{Name: "system:kube-aggregator", Groups: []string{"system:masters"}}
	hc := w.gateway.Client()
	for path, kind := range map[string]string{
		"": "APIGroupList", "/gateway.sallyport.dev": "APIGroup", "/gateway.sallyport.dev/v1alpha1": "APIResourceList",
		"/gateway.sallyport.dev/v1alpha1/gateways": "GatewayList", "/gateway.sallyport.dev/v1alpha1/gateways/main": "Gateway",
	} {
		response, err := hc.Get(w.gateway.URL + "/apis" + path)
		if err != nil {
			t.Fatal(err)
		}
		var got metav1.TypeMeta
		if err := json.NewDecoder(response.Body).Decode(&got); err != nil || got.Kind != kind {
			t.Errorf("/apis%s: %+v, %v", path, got, err)
		}
		response.Body.Close()
	}
	response := w.do("GET", "/version", nil)
	response.Body.Close()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("system:masters passes with %d", response.StatusCode)
	}
}

func TestAnAPIServerThatIsDownIsNamed(t *testing.T) {
	w := newWorld(t)
	w.api = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	response := w.do("GET", "/api/v1/pods", nil)
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "cannot reach the API server") {
		t.Errorf("status %d: %s", response.StatusCode, body)
	}
}

func TestNewRefusesAnIncompleteGateway(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("no authenticator, and no error")
	}
	options := Options{Authenticate: func(*http.Request) (authorizer.User, error) { return user, nil }, API: &rest.Config{Host: "x"}}
	if _, err := New(options); !errors.Is(err, errIncomplete) {
		t.Errorf("got %v", err)
	}
}
