package mask_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/mask/masktest"
)

// workBound is how many statements a byte may cost, whatever came before it.
const workBound = 300

// repeated are texts in which something may begin, or has to be decided, at every turn.
func repeated() map[string]string {
	var openings strings.Builder
	for _, r := range mask.Default().Specs() {
		openings.WriteString(" " + strings.Join(r.Literals, " "))
	}
	small := make([]byte, 1<<12)
	rng := rand.New(rand.NewPCG(41, 42))
	for i := range small {
		small[i] = byte(rng.IntN(256))
	}
	texts := map[string]string{
		"one letter":           "a",
		"two letters":          "ab",
		"near misses":          "aaaaaaaaaaaaaaaaaaaaaaa ababababababababababababababa aabbaabbaabbaabbaabbaabbaabbaaba",
		"openings":             openings.String(),
		"openings at once":     strings.ReplaceAll(openings.String(), " ", ""),
		"hosts":                "://",
		"users":                "://a:b@",
		"assignments":          "password=",
		"quoted":               `\"token\": \"`,
		"web tokens":           "eyJ.eyJabcdefgh.",
		"keys":                 "-----BEGIN PRIVATE KEY-----\nabc--",
		"cards":                "4111 1111 1111 1112 ",
		"groups":               "4111 11 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 ",
		"accounts":             "GB82 WEST 1234 5698 7654 33 ",
		"patterns":             "abababcCUST-1234567",
		"colours in a value":   "password=a\x1b[1mb\x1b[0m",
		"colours alone":        "\x1b[m",
		"margins":              "a \b",
		"margins in a card":    "4 \b0 \r0 \b",
		"margins in a number":  "4111 \b1 \r1 \b1 \r 1 \b1 \r",
		"margins in a value":   "password=a \rb \b",
		"margins in openings":  strings.ReplaceAll(openings.String(), "", " \b"),
		"margins in a quote":   "password='" + strings.Repeat("abc de", 80) + strings.Repeat("x\rxy", 80),
		"what may be margins":  "password='" + strings.Repeat("a b", 150),
		"bytes twice":          "aa\raa\x1b[3;1H",
		"blanks":               " ",
		"moves":                "a\x1b[Hb\x1b[C",
		"titles":               "\x1b]0;ababababababa\x07",
		"links without an end": "\x1b]8;;ghp_",
		"a long pattern":       "long",
		"line ends":            "ab\r\nba\n",
		"rows of a dump":       "\n00000000: 6161 6161 6161 6162 6161 6161 6161 6161  aaaaaaabaaaaaaaa",
	}
	for i, values := range masktest.SmallValues {
		texts[fmt.Sprint("pieces of values ", i)] = string(masktest.Small(small, values, sequences()...))
	}
	return texts
}

// worked masks as many bytes as text repeats to, half of them in large writes, half in small ones, with all rules and with values that
// overlap themselves.
func worked(tb testing.TB, text []byte) {
	tb.Helper()
	long := mask.Pattern{Name: "long", Literal: "long", Expression: "[a-z]{1000}", MaxLength: 1000}
	rules := rulesWith(tb, mask.Config{Patterns: append(slices.Clone(expressions), long)}, slices.Concat(slices.Concat(masktest.SmallValues...), slices.Concat(masktest.EscapedValues...))...)
	stream := rules.NewStream()
	for i, half := range [][]byte{text[:len(text)/2], text[len(text)/2:]} {
		for part := range slices.Chunk(half, []int{32 << 10, 5}[i]) {
			stream.Write(part)
		}
	}
	stream.Flush()
}

// TestWorkIsBounded: P8. The statements that masking a million bytes runs are counted, not timed: by this test again, built to count
// what it covers, once for each text. What the standard library does with a slice at once counts as one.
func TestWorkIsBounded(t *testing.T) {
	const n = 1 << 20
	if name, inner := os.LookupEnv("MASK_WORK"); inner {
		text := repeated()[name]
		worked(t, bytes.Repeat([]byte(text), n/max(len(text), 1)))
		return
	}
	if testing.Short() {
		t.Skip("it builds a program and runs it for each text")
	}
	t.Parallel()
	program := filepath.Join(t.TempDir(), "counting")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-covermode=count", "-coverpkg=./...", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	statements := func(name string) int {
		profile := filepath.Join(t.TempDir(), "profile")
		run := exec.CommandContext(t.Context(), program, "-test.run=^TestWorkIsBounded$", "-test.coverprofile="+profile)
		run.Env = append(os.Environ(), "MASK_WORK="+name)
		if out, err := run.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return counted(t, profile)
	}
	idle := statements("")
	for name := range repeated() {
		per := (statements(name) - idle) / n
		t.Logf("%s: %d statements a byte", name, per)
		if per > workBound {
			t.Errorf("%s: %d statements a byte, more than %d", name, per, workBound)
		}
	}
}

// counted is how often statements ran.
func counted(t *testing.T, profile string) int {
	t.Helper()
	file, err := os.ReadFile(profile)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for line := range strings.Lines(string(file)) {
		var statements, times int
		if _, place, ok := strings.Cut(line, " "); ok && !strings.HasPrefix(line, "mode:") {
			if _, err := fmt.Sscan(place, &statements, &times); err != nil {
				t.Fatal(err)
			}
			sum += statements * times
		}
	}
	return sum
}
