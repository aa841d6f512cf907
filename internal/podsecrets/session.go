package podsecrets

import (
	"bytes"
	"context"
	"crypto/sha256"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/mask/forms"
)

// API is what is needed of the API server: the Secrets of one namespace, each by its name.
type API interface {
	Get(ctx context.Context, name string, options metav1.GetOptions) (*corev1.Secret, error)
	Watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error)
}

// Session holds the values for one session. It is safe for concurrent use.
type Session struct {
	api  API
	news chan struct{} // full if there is something new

	using sync.RWMutex // held to overwrite the values, and to read them

	mu          sync.Mutex
	bytes       int
	values      []mask.Value
	seen        map[[sha256.Size]byte]bool // digests: what is in a map cannot be overwritten
	secrets     []*known
	environment Found
	inUse       bool // the environment's values are

	ctx  context.Context //nolint:containedctx // ends with Close
	stop context.CancelFunc
	idle sync.WaitGroup
}

// known is what is known of one Secret.
type known struct {
	Secret

	ref   Ref
	inUse struct {
		version string
		values  int
	}
	tried chan struct{} // closed once the API server has been asked
}

// New reads the values that a container can read, and follows them until ctx ends or Close is called. It returns once all have
// been read, or StartTime is over. A nil API reads no Secrets, and only what stands in the pod's specification.
func New(ctx context.Context, api API, pod *corev1.Pod, container string) *Session {
	s := &Session{api: api, news: make(chan struct{}, 1), seen: map[[sha256.Size]byte]bool{}}
	s.plain(pod, container)
	ctx, s.stop = context.WithCancel(ctx)
	s.ctx = ctx
	refs := Refs(pod, container)
	if api == nil {
		refs = nil
	}
	for i, ref := range refs {
		k := &known{Secret: Secret{Name: ref.Name, State: Failed, Why: whySlow}, ref: ref, tried: make(chan struct{})}
		s.secrets = append(s.secrets, k)
		if i >= MaxSecrets {
			k.Why = whyTooMany
			close(k.tried)
			continue
		}
		s.idle.Go(func() { s.follow(ctx, k) })
	}
	late := time.NewTimer(StartTime)
	defer late.Stop()
	for _, k := range s.secrets {
		select {
		case <-k.tried:
		case <-late.C:
			late.Reset(0)
		case <-ctx.Done():
		}
	}
	select {
	case <-s.news: // who asks now knows it
	default:
	}
	return s
}

// Close stops following the Secrets and overwrites their values. It returns when nothing reads any more.
func (s *Session) Close() {
	s.stop()
	s.idle.Wait()
	s.using.Lock()
	defer s.using.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.values {
		clear(v.Text)
	}
	s.values, s.seen = nil, nil
}

// learn takes what a Secret holds, and overwrites it there. Another version is news though its values are known: so the record has it.
func (s *Session) learn(k *known, secret *corev1.Secret) (news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	news = k.State != Known || k.ResourceVersion != secret.ResourceVersion
	k.State, k.Why, k.ResourceVersion = Known, "", secret.ResourceVersion
	for _, key := range slices.Sorted(maps.Keys(secret.Data)) {
		value := secret.Data[key]
		if k.ref.Keys == nil || slices.Contains(k.ref.Keys, key) {
			s.key(k, string(secret.Type), key, value)
		}
		clear(value)
	}
	return news
}

func (s *Session) key(k *known, secretType, key string, value []byte) {
	why := forms.Public(secretType, key)
	public := why != ""
	if !public {
		why = forms.Unfit(value)
	}
	if why != "" {
		k.ignore(Ignored{Key: key, Why: why, Public: public || why == forms.WhyPublic})
	}
	s.take(&k.Found, "secret/"+k.Name+"/"+key, key, forms.Parts(secretType, key, value))
}

// take adds the texts that are not known yet, in the caller's lock. A text that two keys hold is that of the first.
func (s *Session) take(found *Found, rule, key string, parts []forms.Part) {
	for _, p := range parts {
		if len(p.Text) > MaxText {
			found.cut(key, whyTooLong)
			clear(p.Text[MaxText:])
			p.Text = p.Text[:MaxText]
		}
		text := sha256.Sum256(bytes.TrimSpace(p.Text))
		switch {
		case s.seen[text]:
			clear(p.Text)
			continue
		case len(s.values) >= MaxTexts || s.bytes+len(p.Text) > MaxBytes:
			found.cut(key, whyTooMuch)
			clear(p.Text)
			continue
		}
		s.seen[text] = true
		s.bytes += len(p.Text)
		s.values = append(s.values, mask.Value{Rule: rule, Text: p.Text, Plain: p.Plain})
		found.Values++
	}
}
