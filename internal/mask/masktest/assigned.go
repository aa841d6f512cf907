package masktest

import (
	"bytes"
	"maps"
	"slices"
	"strings"
)

const (
	maxTail  = 8  // bytes between a name and its separator
	maxBlank = 16 // between the separator and the value
	shortest = 6  // value
	certain  = 12 // so many bytes are a secret, unless they are a word

	longestName = 48 // what may be one is looked at for so long
)

// opened is an assignment up to where its value begins.
type opened struct {
	Rule

	after int // index behind the separator, the tag or the option
	by    int // index of the byte that began the value
	value int // index of the value
	quote byte
	slash bool // the quote is written with a backslash
	xml   bool
	blank bool // the separator was none that a second one may follow
	apart bool // a blank stands before the value
}

// assigned finds values behind names. What is a name, a separator, a quote is
// decided at one place each; the value then is looked at as a whole.
func (o *Oracle) assigned(text, lower []byte, rules []Rule) []span {
	var begun []opened
	for _, next := range separated(text, lower, rules) {
		// One whose separator stands where the one before still waits for a value takes its place.
		if n := len(begun); n > 0 && next.after-1 < begun[n-1].by {
			begun = begun[:n-1]
		}
		if a, ok := next.open(text); ok {
			begun = append(begun, a)
		}
	}
	var found []span
	done := -1
	for _, a := range begun {
		if a.by < done {
			continue
		}
		secret, ended := o.read(text, a)
		if secret.to > secret.from {
			found = append(found, secret)
		}
		done = ended
	}
	return found
}

// separated returns every name with its separator, in the order of those; of several with the same one that of the first rule.
func separated(text, lower []byte, rules []Rule) []opened {
	first := map[int]opened{}
	for _, r := range rules {
		for _, b := range beginnings(text, lower, r) {
			o, ok := opened{Rule: r, after: b.after, blank: true}, true
			if !r.Value {
				o, ok = o.separate(text)
			}
			if _, known := first[o.after]; ok && !known {
				first[o.after] = o
			}
		}
	}
	return slices.SortedFunc(maps.Values(first), func(a, b opened) int { return a.after - b.after })
}

// separate reads what stands between a name and its separator.
func (a opened) separate(text []byte) (opened, bool) {
	tail := run(text[a.after:], func(b byte) bool { return strings.IndexByte("\"'`\\] \t", b) >= 0 })
	i := a.after + tail
	if i == len(text) {
		return a, false
	}
	a.after = i + 1
	a.xml = text[i] == '>'
	a.blank = a.xml
	return a, a.xml && tail == 0 || tail <= maxTail && (text[i] == '=' || text[i] == ':')
}

// open reads what stands between a separator and the value.
func (a opened) open(text []byte) (opened, bool) {
	i, room := a.after, maxBlank
	if i < len(text) && !a.blank && strings.IndexByte("=:>", text[i]) >= 0 {
		i++
		a.blank = true
	}
	if a.blank {
		room--
	}
	blank := run(text[i:], func(b byte) bool { return b == ' ' || b == '\t' })
	i += blank
	if i == len(text) || blank > room {
		return a, false
	}
	a.by, a.value, a.apart = i, i, blank > 0
	switch b := text[i]; {
	case a.xml && b == '`', b < ' ', b == '/' && a.NoPath, b == '-' && a.Value:
		return a, false
	case quoting(b):
		a.quote, a.value = b, i+1
	case b == '\\':
		a.by++
		if i+1 < len(text) && quoting(text[i+1]) {
			a.quote, a.slash, a.value = text[i+1], true, i+2
		}
	}
	return a, a.by < len(text)
}

func quoting(b byte) bool { return b == '"' || b == '\'' || b == '`' }

// read looks at the value and returns the secret and where the search for it ended.
func (o *Oracle) read(text []byte, a opened) (span, int) {
	from, end := a.value, a.end(text, a.value)
	for a.Scheme { // names of authentication schemes, and the blanks behind them, are no part of it
		space := bytes.IndexByte(text[from:], ' ')
		if space < 0 || from+space > end || !scheme(text[from:from+space]) || a.prompts(text[from:end]) {
			break
		}
		from += space + 1
		a.by = from
		end = a.end(text, from)
	}
	value := text[from:end]
	if a.prompts(value) {
		return span{}, from
	}
	if len(value) >= 2 && slices.Contains([]string{"${", "$(", "{{"}, string(value[:2])) {
		return span{}, from + 1
	}
	known := a.known(value)
	called := a.calls(value[:min(known, len(value))])
	if called {
		if over, is := call(value, text[end:]); is {
			return span{}, from + over
		}
	}
	if !called && len(value) >= known {
		if o.noSecret(value[:known]) {
			return span{}, from + known - 1
		}
		return span{from, end}, end
	}
	bare := bytes.TrimRight(value, ",;)}]")
	if len(bare) < shortest || o.noSecret(bare) || variable(value) || a.code() && opens(value) {
		return span{}, end
	}
	return span{from, end}, end
}

// calls reports whether a value begins as a call does, or a literal of a type.
func (a opened) calls(value []byte) bool {
	for i, b := range value {
		if i > 1 && (b == '(' || b == '{') && a.code() && path(value[:i]) {
			return true
		}
	}
	return false
}

// call reports whether a value that begins as a call does is one, and where that shows: it is closed, it is long, it goes on
// behind a blank or on the next line. A password with one bracket ends with its line.
func call(value, rest []byte) (over int, is bool) {
	if i := bytes.IndexAny(value, ")}"); i >= 0 && i < longestName {
		return i, true
	}
	if len(value) >= longestName {
		return longestName - 1, true
	}
	goes := len(rest) > 0 && (rest[0] >= ' ' || rest[0] == '\t') || strings.IndexByte("({[,+|&", value[len(value)-1]) >= 0
	return len(value), goes
}

func scheme(word []byte) bool {
	return slices.Contains([]string{"", "bearer", "basic", "token", "digest", "negotiate", "apikey"}, string(lowered(word)))
}

// prompts reports whether the quote before a value is the one that ends a prompt: "Password: ".
func (a opened) prompts(value []byte) bool {
	return a.quote != 0 && a.apart && len(value) > 0 && value[0] == ' '
}

// code reports whether the value stands where source code has an expression.
func (a opened) code() bool { return a.apart && a.quote == 0 }

// known is how many bytes of a value say that it is a secret: more, if it may be the name of a function or of a variable.
func (a opened) known(value []byte) int {
	n := certain
	for n < longestName && n <= len(value) && (a.code() && path(value[:n]) || variable(value[:n])) {
		n++
	}
	return n
}

// path reports whether a text may be the name of a function or a type: letters, and what stands between them.
func path(text []byte) bool {
	return run(text, func(b byte) bool {
		return alnum(b) && (b < '0' || b > '9') || strings.IndexByte("_.[]*&:{", b) >= 0
	}) == len(text)
}

// opens reports whether a text begins an index or a mapping: os.environ["TOKEN"], {path: token}.
func opens(text []byte) bool {
	return len(text) > 1 && path(text) && (text[len(text)-1] == '[' || text[0] == '{' && text[len(text)-1] == ':')
}

// variable reports whether a text is a variable of the shell.
func variable(text []byte) bool {
	return len(text) > 1 && text[0] == '$' && run(text[1:], func(b byte) bool { return b == '_' || b >= 'A' && b <= 'Z' }) == len(text)-1
}

// end returns where a value ends that begins at from.
func (a opened) end(text []byte, from int) int {
	skip := from // a backslash in front of the value was looked at already
	if a.quote == 0 && from < a.by {
		skip = a.by
	}
	for i := skip; i < len(text); i++ {
		b := text[i]
		switch {
		case b < ' ' && b != '\t':
			return i
		case a.quote == 0:
			if b == ' ' || b == '\t' || b == 0x7f || quoting(b) || b == '&' || b == '<' && a.xml || b == ';' && a.Field && text[from] != '{' {
				return i
			}
		case b == a.quote:
			return i
		case b == '\\' && i+1 < len(text):
			if text[i+1] == a.quote && a.slash {
				return i
			}
			if text[i+1] >= ' ' || text[i+1] == '\t' {
				i++
			}
		}
	}
	return len(text)
}

// noSecret reports whether a value is a word that stands where a secret is absent, or is masked already.
func (o *Oracle) noSecret(value []byte) bool {
	return len(bytes.Trim(value, "*")) == 0 || o.words[string(lowered(value))]
}
