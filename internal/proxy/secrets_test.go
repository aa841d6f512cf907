package proxy

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/podsecrets"
	"github.com/sallyport-dev/sallyport/internal/recording"
)

// secretsAPI is where the API server has its Secrets. The container is given all that are named there.
type secretsAPI struct {
	mu        sync.Mutex
	names     []string
	data      map[string]map[string]string
	forbidden map[string]bool
	watched   []string
	changed   chan *corev1.Secret
}

func newSecretsAPI() *secretsAPI {
	return &secretsAPI{data: map[string]map[string]string{}, forbidden: map[string]bool{}, changed: make(chan *corev1.Secret)}
}

func (s *secretsAPI) envFrom() (from []corev1.EnvFromSource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range s.names {
		from = append(from, corev1.EnvFromSource{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}})
	}
	return from
}

func asSecret(name, version string, data map[string]string) *corev1.Secret {
	secret := &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{Kind: "Secret", APIVersion: "v1"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, ResourceVersion: version}, Data: map[string][]byte{},
	}
	for key, value := range data {
		secret.Data[key] = []byte(value)
	}
	return secret
}

func (s *secretsAPI) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/api/v1/namespaces/shop/secrets"), "/")
	watch := name == "" && r.URL.Query().Get("watch") != ""
	if watch {
		name = strings.TrimPrefix(r.URL.Query().Get("fieldSelector"), "metadata.name=")
	}
	s.mu.Lock()
	data, there, shut := s.data[name], s.data[name] != nil, s.forbidden[name]
	if watch {
		s.watched = append(s.watched, name)
	}
	s.mu.Unlock()
	switch {
	case name == "":
		writeError(rw, forbidden("secrets are not to be listed"))
	case shut:
		writeError(rw, forbidden("secrets is forbidden"))
	case watch:
		rw.Header().Set("Content-Type", "application/json")
		rw.(http.Flusher).Flush()
		for {
			select {
			case secret := <-s.changed:
				text, _ := json.Marshal(secret)
				_, _ = fmt.Fprintf(rw, `{"type":"MODIFIED","object":%s}`+"\n", text)
				rw.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	case !there:
		writeError(rw, notFound("secrets not found"))
	default:
		writeJSON(rw, http.StatusOK, asSecret(name, "7", data))
	}
}

func aPassword() string { return "s3cr3t-" + strings.Repeat("x7", 6) }

func (w *world) haveSecrets() {
	w.secrets.names = []string{"db", "gone", "shut"}
	w.secrets.data["db"] = map[string]string{"password": aPassword(), "user": "postgres"}
	w.secrets.forbidden["shut"] = true
}

func TestSecretsAreReadBeforeASession(t *testing.T) {
	for name, tc := range map[string]struct {
		mode SecretMode
		want *recording.SecretValues
		says string
	}{
		"if they are read where that is allowed, it says what came of each": {
			SecretsWhereAllowed,
			&recording.SecretValues{
				Mode: "WhereAllowed",
				Secrets: []recording.ReadSecret{
					{Name: "db", ResourceVersion: "7", State: "Known", KnownValues: recording.KnownValues{
						Values: 1, Ignored: []recording.IgnoredValue{{Key: "user", Why: "it is a common word or a default"}},
					}},
					{Name: "gone", State: "Absent"},
					{Name: "shut", State: "Forbidden"},
				},
				Environment: &recording.KnownValues{Ignored: []recording.IgnoredValue{{Key: "PASSWORD", Why: "it is shorter than 8 bytes"}}},
			},
			"False NotRead not read, and not masked: shut (Forbidden)",
		},
		"if they are not to be read, none is": {
			SecretsOff,
			&recording.SecretValues{
				Mode: "Off", Environment: &recording.KnownValues{Ignored: []recording.IgnoredValue{{Key: "PASSWORD", Why: "it is shorter than 8 bytes"}}},
			},
			"False SwitchedOff the gateway does not read Secrets",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldWith(t, tc.mode)
			w.haveSecrets()
			var out bytes.Buffer
			if err := w.exec("WebSocket", nil, &out, io.Discard, "exec", "print", "hello"); err != nil {
				t.Fatal(err)
			}
			<-w.ended
			r, _ := w.recorded()
			if diff := cmp.Diff(tc.want, r.Open.SecretValues); diff != "" {
				t.Error(diff)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			if c := meta.FindStatusCondition(w.last.Conditions, accessv1alpha1.ConditionSecretValuesMasked); c == nil || c.LastTransitionTime.IsZero() ||
				fmt.Sprint(c.Status, " ", c.Reason, " ", c.Message) != tc.says {
				t.Errorf("the status says %+v", c)
			}
		})
	}
}

func TestRequiredSecrets(t *testing.T) {
	w := newWorldWith(t, SecretsRequired)
	w.haveSecrets()
	var out bytes.Buffer
	err := w.exec("WebSocket", nil, &out, io.Discard, "exec", "print", "hello")
	for _, want := range []string{"cannot read shut;", "create role -n shop", "--serviceaccount=sallyport-system:sallyport"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if r, _ := w.recorded(); r != nil || w.registry.Len() != 0 || len(w.calls) != 0 {
		t.Errorf("a session was begun")
	}
	w.secrets.mu.Lock()
	w.secrets.forbidden["shut"] = false
	w.secrets.mu.Unlock()
	if err := w.exec("WebSocket", nil, &out, io.Discard, "exec", "print", "hello"); err != nil || out.String() != "hello" {
		t.Errorf("once they can be read: %v, %q", err, out.String())
	}
}

// Neither the person nor the recording gets a value, in whatever form it stands.
func TestValuesOfSecretsAreMasked(t *testing.T) {
	w := newWorld(t)
	w.haveSecrets()
	encoded := base64.StdEncoding.EncodeToString([]byte("user:" + aPassword() + "\n"))
	var out bytes.Buffer
	if err := w.exec("WebSocket", nil, &out, io.Discard, "exec", "print", aPassword(), encoded); err != nil {
		t.Fatal(err)
	}
	r, text := w.recorded()
	open, err := json.Marshal(r.Open)
	if err != nil {
		t.Fatal(err)
	}
	seen := aPassword()[4:] // the person sees how it begins
	for where, got := range map[string]string{"the output": out.String(), "the recording": text, "the open object": string(open), "the status": strings.Join(w.sessions[0].Spec.Command, " ")} {
		for _, form := range []string{seen, encoded[12:30]} {
			if strings.Contains(got, form) {
				t.Errorf("%s has %q: %q", where, form, got)
			}
		}
	}
	if rules := maps.Keys(r.Manifest.Masked); !slices.Contains(slices.Collect(rules), "secret/db/password") {
		t.Errorf("masked were %v", r.Manifest.Masked)
	}
}

// What a watch brings reaches the session's streams, and its status.
func TestSecretsAreFollowed(t *testing.T) {
	w := newWorld(t)
	w.secrets.names = []string{"db"}
	done := make(chan error, 1)
	var out bytes.Buffer
	go func() { done <- w.exec("WebSocket", nil, &out, io.Discard, "exec", "sleep") }()
	says := func(want string) {
		t.Helper()
		for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
			w.mu.Lock()
			c := meta.FindStatusCondition(w.last.Conditions, accessv1alpha1.ConditionSecretValuesMasked)
			w.mu.Unlock()
			if c != nil && c.Message == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("the status says %+v, not %q", c, want)
			}
		}
	}
	says("not masked: env/PASSWORD (it is shorter than 8 bytes)")
	w.secrets.changed <- asSecret("db", "8", map[string]string{"user": "postgres"})
	says("not masked: env/PASSWORD (it is shorter than 8 bytes), db/user (it is a common word or a default)")
	close(w.killed)
	if err := <-done; err == nil {
		t.Error("the command ended without its exit code")
	}
	if len(w.secrets.watched) != 1 || w.secrets.watched[0] != "db" {
		t.Errorf("watched are %q", w.secrets.watched)
	}
}

func TestSecretsCondition(t *testing.T) {
	ignored := []podsecrets.Ignored{{Key: "user", Why: "it is common"}}
	public := []podsecrets.Ignored{{Key: "tls.crt", Why: "it is public", Public: true}}
	known := func(f podsecrets.Found) podsecrets.Secret {
		return podsecrets.Secret{Name: "db", State: podsecrets.Known, Found: f}
	}
	for name, tc := range map[string]struct {
		secrets []podsecrets.Secret
		want    string
	}{
		"if there is none, it is true":                 {nil, "True AllKnown"},
		"if all are known, it is true":                 {[]podsecrets.Secret{known(podsecrets.Found{Values: 2, Ignored: public})}, "True AllKnown"},
		"if one is gone, it is true":                   {[]podsecrets.Secret{{Name: "gone", State: podsecrets.Absent}}, "True AllKnown"},
		"if a word is common, it is true, and says so": {[]podsecrets.Secret{known(podsecrets.Found{Ignored: ignored})}, "True ValuesIgnored"},
		"if there is too much, it is false":            {[]podsecrets.Secret{known(podsecrets.Found{Cut: true, Ignored: ignored})}, "False TooLarge"},
		"if one failed, it is false":                   {[]podsecrets.Secret{known(podsecrets.Found{Cut: true}), {Name: "f", State: podsecrets.Failed}}, "False NotRead"},
	} {
		t.Run(name, func(t *testing.T) {
			c := secretsCondition(SecretsWhereAllowed, podsecrets.Report{Secrets: tc.secrets})
			if got := fmt.Sprint(c.Status, " ", c.Reason); got != tc.want || c.Message == "" {
				t.Errorf("got %s: %s", got, c.Message)
			}
		})
	}
}
