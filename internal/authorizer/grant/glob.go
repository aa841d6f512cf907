package grant

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// maxSteps bounds the work of one decision over all globs of all grants: a person can write patterns and commands
// whose comparison is quadratic. Beyond it nothing matches any more.
const maxSteps = 1 << 23

// anyFurther, as the last element of a pattern, matches any further arguments.
const anyFurther = "**"

// matcher compares globs with strings and counts the steps it takes.
type matcher struct{ left int }

func newMatcher() *matcher { return &matcher{left: maxSteps} }

// argv reports whether the pattern covers the whole argument vector. An empty pattern covers nothing.
func (m *matcher) argv(pattern, argv []string) bool {
	if len(pattern) == 0 {
		return false
	}
	fixed := pattern
	if pattern[len(pattern)-1] == anyFurther {
		fixed = pattern[:len(pattern)-1]
		if len(argv) < len(fixed) {
			return false
		}
		argv = argv[:len(fixed)]
	}
	return slices.EqualFunc(fixed, argv, m.argument)
}

// argument is glob for one argument. A '*' beside other characters means names below them: "/var/log/*" does not cover
// "/var/log/../../etc/shadow".
func (m *matcher) argument(pattern, s string) bool {
	if strings.Trim(pattern, "*") != "" && climbs(s) && !climbs(pattern) {
		return false
	}
	return m.glob(pattern, s)
}

func climbs(path string) bool { return slices.Contains(strings.Split(path, "/"), "..") }

// glob reports whether the pattern covers the whole of s: '*' is any run of characters, '?' is one, '\' takes the
// special meaning from the character after it. A pattern that ends in a lone '\' covers nothing.
func (m *matcher) glob(pattern, s string) bool {
	if !ValidGlob(pattern) {
		return false
	}
	p, i := 0, 0
	star, resume := -1, 0 // the last '*' seen, and where in s it ends for now
	for i < len(s) {
		if m.left--; m.left < 0 {
			return false
		}
		if p < len(pattern) && pattern[p] == '*' {
			star, resume = p, i
			p++
			continue
		}
		if width, consumed := step(pattern[p:], s[i:]); width > 0 {
			p, i = p+width, i+consumed
			continue
		}
		if star < 0 {
			return false
		}
		_, size := utf8.DecodeRuneInString(s[resume:])
		resume += size
		p, i = star+1, resume
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// step compares the first element of pattern, which is not a '*', with the beginning of s, which is not empty. It
// returns how much of each they take, or nothing if they differ.
func step(pattern, s string) (width, consumed int) {
	switch {
	case pattern == "":
		return 0, 0
	case pattern[0] == '?':
		_, size := utf8.DecodeRuneInString(s)
		return 1, size
	case pattern[0] == '\\' && pattern[1] == s[0]:
		return 2, 1
	case pattern[0] != '\\' && pattern[0] == s[0]:
		return 1, 1
	default:
		return 0, 0
	}
}

// ValidGlob reports whether every '\' of a glob has a character after it.
func ValidGlob(pattern string) bool {
	trailing := len(pattern) - len(strings.TrimRight(pattern, `\`))
	return trailing%2 == 0
}
