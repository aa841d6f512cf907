package podsecrets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

// value is one that a container might hold.
func value(of string) string { return of + "-" + strings.Repeat("x7", 6) }

// fake is an API server with Secrets that a test changes.
type fake struct {
	mu       sync.Mutex
	version  int
	secrets  map[string]*corev1.Secret
	errors   map[string]error
	slow     map[string]time.Duration
	watches  map[string]*watch.RaceFreeFakeWatcher
	asked    []metav1.ListOptions
	noWatch  bool
	gets     int
	lastSeen *corev1.Secret
}

func newFake() *fake {
	return &fake{
		secrets: map[string]*corev1.Secret{}, errors: map[string]error{}, slow: map[string]time.Duration{}, watches: map[string]*watch.RaceFreeFakeWatcher{},
	}
}

func (f *fake) set(name string, data map[string]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.version++
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, ResourceVersion: fmt.Sprint(f.version)}, Data: map[string][]byte{}}
	for k, v := range data {
		secret.Data[k] = []byte(v)
	}
	f.secrets[name] = secret
	delete(f.errors, name)
	if w := f.watches[name]; w != nil {
		w.Modify(secret.DeepCopy())
	}
}

func (f *fake) Get(ctx context.Context, name string, _ metav1.GetOptions) (*corev1.Secret, error) {
	f.mu.Lock()
	slow := f.slow[name]
	f.mu.Unlock()
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gets++
	if err := f.errors[name]; err != nil {
		return nil, err
	}
	if f.secrets[name] == nil {
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, name)
	}
	f.lastSeen = f.secrets[name].DeepCopy()
	return f.lastSeen, nil
}

func (f *fake) Watch(_ context.Context, options metav1.ListOptions) (watch.Interface, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, options)
	if f.noWatch {
		return nil, forbidden
	}
	w := watch.NewRaceFreeFake()
	f.watches[strings.TrimPrefix(options.FieldSelector, "metadata.name=")] = w
	return w, nil
}

var forbidden = apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "s", errors.New("no"))

// pod has these Secrets, whole.
func pod(secrets ...string) *corev1.Pod {
	c := corev1.Container{Name: "app"}
	for _, s := range secrets {
		c.EnvFrom = append(c.EnvFrom, fromAll(s))
	}
	return &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{c}}}
}

func texts(s *Session) []string {
	var all []string
	_, _ = s.Use(func(values []mask.Value) ([]mask.Ignored, error) {
		for _, v := range values {
			all = append(all, v.Rule+"="+string(v.Text))
		}
		return nil, nil
	})
	slices.Sort(all)
	return all
}

func states(s *Session) map[string]State {
	all := map[string]State{}
	for _, secret := range s.Report().Secrets {
		all[secret.Name] = secret.State
	}
	return all
}

func TestNewReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake()
		api.set("db", map[string]string{"password": value("p"), "user": "postgres"})
		api.errors["shut"], api.errors["broken"], api.slow["slow"] = forbidden, errors.New("connection refused"), time.Hour
		began := time.Now()
		s := New(t.Context(), api, pod("db", "gone", "shut", "broken", "slow"), "app")
		defer s.Close()
		if took := time.Since(began); took != StartTime {
			t.Errorf("the beginning waited %v", took)
		}
		want := Report{Secrets: []Secret{
			{Name: "broken", State: Failed, Why: whyError},
			{
				Name: "db", State: Known, ResourceVersion: "1",
				Found: Found{Values: 1, Ignored: []Ignored{{Key: "user", Why: "it is a common word or a default"}}},
			},
			{Name: "gone", State: Absent},
			{Name: "shut", State: Forbidden},
			{Name: "slow", State: Failed, Why: whySlow},
		}}
		got := s.Report()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if unread := got.Unread(); len(unread) != 3 {
			t.Errorf("unread are %v", unread)
		}
		if diff := cmp.Diff([]string{"secret/db/password=" + value("p")}, texts(s)); diff != "" {
			t.Error(diff)
		}
		for key, left := range api.lastSeen.Data {
			if strings.Trim(string(left), "\x00") != "" {
				t.Errorf("what was read of %s is still there", key)
			}
		}
	})
}

func TestNewTakesOnlyItsKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake()
		api.set("db", map[string]string{"password": value("p"), "other": value("o")})
		p := pod()
		p.Spec.Containers[0].Env = []corev1.EnvVar{fromKey("db", "password")}
		s := New(t.Context(), api, p, "app")
		defer s.Close()
		if diff := cmp.Diff([]string{"secret/db/password=" + value("p")}, texts(s)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, changes := newFake(), 0
		api.set("db", map[string]string{"password": value("old")})
		api.errors["late"] = forbidden
		s := New(t.Context(), api, pod("db", "gone", "late"), "app")
		defer s.Close()
		texts(s)
		s.Announce(func(context.Context) error {
			changes++
			return nil
		})
		synctest.Wait()
		for _, asked := range api.asked {
			if !strings.HasPrefix(asked.FieldSelector, "metadata.name=") {
				t.Errorf("a watch asked for %q", asked.FieldSelector)
			}
		}
		api.set("db", map[string]string{"password": value("new")})
		synctest.Wait()
		if diff := cmp.Diff([]string{"secret/db/password=" + value("new"), "secret/db/password=" + value("old")}, texts(s)); diff != "" || changes != 1 {
			t.Errorf("after %d changes: %s", changes, diff)
		}
		api.set("db", map[string]string{"password": value("old")})
		synctest.Wait()
		if changes != 2 || s.Report().Secrets[0].Values != 2 {
			t.Error("another version was no news, though its values are known")
		}
		api.set("gone", map[string]string{"k": value("made")})
		synctest.Wait()
		if changes != 3 || states(s)["gone"] != Known {
			t.Errorf("after it was made: %v", states(s))
		}
		// A watch that ends is begun again, after another look.
		api.watches["db"].Stop()
		api.mu.Lock()
		delete(api.watches, "db")
		api.mu.Unlock()
		api.set("db", map[string]string{"password": value("third")})
		api.set("late", map[string]string{"k": value("allowed")})
		time.Sleep(2 * retryMost)
		synctest.Wait()
		if got := texts(s); len(got) != 5 || states(s)["late"] != Known {
			t.Errorf("in the end: %v, %v", got, states(s))
		}
	})
}

func TestWithoutWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake()
		api.noWatch = true
		api.set("db", map[string]string{"password": value("old")})
		s := New(t.Context(), api, pod("db"), "app")
		defer s.Close()
		api.set("db", map[string]string{"password": value("new")})
		time.Sleep(time.Hour)
		if got := texts(s); len(got) != 2 {
			t.Errorf("got %v", got)
		}
		if most := int(time.Hour/retryMost) + 10; api.gets > most {
			t.Errorf("in an hour it asked %d times", api.gets)
		}
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake()
		api.set("db", map[string]string{"password": value("p")})
		s := New(t.Context(), api, pod("db"), "app")
		s.Announce(func(context.Context) error {
			t.Error("news after the end")
			return nil
		})
		var kept []byte
		_, _ = s.Use(func(values []mask.Value) ([]mask.Ignored, error) {
			kept = values[0].Text
			return nil, nil
		})
		s.Close()
		if strings.Trim(string(kept), "\x00") != "" {
			t.Errorf("the value is still there")
		}
		_, _ = s.Use(func([]mask.Value) ([]mask.Ignored, error) {
			t.Error("values after the end")
			return nil, nil
		})
		api.set("db", map[string]string{"password": value("q")})
		synctest.Wait()
	})
}

func TestPlainEnvironment(t *testing.T) {
	p := pod()
	p.Spec.Containers[0].Env = []corev1.EnvVar{
		{Name: "DB_PASSWORD", Value: value("p")}, {Name: "LOG_LEVEL", Value: "a-long-level-of-logs"}, {Name: "API_TOKEN", Value: "changeme"},
		{Name: "DATABASE_URL", Value: "postgres://app:" + value("u") + "@db/shop"},
		{Name: "SERVICE_TOKEN", ValueFrom: fromKey("db", "token").ValueFrom},
	}
	s := New(t.Context(), nil, p, "app")
	defer s.Close()
	if diff := cmp.Diff([]string{"env/DATABASE_URL=" + value("u"), "env/DB_PASSWORD=" + value("p")}, texts(s)); diff != "" {
		t.Error(diff)
	}
	want := Report{Environment: Found{Values: 2, Ignored: []Ignored{{Key: "API_TOKEN", Why: "it is a common word or a default"}}}}
	if diff := cmp.Diff(want, s.Report()); diff != "" {
		t.Error(diff)
	}
}

func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake()
		var names []string
		for i := range MaxSecrets + 1 {
			name := fmt.Sprintf("s%03d", i)
			names = append(names, name)
			api.set(name, map[string]string{"k": value(name)})
		}
		long := strings.Repeat("0123456789abcde ", MaxText/16) + "and more"
		data := map[string]string{}
		for i := range MaxBytes/MaxText + 1 {
			data[fmt.Sprint("k", i)] = fmt.Sprint(i, long)
		}
		api.set("s000", data)
		s := New(t.Context(), api, pod("s000"), "app")
		defer s.Close()
		got := s.Report().Secrets[0]
		if !got.Cut || got.Values != MaxBytes/MaxText || len(got.Ignored) != got.Values+2 ||
			!slices.Contains(got.Ignored, Ignored{Key: "k0", Why: whyTooLong}) || !slices.Contains(got.Ignored, Ignored{Key: "k9", Why: whyTooMuch}) {
			t.Errorf("%d values, ignored are %+v", got.Values, got.Ignored)
		}
		many := New(t.Context(), api, pod(names...), "app")
		defer many.Close()
		r := many.Report()
		if last := r.Secrets[MaxSecrets]; last.State != Failed || last.Why != whyTooMany {
			t.Errorf("the last is %+v", last)
		}
	})
}

func TestUseNotesWhatIsIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake()
		api.set("db", map[string]string{"password": value("p")})
		s := New(t.Context(), api, pod("db"), "app")
		defer s.Close()
		r, err := s.Use(func([]mask.Value) ([]mask.Ignored, error) {
			return []mask.Ignored{{Rule: "secret/db/password", Why: "no room", Cut: true}, {Rule: "env/TOKEN", Why: "no room"}}, nil
		})
		if diff := cmp.Diff(s.Report(), r); err != nil || diff != "" {
			t.Errorf("%v: %s", err, diff)
		}
		want := []Ignored{{Key: "password", Why: "no room"}}
		if diff := cmp.Diff(want, r.Secrets[0].Ignored); diff != "" || !r.Secrets[0].Cut {
			t.Error(diff)
		}
		if want[0].Key = "TOKEN"; !cmp.Equal(want, r.Environment.Ignored) {
			t.Errorf("of the environment: %v", r.Environment.Ignored)
		}
	})
}

// TestUseThatFails: what is new is not in use, what was in use still is, and it is tried again.
func TestUseThatFails(t *testing.T) {
	for name, fail := range map[string]struct {
		with func() error
		why  string
	}{
		"if there is no room":    {func() error { return errors.New("no room") }, "no room"},
		"if a value meets a bug": {func() error { panic("a bug") }, whyBug},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newFake()
				api.set("db", map[string]string{"password": value("p")})
				api.set("other", map[string]string{"password": value("o")})
				s := New(t.Context(), api, pod("db", "other"), "app")
				defer s.Close()
				all := func([]mask.Value) ([]mask.Ignored, error) { return nil, nil }
				none := func([]mask.Value) ([]mask.Ignored, error) { return nil, fail.with() }
				if r, err := s.Use(none); err == nil || len(r.Cut()) != 2 || r.Secrets[0].Why != fail.why || r.Secrets[0].State != Known {
					t.Errorf("at the start: %v, %+v", err, r)
				}
				if r, err := s.Use(all); err != nil || len(r.Cut()) != 0 {
					t.Errorf("once it works: %v, %+v", err, r)
				}
				reports := make(chan Report, 9)
				use := make(chan func([]mask.Value) ([]mask.Ignored, error), 9)
				var tries atomic.Int32
				s.Announce(func(context.Context) error {
					tries.Add(1)
					r, err := s.Use(<-use)
					reports <- r
					return err
				})
				use <- none
				api.set("db", map[string]string{"password": value("q")})
				if r := <-reports; !slices.Equal(r.Cut(), []string{"db"}) {
					t.Errorf("after a rotation: %+v", r)
				}
				use <- all
				began := time.Now()
				if r := <-reports; r.Cut() != nil || r.Secrets[0].Why != "" || time.Since(began) != retryMost {
					t.Errorf("later: %+v", r)
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				if n := tries.Load(); n != 2 {
					t.Errorf("it was tried %d times, though the second worked", n)
				}
			})
		})
	}
}

// TestAStartThatFails: what could not be used when the session began is tried again, though nothing changes.
func TestAStartThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake()
		api.set("db", map[string]string{"password": value("p")})
		s := New(t.Context(), api, pod("db"), "app")
		defer s.Close()
		if _, err := s.Use(func([]mask.Value) ([]mask.Ignored, error) { return nil, errors.New("no room") }); err == nil {
			t.Error("it did not fail")
		}
		var tries atomic.Int32
		s.Announce(func(context.Context) error {
			tries.Add(1)
			_, err := s.Use(func([]mask.Value) ([]mask.Ignored, error) { return nil, nil })
			return err
		})
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := tries.Load(); n != 1 {
			t.Errorf("it was tried %d times", n)
		}
	})
}

// TestAStorm: while one change is taken in, others are not; then the newest is, in one go, and nothing is dropped.
func TestAStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake()
		api.set("db", map[string]string{"password": value("start")})
		api.set("other", map[string]string{"password": value("o")})
		s := New(t.Context(), api, pod("db", "other"), "app")
		defer s.Close()
		texts(s)
		const takes = time.Second
		var at []string
		var known int
		s.Announce(func(context.Context) error {
			r, err := s.Use(func(values []mask.Value) ([]mask.Ignored, error) {
				time.Sleep(takes)
				known = len(values)
				return nil, nil
			})
			at = append(at, r.Secrets[0].ResourceVersion)
			return err
		})
		synctest.Wait()
		for i := range 20 {
			api.set("db", map[string]string{"password": value(fmt.Sprint("storm", i))})
			synctest.Wait() // its watch has told it
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if diff := cmp.Diff([]string{"3", "22"}, at); diff != "" {
			t.Errorf("taken in were other versions: %s", diff)
		}
		if known != 22 {
			t.Errorf("%d values are known", known)
		}
	})
}

// TestABugCostsOneSecret: whatever is in a Secret, those of others are read.
func TestABugCostsOneSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake()
		api.set("db", map[string]string{"password": value("p")})
		api.set("other", map[string]string{"password": value("o")})
		s := New(t.Context(), api, pod("db", "other"), "app")
		defer s.Close()
		texts(s)
		told := 0
		s.Announce(func(context.Context) error {
			told++
			return nil
		})
		synctest.Wait()
		s.mu.Lock()
		s.seen = nil // which no value survives
		s.mu.Unlock()
		api.set("db", map[string]string{"password": value("q")})
		synctest.Wait()
		if diff := cmp.Diff(map[string]State{"db": Failed, "other": Known}, states(s)); diff != "" || told != 1 {
			t.Errorf("told %d times: %s", told, diff)
		}
	})
}
