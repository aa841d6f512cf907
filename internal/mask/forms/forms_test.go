package forms

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"html"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// awkward is a text that every quoting changes.
const awkward = "pä's/\"w<o>&r\\d=+%$ `x`\t!1"

// long is a text that has not all forms.
var long = strings.Repeat("0123456789abcdefghijk!", 20)

func plain(form []byte) string {
	return strings.NewReplacer("\r", "", "\n", "").Replace(string(form))
}

func has(forms [][]byte, want string) bool {
	for _, f := range forms {
		if string(f) == plain([]byte(want)) || len(want) == 300 && strings.HasPrefix(string(f), want) {
			return true
		}
	}
	return false
}

func TestOf(t *testing.T) {
	asJSON := func(s string) string {
		text, _ := json.Marshal(s)
		return string(text[1 : len(text)-1])
	}
	asXML := func(s string) string {
		var b bytes.Buffer
		_ = xml.EscapeText(&b, []byte(s))
		return b.String()
	}
	for name, tc := range map[string]struct{ text, form string }{
		"if nothing is done, the text":                     {awkward, awkward},
		"if there is space around it, it with and without": {"  abcdefgh\n", "abcdefgh"},
		"if there is space around it, the space, too":      {"  abcdefgh\n", "  abcdefgh"},
		"if it has several lines, they are joined":         {"abcd\r\nefgh", "abcdefgh"},
		"if hex":                                 {awkward, hex.EncodeToString([]byte(awkward))},
		"if upper-case hex":                      {awkward, strings.ToUpper(hex.EncodeToString([]byte(awkward)))},
		"if base64 alone, with its padding":      {"abcdefghij", base64.StdEncoding.EncodeToString([]byte("abcdefghij"))},
		"if base64 of the text and its line end": {"abcdefghij\n", base64.StdEncoding.EncodeToString([]byte("abcdefghij\n"))},
		"if URL-safe base64":                     {"\xff\xfe\xfd????>>>>", base64.RawURLEncoding.EncodeToString([]byte("\xff\xfe\xfd????>>>>"))},
		"if Go writes JSON":                      {awkward, asJSON(awkward)},
		"if JavaScript writes JSON":              {awkward, `pä's/\"w<o>&r\\d=+%$ ` + "`x`" + `\t!1`},
		"if Python writes JSON":                  {awkward, `p\u00e4's/\"w<o>&r\\d=+%$ ` + "`x`" + `\t!1`},
		"if PHP writes JSON":                     {awkward, `p\u00e4's\/\"w<o>&r\\d=+%$ ` + "`x`" + `\t!1`},
		"if Gson writes JSON":                    {awkward, `pä\u0027s/\"w\u003co\u003e\u0026r\\d\u003d+%$ ` + "`x`" + `\t!1`},
		"if .NET writes JSON":                    {awkward, `p\u00E4\u0027s/\u0022w\u003Co\u003E\u0026r\\d=\u002B%$ \u0060x\u0060\t!1`},
		"if JSON stands in JSON":                 {awkward, asJSON(asJSON(awkward))},
		"if it is beyond 16 bits, as two":        {"abcdefg😀", `abcdefg\ud83d\ude00`},
		"if a shell quotes it singly":            {awkward, strings.ReplaceAll(awkward, "'", `'\''`)},
		"if Python quotes it for a shell":        {awkward, strings.ReplaceAll(awkward, "'", `'"'"'`)},
		"if bash prints an export":               {awkward, "pä's/\\\"w<o>&r\\\\d=+%\\$ \\`x\\`\t!1"},
		"if bash quotes it by %q":                {"a b$c&d(e)f", `a\ b\$c\&d\(e\)f`},
		"if bash quotes control characters":      {"it's\ta\x1bline\n2", `it\'s\ta\Eline\n2`},
		"if Ruby quotes it for a shell":          {"pass=wo%rd#1", `pass\=wo\%rd\#1`},
		"if YAML quotes it singly":               {awkward, strings.ReplaceAll(awkward, "'", "''")},
		"if Go quotes it":                        {awkward, strings.Trim(strconv.Quote(awkward), `"`)},
		"if XML quotes it":                       {awkward, asXML(awkward)},
		"if HTML quotes it":                      {awkward, html.EscapeString(awkward)},
		"if Python quotes it for HTML":           {`<"abc&def'>`, `&lt;&quot;abc&amp;def&#x27;&gt;`},
		"if it is in a query":                    {awkward, url.QueryEscape(awkward)},
		"if it is in a query, small digits":      {"a/b/c/d/e", "a%2fb%2fc%2fd%2fe"},
		"if it is in a path":                     {awkward, url.PathEscape(awkward)},
		"if it is in a URL's password":           {"p@ss:w/rd", strings.TrimPrefix(url.UserPassword("u", "p@ss:w/rd").String(), "u:")},
		"if encodeURIComponent encodes it":       {"it's (a) test*", "it's%20(a)%20test*"},
		"if encodeURI encodes it":                {"a b?c=d&e", "a%20b?c=d&e"},
		"if a long text is encoded twice":        {long, b64(b64(long))[:300]},
		"if it is wrapped between":               {long, b64(string(wrapped([]byte(b64(long)))))[:300]},
		"if a text of 6 bytes was asked for":     {"abc123", "abc123"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Of([]byte(tc.text)); !has(got, tc.form) {
				t.Errorf("%q is not among the %d forms of %q", tc.form, len(got), tc.text)
			}
		})
	}
}

func TestOfIsBounded(t *testing.T) {
	if got := Of([]byte(" abcde ")); got != nil {
		t.Errorf("a text of 5 bytes has the forms %q", got)
	}
	long := make([]byte, 3*MaxForm)
	for i := range long {
		long[i] = 'a' + byte(i*i/7%26)
	}
	pieces := 0
	for _, form := range Of(long) {
		if len(form) > MaxForm || len(form) < MinText {
			t.Errorf("a form has %d bytes", len(form))
		}
		if bytes.Contains(long, form) {
			pieces++
		}
	}
	if pieces != 4 {
		t.Errorf("%d bytes were cut into %d pieces", len(long), pieces)
	}
	if n := len(Of([]byte("hunter2hunter2"))); n > 24 {
		t.Errorf("a simple password has %d forms", n)
	}
}

// Each text that is searched for as the masker does it, without line ends, and broken by empty lines, has to be found wherever
// it is encoded, but for what its neighbours share with it.
func FuzzOf(f *testing.F) {
	f.Add([]byte("secsecret"), []byte("x"), []byte("y"))
	f.Add([]byte(awkward), []byte(""), []byte("\n"))
	f.Add([]byte("line one\n\nline two\r\n\r\nline three"), []byte("ab"), []byte("c"))
	f.Fuzz(func(t *testing.T, text, before, after []byte) {
		forms := Of(text)
		for _, form := range forms {
			if bytes.ContainsAny(form, "\r\n") || len(form) > MaxForm {
				t.Fatalf("the form %q", form)
			}
		}
		core := bytes.TrimSpace(text)
		if len(core) < MinText || len(core) > 700 {
			return
		}
		around := append(append(bytes.Clone(before), core...), after...)
		once := base64.StdEncoding.EncodeToString(around)
		covered(t, once, forms, 8*len(core)/6-3)
		covered(t, hex.EncodeToString(around), forms, 2*len(core))
		if len(core) > maxShort {
			return
		}
		covered(t, base64.URLEncoding.EncodeToString([]byte(base64.URLEncoding.EncodeToString(around))), forms, 8*(8*len(core)/6-3)/6-3)
	})
}

// covered checks that one form covers at least so many bytes of a text.
func covered(t *testing.T, text string, forms [][]byte, least int) {
	t.Helper()
	for _, form := range forms {
		if len(form) >= least && strings.Contains(text, string(form)) {
			return
		}
	}
	t.Fatalf("no form of %d bytes is in %q", least, text)
}
