package mask_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNothingCleanIsMasked reads lines as they stand in logs, manifests, source code and terminals, each alone and all at
// once. They are full of the words that secrets are found by, and hold none.
func TestNothingCleanIsMasked(t *testing.T) {
	file, err := os.ReadFile("testdata/clean.txt")
	if err != nil {
		t.Fatal(err)
	}
	text, lines := string(file), 0
	for line := range strings.Lines(text) {
		lines++
		counts := map[string]int{}
		if got := maskAll(line, counts); got != line || len(counts) > 0 {
			t.Errorf("line %d, %v (-want +got):\n%s", lines, counts, cmp.Diff(line, got))
		}
	}
	if lines < 150 {
		t.Errorf("only %d lines", lines)
	}
	counts := map[string]int{}
	if got := maskAll(text, counts); got != text {
		t.Errorf("all at once, %v (-want +got):\n%s", counts, cmp.Diff(text, got))
	}
}
