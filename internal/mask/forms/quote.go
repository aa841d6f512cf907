package forms

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// longQuotings are the ways in which a text of any length stands inside of another one.
var longQuotings = []func([]byte) []byte{
	jsonStyle{}.quote,
	jsonStyle{escape: "<>&"}.quote,
	jsonStyle{slash: true}.quote,
	replacing("'", `'\''`),
	percentStyle{keep: "-_.~", plus: true}.quote,
	percentStyle{keep: "-_.!~*'()"}.quote,
}

// shortQuotings are those of a short text. For most secrets most of them change nothing.
var shortQuotings = []func([]byte) []byte{
	// JSON: as JavaScript and jq write it, Go, PHP, Python, Gson, .NET; and JSON in a string of JSON.
	jsonStyle{}.quote,
	jsonStyle{escape: "<>&"}.quote,
	jsonStyle{escape: "<>&", ascii: true}.quote,
	jsonStyle{slash: true}.quote,
	jsonStyle{slash: true, ascii: true}.quote,
	jsonStyle{ascii: true}.quote,
	jsonStyle{escape: "<>&='"}.quote,
	jsonStyle{escape: "<>&'+`\"", ascii: true, upper: true}.quote,
	twice(jsonStyle{}.quote),
	twice(jsonStyle{escape: "<>&"}.quote),

	// Shells: between single quotes, between double quotes, and without any.
	replacing("'", `'\''`),
	replacing("'", `'"'"'`),
	backslashed("\"$`\\"),
	backslashed("\"$`\\!"),
	backslashed(" \t!\"$&'()*,;<>?[\\]^`{|}"),
	ansiC,
	backslashedBut("_-.,:+/@\n"),

	// YAML between single quotes, as SQL has it; Go and C, Python and JavaScript between single quotes.
	replacing("'", "''"),
	goQuoted(strconv.Quote),
	goQuoted(strconv.QuoteToASCII),
	backslashed(`'\`),
	backslashed(`"'\`),

	// XML and HTML: the least of it; Go, Python, others.
	replacing("&", "&amp;", "<", "&lt;", ">", "&gt;"),
	replacing("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;"),
	replacing("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "\t", "&#x9;", "\n", "&#xA;", "\r", "&#xD;"),
	replacing("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#x27;"),
	replacing("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#039;"),
	replacing("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;"),
	replacing("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;"),
	replacing("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;"),

	// URLs: what Go's queries, Go's paths, encodeURIComponent, encodeURI, Python and HTML forms leave as it is.
	percentStyle{keep: "-_.~", plus: true}.quote,
	percentStyle{keep: "-_.~", plus: true, lower: true}.quote,
	percentStyle{keep: "-_.~"}.quote,
	percentStyle{keep: "-_.~", lower: true}.quote,
	percentStyle{keep: "-_.~$&+=:@"}.quote,
	percentStyle{keep: "-_.~$&+=:@", lower: true}.quote,
	percentStyle{keep: "-_.~!$&'()*+,;="}.quote,
	percentStyle{keep: "-_.~!$&'()*+,;=", lower: true}.quote,
	percentStyle{keep: "-_.!~*'()"}.quote,
	percentStyle{keep: "-_.!~*'()", lower: true}.quote,
	percentStyle{keep: "-_.!~*'();,/?:@&=+$#"}.quote,
	percentStyle{keep: "-_.!~*'();,/?:@&=+$#", lower: true}.quote,
	percentStyle{keep: "-_.~/"}.quote,
	percentStyle{keep: "-_.~/", lower: true}.quote,
	percentStyle{keep: "-_.*", plus: true}.quote,
	percentStyle{keep: "-_.*", plus: true, lower: true}.quote,
}

// jsonStyle is what a writer of JSON escapes beyond what it must.
type jsonStyle struct {
	escape string // characters that become \u00XX
	slash  bool   // "/" becomes "\/"
	ascii  bool   // and so does everything beyond ASCII
	upper  bool   // with upper-case digits
}

var short = map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`}

func (s jsonStyle) quote(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch escaped, ok := short[r]; {
		case r == utf8.RuneError && size == 1 && !s.ascii:
			out = append(out, text[0]) // most writers let it pass, or replace it by what nobody can find
		case r < utf8.RuneSelf && strings.ContainsRune(s.escape, r), r < ' ' && !ok, r >= utf8.RuneSelf && s.ascii:
			out = s.unicode(out, r)
		case ok:
			out = append(out, escaped...)
		case r == '/' && s.slash:
			out = append(out, `\/`...)
		default:
			out = append(out, text[:size]...)
		}
		text = text[size:]
	}
	return out
}

func (s jsonStyle) unicode(out []byte, r rune) []byte {
	format := `\u%04x`
	if s.upper {
		format = `\u%04X`
	}
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		return fmt.Appendf(fmt.Appendf(out, format, high), format, low)
	}
	return fmt.Appendf(out, format, r)
}

func twice(quote func([]byte) []byte) func([]byte) []byte {
	return func(text []byte) []byte { return quote(quote(text)) }
}

func replacing(oldnew ...string) func([]byte) []byte {
	r := strings.NewReplacer(oldnew...)
	return func(text []byte) []byte { return []byte(r.Replace(string(text))) }
}

func backslashed(special string) func([]byte) []byte {
	return escaping(func(b byte) bool { return strings.IndexByte(special, b) >= 0 })
}

func backslashedBut(plain string) func([]byte) []byte {
	return escaping(func(b byte) bool { return b < utf8.RuneSelf && !isAlnum(b) && strings.IndexByte(plain, b) < 0 })
}

func escaping(special func(byte) bool) func([]byte) []byte {
	return func(text []byte) []byte {
		out := make([]byte, 0, len(text))
		for _, b := range text {
			if special(b) {
				out = append(out, '\\')
			}
			out = append(out, b)
		}
		return out
	}
}

// ansiC is how bash quotes what has control characters: between $' and '.
func ansiC(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for _, b := range text {
		switch escaped, ok := short[rune(b)]; {
		case b == '\'':
			out = append(out, `\'`...)
		case ok && b != '"':
			out = append(out, escaped...)
		case b == 0x1b:
			out = append(out, `\E`...)
		case b < ' ' || b >= 0x7f:
			out = fmt.Appendf(out, `\%03o`, b)
		default:
			out = append(out, b)
		}
	}
	return out
}

func goQuoted(quote func(string) string) func([]byte) []byte {
	return func(text []byte) []byte {
		quoted := quote(string(text))
		return []byte(quoted[1 : len(quoted)-1])
	}
}

// percentStyle is what an encoder of URLs leaves as it is, beside letters and digits.
type percentStyle struct {
	keep  string
	plus  bool // a space becomes "+"
	lower bool // with lower-case digits
}

func (s percentStyle) quote(text []byte) []byte {
	digits := "0123456789ABCDEF"
	if s.lower {
		digits = "0123456789abcdef"
	}
	out := make([]byte, 0, len(text))
	for _, b := range text {
		switch {
		case isAlnum(b) || strings.IndexByte(s.keep, b) >= 0:
			out = append(out, b)
		case b == ' ' && s.plus:
			out = append(out, '+')
		default:
			out = append(out, '%', digits[b>>4], digits[b&15])
		}
	}
	return out
}

func isAlnum(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}
