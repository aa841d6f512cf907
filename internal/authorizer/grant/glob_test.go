package grant

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestGlob(t *testing.T) {
	tests := map[string]struct {
		pattern, s string
		want       bool
	}{
		"if both are equal, then it matches":                      {"ls", "ls", true},
		"if the case differs, then not":                           {"ls", "LS", false},
		"if the pattern is a prefix, then not":                    {"ls", "lsof", false},
		"if the string is a prefix, then not":                     {"lsof", "ls", false},
		"if both are empty, then it matches":                      {"", "", true},
		"if only the pattern is empty, then not":                  {"", "x", false},
		"if the pattern is a star, then anything matches":         {"*", "a/b c\n", true},
		"if the pattern is a star, then nothing matches too":      {"*", "", true},
		"if a star stands before a slash, then it crosses it":     {"/var/*.log", "/var/a/b.log", true},
		"if the end after a star differs, then not":               {"/var/*.log", "/var/a.log2", false},
		"if a star has to grow, then it does":                     {"*ab", "aab", true},
		"if stars stand side by side, then as one":                {"a**b", "ab", true},
		"if a question mark meets a character, then it matches":   {"?", "x", true},
		"if a question mark meets two bytes of one, then as one":  {"?", "é", true},
		"if a question mark meets nothing, then not":              {"?", "", false},
		"if a question mark meets a newline, then it matches":     {"a?b", "a\nb", true},
		"if two question marks meet one character, then not":      {"??", "é", false},
		"if a star precedes question marks, then by characters":   {"*??", "éx", true},
		"if a star is escaped, then it is itself":                 {`\*`, "*", true},
		"if a star is escaped, then it is nothing else":           {`\*`, "x", false},
		"if a question mark is escaped, then it is itself":        {`a\?`, "a?", true},
		"if a question mark is escaped, then it is nothing else":  {`a\?`, "ab", false},
		"if a backslash is escaped, then it is itself":            {`\\`, `\`, true},
		"if a letter is escaped, then it is itself":               {`\l\s`, "ls", true},
		"if the escape is of a longer character, then it is that": {`\é`, "é", true},
		"if a backslash ends the pattern, then never":             {`ls\`, `ls\`, false},
		"if a backslash ends the pattern after a star, then not":  {`*\`, `\`, false},
		"if the string is not UTF-8, then by bytes":               {"a?b", "a\xffb", true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := newMatcher().glob(tc.pattern, tc.s); got != tc.want {
				t.Errorf("glob(%q, %q) = %t", tc.pattern, tc.s, got)
			}
		})
	}
}

func TestArgv(t *testing.T) {
	tests := map[string]struct {
		pattern, argv []string
		want          bool
	}{
		"if the pattern is empty, then never":                     {nil, nil, false},
		"if there is no command, then a fixed pattern is not met": {[]string{"*"}, nil, false},
		"if every argument fits, then it matches":                 {[]string{"cat", "/etc/*"}, []string{"cat", "/etc/hosts"}, true},
		"if an argument climbs out, then not":                     {[]string{"cat", "/var/log/*"}, []string{"cat", "/var/log/../../etc/shadow"}, false},
		"if a climb is written out, then it matches":              {[]string{"cat", "../*"}, []string{"cat", "../a"}, true},
		"if anything goes, then a climb does":                     {[]string{"cat", "*"}, []string{"cat", "../a"}, true},
		"if two dots are part of a name, then it matches":         {[]string{"cat", "/a/*"}, []string{"cat", "/a/b..c"}, true},
		"if an argument more is given, then not":                  {[]string{"cat", "/etc/*"}, []string{"cat", "/etc/hosts", "/etc/shadow"}, false},
		"if an argument is missing, then not":                     {[]string{"cat", "*"}, []string{"cat"}, false},
		"if two arguments are one in the pattern, then not":       {[]string{"cat /etc/hosts"}, []string{"cat", "/etc/hosts"}, false},
		"if one argument holds a space, then as one":              {[]string{"sh", "-c", "*"}, []string{"sh", "-c", "a b"}, true},
		"if the rest is free, then more may follow":               {[]string{"ls", "**"}, []string{"ls", "-l", "/"}, true},
		"if the rest is free, then nothing may follow":            {[]string{"ls", "**"}, []string{"ls"}, true},
		"if the rest is free, then the beginning is not":          {[]string{"ls", "**"}, []string{"rm", "-r"}, false},
		"if all is free, then anything matches":                   {[]string{"**"}, []string{"rm"}, true},
		"if all is free, then the image's command matches":        {[]string{"**"}, nil, true},
		"if two stars are not last, then they are one argument":   {[]string{"a", "**", "b"}, []string{"a", "x", "y", "b"}, false},
		"if two escaped stars are last, then they are themselves": {[]string{"a", `\*\*`}, []string{"a", "b"}, false},
		"if two stars are met literally, then it matches":         {[]string{"a", `\*\*`}, []string{"a", "**"}, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := newMatcher().argv(tc.pattern, tc.argv); got != tc.want {
				t.Errorf("argv(%q, %q) = %t", tc.pattern, tc.argv, got)
			}
		})
	}
}

func TestWorkIsBounded(t *testing.T) {
	m := newMatcher()
	pattern := "*" + strings.Repeat("a", 1000) + "b"
	s := strings.Repeat("a", 1<<20)
	for range 100 {
		if m.glob(pattern, s) {
			t.Fatal("matched")
		}
	}
	if m.left >= 0 {
		t.Fatalf("%d steps left after work that has no end", m.left)
	}
	if m.glob("ls", "ls") {
		t.Error("a matcher that has spent its steps still matches")
	}
}

// FuzzGlob compares with the regular expression that says the same.
func FuzzGlob(f *testing.F) {
	for _, seed := range [][2]string{{"*", ""}, {"a?c*", "abcd"}, {`\*\?\\`, `*?\`}, {"*a*b*", "xaxbx"}, {"é?*", "éàü"}, {`a\`, "a"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		got := newMatcher().glob(pattern, s)
		if len(pattern) > 200 || len(s) > 1000 || !utf8.ValidString(pattern) || !utf8.ValidString(s) {
			return
		}
		if want := oracle(pattern, s); got != want {
			t.Errorf("glob(%q, %q) = %t, want %t", pattern, s, got, want)
		}
	})
}

func oracle(pattern, s string) bool {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	escaped := false
	for _, r := range pattern {
		switch {
		case escaped:
			b.WriteString(regexp.QuoteMeta(string(r)))
			escaped = false
		case r == '\\':
			escaped = true
		case r == '*':
			b.WriteString(`.*`)
		case r == '?':
			b.WriteString(`.`)
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	b.WriteString(`\z`)
	return !escaped && regexp.MustCompile(b.String()).MatchString(s)
}

// FuzzArgv checks what must hold for every vector: a literal pattern covers itself only, and "**" never narrows.
func FuzzArgv(f *testing.F) {
	f.Add("ls", "-l", "ls")
	f.Add("*", "**", "")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		argv := []string{a, b}
		literal := []string{escape(a), escape(b)}
		m := newMatcher()
		if !m.argv(literal, argv) && m.left >= 0 {
			t.Errorf("%q does not cover %q", literal, argv)
		}
		if c != b && newMatcher().argv(literal, []string{a, c}) {
			t.Errorf("%q covers %q", literal, []string{a, c})
		}
		narrow, wide := []string{a, b}, []string{a, b, anyFurther}
		if b != anyFurther && newMatcher().argv(narrow, []string{c, a}) && !newMatcher().argv(wide, []string{c, a}) {
			t.Errorf("%q is narrower than %q", wide, narrow)
		}
	})
}

func escape(s string) string { return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(s) }
