package copyshape

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/authorizer"
)

func TestOf(t *testing.T) {
	tests := map[string]struct {
		argv []string
		want Shape
	}{
		"if it asks for a directory, then it is a probe": {[]string{"test", "-d", "/tmp/a b"}, Shape{Probe, "/tmp/a b"}},
		"if a file is fetched, then it is out":           {[]string{"tar", "cf", "-", "/etc/passwd"}, Shape{Out, "/etc/passwd"}},
		"if 1.37 retries, then it is out":                {[]string{"sh", "-c", `tar cf - '/a b/it'\''s' | tail -c+0`}, Shape{Out, "/a b/it's"}},
		"if 1.32 retries, then it is out":                {[]string{"sh", "-c", "tar cf - /var/log/a_b-1.log | tail -c+0"}, Shape{Out, "/var/log/a_b-1.log"}},
		"if it begins at the first byte, then it is out": {[]string{"sh", "-c", "tar cf - 'x' | tail -c+1"}, Shape{Out, "x"}},
		"if a file is put, then it is in":                {[]string{"tar", "-xmf", "-", "-C", "/tmp"}, Shape{In, "/tmp"}},
		"if no directory is named, then it is in":        {[]string{"tar", "-xmf", "-"}, Shape{In, ""}},
		"if nothing is preserved, then it is in":         {[]string{"tar", "--no-same-permissions", "--no-same-owner", "-xmf", "-", "-C", "/tmp"}, Shape{In, "/tmp"}},

		"if there is no command, then it is none":              {nil, Shape{}},
		"if it is a shell, then it is none":                    {[]string{"sh"}, Shape{}},
		"if tar is another program, then it is none":           {[]string{"/tmp/tar", "cf", "-", "x"}, Shape{}},
		"if two paths are fetched, then it is none":            {[]string{"tar", "cf", "-", "a", "b"}, Shape{}},
		"if the path is an option, then it is none":            {[]string{"tar", "cf", "-", "--checkpoint-action=exec=sh"}, Shape{}},
		"if the path is missing, then it is none":              {[]string{"tar", "cf", "-", ""}, Shape{}},
		"if it is compressed, then it is none":                 {[]string{"tar", "czf", "-", "x"}, Shape{}},
		"if the directory is an option, then it is none":       {[]string{"tar", "-xmf", "-", "-C", "--to-command=sh"}, Shape{}},
		"if something follows the directory, then it is none":  {[]string{"tar", "-xmf", "-", "-C", "/tmp", "--to-command=sh"}, Shape{}},
		"if one option is alone, then it is none":              {[]string{"tar", "--no-same-permissions", "-xmf", "-"}, Shape{}},
		"if the options are in another order, then it is none": {[]string{"tar", "--no-same-owner", "--no-same-permissions", "-xmf", "-"}, Shape{}},
		"if a copy is resumed, then it is none":                {[]string{"sh", "-c", "tar cf - 'x' | tail -c+2"}, Shape{}},
		"if the quotes end early, then it is none":             {[]string{"sh", "-c", "tar cf - 'x' 'y' | tail -c+0"}, Shape{}},
		"if a command hides in quotes, then it is none":        {[]string{"sh", "-c", "tar cf - 'x';id;'y' | tail -c+0"}, Shape{}},
		"if a command hides without quotes, then it is none":   {[]string{"sh", "-c", "tar cf - $(id) | tail -c+0"}, Shape{}},
		"if an unquoted path has a blank, then it is none":     {[]string{"sh", "-c", "tar cf - a -b | tail -c+0"}, Shape{}},
		"if a quoted path is an option, then it is none":       {[]string{"sh", "-c", "tar cf - '-x' | tail -c+0"}, Shape{}},
		"if a quote is open, then it is none":                  {[]string{"sh", "-c", "tar cf - ' | tail -c+0"}, Shape{}},
		"if more follows the tail, then it is none":            {[]string{"sh", "-c", "tar cf - x | tail -c+0; id"}, Shape{}},
		"if test asks something else, then it is none":         {[]string{"test", "-f", "x"}, Shape{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			a := authorizer.Attributes{Command: tc.argv, Stdin: tc.want.Kind == In}
			if got := Of(a); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
			a.Stdin = !a.Stdin
			if got := Of(a); tc.want.Kind != None && got != (Shape{}) {
				t.Errorf("with the input the other way round: got %+v", got)
			}
			a.Stdin, a.TTY = !a.Stdin, true
			if got := Of(a); got != (Shape{}) {
				t.Errorf("on a terminal: got %+v", got)
			}
		})
	}
}

// A real shell is asked what it makes of every script that is taken for a copy.
func FuzzAShellReadsTheSamePath(f *testing.F) {
	for _, word := range []string{"x", "'a b'", `'it'\''s'`, "$(id)", "a;b", "'a'b'", "~", "'-x'", "a=b", "'\n'", "''", "é"} {
		f.Add(word)
	}
	f.Fuzz(func(t *testing.T, word string) {
		s := Of(authorizer.Attributes{Command: []string{"sh", "-c", "tar cf - " + word + " | tail -c+0"}})
		if s.Kind == None || strings.Contains(word, "\x00") {
			return
		}
		script := `tar() { printf '%s.' "$#" "$@"; }; tail() { cat; }; ` + "tar cf - " + word + " | tail -c+0"
		out, err := exec.CommandContext(t.Context(), "sh", "-c", script).CombinedOutput()
		if want := "3.cf.-." + s.Path + "."; err != nil || string(out) != want {
			t.Errorf("%q is taken for %q, and a shell makes of it %q, %v", word, s.Path, out, err)
		}
	})
}
