package safeterm

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLine(t *testing.T) {
	tests := map[string]struct{ in, line, text string }{
		"if all is printable, then as it is":        {"größer 日本 ok", "größer 日本 ok", "größer 日本 ok"},
		"if it has escapes, then visible":           {"a\x1b[2Jb", `a\x1b[2Jb`, `a\x1b[2Jb`},
		"if it has 8-bit controls, then visible":    {"a\u009b2J", `a\u009b2J`, `a\u009b2J`},
		"if it has line ends, then only Text keeps": {"a\nb\tc\r", `a\nb\tc\r`, "a\nb\tc" + `\r`},
		"if it reorders text, then visible":         {"a\u202eb", `a\u202eb`, `a\u202eb`},
		"if it is not UTF-8, then bytes":            {"a\xffb\x9b", `a\xffb\x9b`, `a\xffb\x9b`},
		"if it holds U+FFFD itself, then visible":   {"a\ufffdb", `a\ufffdb`, `a\ufffdb`},
		"if it has a quote, then as it is":          {"it's\x00", `it's\x00`, `it's\x00`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Line(tc.in); got != tc.line {
				t.Errorf("Line = %q, want %q", got, tc.line)
			}
			if got := Text(tc.in); got != tc.text {
				t.Errorf("Text = %q, want %q", got, tc.text)
			}
		})
	}
}

func TestFilter(t *testing.T) {
	tests := map[string]struct {
		in, want string
		dropped  int
	}{
		"if text, then as it is":                          {"größe\r\n\tx\b\a", "größe\r\n\tx\b\a", 0},
		"if colours and movement, then as they are":       {"\x1b[1;31mred\x1b[0m\x1b[2K\x1b[10;5Hx\x1b[A", "\x1b[1;31mred\x1b[0m\x1b[2K\x1b[10;5Hx\x1b[A", 0},
		"if the alternate screen, then as it is":          {"\x1b[?1049h\x1b[?25lx\x1b[?25h\x1b[?1049l", "\x1b[?1049h\x1b[?25lx\x1b[?25h\x1b[?1049l", 0},
		"if frames are drawn, then as they are":           {"\x1b(0lqk\x1b(B\x0e\x0f", "\x1b(0lqk\x1b(B\x0e\x0f", 0},
		"if a title is set, then dropped":                 {"a\x1b]0;title\ab", "ab", 1},
		"if the clipboard is set, then dropped":           {"a\x1b]52;c;cm0gLXJm\x1b\\b", "ab", 1},
		"if a link hides its address, then its text":      {"\x1b]8;;http://x\x1b\\text\x1b]8;;\x1b\\", "text", 2},
		"if DCS, then dropped":                            {"a\x1bP$qm\x1b\\b", "ab", 1},
		"if DCS holds a bell, then it ends later":         {"a\x1bP$q\am\x1b\\b", "ab", 1},
		"if APC, PM, SOS or screen title, then dropped":   {"\x1b_a\x1b\\\x1b^b\x1b\\\x1bXc\x1b\\\x1bkd\x1b\\e", "e", 4},
		"if the device is queried, then dropped":          {"\x1b[c\x1b[>c\x1b[6n\x1b[?6n\x1b[x\x1bZ\x1b[>qx", "x", 7},
		"if answerback is asked for, then dropped":        {"a\x05b", "ab", 1},
		"if the window is changed, then dropped":          {"\x1b[8;1;1t\x1b[21tx", "x", 2},
		"if the printer is addressed, then dropped":       {"\x1b[5ix", "x", 1},
		"if the mouse or paste mode is set, then dropped": {"\x1b[?1000h\x1b[?1006h\x1b[?2004hx", "x", 3},
		"if the scrollback is erased, then dropped":       {"\x1b[H\x1b[2J\x1b[3Jx\x1bcy", "\x1b[H\x1b[2Jxy", 2},
		"if a mode hides in a list, then dropped":         {"\x1b[?25;1000hx", "x", 1},
		"if 8-bit CSI moves, then in 7 bits":              {"\u009b1mx", "\x1b[1mx", 0},
		"if 8-bit CSI queries, then dropped":              {"\u009b6nx", "x", 1},
		"if 8-bit OSC, then dropped to its end":           {"a\u009d0;t\u009cb\u009d0;t\ac", "abc", 2},
		"if a raw 8-bit byte, then a replacement":         {"a\x9b6n", "a\ufffd6n", 0},
		"if a control breaks a sequence, then text":       {"\x1b[3\n1mx", "\n1mx", 1},
		"if ESC breaks a sequence, then the next counts":  {"\x1b[3\x1b[1mx", "\x1b[1mx", 1},
		"if ESC breaks a string, then the next counts":    {"\x1b]0;t\x1b[1mx", "\x1b[1mx", 1},
		"if CAN ends a string, then text follows":         {"\x1b]0;t\x18x", "x", 1},
		"if a repeat is huge, then dropped":               {"a\x1b[99999999b\x1b[99999Cx", "ax", 2},
		"if a sequence never ends, then dropped":          {"\x1b[" + strings.Repeat("1;", 100) + "mx", strings.Repeat("1;", 37) + "mx", 1},
		"if a string never ends, then text comes back":    {"\x1b]" + strings.Repeat("y", maxString) + "yyx", "yx", 1},
		"if it ends inside a sequence, then nothing of it": {
			"x\x1b[3", "x", 0,
		},
		"if a terminator stands alone, then dropped": {"a\x1b\\b", "ab", 1},
		"if a sequence has a prefix, then dropped":   {"\x1b[>4;2m\x1b[?1mx", "x", 2},
		"if NUL or DEL, then dropped":                {"a\x00\x7fb", "ab", 2},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var whole, bytewise bytes.Buffer
			f := NewFilter(&whole)
			if n, err := f.Write([]byte(tc.in)); n != len(tc.in) || err != nil {
				t.Fatalf("Write = %d, %v", n, err)
			}
			if got := whole.String(); got != tc.want || f.Dropped() != tc.dropped {
				t.Errorf("got %q with %d dropped, want %q with %d", got, f.Dropped(), tc.want, tc.dropped)
			}
			f = NewFilter(&bytewise)
			for _, b := range []byte(tc.in) {
				f.Write([]byte{b})
			}
			if bytewise.String() != whole.String() {
				t.Errorf("byte by byte: %q, as a whole: %q", bytewise.String(), whole.String())
			}
		})
	}
}

func TestRestore(t *testing.T) {
	tests := map[string]struct {
		in           string
		want, absent []string
	}{
		"if only text, then no screen is left": {"x", []string{"\x1b[?25h", "\x1b[0m"}, []string{"1049", "\x1b[r"}},
		"if on the other screen, then back":    {"\x1b[?1049h", []string{"\x1b[?1049l"}, nil},
		"if it went back itself, then not":     {"\x1b[?1049h\x1b[?1049l", nil, []string{"1049"}},
		"if margins were set, then reset":      {"\x1b[2;3r", []string{"\x1b[r"}, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			f := NewFilter(&bytes.Buffer{})
			f.Write([]byte(tc.in))
			got := f.Restore()
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("Restore = %q, lacks %q", got, want)
				}
			}
			for _, absent := range tc.absent {
				if strings.Contains(got, absent) {
					t.Errorf("Restore = %q, has %q", got, absent)
				}
			}
		})
	}
}

// harmlessOnly is an independent statement of what may come out, as one pattern.
var harmlessOnly = regexp.MustCompile(`^(?:[^\x00-\x1f\x7f-\x{9f}]|[\x07-\x0f]` +
	`|\x1b[78DEM]|\x1b[()][0AB]|\x1b\[[0-9;:]*[@A-IKLMPSTXZ` + "`" + `adefmrsu]|\x1b\[[012]?J` +
	`|\x1b\[(?:4|\?(?:7|12|25|47|1047|1048|1049|2026))[hl])*$`)

func FuzzFilter(f *testing.F) {
	f.Add([]byte("\x1b[1mx\x1b]52;c;eA==\a\x1b[6n\u009b1m"), uint(3))
	f.Add([]byte("\x1bP+q\x1b\\\x9d\xe2\x82"), uint(1))
	f.Fuzz(func(t *testing.T, in []byte, cut uint) {
		var whole, split bytes.Buffer
		NewFilter(&whole).Write(in)
		if !harmlessOnly.Match(whole.Bytes()) || !utf8.Valid(whole.Bytes()) {
			t.Errorf("%q became %q", in, whole.Bytes())
		}
		at := int(cut % uint(len(in)+1))
		s := NewFilter(&split)
		s.Write(in[:at])
		s.Write(in[at:])
		if !bytes.Equal(whole.Bytes(), split.Bytes()) {
			t.Errorf("%q cut at %d became %q, as a whole %q", in, at, split.Bytes(), whole.Bytes())
		}
		var again bytes.Buffer
		second := NewFilter(&again)
		second.Write(whole.Bytes())
		if !bytes.Equal(again.Bytes(), whole.Bytes()) || second.Dropped() != 0 {
			t.Errorf("%q became %q when filtered again", whole.Bytes(), again.Bytes())
		}
	})
}

func FuzzLine(f *testing.F) {
	f.Add("a\x1b]0;\a\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		if got := Line(s); strings.ContainsFunc(got, func(r rune) bool { return r < 0x20 || (r >= 0x7f && r < 0xa0) || r == 0x202e }) {
			t.Errorf("Line(%q) = %q", s, got)
		}
	})
}
