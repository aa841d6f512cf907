package vt_test

import (
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/mask/vt"
)

// classes writes a letter for each byte.
func classes(text string) string {
	var p vt.Parser
	var out strings.Builder
	for i := range len(text) {
		out.WriteByte("vhgm<>"[p.Step(text[i])])
	}
	return out.String()
}

func TestParser(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"if there is no escape, then all is visible":                {"ab\r\n\x00\xff", "vvvvvv"},
		"if the bell rings, then that is hidden":                    {"a\ab\x1b\ac\x1b[1\ad\x1b(\ae", "vhvhhvhhhhvhhhv"},
		"if characters are inserted or deleted, then nothing moves": {"a\x1b[2P\x1b[@b\x1b[L", "vhhhhhhhvhhm"},
		"if a colour is set, then it is hidden":                     {"a\x1b[1;31mb", "vhhhhhhhv"},
		"if the line is erased, then that is hidden":                {"\x1b[Kx\x1b[2J", "hhhvhhhh"},
		"if the cursor is addressed, then it moves":                 {"\x1b[2;5Hx", "hhhhhmv"},
		"if the cursor goes right, then there is a gap":             {"a\x1b[1Cb", "vhhhgv"},
		"if a line editor begins or ends, then that is a move":      {"\x1b[?2004h\x1b[?2004l", "hhhhhhhmhhhhhhhm"},
		"if another mode is set, then it is hidden":                 {"\x1b[?12004h\x1b[?20041h\x1b[2004h\x1b[?2004m\x1b[?20h", strings.Repeat("h", 39)},
		"if a private mode is set, then it is hidden":               {"\x1b[?25l", "hhhhhh"},
		"if a character set is chosen, then it is hidden":           {"\x1b(Bx", "hhhv"},
		"if a title is set, then its text is a string":              {"\x1b]0;t\ax", "h<vvv>v"},
		"if a string ends by ST, then ESC leaves it":                {"\x1b]8;;u\x1b\\x", "h<vvvv>hv"},
		"if BEL stands in a DCS, then it does not end":              {"\x1bPa\ab\x1b\\", "h<vvv>h"},
		"if a sequence is cancelled, then it is over":               {"\x1b[3\x18m", "hhhhv"},
		"if an escape follows an escape, then it begins anew":       {"\x1b\x1b[\x1b[mx", "hhhhhhv"},
		"if a line end stands in a sequence, then it is visible":    {"\x1b[3\nm", "hhhvv"},
		"if a sequence is restored or scrolled, then it moves":      {"\x1b7\x1b8\x1bM\x1b[S", "hmhmhmhhm"},
		"if bytes are not ASCII, then they end a sequence":          {"\x1b\xc3\x1b[\xa4\x1b(\x80", "hvhhvhhv"},
		"if a control sequence never ends, then it becomes clear":   {"\x1b[" + strings.Repeat("1", 70), "hh" + strings.Repeat("h", 64) + strings.Repeat("v", 6)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := classes(tc.in); got != tc.want {
				t.Errorf("%q\n got %s\nwant %s", tc.in, got, tc.want)
			}
		})
	}
}

// FuzzParser: what is not part of a sequence is visible, but BEL, and what is begins with ESC.
func FuzzParser(f *testing.F) {
	f.Add([]byte("\x1b[1ma\x1b]0;x\ab"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var p vt.Parser
		for i, b := range text {
			ground := p.Ground()
			class := p.Step(b)
			if ground && (class == vt.Visible) != (b != vt.Esc && b != vt.Bel) {
				t.Fatalf("byte %d of %q, on the ground, is %d", i, text, class)
			}
			if b == vt.Esc && (p.Ground() || class != vt.Hidden && class != vt.Leave) {
				t.Fatalf("the escape at %d of %q begins nothing", i, text)
			}
		}
	})
}
