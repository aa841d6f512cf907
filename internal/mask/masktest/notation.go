package masktest

import (
	"encoding/json"
	"html"
	"net/url"
	"strconv"
	"strings"
)

// Notations: how programs write a text inside a document of theirs.

var notations = map[string]func(string) string{
	"plain": plain, "json": jsonText, "json-plain": jsonPlain, "go": goText, "percent": percent, "doubled": doubled, "shell": shellText,
	"xml": xmlText, "python": pythonText,
}

// encodings show a document.
var encodings = map[string]func(p, doc *Page){
	"base64":    func(p, doc *Page) { p.base64(doc, 1<<20) },
	"base64-64": func(p, doc *Page) { p.base64(doc, 64) },
	"base64-76": func(p, doc *Page) { p.base64(doc, 76) },
	"hex-60":    func(p, doc *Page) { p.hex(doc, 60) },
}

func plain(s string) string { return s }

// jsonText is what encoding/json writes between the quotes.
func jsonText(s string) string {
	quoted, err := json.Marshal(s)
	if err != nil {
		return s
	}
	return string(quoted[1 : len(quoted)-1])
}

// jsonPlain is what most other languages write: "<", ">" and "&" as they are.
func jsonPlain(s string) string {
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(jsonText(s))
}

func goText(s string) string { return strconv.Quote(s)[1 : len(strconv.Quote(s))-1] }

func percent(s string) string { return url.QueryEscape(s) }

func percentPath(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// doubled is a quoted text of YAML and SQL.
func doubled(s string) string { return strings.ReplaceAll(s, "'", "''") }

func shellText(s string) string { return strings.ReplaceAll(s, "'", `'\''`) }

func xmlText(s string) string { return html.EscapeString(s) }

// pythonText is what repr writes for a text that it quotes with an apostrophe.
func pythonText(s string) string {
	return strings.NewReplacer(`\`, `\\`, "'", `\'`, "\n", `\n`).Replace(s)
}

// dump is a document as a program dumps it.
func (p *Page) dump(doc *Page, by Dumper) {
	d := by.Dump(doc.Text)
	start := len(p.Text)
	p.Text = append(p.Text, d.Text...)
	for _, m := range doc.Marks {
		for i := m.From; i < m.To; i++ {
			if doc.Text[i] == '\n' { // it is no part of a secret
				continue
			}
			for _, at := range d.At[i] {
				part := Mark{From: start + at.From, To: start + at.To, Secret: m.Secret}
				if i-m.From < m.Clear {
					part.Clear = at.To - at.From
				}
				p.Marks = append(p.Marks, part)
			}
		}
	}
}

func printable(line []byte) []byte {
	text := make([]byte, len(line))
	for i, b := range line {
		if text[i] = b; b < ' ' || b > '~' {
			text[i] = '.'
		}
	}
	return text
}
