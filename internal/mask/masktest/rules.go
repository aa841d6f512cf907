package masktest

import (
	"bytes"
	"slices"
)

func lowered(text []byte) []byte {
	low := bytes.Clone(text)
	for i, b := range low {
		if b >= 'A' && b <= 'Z' {
			low[i] = b + 'a' - 'A'
		}
	}
	return low
}

func alnum(b byte) bool { return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' }

// begin is a beginning: where the text goes on behind it, and how long it is.
type begin struct{ after, length int }

// beginnings returns where a rule's literals stand, in the order in which they end.
func beginnings(text, lower []byte, r Rule) []begin {
	var found []begin
	for _, literal := range r.Literals {
		folded := lowered([]byte(literal))
		for from := 0; ; from++ {
			i := bytes.Index(lower[from:], folded)
			if i < 0 {
				break
			}
			from += i
			if r.Exact && string(text[from:from+len(literal)]) != literal {
				continue
			}
			if from > 0 && !r.mayFollow(text[:from]) {
				continue
			}
			found = append(found, begin{from + len(literal), len(literal)})
		}
	}
	slices.SortFunc(found, func(a, b begin) int {
		if a.after != b.after {
			return a.after - b.after
		}
		return b.length - a.length
	})
	return found
}

// mayFollow reports whether a beginning may stand behind a text. A line end as JSON writes it is no letter.
func (r *Rule) mayFollow(text []byte) bool {
	b := text[len(text)-1]
	if n := len(text); n > 1 && text[n-2] == '\\' && (b == 'n' || b == 'r' || b == 't') {
		return true
	}
	return !(r.Boundary && alnum(b)) && !(r.NotIn64 && (b == '+' || b == '/'))
}

// follow gives each beginning to a function that returns the secret behind it and
// the index of the byte that ended the search; beginnings before that are skipped.
func follow(begins []begin, one func(at int) (secret span, ended int)) []span {
	return followAll(begins, func(at int) ([]span, int) {
		secret, ended := one(at)
		if secret.to > secret.from {
			return []span{secret}, ended
		}
		return nil, ended
	})
}

// followAll is follow, if more than one secret may be behind a beginning.
func followAll(begins []begin, all func(at int) (secrets []span, ended int)) []span {
	var found []span
	done := -1
	for _, b := range begins {
		if b.after-1 < done {
			continue
		}
		secrets, ended := all(b.after)
		found, done = append(found, secrets...), ended
	}
	return found
}

// run is how many bytes at the start of a text are in a class.
func run(text []byte, in func(byte) bool) int {
	for i, b := range text {
		if !in(b) {
			return i
		}
	}
	return len(text)
}

// patience is how many bytes a token may go on without what makes it one.
const patience = 64

func tokens(text, lower []byte, r Rule) []span {
	return follow(beginnings(text, lower, r), func(at int) (span, int) {
		n := run(text[at:], r.Class)
		end := at + n
		head := text[at : at+min(n, patience)]
		mixed := !r.Mixed || bytes.ContainsAny(head, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
		switch {
		case r.Exactly > 0 && n > r.Exactly:
			return span{}, at + r.Exactly
		case r.Exactly > 0 && n == r.Exactly && mixed && (end == len(text) || !alnum(text[end])):
			return span{at, end}, end
		case r.Exactly > 0:
			return span{}, end
		case n >= r.Decide && mixed:
			return span{at, end}, end
		case n >= patience:
			return span{}, at + patience - 1
		default:
			return span{}, end
		}
	})
}

const (
	maxHeader = 4095
	minHeader = 8
	minBody   = 12
)

// webTokens: the header stays, payload and signature are secret.
func webTokens(text, lower []byte, r Rule) []span {
	base64 := func(b byte) bool { return alnum(b) || b == '-' || b == '_' }
	return follow(beginnings(text, lower, r), func(at int) (span, int) {
		header := run(text[at:], base64)
		dot := at + header
		if header > maxHeader {
			return span{}, at + maxHeader
		}
		if dot == len(text) || text[dot] != '.' || header < minHeader {
			return span{}, dot
		}
		body := run(text[dot+1:], base64)
		if body < minBody {
			return span{}, dot + 1 + body
		}
		end := dot + 1 + run(text[dot+1:], func(b byte) bool { return base64(b) || b == '.' })
		return span{dot + 1, end}, end
	})
}

const (
	maxUser  = 128
	maxReach = 256
)

// passwords of URLs: between the first colon and the last "@" of an authority, no two "@" too far apart.
func passwords(text, lower []byte, r Rule) []span {
	return follow(beginnings(text, lower, r), func(at int) (span, int) {
		part := text[at:][:run(text[at:], func(b byte) bool {
			return b > ' ' && b != 0x7f && b != '/' && !quoting(b) && b != '<' && b != '>'
		})]
		colon := bytes.IndexByte(part, ':')
		if colon < 0 || colon >= maxUser {
			return span{}, at + min(len(part), maxUser)
		}
		from, end := at+colon+1, at+len(part)
		to := from
		for {
			reach := min(to+maxReach, end)
			first := to + 1 // an "@" is no password, and none ends itself
			if first >= end {
				break
			}
			i := bytes.IndexByte(text[first:min(first+maxReach-1+btoi(to > from), end)], '@')
			if i < 0 {
				if to == from && reach-from == maxReach {
					return span{from, end}, end
				}
				break
			}
			to = first + i
		}
		return span{from, to}, end
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
