package app

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"
	testclock "k8s.io/utils/clock/testing"

	"github.com/sallyport-dev/sallyport/cmd/kubectl-sallyport/internal/exit"
	"github.com/sallyport-dev/sallyport/internal/asciicast"
	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/objectstore"
	"github.com/sallyport-dev/sallyport/internal/objectstore/memory"
	"github.com/sallyport-dev/sallyport/internal/recording"
	"github.com/sallyport-dev/sallyport/internal/spool/spooltest"
)

// Three sessions: one on a terminal, one without, which is not closed, and one made nine hours earlier. The times in
// the identifiers are those of the sessions.
const (
	ttyID  = "019ab034-6100-7abc-8def-000000000001"
	openID = "019ab034-6100-7abc-8def-000000000002"
	oldID  = "019aae46-0100-7abc-8def-000000000003"
)

func idTime(t *testing.T, id string) time.Time {
	t.Helper()
	var ms int64
	for _, c := range strings.ReplaceAll(id, "-", "")[:12] {
		ms = ms<<4 | int64(strings.IndexRune("0123456789abcdef", c))
	}
	return time.UnixMilli(ms).UTC()
}

// archived and secretValues are what the recordings say that follow.
var (
	archived     *recording.ArchiveOpen
	secretValues *recording.SecretValues
)

// record writes a recording; each line of script is "stream:data" and a second after the one before.
func record(t *testing.T, store objectstore.Store, id string, tty bool, script []string, end recording.Exit) {
	t.Helper()
	now := idTime(t, id)
	opts := recording.Options{
		Now:       func() time.Time { now = now.Add(time.Second); return now },
		Retention: objectstore.Retention{Mode: objectstore.Compliance, Until: idTime(t, id).AddDate(1, 0, 0).Truncate(time.Second)},
		// Nothing is sealed by the wall clock.
		FlushEvery: time.Hour,
		Journal:    spooltest.Journal(t, spooltest.New(t), id),
	}
	r, err := recording.Start(t.Context(), store, opts, recording.Open{
		Session: id, Recorder: "test 1", Cluster: "prod",
		Subject:   recording.Subject{Username: "jane", Groups: []string{"developers", "system:authenticated"}},
		Requester: recording.Subject{Username: "jane"},
		Action:    "Exec", Namespace: "shop", Pod: "web-0", PodUID: "3d3ecb0c", Node: "n1", Container: "app",
		Image: "web:1", ImageID: "sha256:aa", Argv: []string{"sh", "-c", "echo \x1b[2J"}, TTY: tty, Stdin: true, Archive: archived,
		Grant: recording.Grant{
			Namespace: "shop", Name: "fix", UID: "9f", Digest: digest, Reason: "orders stuck", Ticket: "OPS-4711",
			ActiveFrom: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), ActiveUntil: time.Date(2026, 11, 23, 12, 15, 0, 0, time.UTC),
		},
		Approvals:  []recording.Approval{{Approver: "carl", Time: noon, Decision: "Approved", Comment: "go ahead"}},
		MaskDigest: "sha256:bb", SecretValues: secretValues,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range script {
		stream, data, _ := strings.Cut(s, ":")
		var hits []mask.Hit
		if strings.Contains(data, "****") {
			hits = []mask.Hit{{Rule: "aws-access-key-id", Offset: 1, Length: 20, Fingerprint: mask.Fingerprint{0xab, 7: 0xcd}}}
		}
		if err := r.Record(recording.Stream(stream), []byte(data), hits...); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Close(t.Context(), end); err != nil {
		t.Fatal(err)
	}
}

// withoutClose hides the close object of openID, as if its proxy had died.
type withoutClose struct{ *memory.Store }

func (s withoutClose) List(ctx context.Context, prefix, after string) iter.Seq2[objectstore.Version, error] {
	return func(yield func(objectstore.Version, error) bool) {
		for v, err := range s.Store.List(ctx, prefix, after) {
			if strings.HasSuffix(v.Key, openID+"/close.json") {
				continue
			}
			if !yield(v, err) {
				return
			}
		}
	}
}

func recordings(t *testing.T) withoutClose {
	t.Helper()
	store := withoutClose{memory.New(func() time.Time { return idTime(t, oldID) })}
	record(t, store, ttyID, true, []string{
		"resize:100x30", "stdout:$ ", "stdin:ls\r", "stdout:ls\r\n\x1b[1mfile\x1b[0m\r\n\x1b]52;c;eA==\a", "stdout:gr\xc3", "stdout:\xb6\xc3\x9fe ****\r\n\x1b[6n",
		"note:the grant expires in 1m", "stdin:exit\r",
	}, recording.Exit{Code: new(3), Reason: "completed", Process: recording.ProcessExited})
	record(t, store, openID, false, []string{"stdout:a\nb", "stderr:bin\xffary\n"}, recording.Exit{Reason: "cut"})
	record(t, store, oldID, false, []string{"stdout:x\n"}, recording.Exit{Reason: "grant-expired", Message: "over", Process: recording.ProcessRunning})
	return store
}

func storeWorld(t *testing.T) (*world, withoutClose) {
	w := newWorld(t)
	// Auditors need no cluster.
	w.kubeconfig = filepath.Join(t.TempDir(), "missing")
	store := recordings(t)
	w.store, w.clock = store, testclock.NewFakeClock(idTime(t, ttyID).Add(time.Hour))
	return w, store
}

func TestRecordedSessions(t *testing.T) {
	tests := map[string]struct{ args, file string }{
		"if recordings are listed, then of a day":       {"sessions --recorded", "recorded.txt"},
		"if listed wide, then with more":                {"sessions list --recorded -o wide", "recorded-wide.txt"},
		"if looked back less, then fewer":               {"sessions --recorded --since 2h -o name", "recorded-names.txt"},
		"if only live ones, then without end":           {"sessions --recorded --live -o name", "recorded-live.txt"},
		"if only the newest, then so many":              {"sessions --recorded --limit 1 -o name", "recorded-limit.txt"},
		"if as JSON, then what the store says":          {"sessions --recorded --limit 1 --since 2h -o json", "recorded.json"},
		"if as YAML, then what the store says":          {"sessions --recorded --limit 1 --since 2h -o yaml", "recorded.yaml"},
		"if shown, then verified":                       {"sessions show " + ttyID, "show.txt"},
		"if shown by its beginning, then the same":      {"sessions show 019AB03461007abc8def000000000001", "show.txt"},
		"if shown and aborted otherwise, then said":     {"sessions show " + oldID, "show-old.txt"},
		"if shown and still open, then as far as it is": {"sessions show " + openID, "show-open.txt"},
		"if the log is shown, then each line":           {"sessions show --log " + ttyID, "log.txt"},
		"if the log has no text, then bytes":            {"sessions show --log " + openID, "log-open.txt"},
		"if the records are shown, then exactly":        {"sessions show --json " + ttyID, "records.json"},
		"if binary records are shown, then in base64":   {"sessions show --json " + openID, "records-open.json"},
		"if the secrets are shown, then by fingerprint": {"sessions show --masked " + ttyID, "masked.txt"},
		"if made a cast, then version 3":                {"play --cast - " + ttyID, "cast.v3"},
		"if made a cast of version 2, then that":        {"play --cast - --cast-version 2 " + ttyID, "cast.v2"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w, _ := storeWorld(t)
			r := w.run(strings.Fields(tc.args)...)
			r.want(t, exit.OK, nil, nil)
			// The hash is that of compressed bytes, which may change with the compressor.
			golden(t, tc.file, regexp.MustCompile(`(Head: +)[0-9a-f]{64}`).ReplaceAllString(r.out, "${1}…"))
			if strings.Contains(r.out, "\x1b") {
				t.Error("a control character got through")
			}
			if strings.Contains(tc.args, openID) != strings.Contains(r.err, "this recording has no end") {
				t.Errorf("standard error: %s", r.err)
			}
		})
	}
}

func TestACopyIsShownByItsMembers(t *testing.T) {
	const id = "019ab034-6102-7abc-8def-000000000005"
	w, store := storeWorld(t)
	archived = &recording.ArchiveOpen{Stream: recording.Stdout, Recorded: recording.RecordedFull}
	defer func() { archived = nil }()
	record(t, store, id, false, []string{
		"stdout:BINARY", `member:{"path":"etc/passwd","type":"file","mode":"0644","size":6,"sha256":"ab"}`, "stderr:tar: removing leading '/'\n",
		`archive:{"members":1,"bytes":2048,"sha256":"cd","whole":true,"recorded":"Full"}`,
	}, recording.Exit{Code: new(0), Reason: "completed", Process: recording.ProcessExited})
	for args, want := range map[string][]string{
		"sessions show " + id: {"Archive:      stdout is a tar archive that passed unaltered; recorded of it: Full", "member: "},
		"sessions show --log " + id: {
			"jane  member  file 0644 6 bytes sha256:ab etc/passwd", "stderr  tar: removing", "jane  archive  1 members, 2048 bytes, sha256:cd",
		},
		"play --cast - " + id: {`"o", "file 0644 6 bytes sha256:ab etc/passwd\r\n"`, "removing leading", `"o", "1 members`},
	} {
		r := w.run(strings.Fields(args)...)
		r.want(t, exit.OK, want, nil)
		if strings.Contains(r.out, "BINARY") {
			t.Errorf("%s shows the archive itself:\n%s", args, r.out)
		}
	}
	// For machines it is what it was.
	w.run("play", id).want(t, exit.OK, []string{"BINARY"}, nil)
	w.run("sessions", "show", "--json", id).want(t, exit.OK, []string{"BINARY", `"stream":"member"`}, nil)
}

// forwarded records a port-forward with two connections.
func forwarded(t *testing.T, store objectstore.Store, id string) {
	t.Helper()
	now := idTime(t, id)
	r, err := recording.Start(t.Context(), store, recording.Options{
		Now:        func() time.Time { now = now.Add(time.Second); return now },
		Retention:  objectstore.Retention{Mode: objectstore.Compliance, Until: idTime(t, id).AddDate(1, 0, 0).Truncate(time.Second)},
		FlushEvery: time.Hour, Journal: spooltest.Journal(t, spooltest.New(t), id),
	}, recording.Open{
		Session: id, Recorder: "test 1", Cluster: "prod", Subject: recording.Subject{Username: "jane"}, Action: "PortForward",
		Namespace: "shop", Pod: "web-0", PodUID: "3d3ecb0c", Grant: recording.Grant{Namespace: "shop", Name: "fix", Reason: "orders stuck"},
	})
	if err != nil {
		t.Fatal(err)
	}
	event := func(id uint64, what, message string) error {
		return r.ForwardEvent(id, recording.ForwardEvent{Event: what, Port: 8080, Message: message})
	}
	for _, err := range []error{
		event(1, recording.ForwardOpened, ""), r.RecordForward(1, recording.ForwardIn, []byte("GET / HTTP/1.1\r\nAuthorization: ****\r\n")),
		event(2, recording.ForwardOpened, ""), r.RecordForward(2, recording.ForwardIn, []byte("\x00\x01\xff")),
		r.RecordForward(1, recording.ForwardOut, []byte("HTTP/1.1 204 No Content\r\n\r\n")), event(1, recording.ForwardClosed, ""),
		event(2, recording.ForwardClosed, "sallyport: grant shop/fix was revoked"), r.Note("sallyport: grant shop/fix was revoked"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	end := recording.Exit{Reason: "grant-revoked", Message: "grant shop/fix was revoked"}
	if _, err := r.Close(t.Context(), end); err != nil {
		t.Fatal(err)
	}
}

// Every kind of session can be read back line by line, with time and subject.
func TestEveryKindOfSessionIsReadBack(t *testing.T) {
	const copyID, forwardID, killedID = "019ab034-6103-7abc-8def-000000000006", "019ab034-6104-7abc-8def-000000000007", "019ab034-6105-7abc-8def-000000000008"
	const rotatedID = "019ab034-6106-7abc-8def-000000000009"
	w, store := storeWorld(t)
	archived = &recording.ArchiveOpen{Stream: recording.Stdout, Recorded: recording.RecordedDigestOnly}
	record(t, store, copyID, false, []string{
		`member:{"path":"etc/","type":"dir","mode":"0755","size":0}`,
		`member:{"path":"etc/pass\u001bwd","type":"file","mode":"0644","size":6,"sha256":"ab"}`, "stderr:tar: removing leading '/'\n",
		`archive:{"members":2,"bytes":2048,"sha256":"cd","whole":true,"recorded":"DigestOnly"}`,
	}, recording.Exit{Reason: "client-gone", Message: "the client went away", Code: new(0), Process: recording.ProcessExited})
	archived = nil
	forwarded(t, store, forwardID)
	record(t, store, killedID, true, []string{
		"resize:80x24", "stdout:$ ", "stdin:sleep 9\r", "resize:132x43", "stdout:sleep 9\r\n", "note:sallyport: grant shop/fix has expired",
		"note:sallyport: the process was killed: TERM was sent to process 17 and its session, 2 in all",
	}, recording.Exit{
		Reason: "grant-expired", Message: "grant shop/fix has expired", Code: new(143), Process: recording.ProcessExited, Killed: true,
		Detail: "TERM was sent to process 17 and its session, 2 in all",
	})
	secretValues = &recording.SecretValues{
		Mode: "WhereAllowed", Environment: &recording.KnownValues{Ignored: []recording.IgnoredValue{{Key: "PIN", Why: "it is shorter than 8 bytes"}}},
		Secrets: []recording.ReadSecret{
			{Name: "db", ResourceVersion: "7", State: "Known", KnownValues: recording.KnownValues{Values: 2}}, {Name: "gone", State: "Absent"},
			{Name: "shut", State: "Forbidden"},
		},
	}
	record(t, store, rotatedID, true, []string{
		"resize:80x24", "stdout:$ ", `secret:{"secret":{"name":"db","resourceVersion":"8","state":"Known","values":3,"cut":true}}`, "stdin:ls\r",
		`secret:{"secret":{"name":"shut\u001b[2J","resourceVersion":"1","state":"Known","values":1,"ignored":[{"key":"user","why":"it is common"}]}}`,
		`secret:{"environment":{"values":1}}`,
	}, recording.Exit{Reason: "completed", Code: new(0), Process: recording.ProcessExited})
	secretValues = nil
	for name, id := range map[string]string{"copy": copyID, "forward": forwardID, "killed": killedID, "rotated": rotatedID} {
		for suffix, args := range map[string]string{".txt": "show", "-log.txt": "show --log", ".json": "show --json"} {
			r := w.run(strings.Fields("sessions " + args + " " + id)...)
			r.want(t, exit.OK, nil, nil)
			golden(t, "back-"+name+suffix, regexp.MustCompile(`(Head: +)[0-9a-f]{64}`).ReplaceAllString(r.out, "${1}…"))
			if strings.Contains(r.out, "\x1b") {
				t.Error("a control character got through")
			}
			for line := range strings.Lines(r.out) {
				if strings.Contains(args, "--") && (!strings.Contains(line, "jane") || !strings.Contains(line, "2025-11-23T10:13:")) {
					t.Errorf("a line without time or subject: %s", line)
				}
			}
		}
	}
}

func TestRecordsAreExact(t *testing.T) {
	w, store := storeWorld(t)
	for _, id := range []string{ttyID, openID} {
		r, err := recording.Load(t.Context(), store, id)
		if err != nil {
			t.Fatal(err)
		}
		lines := json.NewDecoder(strings.NewReader(w.run("sessions", "show", "--json", id).out))
		for want := range r.Records(t.Context()) {
			var got jsonRecord
			if err := lines.Decode(&got); err != nil {
				t.Fatal(err)
			}
			data := got.Base64
			if got.Text != nil {
				data = []byte(*got.Text)
			}
			if got.N != want.N || !got.Time.Equal(want.Time) || got.Stream != want.Stream || !bytes.Equal(data, want.Data) {
				t.Errorf("record %d: %+v", want.N, got)
			}
		}
	}
}

// An 8-bit control is a legal character in JSON, and an escape sequence for a terminal.
func TestMachineOutputOnATerminal(t *testing.T) {
	const id = "019ab034-6101-7abc-8def-000000000004"
	for _, command := range []string{"sessions show --json", "play --cast -"} {
		for _, terminal := range []bool{false, true} {
			w, store := storeWorld(t)
			record(t, store, id, true, []string{"stdout:a\u009b6nb"}, recording.Exit{Reason: "completed"})
			w.terminal = terminal
			r := w.run(strings.Fields(command + " " + id)...)
			r.want(t, exit.OK, nil, nil)
			if strings.Contains(r.out, "\u009b") == terminal {
				t.Errorf("%s, terminal %t: %q", command, terminal, r.out)
			}
		}
	}
}

func TestFindingRecordings(t *testing.T) {
	tests := map[string]struct {
		args string
		code exit.Code
		says string
	}{
		"if the beginning is unique, then found":      {"play 019aae46", exit.OK, "ended: grant-expired"},
		"if two begin so, then 2":                     {"play 019ab0346100", exit.Usage, "more than one session begins with"},
		"if none begins so, then 4":                   {"play 019ab03461017", exit.NotFound, "no recorded session begins with"},
		"if the whole ID is unknown, then 4":          {"play 019ab034-6100-7abc-8def-00000000000f", exit.NotFound, "not found"},
		"if it is too short, then 2":                  {"play 019", exit.Usage, "too short"},
		"if it is no ID, then 2":                      {"play ../../x", exit.Usage, "not a session ID"},
		"if the whole ID is of another kind, then so": {"play 019ab034-6100-4abc-8def-000000000001", exit.Failed, "version 7"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w, _ := storeWorld(t)
			w.run(strings.Fields(tc.args)...).want(t, tc.code, nil, []string{tc.says})
		})
	}
}

func TestARecordedPortForwardIsShown(t *testing.T) {
	w := newWorld(t)
	store := memory.New(func() time.Time { return idTime(t, ttyID) })
	w.store = store
	now := idTime(t, ttyID)
	r, err := recording.Start(t.Context(), store, recording.Options{
		Now:        func() time.Time { now = now.Add(time.Second); return now },
		Retention:  objectstore.Retention{Mode: objectstore.Compliance, Until: idTime(t, ttyID).AddDate(1, 0, 0).Truncate(time.Second)},
		FlushEvery: time.Hour, Journal: spooltest.Journal(t, spooltest.New(t), ttyID),
	}, recording.Open{Session: ttyID, Subject: recording.Subject{Username: "jane"}, Action: "PortForward", Namespace: "shop", Pod: "web-0"})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		r.ForwardEvent(1, recording.ForwardEvent{Event: recording.ForwardOpened, Port: 80}),
		r.RecordForward(1, recording.ForwardIn, []byte("GET / HTTP/1.1\r\n")),
		r.RecordForward(1, recording.ForwardOut, []byte("\xff\x1b")),
		r.ForwardEvent(1, recording.ForwardEvent{Event: recording.ForwardClosed, Port: 80, Message: "over"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Close(t.Context(), recording.Exit{Reason: "client-gone"}); err != nil {
		t.Fatal(err)
	}
	for args, wanted := range map[string][]string{
		"sessions show":        {"Action:       PortForward", "Total:        forward-in: 16 bytes in 1 records", "Verified:     yes, all of it"},
		"sessions show --log":  {"forward/1  port 80 opened", "forward-in/1  GET / HTTP/1.1\n", `forward-out/1  \xff\x1b`, "port 80 closed: over"},
		"sessions show --json": {`"stream":"forward-in","connection":1,"text":"GET / HTTP/1.1\r\n"`, `"connection":1,"base64":"/xs="`},
		"play --cast -":        {`"m", "connection 1 to port 80 opened"`, `"m", "connection 1 to port 80 closed: over"`},
	} {
		w.run(append(strings.Fields(args), ttyID)...).want(t, exit.OK, wanted, nil)
	}
	w.run("play", ttyID).want(t, exit.OK, nil, []string{"Session of jane in shop/web-0, ", "sessions show " + ttyID + " --log"})
}

func TestBrokenEvidence(t *testing.T) {
	prefix, err := recording.Prefix(ttyID)
	if err != nil {
		t.Fatal(err)
	}
	segment := recording.SegmentKey(prefix, 1)
	corrupt := func(key string, body []byte) func(withoutClose) {
		return func(s withoutClose) { s.Corrupt(key, body) }
	}
	tests := map[string]struct {
		do   func(withoutClose)
		code exit.Code
		says string
	}{
		"if a segment was changed, then 5":      {corrupt(segment, []byte("x")), exit.Broken, "does not verify"},
		"if a segment is gone, then 5":          {corrupt(segment, nil), exit.Broken, "is missing"},
		"if the open object is gone, then 5":    {corrupt(recording.OpenKey(prefix), nil), exit.Broken, "is missing"},
		"if the close object is damaged, then5": {corrupt(recording.CloseKey(prefix), []byte("{")), exit.Broken, "does not parse"},
		"if somebody deleted and the lock held, then 0 and said": {
			func(s withoutClose) {
				if err := s.Remove(segment, ""); err != nil {
					t.Fatal(err)
				}
			}, exit.OK, "a delete marker hides it",
		},
		"if somebody put another over it, then 0 and said": {
			func(s withoutClose) { s.Overwrite(segment, []byte("forged")) }, exit.OK, "put over an older version",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			for _, command := range []string{"play", "play --cast -", "sessions show", "sessions show --log", "sessions show --json"} {
				w, store := storeWorld(t)
				tc.do(store)
				r := w.run(strings.Fields(command + " " + ttyID)...)
				r.want(t, tc.code, nil, []string{tc.says})
				if tc.code == exit.OK {
					continue
				}
				if !strings.Contains(r.err, "hint: the evidence") {
					t.Errorf("%s: no hint: %s", command, r.err)
				}
				if shown := strings.Contains(r.out, "Verified:     NO: "); shown != strings.Contains(command, "show") {
					t.Errorf("%s: %s", command, r.out)
				}
				if !strings.Contains(command, "show") && r.out != "" {
					t.Errorf("%s wrote unverified bytes: %q", command, r.out)
				}
			}
		})
	}
}

func TestPlay(t *testing.T) {
	play := func(t *testing.T, terminal bool, args ...string) (r result, took time.Duration) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			w, _ := storeWorld(t)
			w.t, w.terminal, w.clock = t, terminal, clock.RealClock{}
			start := time.Now()
			r = w.run(append([]string{"play", ttyID}, args...)...)
			took = time.Since(start)
		})
		r.want(t, exit.OK, nil, []string{"Session of jane in shop/web-0/app, 2025", "ended: completed, exit code 3."})
		return r, took
	}
	t.Run("if on a terminal, then in real time and filtered", func(t *testing.T) {
		r, took := play(t, true)
		golden(t, "play.txt", r.out)
		if took != 6*time.Second {
			t.Errorf("took %s", took)
		}
		r.want(t, exit.OK, nil, []string{"Control sequences left out: 2.", "had 100 columns and 30 rows, yours has 80 and 24"})
		for _, dangerous := range []string{"\x1b]52", "\x1b[6n"} {
			if strings.Contains(r.out, dangerous) {
				t.Errorf("%q got through", dangerous)
			}
		}
	})
	t.Run("if faster and with short pauses, then sooner", func(t *testing.T) {
		if _, took := play(t, true, "--speed", "2", "--idle-limit", "1s"); took != 2*time.Second {
			t.Errorf("took %s", took)
		}
	})
	t.Run("if raw, then everything", func(t *testing.T) {
		if r, _ := play(t, true, "--raw"); !strings.Contains(r.out, "\x1b]52;c;eA==\a") || strings.Contains(r.err, "left out") {
			t.Errorf("%+v", r)
		}
	})
	t.Run("if no terminal, then the bytes at once, with a warning", func(t *testing.T) {
		r, took := play(t, false)
		if want := "$ ls\r\n\x1b[1mfile\x1b[0m\r\n\x1b]52;c;eA==\agröße ****\r\n\x1b[6n"; r.out != want || took != 0 {
			t.Errorf("got %q after %s, want %q", r.out, took, want)
		}
		r.want(t, exit.OK, nil, []string{"no terminal"})
	})
}

func TestPlayIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := storeWorld(t)
		w.t, w.terminal, w.clock = t, true, clock.RealClock{}
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		r := w.runContext(ctx, "play", ttyID)
		if r.code != exit.Failed || !strings.HasPrefix(r.out, "$ \x1b[0m") {
			t.Errorf("%+v", r)
		}
	})
}

func TestCastFile(t *testing.T) {
	w, store := storeWorld(t)
	file := filepath.Join(t.TempDir(), "x.cast")
	w.run("play", ttyID, "--cast", file).want(t, exit.OK, nil, []string{"Wrote " + file})
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if d, err := asciicast.NewDecoder(f); err != nil || d.Header().Cols != 100 {
		t.Errorf("%v", err)
	}
	w.run("play", ttyID, "--cast", file).want(t, exit.Failed, nil, []string{"exists"})

	store.Corrupt(recording.OpenKey("sessions/"+idTime(t, ttyID).Format("2006/01/02")+"/"+ttyID+"/"), nil)
	w.run("play", ttyID, "--cast", file+"2").want(t, exit.Broken, nil, nil)
	if _, err := os.Stat(file + "2"); !os.IsNotExist(err) {
		t.Errorf("a cast of broken evidence was left: %v", err)
	}
}
