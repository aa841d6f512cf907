package forms

import "bytes"

// The types of Secrets that say what their keys hold.
const (
	typeTLS          = "kubernetes.io/tls"
	typeServiceToken = "kubernetes.io/service-account-token" //nolint:gosec // the name of a type
	typeDockerConfig = "kubernetes.io/dockerconfigjson"
	typeDocker       = "kubernetes.io/dockercfg"
)

// Part is one of the texts that a value is made of.
type Part struct {
	Name string // what it is of the value, in words; empty for the value itself
	Text []byte
	// Plain: a line of a longer text, which is looked for as it stands only. Encoded, it is part of what its neighbours are.
	Plain bool
}

// Public says why a key of a Secret of a type holds no secret; it is empty where it may.
func Public(secretType, key string) string {
	switch {
	case secretType == typeTLS && (key == "tls.crt" || key == "ca.crt"):
		return WhyPublic
	case secretType == typeServiceToken && key == "ca.crt":
		return WhyPublic
	case secretType == typeServiceToken && key == "namespace":
		return "the name of the namespace is public"
	default:
		return ""
	}
}

// Parts returns the texts of a value that are to be looked for, the value itself first, without repetition. None of them is
// Unfit, and none is kept memory of the value. There are none where the key is Public.
func Parts(secretType, key string, value []byte) []Part {
	if Public(secretType, key) != "" {
		return nil
	}
	f := newFinder()
	f.add("", value)
	f.embedded(secretType, key, value)
	return f.parts
}

// Embedded returns the texts in a value that say of themselves that they are secret, without the value itself.
func Embedded(value []byte) []Part {
	f := newFinder()
	f.urls(value)
	f.settings(value)
	return f.parts
}

// finder keeps each part once.
type finder struct {
	seen  map[string]bool
	parts []Part
}

func newFinder() *finder { return &finder{seen: map[string]bool{}} }

func (f *finder) add(name string, text []byte) { f.take(Part{Name: name, Text: text}) }

func (f *finder) take(p Part) {
	text := p.Text
	if len(f.parts) >= MaxParts || f.seen[string(text)] || Unfit(text) != "" {
		return
	}
	f.seen[string(text)] = true
	p.Text = bytes.Clone(text)
	f.parts = append(f.parts, p)
}

func (f *finder) embedded(secretType, key string, value []byte) {
	if len(value) > maxParsed {
		return
	}
	f.urls(value)
	switch {
	case secretType == typeDockerConfig, secretType == typeDocker, key == ".dockerconfigjson", key == ".dockercfg":
		if f.json("", value) {
			return
		}
	case f.json("", value), f.document(value):
		return
	}
	f.settings(value)
	f.lines(value)
}

// lines adds the lines of a value of several lines, but for those of certificates and what frames a PEM block.
func (f *finder) lines(value []byte) {
	if bytes.IndexByte(bytes.TrimSpace(value), '\n') < 0 {
		return
	}
	public := false
	for line := range bytes.Lines(value) {
		line = bytes.TrimSpace(line)
		switch {
		case bytes.HasPrefix(line, []byte(pemBegin)):
			public = isPublicBlock(line)
		case bytes.HasPrefix(line, []byte(pemEnd)):
			public = false
		case !public && len(line) >= minLine:
			f.take(Part{Name: "line", Text: line, Plain: true})
		}
	}
}
