package masktest

import (
	"encoding/json"
	"fmt"
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
	"hexdump":   func(p, doc *Page) { p.dump(doc, hexdumpRow) },
	"xxd":       func(p, doc *Page) { p.dump(doc, xxdRow) },
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

// dump is a document row by row; a row prints its bytes and says how far from its start each one's digits stand.
func (p *Page) dump(doc *Page, row func(offset int, line []byte) (text string, at func(i int) int)) {
	start := map[int]int{}
	for from := 0; from < len(doc.Text); from += 16 {
		line := doc.Text[from:min(from+16, len(doc.Text))]
		text, at := row(from, line)
		for i := range line {
			start[from+i] = len(p.Text) + at(i)
		}
		p.printf("%s\n", text)
	}
	for _, m := range doc.Marks {
		for i := m.From; i < m.To; i++ {
			p.Marks = append(p.Marks, Mark{From: start[i], To: start[i] + 2, Secret: m.Secret})
		}
	}
}

// hexdumpRow is a row of hexdump -C.
func hexdumpRow(offset int, line []byte) (string, func(int) int) {
	var row []byte
	for i, b := range line {
		if i%8 == 0 {
			row = append(row, ' ')
		}
		row = fmt.Appendf(row, " %02x", b)
	}
	return fmt.Sprintf("%08x%-51s|%s|", offset, row, printable(line)), func(i int) int { return 10 + 3*i + i/8 }
}

// xxdRow is a row of xxd.
func xxdRow(offset int, line []byte) (string, func(int) int) {
	var row []byte
	for i, b := range line {
		if i%2 == 0 {
			row = append(row, ' ')
		}
		row = fmt.Appendf(row, "%02x", b)
	}
	return fmt.Sprintf("%08x:%-40s  %s", offset, row, printable(line)), func(i int) int { return 10 + 2*i + i/2 }
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
