package mask_test

import (
	"go/build"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/mask/masktest"
)

// The bounds of TestCleanText, in bytes of asterisks and in hits for each MB. What is masked in Go's sources is the value of
// something that says token, secret or password in its name: `token := parser.next`.
const (
	generatedBound, generatedHits = 0.0, 0.0
	sourcesBound, sourcesHits     = 100.0, 8.0
)

// rate is what was masked of a text that holds no secret.
type rate struct {
	bytes, masked int
	hits          map[string]int
}

func (r *rate) mask(rules *mask.Rules, text []byte) {
	s := rules.NewStream()
	for _, out := range []mask.Output{s.Write(text), s.Flush()} {
		for _, h := range out.Hits {
			r.hits[h.Rule]++
			r.masked += int(h.Length)
		}
	}
	r.bytes += len(text)
}

func (r *rate) check(t *testing.T, what string, bound, hitsBound float64) {
	t.Helper()
	total := 0
	for _, n := range r.hits {
		total += n
	}
	mb := float64(r.bytes) / 1e6
	bytesPer, hitsPer := float64(r.masked)/mb, float64(total)/mb
	t.Logf("%s: %.1f MB, %.2f bytes and %.2f hits for each MB: %v", what, mb, bytesPer, hitsPer, r.hits)
	if bytesPer > bound || hitsPer > hitsBound {
		t.Errorf("%s: more than %.1f bytes or %.1f hits for each MB are masked", what, bound, hitsBound)
	}
}

// TestCleanText masks output without secrets, as programs print it and as programmers write it.
func TestCleanText(t *testing.T) {
	t.Parallel()
	generated, sources := 8<<20, 46<<20
	if testing.Short() {
		generated, sources = 2<<20, 4<<20
	}
	rng := rand.New(rand.NewPCG(5, 8))
	rules := knowing(t, masktest.Values(rng, 500))
	kinds := masktest.Outputs()
	printed := rate{hits: map[string]int{}}
	for k := 0; printed.bytes < generated; k++ {
		var text []byte
		for len(text) < 16<<10 {
			text = append(text, kinds[k%len(kinds)].Print(rng, nil, nil, 0).Text...)
		}
		printed.mask(rules, text)
	}
	printed.check(t, "generated output", generatedBound, generatedHits)

	written := rate{hits: map[string]int{}}
	err := filepath.WalkDir(build.Default.GOROOT, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !isText(path) || holdsKeys(path) {
			return err
		}
		if written.bytes > sources {
			return fs.SkipAll
		}
		text, err := os.ReadFile(path)
		written.mask(rules, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	written.check(t, "Go's sources", sourcesBound, sourcesHits)
	if printed.bytes+written.bytes < generated+sources/2 {
		t.Errorf("only %d bytes were read", printed.bytes+written.bytes)
	}
}

func isText(path string) bool {
	switch filepath.Ext(path) {
	case ".go", ".md", ".txt", ".html", ".s", ".c", ".h":
		return true
	default:
		return false
	}
}

// holdsKeys reports whether a file holds keys and passwords, be it as examples.
func holdsKeys(path string) bool {
	return strings.Contains(path, "/crypto/") || strings.Contains(path, "/testdata/")
}
