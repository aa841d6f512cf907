package recording

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-dev/sallyport/internal/mask"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func encodeOne(data []byte) []byte {
	return appendLine(nil, &line{n: 7, time: noon, offset: 1500, by: []byte(`"alice"`), stream: Stdout, data: data})
}

func TestAppendLine(t *testing.T) {
	const front = `{"n":7,"t":"2026-11-23T12:00:00.000000000Z","o":1500,"s":"alice","c":"stdout"`
	tests := map[string]struct{ data, want string }{
		"if there is no data, then no field holds it":                  {"", ``},
		"if the data is text, then it is readable":                     {"héllo wörld, 世界", `,"d":"héllo wörld, 世界"`},
		"if there are controls, then they are escaped":                 {"a\"b\\c\r\n\t\x1b[0m\x00\x1f\x7f", `,"d":"a\"b\\c\r\n\t\u001b[0m\u0000\u001f` + "\x7f\""},
		"if the data is a replacement character, then it is text":      {"\ufffd", `,"d":"` + "\ufffd" + `"`},
		"if the data is not UTF-8, then it is base64":                  {"a\xffb", `,"b":"Yf9i"`},
		"if a character is cut at the end, then only that is base64":   {"ab\xe4\xb8", `,"d":"ab","e":"5Lg="`},
		"if a character is cut at the start, then only that is base64": {"\x96ab", `,"b":"lg==","d":"ab"`},
		"if characters are cut at both ends, then both are base64":     {"\xb8\x96ab\xf0\x9f\x98", `,"b":"uJY=","d":"ab","e":"8J+Y"`},
		"if there is only a cut character, then it is base64":          {"\xf0\x9f", `,"b":"8J8="`},
		"if a surrogate is encoded, then it is base64":                 {"\xed\xa0\x80x", `,"b":"7aCAeA=="`},
		"if text would more than triple, then it is base64":            {strings.Repeat("\x00", 48), `,"b":"` + strings.Repeat("A", 64) + `"`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(front+tc.want+"}\n", string(encodeOne([]byte(tc.data)))); diff != "" {
				t.Errorf("line (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAppendConnection(t *testing.T) {
	l := line{n: 1, time: noon, by: []byte(`"a"`), stream: ForwardIn, connection: 1 << 40, data: []byte("x")}
	got, err := parseRecord(appendLine(nil, &l))
	if err != nil || got.Connection != l.connection || got.Stream != ForwardIn || string(got.Data) != "x" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAppendHits(t *testing.T) {
	l := line{n: 1, time: noon, by: []byte(`"a"`), stream: Stderr, data: []byte("***"), hits: []mask.Hit{{Rule: "jwt", Offset: 4, Length: 3}, {Rule: `odd"rule`, Offset: 9, Length: 1}}}
	got, err := parseRecord(appendLine(nil, &l))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(l.hits, got.Hits); diff != "" {
		t.Errorf("hits (-want +got):\n%s", diff)
	}
}

func FuzzRecordRoundTrip(f *testing.F) {
	for _, s := range []string{"", "text", "a\xff", "\xe4\xb8\x96", "\xb8\x96 x \xe4", "\x00\x01\x02", "\"\\\n\u2028\ufffd", strings.Repeat("\x1b[m", 40)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		enc := encodeOne(data)
		if !utf8.Valid(enc) || !json.Valid(enc) || bytes.Count(enc, []byte("\n")) != 1 {
			t.Fatalf("%q became %q", data, enc)
		}
		if limit := 3*len(data) + 64 + 200; len(enc) > limit {
			t.Errorf("%d bytes became a line of %d, above %d", len(data), len(enc), limit)
		}
		r, err := parseRecord(enc)
		if err != nil || !bytes.Equal(r.Data, data) {
			t.Fatalf("%q came back as %q, %v", data, r.Data, err)
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	f.Add(encodeOne([]byte("x")))
	f.Add([]byte(`{"n":1,"c":"stdout","b":"!","d":"x"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if r, err := parseRecord(line); err == nil && (r.N == 0 || r.Stream == "" || r.Offset < 0) {
			t.Errorf("accepted %q as %+v", line, r)
		}
	})
}

func TestAppendLineDoesNotAllocate(t *testing.T) {
	l := line{n: 7, time: noon, by: []byte(`"alice"`), stream: Stdout, data: bytes.Repeat([]byte("some text\n"), 100), hits: []mask.Hit{{Rule: "jwt"}}}
	dst := make([]byte, 0, 1<<14)
	if n := testing.AllocsPerRun(100, func() { appendLine(dst, &l) }); n != 0 {
		t.Errorf("%v allocations a record", n)
	}
}
