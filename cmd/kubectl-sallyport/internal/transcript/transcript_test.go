package transcript

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-dev/sallyport/internal/recording"
)

var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

var errBroken = errors.New("broken")

// script makes records from "stream:data" (one a second); "!" fails.
func script(lines ...string) iter.Seq2[recording.Record, error] {
	return func(yield func(recording.Record, error) bool) {
		for i, s := range lines {
			stream, data, _ := strings.Cut(s, ":")
			var connection uint64
			if name, number, ok := strings.Cut(stream, "/"); ok {
				stream, connection = name, uint64(number[0]-'0')
			}
			rec := recording.Record{
				Connection: connection, N: uint64(i + 1), Time: start.Add(time.Duration(i) * time.Second), By: "jane",
				Stream: recording.Stream(stream), Data: []byte(data),
			}
			if s == "!" {
				yield(recording.Record{}, errBroken)
				return
			}
			if !yield(rec, nil) {
				return
			}
		}
	}
}

func TestEntries(t *testing.T) {
	tests := map[string]struct{ in, want []string }{
		"if whole lines, then one entry each": {
			[]string{"stdout:a\nb\r\n", "stderr:c\n"},
			[]string{"0 stdout a", "0 stdout b", "1 stderr c"},
		},
		"if a line is spread, then the time of its first byte": {
			[]string{"stdout:to", "stdin:x\r", "stdout:get", "stdout:her\nne", "stdout:xt\n"},
			[]string{"1 stdin x", "0 stdout together", "3 stdout next"},
		},
		"if a line has no end, then it comes at the exit": {
			[]string{"stdout:prompt$ ", "stdin:who", `exit:{"code":3,"reason":"completed","process":"exited"}`},
			[]string{"1 stdin who", "0 stdout prompt$ ", "2 exit completed, exit code 3"},
		},
		"if there is no exit, then lines without end come last": {[]string{"stdout:x"}, []string{"0 stdout x"}},
		"if lines are empty, then entries are":                  {[]string{"stdout:\n\n"}, []string{"0 stdout ", "0 stdout "}},
		"if bytes are no text, then they are kept":              {[]string{"stdout:\xff\x1b[1m\n"}, []string{"0 stdout \xff\x1b[1m"}},
		"if it was resized or noted, then at once": {
			[]string{"stdout:x", "resize:80x24", "note:grant expired"},
			[]string{"1 resize 80x24", "2 note grant expired", "0 stdout x"},
		},
		"if it ended otherwise, then in words": {
			[]string{`exit:{"reason":"grant-expired","message":"over","process":"running"}`},
			[]string{"0 exit grant-expired: over (the process in the container was still running)"},
		},
		"if the process was killed, then so": {
			[]string{`exit:{"code":143,"reason":"grant-expired","process":"exited","killed":true,"processDetail":"TERM was sent"}`},
			[]string{"0 exit grant-expired, exit code 143 (the process was killed: TERM was sent)"},
		},
		"if the exit does not parse, then as it is": {[]string{"exit:{"}, []string{"0 exit {"}},
		"if reading fails, then it ends there":      {[]string{"stdout:a\nb", "!", "stdout:c\n"}, []string{"0 stdout a", "broken"}},
		"if connections are forwarded, then each has lines of its own": {
			[]string{
				`forward/1:{"event":"opened","port":80}`, "forward-in/1:GET", `forward/2:{"event":"opened","port":81}`, "forward-in/2:PUT /\r\n", "forward-in/1: /\n",
				"forward-out/1:no end", `forward/1:{"event":"closed","port":80,"message":"over"}`, "forward-out/2:cut", `exit:{"reason":"client-gone"}`,
			},
			[]string{
				"0 forward/1 port 80 opened", "2 forward/2 port 81 opened", "3 forward-in/2 PUT /", "1 forward-in/1 GET /",
				"5 forward-out/1 no end", "6 forward/1 port 80 closed: over", "7 forward-out/2 cut", "8 exit client-gone",
			},
		},
		"if an event does not parse, then as it is": {[]string{"forward/1:{"}, []string{"0 forward/1 {"}},
		"if a carriage returns inside, then it is kept": {
			[]string{"stdout:10%\r20%\r\n"}, []string{"0 stdout 10%\r20%"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for e, err := range Entries(&recording.Open{}, script(tc.in...)) {
				if err != nil {
					got = append(got, err.Error())
					continue
				}
				got = append(got, fmt.Sprintf("%d %s %s", int(e.Time.Sub(start).Seconds()), e.Source(), e.Text))
				if e.By != "jane" {
					t.Errorf("by %q", e.By)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnArchiveIsToldByItsMembers(t *testing.T) {
	open := &recording.Open{Archive: &recording.ArchiveOpen{Stream: recording.Stdout}}
	var got []string
	for e, err := range Entries(open, script(
		"stdout:binary\n",
		`member:{"path":"a b","type":"file","mode":"0644","size":7,"state":"begun","passed":3}`,
		`member:{"path":"a b","type":"file","mode":"0644","size":7,"sha256":"aa"}`,
		`member:{"path":"l\u001b","type":"symlink","link":"a b","mode":"0777","size":0}`,
		`member:{"path":"c","type":"file","mode":"0600","size":9,"state":"cut","passed":4}`,
		"stderr:tar: c: changed\n",
		`archive:{"members":3,"bytes":2048,"sha256":"bb","whole":false,"recorded":"Full"}`,
		`member:no JSON`,
	)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %s", e.Stream, e.Text))
	}
	want := []string{
		"member file 0644 7 bytes (begins) a b", "member file 0644 7 bytes sha256:aa a b", `member symlink 0777 0 bytes "l\x1b" -> a b`,
		"member file 0600 9 bytes (cut after 4) c", "stderr tar: c: changed",
		"archive 3 members, 2048 bytes, sha256:bb; the archive's end is not among them", "member no JSON",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEntriesAreBoundedAndStop(t *testing.T) {
	var sizes []int
	for e := range Entries(&recording.Open{}, script("stdout:"+strings.Repeat("x", 2*MaxLine+3), "stdout:yy\n")) {
		sizes = append(sizes, len(e.Text))
	}
	if diff := cmp.Diff([]int{MaxLine, MaxLine, 5}, sizes); diff != "" {
		t.Error(diff)
	}
	for range Entries(&recording.Open{}, script("stdout:a\nb\n", "resize:1x1", "stdout:c")) {
		break
	}
}

func FuzzEntries(f *testing.F) {
	f.Add([]byte("a\nb\r\n\r"), uint(2))
	f.Fuzz(func(t *testing.T, data []byte, cut uint) {
		at := int(cut % uint(len(data)+1))
		var got []byte
		for e := range Entries(&recording.Open{}, script("stdout:"+string(data[:at]), "stdout:"+string(data[at:]))) {
			got = append(append(got, e.Text...), '\n')
		}
		want := bytes.ReplaceAll(append(bytes.Clone(data), '\n'), []byte("\r\n"), []byte("\n"))
		if bytes.HasSuffix(data, []byte("\n")) || len(data) == 0 {
			want = want[:len(want)-1]
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%q cut at %d gave %q", data, at, got)
		}
	})
}
