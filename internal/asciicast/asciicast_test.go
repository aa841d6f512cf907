package asciicast_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-dev/sallyport/internal/asciicast"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var header = asciicast.Header{
	Cols: 120, Rows: 40, Timestamp: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), IdleLimit: 1500 * time.Millisecond,
	Title: "web-0/app <prod>", Command: "sh -c 'echo hi'", Env: map[string]string{"TERM": "xterm-256color"},
}

var events = []asciicast.Event{
	{At: 0, Code: asciicast.Resize, Data: "120x40"},
	{At: 1333333 * time.Nanosecond, Code: asciicast.Output, Data: "$ \x1b[1mls\x1b[0m\r\n"},
	{At: 250 * time.Millisecond, Code: asciicast.Input, Data: "q"},
	{At: 90 * time.Second, Code: asciicast.Output, Data: "世界 \"quoted\" \\ <&> \u2028\x00"},
	{At: 90 * time.Second, Code: asciicast.Marker, Data: "grant expires in 1m"},
	{At: 90*time.Second + 7*time.Microsecond, Code: asciicast.Resize, Data: "80x24"},
	{At: 2 * time.Hour, Code: asciicast.Exit, Data: "130"},
}

func encode(t *testing.T, h asciicast.Header, events []asciicast.Event) []byte {
	t.Helper()
	var b bytes.Buffer
	enc, err := asciicast.NewEncoder(&b, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, ev := range events {
		if err := enc.Encode(ev); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func decode(r io.Reader) (asciicast.Header, []asciicast.Event, error) {
	d, err := asciicast.NewDecoder(r)
	if err != nil {
		return asciicast.Header{}, nil, err
	}
	var all []asciicast.Event
	for {
		ev, err := d.Next()
		if errors.Is(err, io.EOF) {
			return d.Header(), all, nil
		}
		if err != nil {
			return d.Header(), all, err
		}
		all = append(all, ev)
	}
}

func TestGolden(t *testing.T) {
	for name, version := range map[string]asciicast.Version{"v2.cast": asciicast.V2, "v3.cast": asciicast.V3} {
		t.Run(name, func(t *testing.T) {
			h := header
			h.Version = version
			got := encode(t, h, events)
			path := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
		})
	}
}

func TestRoundTrip(t *testing.T) {
	tests := map[string]struct {
		version asciicast.Version
		unit    time.Duration
		without asciicast.Code
	}{
		"if version 3 is written, then it reads back in milliseconds":         {asciicast.V3, time.Millisecond, ""},
		"if version 2 is written, then it reads back without the exit status": {asciicast.V2, time.Microsecond, asciicast.Exit},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			h := header
			h.Version = tc.version
			gotHeader, got, err := decode(bytes.NewReader(encode(t, h, events)))
			if err != nil {
				t.Fatal(err)
			}
			var want []asciicast.Event
			for _, ev := range events {
				if ev.Code != tc.without {
					ev.At = ev.At.Round(tc.unit)
					want = append(want, ev)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(h, gotHeader); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
		})
	}
}

func TestVersion3DoesNotDrift(t *testing.T) {
	h := header
	h.Version = asciicast.V3
	var many []asciicast.Event
	for i := range 10_000 {
		many = append(many, asciicast.Event{At: time.Duration(i) * 400 * time.Microsecond, Code: asciicast.Output, Data: "x"})
	}
	_, got, err := decode(bytes.NewReader(encode(t, h, many)))
	if err != nil {
		t.Fatal(err)
	}
	for i := range many {
		if d := (got[i].At - many[i].At).Abs(); d > 500*time.Microsecond {
			t.Fatalf("event %d is off by %s", i, d)
		}
	}
}

func TestEncodeKeepsOrder(t *testing.T) {
	h := header
	h.Version = asciicast.V3
	_, got, err := decode(bytes.NewReader(encode(t, h, []asciicast.Event{
		{At: time.Second, Code: asciicast.Output, Data: "a"}, {At: 0, Code: asciicast.Output, Data: "b"},
	})))
	if err != nil || len(got) != 2 || got[1].At != time.Second {
		t.Errorf("an earlier event became %+v, %v", got, err)
	}
}

func TestEncoderRefuses(t *testing.T) {
	tests := map[string]asciicast.Header{
		"if the version is unknown, then it is refused": {Version: 1, Cols: 80, Rows: 24},
		"if there is no size, then it is refused":       {Version: asciicast.V3},
		"if the size is absurd, then it is refused":     {Version: asciicast.V3, Cols: 70000, Rows: 24},
	}
	for name, h := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := asciicast.NewEncoder(io.Discard, h); err == nil {
				t.Error("no error")
			}
		})
	}
	enc, err := asciicast.NewEncoder(io.Discard, asciicast.Header{Version: asciicast.V3, Cols: 80, Rows: 24})
	if err != nil {
		t.Fatal(err)
	}
	if err := enc.Encode(asciicast.Event{Code: "oo"}); err == nil {
		t.Error("a code of two characters was accepted")
	}
}

func TestDecode(t *testing.T) {
	const v3, v2 = `{"version":3,"term":{"cols":80,"rows":24}}`, `{"version":2,"width":80,"height":24}`
	tests := map[string]struct {
		in   string
		want []asciicast.Event
		err  string
	}{
		"if version 3 has comments and blanks, then they are passed over": {v3 + "\n# hi\n\n[0.5, \"o\", \"a\"]\n  \n[0.25,\"o\",\"b\"]", []asciicast.Event{{At: 500 * time.Millisecond, Code: "o", Data: "a"}, {At: 750 * time.Millisecond, Code: "o", Data: "b"}}, ""},
		"if a code is unknown, then it is passed on":                      {v3 + "\n[0,\"z\",\"\"]\n", []asciicast.Event{{Code: "z"}}, ""},
		"if times are absolute, then they stay":                           {v2 + "\n[1,\"o\",\"a\"]\n[2.5,\"o\",\"b\"]\n", []asciicast.Event{{At: time.Second, Code: "o", Data: "a"}, {At: 2500 * time.Millisecond, Code: "o", Data: "b"}}, ""},
		"if absolute time runs back, then it is an error":                 {v2 + "\n[2,\"o\",\"a\"]\n[1,\"o\",\"b\"]\n", nil, "line 3: event is earlier"},
		"if an interval is negative, then it is an error":                 {v3 + "\n[-1,\"o\",\"a\"]\n", nil, "line 2: time -1"},
		"if times overflow, then it is an error":                          {v3 + "\n[3e9,\"o\",\"a\"]\n[3e9,\"o\",\"a\"]\n", nil, "line 3: event after"},
		"if an event is short, then it is an error":                       {v3 + "\n[0,\"o\"]\n", nil, "line 2: event has 2 fields"},
		"if a field is null, then it is an error":                         {v3 + "\n[0,\"o\",null]\n", nil, "line 2: event has a null"},
		"if a size is malformed, then it is an error":                     {v3 + "\n[0,\"r\",\"80x\"]\n", nil, "line 2: size"},
		"if a size has a sign, then it is an error":                       {v3 + "\n[0,\"r\",\"+80x24\"]\n", nil, "line 2: size"},
		"if the file is empty, then it is an error":                       {"", nil, "reading the header"},
		"if the version is 1, then it is an error":                        {`{"version":1}`, nil, "version 1 is unknown"},
		"if version 3 has no size, then it is an error":                   {`{"version":3}`, nil, "no terminal size"},
		"if the last line is cut, then it is an error":                    {v3 + "\n[0,\"o\",\"a", nil, "line 2: parsing"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, got, err := decode(strings.NewReader(tc.in))
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("error %v, want %q", err, tc.err)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("error %v, events (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestText(t *testing.T) {
	tests := map[string]struct {
		chunks []string
		want   string
	}{
		"if a character is cut, then it is joined":           {[]string{"a\xe4", "\xb8", "\x96b"}, "a世b"},
		"if a byte is invalid, then it is replaced":          {[]string{"a\xffb"}, "a\ufffdb"},
		"if a cut character never ends, then it is replaced": {[]string{"\xf0\x9f", "x"}, "\ufffd\ufffdx"},
		"if the stream ends within, then it is replaced":     {[]string{"a\xf0\x9f\x98"}, "a\ufffd\ufffd\ufffd"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var text asciicast.Text
			var got string
			for _, c := range tc.chunks {
				got += text.Decode([]byte(c))
			}
			if got += text.Flush(); got != tc.want {
				t.Errorf("%q became %q, want %q", tc.chunks, got, tc.want)
			}
		})
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte("a\xe4\xb8\x96\xff\xf0\x9f\x98"), 2, 4)
	f.Fuzz(func(t *testing.T, data []byte, i, j int) {
		i = max(0, min(i, len(data)))
		j = max(i, min(j, len(data)))
		var whole, parts asciicast.Text
		want := whole.Decode(data) + whole.Flush()
		got := parts.Decode(data[:i]) + parts.Decode(data[i:j]) + parts.Decode(data[j:]) + parts.Flush()
		if got != want || !utf8.ValidString(got) {
			t.Errorf("%q cut at %d and %d: %q, whole: %q", data, i, j, got, want)
		}
	})
}

func FuzzDecoder(f *testing.F) {
	for _, name := range []string{"v2.cast", "v3.cast"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, all, err := decode(bytes.NewReader(data))
		if err != nil {
			return
		}
		h.Version = asciicast.V3
		if _, again, err := decode(bytes.NewReader(encode(t, h, all))); err != nil || len(again) != len(all) {
			t.Errorf("%d events came back as %d, %v", len(all), len(again), err)
		}
	})
}
