package forms

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// json adds what is secret in a document of JSON, and reports whether the value is one.
func (f *finder) json(name string, value []byte) bool {
	var document any
	if json.Unmarshal(value, &document) != nil {
		return false
	}
	switch document.(type) {
	case map[string]any, []any:
		f.walk(name, document, 0)
		return true
	default:
		return false
	}
}

func (f *finder) walk(name string, node any, depth int) {
	if depth > maxDepth {
		return
	}
	switch node := node.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(node)) {
			f.walk(name, node[name], depth+1)
		}
	case []any:
		for _, below := range node {
			f.walk(name, below, depth+1)
		}
	case string:
		f.setting(name, []byte(node))
	}
}

// document adds what is secret in a document of lines (YAML, a kubeconfig among them, properties, ini, env), and reports whether
// the value is one: nearly every line then is a setting.
func (f *finder) document(value []byte) bool {
	if bytes.IndexByte(bytes.TrimSpace(value), '\n') < 0 {
		return false
	}
	var found []setting
	lines, strange := 0, 0
	block := -1 // how far the name of a block of several lines is indented; none if negative
	for raw := range bytes.Lines(value) {
		line := bytes.TrimSpace(raw)
		indent := len(raw) - len(bytes.TrimLeft(raw, " \t"))
		switch s, ok := settingOf(line); {
		case len(line) == 0:
		case block >= 0 && indent > block:
			last := &found[len(found)-1]
			last.value = append(append(last.value, line...), '\n')
		case line[0] == '#', line[0] == ';', line[0] == '!', bytes.Equal(line, []byte("---")),
			line[0] == '[' && line[len(line)-1] == ']':
			block = -1
		case ok:
			lines++
			block = -1
			if startsBlock(s.value) {
				block, s.value = indent, nil
			}
			found = append(found, s)
		case line[0] == '-':
			lines++
			block = -1
			found = append(found, setting{"item", unquoted(bytes.TrimSpace(line[1:]))})
		default:
			block = -1
			strange++
		}
	}
	if lines == 0 || 4*strange > lines {
		return false
	}
	for _, s := range found {
		f.setting(s.name, s.value)
	}
	return true
}

func startsBlock(value []byte) bool {
	return len(value) > 0 && len(value) <= 3 && (value[0] == '|' || value[0] == '>')
}

// setting is a line of the form name=value or name: value.
type setting struct {
	name  string
	value []byte
}

func settingOf(line []byte) (setting, bool) {
	line = bytes.TrimPrefix(line, []byte("- "))
	line = bytes.TrimPrefix(line, []byte("export "))
	at := bytes.IndexAny(line, "=:")
	if at <= 0 {
		return setting{}, false
	}
	name := strings.Trim(string(bytes.TrimSpace(line[:at])), `"'`)
	if strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || r == '/' }) || name == "" {
		return setting{}, false
	}
	rest := line[at+1:]
	if line[at] == ':' && len(rest) > 0 && rest[0] != ' ' && rest[0] != '\t' && !SecretName(name) {
		return setting{}, false // a URL, or a line of a password file
	}
	return setting{name, unquoted(bytes.TrimSpace(rest))}, true
}

// unquoted takes the quotes off a value, and undoes what stands for something else between double ones.
func unquoted(value []byte) []byte {
	if len(value) < 2 || value[0] != value[len(value)-1] {
		return value
	}
	inner := value[1 : len(value)-1]
	switch value[0] {
	case '\'':
		return bytes.ReplaceAll(inner, []byte("''"), []byte("'"))
	case '"':
		if plain, err := strconv.Unquote(string(value)); err == nil {
			return []byte(plain)
		}
		return inner
	default:
		return value
	}
}

// setting adds a value whose name says that it is secret, or that looks as if it were.
func (f *finder) setting(name string, value []byte) {
	f.urls(value)
	f.settings(value)
	if !SecretName(name) && !isTokenLike(value) {
		return
	}
	f.add(name, value)
	if before, _, ok := bytes.Cut(value, []byte(" #")); ok {
		f.add(name, bytes.TrimSpace(before)) // a comment may follow
	}
	f.lines(value)
	if strings.EqualFold(name, "auth") || strings.HasSuffix(name, "-data") {
		f.decoded(name, value)
	}
}

// decoded adds what a value has encoded: "user:password" of a registry, or the key of a kubeconfig.
func (f *finder) decoded(name string, value []byte) {
	text, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(value)))
	if err != nil {
		return
	}
	f.add(name+", decoded", text)
	f.lines(text)
	if _, password, ok := bytes.Cut(text, []byte(":")); ok && bytes.IndexByte(text, '\n') < 0 {
		f.add("password", password)
	}
}

// minToken is how long a text must be to look like a token.
const minToken = 20

// isTokenLike tells a text that nobody writes by hand: one word that has small and capital letters, and digits.
func isTokenLike(text []byte) bool {
	if len(text) < minToken {
		return false
	}
	var small, capital, digit bool
	for _, b := range text {
		switch {
		case b >= 'a' && b <= 'z':
			small = true
		case b >= 'A' && b <= 'Z':
			capital = true
		case b >= '0' && b <= '9':
			digit = true
		case strings.IndexByte("+/=_-.~", b) < 0:
			return false
		}
	}
	return small && capital && digit && !isPublicBase64(text)
}

// isPublicBase64 tells a PEM certificate in base64, as a kubeconfig has it.
func isPublicBase64(text []byte) bool {
	plain, err := base64.StdEncoding.DecodeString(string(text))
	return err == nil && isPublicPEM(plain)
}
