package session

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/sallyport-dev/sallyport/internal/echo"
	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/objectstore/memory"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/spool"
	"github.com/sallyport-dev/sallyport/internal/spool/spooltest"
	"github.com/sallyport-dev/sallyport/internal/streaming"
)

// login is a terminal whose shell echoes a line, asks for a password without echo, and echoes again.
func login(_ context.Context, s streaming.Streams) error {
	line := func(shows bool) error {
		key := make([]byte, 1)
		for {
			if _, err := io.ReadFull(s.Stdin, key); err != nil {
				return err
			}
			out := key
			if key[0] == '\r' {
				out = []byte("\r\n")
			}
			if shows || key[0] == '\r' {
				if _, err := s.Stdout.Write(out); err != nil {
					return err
				}
			}
			if key[0] == '\r' {
				return nil
			}
		}
	}
	_, err := io.WriteString(s.Stdout, "$ ")
	err = errors.Join(err, line(true))
	_, err2 := io.WriteString(s.Stdout, "Password: ")
	err = errors.Join(err, err2, line(false))
	_, err2 = io.WriteString(s.Stdout, "$ ")
	return errors.Join(err, err2, line(true))
}

// hands types one key after the other, once the last has been read and answered.
type hands struct{ text string }

func (h *hands) Read(p []byte) (int, error) {
	synctest.Wait()
	if h.text == "" || len(p) == 0 {
		return 0, io.EOF
	}
	p[0], h.text = h.text[0], h.text[1:]
	return 1, nil
}

func TestWhatATerminalDoesNotShowIsNotRecorded(t *testing.T) {
	password := strings.Repeat("hunter", 2)
	for name, durability := range map[string]recording.Durability{
		"if bytes are spooled first, then so": recording.Spooled, "if bytes are stored first, then so": recording.Stored,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, id := memory.New(time.Now), uuid.Must(uuid.NewV7()).String()
				f := &fixture{store: &brittle{Store: store}, id: id}
				f.Session = Session{
					Recorder: recorderOf(t, store, spooltest.Journal(t, spooltest.New(t), id), id, durability), Rules: mask.Default(),
					Target: login, TTY: true, Left: time.Hour, Expiry: Shutdown(),
				}
				p := &person{stdin: &hands{"sudo id\r" + password + "\rexport KEY=" + secret + "\r"}}
				if result := f.Run(t.Context(), p.client()); result.Status != nil || result.Sealed != nil {
					t.Fatalf("ended with %+v", result)
				}
				got, manifest := f.recorded(t)
				hidden := strings.Repeat("*", len(password))
				want := map[recording.Stream]string{
					recording.Stdin:  "sudo id\r" + hidden + "\rexport KEY=AKIA" + strings.Repeat("*", len(secret)-4) + "\r",
					recording.Stdout: "$ sudo id\r\nPassword: \r\n$ export KEY=AKIA" + strings.Repeat("*", len(secret)-4) + "\r\n",
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("recorded (-want +got): %s", diff)
				}
				if manifest.Masked[echo.Rule] != 1 {
					t.Errorf("the manifest counts %v", manifest.Masked)
				}
				f.hitsFit(t)
			})
		})
	}
}

// hitsFit checks that what a hit of the input spans is masked, in the record that names it.
func (f *fixture) hitsFit(t *testing.T) {
	t.Helper()
	r, err := recording.Load(t.Context(), f.store, f.id)
	if err != nil {
		t.Fatal(err)
	}
	var in []byte
	for rec, err := range r.Records(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if rec.Stream != recording.Stdin {
			continue
		}
		in = append(in, rec.Data...)
		for _, h := range rec.Hits {
			if end := int(h.Offset + h.Length); end > len(in) || strings.Trim(string(in[h.Offset:end]), "*") != "" {
				t.Errorf("%+v in %q", h, in)
			}
		}
	}
}

// TestAPasswordThatIsBeingTypedSurvivesTheGateway as its length: its bytes are in the container, and not in the spool.
func TestAPasswordThatIsBeingTypedSurvivesTheGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, id, dir := memory.New(time.Now), uuid.Must(uuid.NewV7()).String(), t.TempDir()
		recorder := recorderOf(t, store, spooltest.Journal(t, spooltest.Open(t, dir), id), id, recording.Spooled)
		s := Session{Recorder: recorder, Rules: mask.Default(), Target: login, TTY: true, Left: time.Hour, Expiry: Shutdown()}
		typed, types := io.Pipe()
		results := make(chan Result)
		go func() { results <- s.Run(t.Context(), (&person{stdin: typed}).client()) }()
		for _, key := range "sudo id\rhunter2" {
			_, _ = io.WriteString(types, string(key))
			synctest.Wait()
		}
		dead := filepath.Join(t.TempDir(), "dead")
		if err := os.CopyFS(dead, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		_ = os.Chmod(dead, 0o700)
		before := memory.New(time.Now)
		for v, err := range store.List(t.Context(), "", "") {
			if err != nil {
				t.Fatal(err)
			}
			body, _, err := store.Get(t.Context(), v.Key, v.ID)
			if err != nil {
				t.Fatal(err)
			}
			before.Overwrite(v.Key, body)
		}
		_ = types.Close()
		<-results

		left, err := spool.Open(dead, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = left.Close() }()
		journal, err := left.Reopen(id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := recording.Resume(t.Context(), before, time.Now, id, journal); err != nil {
			t.Fatal(err)
		}
		f := &fixture{store: &brittle{Store: before}, id: id}
		got, manifest := f.recorded(t)
		want := map[recording.Stream]string{
			recording.Stdin: "sudo id\r*******", recording.Stdout: "$ sudo id\r\nPassword: ",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("recorded (-want +got): %s", diff)
		}
		if manifest.Masked[recording.RuleUndecided] != 1 || !manifest.Whole {
			t.Errorf("the manifest says %+v", manifest)
		}
	})
}

// TestThePersonIsAheadOfTheRecordOnlyWhereThatIsEnough is about a record that is masked more strictly than the screen.
func TestThePersonIsAheadOfTheRecordOnlyWhereThatIsEnough(t *testing.T) {
	for name, tc := range map[string]struct {
		durability recording.Durability
		want       []string // what passes with each output
	}{
		"if bytes are spooled first, then the person is ahead":            {recording.Spooled, []string{"abc", "d", "", "ef"}},
		"if bytes are stored first, then the person waits for the record": {recording.Stored, []string{"a", "", "bcd", "ef"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, id := memory.New(time.Now), uuid.Must(uuid.NewV7()).String()
				journal := &worn{Journal: spooltest.Journal(t, spooltest.New(t), id)}
				var written bytes.Buffer
				recorder := recorderOf(t, store, tee{journal, &written}, id, tc.durability)
				m := &masked{stream: recording.Stdout, recorder: recorder, masker: newRules(mask.Default()).masker()}
				for i, step := range []struct {
					user, record string
					ahead        int
				}{{"abc", "a", 2}, {"d", "", 3}, {"", "***", 0}, {"ef", "ef", 0}} {
					free, err := m.pass(mask.Output{User: []byte(step.user), Record: []byte(step.record)}, step.ahead)
					if err != nil || string(free) != tc.want[i] {
						t.Errorf("step %d: %q passes, %v, want %q", i, free, err, tc.want[i])
					}
					if err := recorder.Commit(); err != nil {
						t.Fatal(err)
					}
				}
				m.trim()
				if told := strings.Contains(written.String(), "+stdout 0 3\n"); told != (tc.durability == recording.Spooled) {
					t.Errorf("the journal has the number: %t", told)
				}
				_, _ = recorder.Close(t.Context(), recording.Exit{})
			})
		})
	}
}

// tee is a journal whose batches can be read.
type tee struct {
	recording.Journal

	to io.Writer
}

func (j tee) Append(data []byte) error {
	_, _ = j.to.Write(data)
	return j.Journal.Append(data)
}

// TestForwardedBytesAreCounted before they pass, where they may become a secret.
func TestForwardedBytesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		id := uuid.Must(uuid.NewV7()).String()
		var written bytes.Buffer
		recorder := recorderOf(t, memory.New(time.Now), tee{spooltest.Journal(t, spooltest.New(t), id), &written}, id, recording.Spooled)
		d := &direction{recorder: recorder, id: 3, stream: recording.ForwardIn, masker: newRules(mask.Default()).masker()}
		var passed bytes.Buffer
		if err := d.copy(&passed, strings.NewReader(tail)); err != nil || passed.String() != tail {
			t.Errorf("%q passed, %v", passed.String(), err)
		}
		if !strings.Contains(written.String(), "+forward-in 3 7\n") {
			t.Errorf("the journal holds %q", written.String())
		}
		if err := d.close(); err != nil || d.ahead != 0 {
			t.Errorf("%d bytes stay ahead, %v", d.ahead, err)
		}
		_, _ = recorder.Close(t.Context(), recording.Exit{})
	})
}

// TestRulesChangeWhileASessionLasts: whoever masks uses the new ones with its next write, and nobody else does it for them.
func TestRulesChangeWhileASessionLasts(t *testing.T) {
	changed, err := mask.New(mask.Config{Off: []string{mask.Default().Names()[0]}})
	if err != nil {
		t.Fatal(err)
	}
	changes := make(chan *mask.Rules)
	f := newFixture(t, nil)
	f.Changes = changes
	m := f.rules().masker()
	f.Target = func(_ context.Context, s streaming.Streams) error {
		for range 100 {
			_, _ = io.WriteString(s.Stdout, "a line\n")
		}
		changes <- changed
		close(changes)
		for range 100 {
			_, _ = io.WriteString(s.Stdout, "a line\n")
		}
		return nil
	}
	if m.Write([]byte("x")); m.used != f.Rules {
		t.Error("the first rules are not used")
	}
	f.Run(t.Context(), (&person{}).client())
	if m.Write([]byte("x")); m.used != changed || f.rules().masker().used != changed {
		t.Error("the changed rules are not used")
	}
}

// TestTheBeginningOfASecretThatWasShown is recorded as its length, if the gateway goes before it is known to be one.
func TestTheBeginningOfASecretThatWasShown(t *testing.T) {
	for name, tc := range map[string]struct {
		durability   recording.Durability
		seen, stored string
	}{
		"if bytes are spooled first, then the person has seen it":   {recording.Spooled, "see 4W0r", "see ****"},
		"if bytes are stored first, then the person has not so far": {recording.Stored, "see ", "see "},
	} {
		t.Run(name, func(t *testing.T) {
			value := "4W0rd" + strings.Repeat("fIsh7", 4)
			values, _ := mask.NewValues([]mask.Value{{Rule: "secret/shop/db/password", Text: []byte(value)}})
			store, id := memory.New(time.Now), uuid.Must(uuid.NewV7()).String()
			recorder := recorderOf(t, store, spooltest.Journal(t, spooltest.New(t), id), id, tc.durability)
			m := &masked{stream: recording.Stdout, recorder: recorder, masker: newRules(mask.Default().With(values)).masker()}
			free, err := m.write([]byte("see " + value[:10]))
			if seen := string(free); err != nil || seen != tc.seen {
				t.Errorf("the person sees %q, %v, want %q", seen, err, tc.seen)
			}
			if _, err := recorder.Close(t.Context(), recording.Exit{}); err != nil {
				t.Fatal(err)
			}
			f := &fixture{store: &brittle{Store: store}, id: id}
			if got, _ := f.recorded(t); got[recording.Stdout] != tc.stored {
				t.Errorf("recorded %q, want %q", got[recording.Stdout], tc.stored)
			}
		})
	}
}
