package mask_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
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
		"diff -y, right":       {"       > %[2]s", "\n"},
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

// TestKeysAmongOthers: of a key whose lines stand among what is in no key, all runs are masked but for the first digits of the first, and
// what stands around them is not, from the first such byte on.
func TestKeysAmongOthers(t *testing.T) {
	rng := rand.New(rand.NewPCG(45, 46))
	leads := [][]string{nil, {""}, {"Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,00", ""}, {"Version: GnuPG v2", "Comment: a key of mine", ""}}
	for name, frame := range map[string]struct{ line, end string }{
		"psql, a column before": {"   | %-66[2]s+", "\n"},
		"psql, columns around":  {" %[1]d | %-66[2]s+| name ", "\n"},
		"compose":               {"app-1  | %[2]s", "\n"},
		"commented out":         {"#%[2]s", "\n"},
		"a comment":             {"# %[2]s", "\r\n"},
		"a comment, ini":        {"; %[2]s", "\n"},
		"a comment, Java":       {" * %[2]s", "\n"},
		"grep of a home":        {"~/.ssh/id_rsa:%[2]s", "\n"},
		"grep -n":               {"~/.ssh/id_rsa:%[1]d:%[2]s", "\n"},
		"git blame":             {"^1234abc (Jo Do 2024-01-01 10:00:00 +0000 %[1]d) %[2]s", "\n"},
		"diff -y, left":         {"%-64[2]s <", "\n"},
		"diff -y, changed":      {"%-64[2]s | other ", "\n"},
		"redis":                 {"%2[1]d) \"%[2]s\"", "\n"},
		"XML":                   {"%[2]s&#10;", ""},
		"HTML":                  {"%[2]s<br>", "\n"},
		"HTML in one line":      {"%[2]s<br>", ""},
		"a picture of a tree":   {"@ %[2]s @", "\n"},
	} {
		for _, lead := range leads {
			isMaskedAmongOthers(t, rng, name, frame.line+frame.end, lead)
		}
	}
}

func isMaskedAmongOthers(t *testing.T, rng *rand.Rand, name, frame string, lead []string) {
	t.Helper()
	const header, after = "-----BEGIN RSA PRIVATE KEY-----", "\n$ whoami\nuntouched: text\n"
	var lines []string
	for range 12 {
		lines = append(lines, letters(rng, 64))
	}
	lines = append(lines, letters(rng, 30)+"==")
	text := ""
	for i, line := range slices.Concat([]string{header}, lead, lines, []string{strings.Replace(header, "BEGIN", "END", 1)}) {
		text += fmt.Sprintf(frame, i+1, line)
	}
	text += after
	_, record := run(mask.Default(), cuts([]byte(text), rng)...)
	for i, line := range lines {
		if i == 0 {
			line = line[8:]
		}
		for at := range len(line) - 3 {
			if strings.Contains(string(record), line[at:at+4]) {
				t.Fatalf("%s: of %q is seen %q:\n%s", name, line, line[at:at+4], record)
			}
		}
	}
	from := strings.Index(text, lines[1]) // what is before the first line may be masked with it
	for _, line := range lines[1:] {
		text = strings.Replace(text, line, strings.Repeat("*", len(line)), 1)
	}
	if got := string(record)[from:]; got != text[from:] {
		t.Errorf("%s: around the key is masked:\n%s\nwant\n%s", name, got, text[from:])
	}
}

// TestTypedBehindHeader: behind a header alone, as grep prints it, nobody who types words is kept waiting, nor behind the beginning of a key.
func TestTypedBehindHeader(t *testing.T) {
	const header = "-----BEGIN PRIVATE KEY-----\n"
	rng := rand.New(rand.NewPCG(47, 48))
	for _, before := range []string{
		header, "# " + header, header + "# " + letters(rng, 64) + "\n", "app-1 | " + header + "app-1 | " + letters(rng, 64) + "\napp-1 | " + letters(rng, 64) + "\n",
	} {
		for _, prompt := range []string{"$ ", "# ", "> ", "user@host:~$ ", "[root@host /]# "} {
			s := mask.Default().NewStream()
			s.Write([]byte(before))
			s.Write([]byte(prompt))
			line := "kubectl get pods -n test | less"
			for i := range line {
				if out := s.Write([]byte(line[i : i+1])); len(out.User) == 0 {
					t.Errorf("behind %q of %q the person lacks %q", before+prompt, line[:i+1], line[i:i+1])
				}
			}
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
		header + "\n":                    "$ ls -l\ntotal 4\n",
		"a.go:12:\tbegin = \"" + header:  "\"\nother := 5\n",
		`{"begin": "` + header:           `", "after": "this"}`,
		"key = '" + header + "\\n":       "'; print(key)\nmore()\n",
		"# " + header + "\n":             "# ls\n",
		"<key>" + header + "\n":          "</key>\n<name>some</name>\n",
		header + "$\n":                   "$ ls\nand more\n",
		"id.pem:" + header + "\n$ ls\n":  strings.Repeat("b3", 32) + "  key.pem\n",
		"# " + header + "\n# ls\n# ls\n": "key.pem: " + strings.Repeat("b3", 32) + "\n",
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
	digits := letters(rng, 64)
	framed := []string{"|", " | ", "# ", "#", "\n# ", "\n| ", "\n", "\n ", "&#10;", "-", "--", "-----", ": ", "\r", "\r\n", "\x1b[C", "\x1b[m", "a", "ab=", "abcd", digits[:8], digits[:9], digits[:39], digits[:40], digits, digits}
	s := settings()[0]
	for i := range 10000 {
		text := "-----BEGIN PRIVATE KEY-----"
		some := pieces
		if i%2 > 0 {
			some = framed
			text += framed[rng.IntN(6)]
		}
		for range 1 + rng.IntN(16) {
			text += some[rng.IntN(len(some))]
		}
		s.isAsOracleSays(t, []byte(text))
		s.isCutAnywhere(t, []byte(text), masktest.Split(rng, []byte(text), 20))
		if t.Failed() {
			return
		}
	}
}
