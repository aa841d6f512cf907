package masktest

import (
	_ "embed" // of the dumps
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// dumped is what the programs printed.
//
//go:embed testdata/dumps.txt
var dumped string

func TestDumpersAreAsTheProgramsAre(t *testing.T) {
	data := "x=1, |a> correct horse  battery\\ -stapl\xc3\xbc\x00\xff\a\b\t\n\v\f\r 0 7 and a blank row                  \n end"
	seen := 0
	for _, part := range strings.Split("\n"+dumped, "\n=== ")[1:] {
		name, want, _ := strings.Cut(part, "\n")
		seen++
		got := Dumpers[name].Dump([]byte(data))
		if diff := cmp.Diff(strings.TrimRight(want, "\n"), strings.TrimRight(string(got.Text), "\n")); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
		for i, places := range got.At {
			if len(places) == 0 {
				t.Errorf("%s: byte %d is nowhere", name, i)
			}
		}
	}
	if seen != len(Dumpers) {
		t.Errorf("%d programs are here, and %d known", seen, len(Dumpers))
	}
}
