package forms

import (
	"bytes"
	"net/url"
	"strings"
)

// maxAuthority is how far into a URL its password is looked for.
const maxAuthority = 1024

// urls adds the passwords of all URLs in a value, as they stand there and decoded.
func (f *finder) urls(value []byte) {
	for rest := value; ; {
		at := bytes.Index(rest, []byte("://"))
		if at < 0 {
			return
		}
		rest = rest[at+len("://"):]
		authority := rest[:min(len(rest), maxAuthority)]
		if end := bytes.IndexAny(authority, " \t\r\n\"'<>`"); end >= 0 {
			authority = authority[:end]
		}
		// A password may hold a slash that nobody has encoded, so the last "@" counts; one in a path does harm only here.
		user, password, ok := bytes.Cut(authority[:max(0, bytes.LastIndexByte(authority, '@'))], []byte(":"))
		if !ok || bytes.ContainsAny(user, "/?#") {
			continue
		}
		f.password(password)
		// With an "@" in the query, the password ends at the first.
		if first, _, ok := bytes.Cut(password, []byte("@")); ok {
			f.password(first)
		}
	}
}

func (f *finder) password(text []byte) {
	f.add("password", text)
	if plain, err := url.PathUnescape(string(text)); err == nil {
		f.add("password", []byte(plain))
	}
}

// settings adds the secret settings of a connection string: "Server=…;Password=…", "host=… password=…", "…?password=…&…".
func (f *finder) settings(value []byte) {
	for line := range bytes.Lines(value) {
		for _, ends := range []string{";&?", ";&? \t,"} {
			for _, field := range bytes.FieldsFunc(bytes.TrimSpace(line), func(r rune) bool { return strings.ContainsRune(ends, r) }) {
				name, text, ok := bytes.Cut(field, []byte("="))
				if !ok || !SecretName(string(bytes.TrimSpace(name))) {
					continue
				}
				text = unquoted(bytes.TrimSpace(text))
				f.add(string(bytes.TrimSpace(name)), text)
				if plain, err := url.QueryUnescape(string(text)); err == nil {
					f.add(string(bytes.TrimSpace(name)), []byte(plain))
				}
			}
		}
	}
}
