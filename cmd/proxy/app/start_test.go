package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/uuid"
	"github.com/spf13/pflag"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/objectstore/memory"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/spool/spooltest"
)

func TestOptions(t *testing.T) {
	sound := []string{"--cluster=c", "--retention-days=1", "--s3-endpoint=https://store", "--s3-bucket=b", "--name=p", "--spool=/spool"}
	tests := map[string]struct {
		args []string
		keys bool
		says string // "" if they are sound
	}{
		"if all is there, then they are sound":                 {sound, true, ""},
		"if there are no credentials, then it says so":         {sound, false, "AWS_SECRET_ACCESS_KEY"},
		"if the retention is missing, then it says so":         {append(sound[:1:1], sound[2:]...), true, "--retention-days"},
		"if the retention is for ever, then it says so":        {append(sound, "--retention-days=36500"), true, "--retention-days"},
		"if the retention is negative, then it says so":        {append(sound, "--retention-days=-1"), true, "--retention-days"},
		"if the cluster has no name, then it says so":          {sound[1:], true, "--cluster"},
		"if the bucket is missing, then it says so":            {append(sound, "--s3-bucket="), true, "--s3-bucket"},
		"if the spool is missing, then it says so":             {append(sound, "--spool="), true, "--spool"},
		"if the spool is tiny, then it says so":                {append(sound, "--spool-bytes=1"), true, "--spool-bytes"},
		"if a spool is lost at once, then it says so":          {append(sound, "--lost-after=0s"), true, "--lost-after"},
		"if the durability is unknown, then it says so":        {append(sound, "--durability=memory"), true, "--durability"},
		"if the mode of Secrets is unknown, then it says so":   {append(sound, "--secret-values=Maybe"), true, "--secret-values"},
		"if the memory for values is tiny, then it says so":    {append(sound, "--secret-values-bytes=1"), true, "--secret-values-bytes"},
		"if the mode of Secrets is known, then it is sound":    {append(sound, "--secret-values=Required"), true, ""},
		"if nothing is there, then everything is said at once": {nil, false, "--s3-endpoint"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_ACCESS_KEY_ID", "")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "")
			if tc.keys {
				t.Setenv("AWS_ACCESS_KEY_ID", "a")
				t.Setenv("AWS_SECRET_ACCESS_KEY", "s")
			}
			var o options
			flags := pflag.NewFlagSet("proxy", pflag.ContinueOnError)
			o.bind(flags)
			err := flags.Parse(tc.args)
			if err == nil {
				err = o.complete(time.Now)
			}
			if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
				t.Errorf("got %v, want %q", err, tc.says)
			}
		})
	}
}

// script is a store whose probes end as written.
type script struct {
	objectstore.Store

	probes []error
}

func (s *script) Probe(context.Context) error {
	err := s.probes[0]
	s.probes = s.probes[1:]
	return err
}

func newEvidence(t *testing.T, probes ...error) *evidence {
	t.Helper()
	return &evidence{
		spool: spooltest.New(t), trouble: func(context.Context, string, string, bool) {}, provenNow: make(chan struct{}),
		store: &script{memory.New(time.Now), probes}, options: &options{retentionDays: 1}, now: time.Now, log: logr.Discard(),
		every: time.Millisecond,
	}
}

func openObject(t *testing.T) recording.Open {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return recording.Open{Session: id.String()}
}

func begin(t *testing.T, e *evidence, open recording.Open) (*recording.Recorder, error) {
	t.Helper()
	journal, err := e.journal(open.Session)
	if err != nil {
		return nil, err
	}
	return e.start(t.Context(), journal, open)
}

func TestNothingIsRecordedBeforeTheStoreIsProven(t *testing.T) {
	e := newEvidence(t, errors.New("no route"), nil)
	if _, err := begin(t, e, openObject(t)); !errors.Is(err, errNotProven) || e.ready() == nil {
		t.Fatalf("a recording begins: %v, ready: %v", err, e.ready())
	}
	if err := e.prove(t.Context()); err != nil {
		t.Fatal(err)
	}
	recorder, err := begin(t, e, openObject(t))
	if err != nil || e.ready() != nil {
		t.Fatalf("%v, ready: %v", err, e.ready())
	}
	if _, err := recorder.Close(t.Context(), recording.Exit{Reason: "completed"}); err != nil {
		t.Error(err)
	}
}

func TestTheFlagIsTheLeastDurability(t *testing.T) {
	for name, tc := range map[string]struct {
		args  []string
		asked recording.Durability
		want  recording.Durability
	}{
		"if there is no flag, then bytes are spooled":              {nil, "", recording.Spooled},
		"if the flag says spool, then bytes are spooled":           {[]string{"--durability=spool"}, "", recording.Spooled},
		"if the flag says store, then bytes are stored":            {[]string{"--durability=store"}, "", recording.Stored},
		"if a grant asks for less, then the flag holds":            {[]string{"--durability=store"}, recording.Spooled, recording.Stored},
		"if a grant asks for more than the flag, then it has that": {[]string{"--durability=spool"}, recording.Stored, recording.Stored},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEvidence(t, nil)
			flags := pflag.NewFlagSet("proxy", pflag.ContinueOnError)
			e.options = &options{}
			e.options.bind(flags)
			if err := flags.Parse(append(tc.args, "--retention-days=1")); err != nil {
				t.Fatal(err)
			}
			if err := e.prove(t.Context()); err != nil {
				t.Fatal(err)
			}
			open := openObject(t)
			open.Durability = tc.asked
			recorder, err := begin(t, e, open)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := recorder.Close(t.Context(), recording.Exit{Reason: "completed"}); err != nil {
				t.Fatal(err)
			}
			r, err := recording.Load(t.Context(), e.store, open.Session)
			if err != nil || r.Open.Durability != tc.want {
				t.Errorf("%v: recorded with %q, want %q", err, r.Open.Durability, tc.want)
			}
		})
	}
}

func TestAStoreThatKeepsNoEvidenceEndsTheProgram(t *testing.T) {
	for name, want := range map[string]error{
		"if it does not lock, then the program ends": objectstore.ErrNotLocked,
		"if it lies, then the program ends":          objectstore.ErrUnfit,
	} {
		t.Run(name, func(t *testing.T) {
			e := newEvidence(t, errors.New("no route"), want)
			if err := e.prove(t.Context()); !errors.Is(err, want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAnUnreachableStoreIsNamed(t *testing.T) {
	e := newEvidence(t, errors.New("no route"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.prove(ctx); !errors.Is(err, context.Canceled) || e.ready() != nil {
		t.Errorf("got %v, ready: %v", err, e.ready())
	}
	if _, err := begin(t, e, openObject(t)); !errors.Is(err, errNotProven) || !strings.Contains(err.Error(), "no route") {
		t.Errorf("a recording begins: %v", err)
	}
}

func TestHealth(t *testing.T) {
	ready := errors.New("not yet: the store is far away")
	values := &mask.Shared{Limit: 32 << 20, Now: time.Now}
	rules, _, err := values.With(mask.Default(), []mask.Value{{Rule: "secret/a/b", Text: []byte("a value of some length")}})
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.KeepAlive(rules)
	m := newMetrics(func() int { return 3 }, spooltest.New(t), values)
	m.sessionEnded("completed", true)
	server := healthServer(func() error { return ready }, m)
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		server.Handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
	if code, _ := get("/healthz"); code != http.StatusOK {
		t.Errorf("healthz is %d", code)
	}
	if code, body := get("/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "far away") {
		t.Errorf("readyz is %d: %s", code, body)
	}
	ready = nil
	if code, _ := get("/readyz"); code != http.StatusOK {
		t.Errorf("readyz is %d", code)
	}
	_, body := get("/metrics")
	for _, line := range []string{"sallyport_sessions_live 3", `sallyport_sessions_ended_total{reason="completed",sealed="yes"} 1`,
		fmt.Sprintf("sallyport_secret_values_bytes %d\n", values.Used()), "sallyport_secret_values_limit_bytes 3.3554432e+07",
	} {
		if !strings.Contains(body, line) {
			t.Errorf("no %s in:\n%s", line, body)
		}
	}
}
