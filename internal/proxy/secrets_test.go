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
	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/podsecrets"
	"github.com/sallyport-dev/sallyport/internal/proxy/session"
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
			"False NotRead 1 values of 3 Secrets and of the pod's specification are masked; not read, and not masked: shut (Forbidden)",
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

// untilShown waits until the status begins to say so of the Secrets.
func (w *world) untilShown(begins string) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		w.mu.Lock()
		c := meta.FindStatusCondition(w.last.Conditions, accessv1alpha1.ConditionSecretValuesMasked)
		w.mu.Unlock()
		if c != nil && strings.HasPrefix(c.Message, begins) {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("the status says %+v, not %q", c, begins)
		}
	}
}

// What a watch brings reaches the session's streams, and its status.
func TestSecretsAreFollowed(t *testing.T) {
	w := newWorld(t)
	w.secrets.names = []string{"db"}
	done := make(chan error, 1)
	var out bytes.Buffer
	go func() { done <- w.exec("WebSocket", nil, &out, io.Discard, "exec", "sleep") }()
	are := "values of 1 Secrets and of the pod's specification are masked; not masked: env/PASSWORD (it is shorter than 8 bytes)"
	w.untilShown("0 " + are)
	w.secrets.changed <- asSecret("db", "8", map[string]string{"user": "postgres", "password": aPassword()})
	w.untilShown("1 " + are + ", db/user (it is a common word or a default)")
	close(w.killed)
	if err := <-done; err == nil {
		t.Error("the command ended without its exit code")
	}
	<-w.ended
	want := []string{"db, version 8: Known, 1 values; not masked: user (it is a common word or a default)"}
	if diff := cmp.Diff(want, w.secretChanges()); diff != "" {
		t.Error("the recording says of the rotation:", diff)
	}
	if len(w.secrets.watched) != 1 || w.secrets.watched[0] != "db" {
		t.Errorf("watched are %q", w.secrets.watched)
	}
}

// A Secret that changes many times a second costs its session a record and a status now and then, and the last of each is of
// the newest version.
func TestSecretsThatChangeOften(t *testing.T) {
	const changes = 100
	w := newWorld(t)
	w.secrets.names = []string{"db"}
	done := make(chan error, 1)
	begun := time.Now()
	go func() { done <- w.exec("WebSocket", nil, io.Discard, io.Discard, "exec", "sleep") }()
	data := map[string]string{}
	for i := range changes {
		data[fmt.Sprint("k", i)] = fmt.Sprint(aPassword(), i)
		w.secrets.changed <- asSecret("db", fmt.Sprint(100+i), data)
	}
	w.untilShown(fmt.Sprint(changes, " values"))
	close(w.killed)
	<-done
	<-w.ended
	seconds := int(time.Since(begun)/time.Second) + 1
	told := w.secretChanges()
	if n := len(told); n > seconds+1 || n < 2 || !strings.HasPrefix(told[n-1], fmt.Sprintf("db, version %d: Known, %d values", 99+changes, changes)) {
		t.Errorf("in %d s the recording says %q", seconds, told)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	c := meta.FindStatusCondition(w.last.Conditions, accessv1alpha1.ConditionSecretValuesMasked)
	if n := len(w.states); n > seconds+2 || c == nil || !strings.HasPrefix(c.Message, fmt.Sprint(changes, " values")) {
		t.Errorf("in %d s there are %d reports, the last: %+v", seconds, n, c)
	}
}

// secretChanges is what the last recording says of Secrets that changed, in words.
func (w *world) secretChanges() []string {
	w.t.Helper()
	r, _ := w.recorded()
	var changes []string
	for rec, err := range r.Records(w.t.Context()) {
		if err != nil {
			w.t.Fatal(err)
		}
		var c recording.SecretChange
		if rec.Stream != recording.SecretValue {
			continue
		}
		if err := json.Unmarshal(rec.Data, &c); err != nil {
			w.t.Error(err)
		}
		changes = append(changes, c.Words())
	}
	return changes
}

// A rotation that brings more than can be masked ends a session whose Secrets have to be.
func TestRequiredSecretsAreFollowed(t *testing.T) {
	many := map[string]string{}
	for i := range 300 {
		many[fmt.Sprint("k", i)] = fmt.Sprint(aPassword(), i)
	}
	for name, tc := range map[string]struct {
		limit int64
		data  map[string]string
		says  string // to the person
	}{
		"if a text is too long, then that is said":      {1 << 30, map[string]string{"k": strings.Repeat("x ", podsecrets.MaxText/2) + "x"}, "hold more than a session can look for: db"},
		"if the gateway has no room, then that is said": {1 << 20, many, "memory for their values is full"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldWith(t, SecretsRequired)
			w.secrets.names = []string{"db"}
			w.secrets.data["db"] = map[string]string{"password": aPassword()}
			w.values.Limit = tc.limit
			done := make(chan error, 1)
			var out bytes.Buffer
			go func() { done <- w.exec("WebSocket", nil, io.Discard, &out, "exec", "sleep") }()
			w.secrets.changed <- asSecret("db", "8", w.secrets.data["db"])
			w.secrets.changed <- asSecret("db", "9", tc.data)
			if err := <-done; err == nil {
				t.Error("the session was not ended")
			}
			if reason := <-w.ended; reason != session.ReasonUnmasked || !strings.Contains(out.String(), tc.says) {
				t.Errorf("it ended by %q, and the person reads %q", reason, out.String())
			}
			changes := w.secretChanges()
			if n := len(changes); n == 0 || !strings.HasPrefix(changes[n-1], "db, version 9: Known") || !strings.Contains(changes[n-1], "not all of them masked") {
				t.Errorf("the recording says %q", changes)
			}
			if r, _ := w.recorded(); r.Manifest.Exit.Reason != session.ReasonUnmasked {
				t.Errorf("the recording ends by %+v", r.Manifest.Exit)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			if c := meta.FindStatusCondition(w.last.Conditions, accessv1alpha1.ConditionSecretValuesMasked); c == nil || c.Status != metav1.ConditionFalse ||
				c.Reason != accessv1alpha1.ReasonSecretsTooLarge {
				t.Errorf("the status says %+v", c)
			}
		})
	}
}

func TestNoRoomForValues(t *testing.T) {
	for name, tc := range map[string]struct {
		mode SecretMode
		says []string // to the person
	}{
		"if they are masked where they can be, the session begins": {mode: SecretsWhereAllowed},
		"if they have to be masked, there is no session":           {SecretsRequired, []string{"memory for their values is full", "--secret-values-bytes"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldWith(t, tc.mode)
			w.secrets.names = []string{"db"}
			w.secrets.data["db"] = map[string]string{"password": aPassword()}
			w.values.Limit = 1
			var out bytes.Buffer
			err := w.exec("WebSocket", nil, &out, io.Discard, "exec", "print", "hello")
			for _, want := range tc.says {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not say %q", err, want)
				}
			}
			if tc.says != nil {
				if r, _ := w.recorded(); r != nil {
					t.Error("a session was begun")
				}
				return
			}
			if err != nil || out.String() != "hello" {
				t.Errorf("%v: %q", err, out.String())
			}
			<-w.ended
			r, _ := w.recorded()
			want := []recording.ReadSecret{{
				Name: "db", ResourceVersion: "7", State: "Known", Why: mask.ErrNoRoom.Error(), KnownValues: recording.KnownValues{Cut: true},
			}}
			if diff := cmp.Diff(want, r.Open.SecretValues.Secrets); diff != "" {
				t.Error(diff)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			c := meta.FindStatusCondition(w.last.Conditions, accessv1alpha1.ConditionSecretValuesMasked)
			if c == nil || c.Status != metav1.ConditionFalse || c.Reason != accessv1alpha1.ReasonSecretsTooLarge || !strings.HasPrefix(c.Message, "0 values") ||
				!strings.Contains(c.Message, "db ("+mask.ErrNoRoom.Error()) {
				t.Errorf("the status says %+v", c)
			}
		})
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
