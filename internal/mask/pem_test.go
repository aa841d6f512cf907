package mask_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/mask"
	"github.com/sallyport-dev/sallyport/internal/mask/masktest"
)

// TestFramedKeys: a key is masked though each of its lines has something before or after it.
func TestFramedKeys(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 42))
	for name, frame := range map[string]struct{ line, end string }{
		"as it is":             {"%[2]s", "\n"},
		"cat -A":               {"%[2]s$", "\n"},
		"cat -A, CRLF":         {"%[2]s^M$", "\n"},
		"cat -n":               {"%6[1]d\t%[2]s", "\n"},
		"cat -nA":              {"%6[1]d^I%[2]s$", "\n"},
		"diff, old":            {"< %[2]s", "\n"},
		"diff, new":            {"> %[2]s", "\n"},
		"diff -u, old":         {"-%[2]s", "\n"},
		"diff -u, new":         {"+%[2]s", "\r\n"},
		"grep -n":              {"%[1]d:%[2]s", "\n"},
		"grep -A":              {"tls_a.key-%[2]s", "\n"},
		"Go source":            {"\t\"%[2]s\\n\" +", "\n"},
		"C source":             {"  \"%[2]s\\n\"", "\n"},
		"Java source":          {"    + \"%[2]s\\r\\n\"", "\n"},
		"JavaScript array":     {"    '%[2]s',", "\n"},
		"YAML block":           {"      %[2]s", "\n"},
		"JSON":                 {"%[2]s", "\\n"},
		"diff of Go, coloured": {"\x1b[32m+\t\"%[2]s\\n\" +\x1b[m", "\n"},
	} {
		lines := []string{"-----BEGIN RSA PRIVATE KEY-----"}
		for range 5 {
			lines = append(lines, letters(rng, 64))
		}
		lines = append(lines, letters(rng, 30)+"==", "-----END RSA PRIVATE KEY-----")
		var text strings.Builder
		for i, line := range lines {
			fmt.Fprintf(&text, frame.line+frame.end, i+1, line)
		}
		after := "\nuntouched: text\n"
		user, record := run(mask.Default(), cuts([]byte(text.String()+after), rng)...)
		for _, line := range lines[1 : len(lines)-1] {
			if strings.Contains(string(record), line[len(line)-4:]) || strings.Contains(string(user), line[:4]) {
				t.Errorf("%s: of %q is seen:\n%s", name, line, record)
			}
		}
		if !strings.HasSuffix(string(record), after) || !strings.Contains(string(record), lines[0]) {
			t.Errorf("%s: more than the key is masked:\n%s", name, record)
		}
	}
}

func letters(rng *rand.Rand, n int) string {
	const all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	text := make([]byte, n)
	for i := range text {
		text[i] = all[rng.IntN(len(all))]
	}
	return string(text)
}

// TestHeaderAlone: where a key's header has no key behind it, little of what follows is masked.
func TestHeaderAlone(t *testing.T) {
	const header = "-----BEGIN PRIVATE KEY-----"
	for before, after := range map[string]string{
		header + "\n":                   "$ ls -l\ntotal 4\n",
		"a.go:12:\tbegin = \"" + header: "\"\nother := 5\n",
		`{"begin": "` + header:          `", "after": "this"}`,
		"key = '" + header + "\\n":      "'; print(key)\nmore()\n",
		"# " + header + "\n":            "# ls\n",
		"<key>" + header + "\n":         "</key>\n<name>some</name>\n",
		header + "$\n":                  "$ ls\nand more\n",
	} {
		_, record := run(mask.Default(), []byte(before+after))
		if n := strings.Count(string(record), "*"); n > 8 {
			t.Errorf("of %q %d bytes are masked: %q", before+after, n, record)
		}
	}
}

// TestKeysAsTheOracle holds lines that may be of a key against the oracle and every other property.
func TestKeysAsTheOracle(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(43, 44))
	pieces := []string{"$", "^M$", "\n", "\r\n", "\"", "'", "\\n", "> ", "< ", ">", "<", " ", "\t", "+", ":", "12", "MIIE", "abc", ",", ";", "-", "-----", "_", "@", "\" +\n", "\"\n", "$\n", "\n\"", "\n> "}
	s := settings()[0]
	for range 5000 {
		text := "-----BEGIN PRIVATE KEY-----"
		for range 1 + rng.IntN(16) {
			text += pieces[rng.IntN(len(pieces))]
		}
		s.isAsOracleSays(t, []byte(text))
		s.isCutAnywhere(t, []byte(text), masktest.Split(rng, []byte(text), 20))
		if t.Failed() {
			return
		}
	}
}
