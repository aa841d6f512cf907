package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	accessv1alpha1 "github.com/sallyport-dev/sallyport/api/v1alpha1"
	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/objectstore/memory"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/spool/spooltest"
)

const (
	self  = "sallyport-0" // the instance under test
	other = "sallyport-1"
	ours  = "sha256:ours" // its installation
)

// cached is the cache of a cluster that the fake client plays.
type cached struct {
	cache.Cache
	client client.Client
	pods   error // of looking for one
}

func (c *cached) List(ctx context.Context, list client.ObjectList, o ...client.ListOption) error {
	return c.client.List(ctx, list, o...)
}

func (c *cached) Get(ctx context.Context, key client.ObjectKey, object client.Object, o ...client.GetOption) error {
	if c.pods != nil {
		return c.pods
	}
	return c.client.Get(ctx, key, object, o...)
}

// broken is a store that takes nothing while out says why, and counts what is asked of it.
type broken struct {
	*memory.Store

	mu   sync.Mutex
	out  error
	puts int
}

func (b *broken) PutNew(ctx context.Context, key string, body objectstore.Body, r objectstore.Retention) (objectstore.Version, error) {
	b.mu.Lock()
	b.puts++
	err := b.out
	b.mu.Unlock()
	if err != nil && !strings.HasSuffix(key, "/open.json") {
		return objectstore.Version{}, err
	}
	return b.Store.PutNew(ctx, key, body, r)
}

func (b *broken) set(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.out = err
}

// resumption is a resumer in a world that synctest's clock moves.
type resumption struct {
	*resumer

	t     *testing.T
	store *broken
	cache *cached
	dir   string            // of its spool
	by    recording.Gateway // whose recordings died makes

	stuckOnes int // how often it said that a recording is set aside

	mu   sync.Mutex
	logs map[string]int // messages, and how often
}

func nothing(string) bool { return false }

func newResumption(t *testing.T) *resumption {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{accessv1alpha1.AddToScheme, metav1.AddMetaToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	r := &resumption{t: t, by: recording.Gateway{Installation: ours, Instance: other}, store: &broken{Store: memory.New(time.Now)}, dir: t.TempDir(), logs: map[string]int{}}
	live := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&accessv1alpha1.ExecutionSession{}).Build()
	r.cache = &cached{client: live}
	log := funcr.New(func(_, line string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		_, message, _ := strings.Cut(line, `"msg"="`)
		message, _, _ = strings.Cut(message, `"`)
		r.logs[message]++
	}, funcr.Options{})
	e := newEvidence(t, nil)
	e.store, e.now, e.log, e.spool = r.store, time.Now, log, spooltest.Open(t, r.dir)
	e.proven.Store(true)
	e.options.lostAfter, e.options.retentionDays = lostAfter, 30
	r.resumer = &resumer{
		evidence: e, cluster: &cluster{cache: r.cache, live: live}, log: log, own: recording.Gateway{Installation: ours, Instance: self}, carries: nothing, stuck: func() { r.stuckOnes++ },
		gone: map[string]time.Time{},
	}
	return r
}

// said is how often a message with these words was logged.
func (r *resumption) said(words string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for message, times := range r.logs {
		if strings.Contains(message, words) {
			n += times
		}
	}
	return n
}

// session makes an ExecutionSession of an instance.
func (r *resumption) session(proxy string, status accessv1alpha1.ExecutionSessionStatus) string {
	r.t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		r.t.Fatal(err)
	}
	s := &accessv1alpha1.ExecutionSession{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: id.String(), UID: "u", CreationTimestamp: metav1.Now()},
		Spec:       accessv1alpha1.ExecutionSessionSpec{Proxy: proxy}, Status: status,
	}
	if err := r.cluster.live.Create(r.t.Context(), s); err != nil {
		r.t.Fatal(err)
	}
	if err := r.cluster.live.Status().Update(r.t.Context(), s); err != nil {
		r.t.Fatal(err)
	}
	return s.Name
}

func (r *resumption) live(proxy string) string {
	return r.session(proxy, accessv1alpha1.ExecutionSessionStatus{State: accessv1alpha1.SessionLive})
}

// status is what a session's object says.
func (r *resumption) status(id string) accessv1alpha1.ExecutionSessionStatus {
	r.t.Helper()
	var s accessv1alpha1.ExecutionSession
	if err := r.cluster.live.Get(r.t.Context(), client.ObjectKey{Namespace: "shop", Name: id}, &s); err != nil {
		r.t.Fatal(err)
	}
	return s.Status
}

// died leaves what a process does that was killed: the open object in the store, and in the spool a segment.
func (r *resumption) died(id string) {
	r.t.Helper()
	r.store.set(errors.New("killed"))
	defer r.store.set(nil)
	elsewhere := r.t.TempDir()
	spool := spooltest.Open(r.t, elsewhere)
	recorder, err := recording.Start(r.t.Context(), r.store, recording.Options{
		Now: time.Now, Retention: r.evidence.options.retention(time.Now()), Journal: spooltest.Journal(r.t, spool, id),
	}, recording.Open{Session: id, Namespace: "shop", Gateway: r.by})
	if err != nil {
		r.t.Fatal(err)
	}
	for i := range 3 {
		if err := errors.Join(recorder.Record(recording.Stdout, fmt.Appendf(nil, "line %d\n", i)), recorder.Commit()); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(r.dir, id), os.DirFS(filepath.Join(elsewhere, id))); err != nil {
		r.t.Fatal(err)
	}
	now, cancel := context.WithCancel(r.t.Context())
	cancel()
	if _, err := recorder.Close(now, recording.Exit{Reason: "completed"}); !errors.Is(err, recording.ErrPending) {
		r.t.Fatal(err)
	}
}

// pod makes the pod of an instance.
func (r *resumption) pod(name string) *metav1.PartialObjectMetadata {
	r.t.Helper()
	pod := podMetadata()
	pod.Name, pod.Namespace = name, r.evidence.options.namespace
	if err := r.cluster.live.Create(r.t.Context(), pod); err != nil {
		r.t.Fatal(err)
	}
	return pod
}

// recorded is what the store has of a session, verified; its state is empty if there is nothing.
func (r *resumption) recorded(id string) *recording.Recording {
	r.t.Helper()
	got, err := recording.Load(r.t.Context(), r.store, id)
	if errors.Is(err, objectstore.ErrNotFound) {
		return &recording.Recording{}
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return got
}

func (r *resumption) wantRecorded(id string, state recording.State, reason string) {
	r.t.Helper()
	got := r.recorded(id)
	if got.State != state {
		r.t.Fatalf("the recording is %q, want %q", got.State, state)
	}
	if got.Manifest != nil && got.Manifest.Exit.Reason != reason {
		r.t.Errorf("it ended with %q, want %q", got.Manifest.Exit.Reason, reason)
	}
}

func (r *resumption) wantStatus(id string, state accessv1alpha1.SessionState, reason string) {
	r.t.Helper()
	if got := r.status(id); got.State != state || !strings.Contains(got.Reason, reason) {
		r.t.Errorf("the session is %s, %q; want %s, %q", got.State, got.Reason, state, reason)
	}
}

// spooled are the sessions that the spool has something of.
func (r *resumption) spooled() []string {
	r.t.Helper()
	sessions, err := r.evidence.spool.Leftovers()
	if err != nil {
		r.t.Fatal(err)
	}
	return sessions
}

func TestLeftovers(t *testing.T) {
	tests := map[string]func(*testing.T, *resumption){
		"if a process died, then all that it had on disk is stored, and the session is over": func(t *testing.T, r *resumption) {
			id := r.live(self)
			r.died(id)
			r.leftovers(t.Context())
			r.wantRecorded(id, recording.StateAborted, recording.ReasonRecorderDied)
			r.wantStatus(id, accessv1alpha1.SessionEnded, recording.ReasonRecorderDied)
			if got := r.status(id).RecordingState; got != accessv1alpha1.RecordingComplete {
				t.Errorf("the recording is %q", got)
			}
			if got := r.recorded(id).Manifest.Totals[recording.Stdout].Records; got != 3 || len(r.spooled()) != 0 {
				t.Errorf("%d records are stored, the spool has %q", got, r.spooled())
			}
		},
		"if a recording never began, then it is forgotten": func(t *testing.T, r *resumption) {
			spooltest.Journal(t, r.evidence.spool, "019ab034-6100-7abc-8def-000000000001").Leave()
			for range 3 {
				r.leftovers(t.Context())
			}
			if len(r.spooled()) != 0 || r.said("forgotten") != 1 {
				t.Errorf("the spool has %q, logged: %v", r.spooled(), r.logs)
			}
		},
		"if a session lives, then its journal is left alone": func(t *testing.T, r *resumption) {
			journal := spooltest.Journal(t, r.evidence.spool, r.live(self))
			defer journal.Leave()
			r.leftovers(t.Context())
			if err := journal.Append([]byte("{}\n")); err != nil || len(r.logs) != 0 {
				t.Errorf("%v; logged: %v", err, r.logs)
			}
		},
		"if the store is out, then it is tried again": func(t *testing.T, r *resumption) {
			id := r.live(self)
			r.died(id)
			r.store.set(errors.New("no route"))
			r.leftovers(t.Context())
			r.wantRecorded(id, recording.StateOpen, "")
			r.wantStatus(id, accessv1alpha1.SessionLive, "")
			r.store.set(nil)
			r.leftovers(t.Context())
			r.wantRecorded(id, recording.StateAborted, recording.ReasonRecorderDied)
			if r.said("trying again later") != 1 || len(r.spooled()) != 0 {
				t.Errorf("the spool has %q, logged: %v", r.spooled(), r.logs)
			}
		},
		"if the store does not know the recording, then the spool keeps it, which is said once": func(t *testing.T, r *resumption) {
			id := r.live(self)
			r.died(id)
			r.store.Store = memory.New(time.Now) // another bucket
			for range 3 {
				r.leftovers(t.Context())
				r.lost(t.Context())
			}
			if got := r.spooled(); !slices.Equal(got, []string{id}) {
				t.Errorf("the spool has %q", got)
			}
			r.wantSettled(id)
		},
		"if the store refuses a segment, then the spool keeps it, which is said once": func(t *testing.T, r *resumption) {
			id := r.live(self)
			r.died(id)
			r.store.set(objectstore.ErrExists)
			for range 3 {
				r.leftovers(t.Context())
				r.lost(t.Context())
			}
			if got := r.spooled(); !slices.Equal(got, []string{id}) {
				t.Errorf("the spool has %q", got)
			}
			r.wantSettled(id)
		},
		"if the disk is damaged, then the manifest says so, and the rest is kept": func(t *testing.T, r *resumption) {
			id := r.live(self)
			r.died(id)
			path := filepath.Join(r.dir, id, "00000001")
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			raw[len(raw)/2] ^= 1
			if err := os.WriteFile(path, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				r.leftovers(t.Context())
				r.lost(t.Context())
			}
			r.wantRecorded(id, recording.StateAborted, recording.ReasonRecorderDied)
			r.wantStatus(id, accessv1alpha1.SessionFailed, "damaged in the spool")
			if got := r.status(id).RecordingState; got != accessv1alpha1.RecordingIncomplete {
				t.Errorf("the recording is %q", got)
			}
			if len(r.spooled()) != 1 || r.said("cannot be ended") != 1 {
				t.Errorf("the spool has %q, logged: %v", r.spooled(), r.logs)
			}
		},
		"if something else lies in the spool, then it stays there": func(t *testing.T, r *resumption) {
			id := r.live(self)
			r.died(id)
			if err := os.MkdirAll(filepath.Join(r.dir, "lost+found", "x"), 0o700); err != nil {
				t.Fatal(err)
			}
			r.leftovers(t.Context())
			r.wantRecorded(id, recording.StateAborted, recording.ReasonRecorderDied)
			if got := r.spooled(); !slices.Equal(got, []string{"lost+found"}) {
				t.Errorf("the spool has %q", got)
			}
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, newResumption(t)) })
		})
	}
}

// wantSettled is for a recording that cannot be ended: said once, tried once, told by the session.
func (r *resumption) wantSettled(id string) {
	r.t.Helper()
	r.wantStatus(id, accessv1alpha1.SessionFailed, "the recording could not be ended")
	r.mu.Lock()
	times := maps.Clone(r.logs)
	r.mu.Unlock()
	puts := r.store.puts
	r.leftovers(r.t.Context())
	r.lost(r.t.Context())
	if r.said("cannot be ended") != 1 || r.stuckOnes != 1 || r.store.puts != puts || !maps.Equal(times, r.logs) {
		r.t.Errorf("it does not settle: %v, then %v", times, r.logs)
	}
}
